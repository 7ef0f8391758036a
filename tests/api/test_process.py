"""`python -m okr_api` as a process: what it refuses to start on, what it says, how it ends."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from api_process import PATIENCE_SECONDS, plain, running

from servers import Database


def start_in_vain(environment: Mapping[str, str]) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a start that must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "okr_api"],
        env=plain(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def test_it_serves_and_logs_and_ends_when_told_but_not_before_its_requests(
    environment: Any, company: Any, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    parent = (await company.client.post("/v1/teams", json={"name": "Parent"})).json()["id"]
    child = {"name": "Child", "parent_id": parent}
    async with running(environment, log) as (process, address):
        async with httpx.AsyncClient(base_url=address, headers=company.client.headers) as client:
            assert (await client.get("/readyz")).json()["status"] == "ok"
            async with company.connection.transaction():
                # Its parent is held, so the request is still at work when the signal comes.
                await company.connection.execute("SELECT 1 FROM team WHERE id = $1 FOR UPDATE", parent)
                request = asyncio.create_task(client.post("/v1/teams", json=child, headers={"X-Request-Id": "mine"}))
                await company.somebody_waits_for_a_lock()
                process.send_signal(signal.SIGTERM)
            assert (await request).status_code == 201
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.wait() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    served = [line for line in lines if line["event"] == "request served"]
    facts = {"method": "POST", "route": "/v1/teams", "status": 201, "request_id": "mine", "level": "info"}
    assert len(served) == 1  # probes are not worth a line
    assert served[0].items() >= facts.items()
    assert set(served[0]) - set(facts) == {"event", "timestamp", "milliseconds"}


async def test_it_refuses_an_older_schema_and_takes_a_newer_one(
    environment: Any, database: Database, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE alembic_version SET version_num = 'newer_than_us'")
    async with running(environment, tmp_path / "log"):
        pass
    await owner.execute("DELETE FROM alembic_version")
    code, output, error = await asyncio.to_thread(start_in_vain, environment)
    assert (code, output) == (1, "")
    assert error.startswith("okr_api: the database is at schema none")
    assert error.count("\n") == 1
    await owner.close()


def test_it_says_in_one_line_what_is_missing() -> None:
    code, output, error = start_in_vain({"OKR_LOG_FORMAT": "xml"})
    assert (code, output) == (1, "")
    assert error == "okr_api: these settings are missing or wrong: OKR_SECRET_KEY, OKR_LOG_FORMAT\n"


def test_it_says_in_one_line_that_the_database_is_away() -> None:
    here = {"OKR_SECRET_KEY": "x" * 32, "OKR_DATABASE_URL": "postgresql://okr_app@/okr?host=/nowhere"}
    code, output, error = start_in_vain(here)
    assert (code, output) == (1, "")
    assert error.startswith("okr_api: the database does not answer")
    assert error.count("\n") == 1
