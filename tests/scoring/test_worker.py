"""The worker as a process: what it tells of itself, and what it says when it cannot work."""

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx
import pytest

from company import Company, a_key_result, a_metric, an_objective, push
from okr.db.points import NewPoint
from workers import scoring_workers, until_nothing_is_stale


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_the_worker_tells_how_fresh_its_grades_are(
    company: Company, environment: dict[str, str], tmp_path: Path
) -> None:
    await a_key_result(company, await an_objective(company), metric_id=await a_metric(company, "arr"))
    port = a_free_port()
    async with scoring_workers(environment, tmp_path, worker_metrics_port=str(port)), httpx.AsyncClient() as client:
        await push(company, NewPoint("arr", Decimal(10), datetime.now(UTC)))
        await until_nothing_is_stale(company.connection)
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'okr_freshness_seconds_count{kind="objective"}' in text
    assert "okr_snapshots_total" in text


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"OKR_SECRET_KEY": "short"}, "set OKR_SECRET_KEY"),
        ({"OKR_DATABASE_URL": "postgresql://okr_app@/okr?host=/nowhere"}, "PostgreSQL cannot be used"),
    ],
)
async def test_what_it_cannot_work_with_is_one_line(
    environment: dict[str, str], changes: dict[str, str], complaint: str
) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "okr_scoring", env=os.environ | environment | changes, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await worker.communicate()
    assert worker.returncode == 1
    assert complaint in errors.decode()
    assert len(errors.decode().splitlines()) == 1


async def test_a_schema_that_is_missing_is_one_line(environment: dict[str, str], owner_url: str) -> None:
    connection = await asyncpg.connect(owner_url)
    await connection.execute("DROP TABLE alembic_version")
    await connection.close()
    await test_what_it_cannot_work_with_is_one_line(environment, {}, "run `okr migrate` first")
