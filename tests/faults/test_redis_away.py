"""Redis is a courier: while it is away writes succeed and grades come by the sweeper; when it is back, so are the jobs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from demo_service import running_service

from company import Company, a_company, a_key_result, a_metric, an_objective, push
from okr.db.points import NewPoint
from okr.jobs import Doorbell
from okr_cli.valkey import ValkeyServer
from workers import scoring_workers, until_nothing_is_stale


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, to stop and start."""
    server = ValkeyServer(tmp_path / "valkey", sockets=tmp_path / "run", log=tmp_path / "valkey.log")
    server.start()
    server.wait()
    yield server
    server.stop()


@pytest.fixture
async def connection(app_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app_url)
    yield connection
    await connection.close()


async def push_and_ring(company: Company, doorbell: Doorbell, value: int) -> None:
    await push(company, NewPoint("arr", Decimal(value), datetime.now(UTC)))
    doorbell.ring(company.id)


async def test_grades_come_without_redis_and_jobs_come_back_with_it(
    valkey: ValkeyServer, connection: asyncpg.Connection, environment: dict[str, str], tmp_path: Path
) -> None:
    company = await a_company(connection)
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    grade = "SELECT grade FROM grade WHERE subject_id = $1"
    variables = environment | {"OKR_REDIS_URL": valkey.url()}
    doorbell = Doorbell(valkey.url(), interval_seconds=0.01)
    await doorbell.start()
    async with scoring_workers(variables, tmp_path):
        await push_and_ring(company, doorbell, 10)
        await until_nothing_is_stale(connection)
        valkey.stop()
        await push_and_ring(company, doorbell, 20)
        await until_nothing_is_stale(connection)
        assert await connection.fetchval(grade, objective) == Decimal("0.2")

    # A worker that never sweeps shows that the rest came by a job, through a Redis that was away when it started.
    async with scoring_workers(variables, tmp_path / "again", sweep_interval_seconds="59"):
        await push_and_ring(company, doorbell, 30)
        valkey.start()
        valkey.wait()
        async with asyncio.timeout(30):
            while await connection.fetchval(grade, objective) != Decimal("0.3"):
                doorbell.ring(company.id)
                await asyncio.sleep(0.1)
    await doorbell.close()


async def test_the_worker_outlives_a_restart_of_redis(
    valkey: ValkeyServer, connection: asyncpg.Connection, environment: dict[str, str], tmp_path: Path
) -> None:
    company = await a_company(connection)
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    doorbell = Doorbell(valkey.url(), interval_seconds=0.01)
    await doorbell.start()
    async with scoring_workers(
        environment | {"OKR_REDIS_URL": valkey.url()}, tmp_path, sweep_interval_seconds="59"
    ) as workers:
        for value in (10, 20, 30):
            await push_and_ring(company, doorbell, value)
            async with asyncio.timeout(30):
                while await connection.fetchval(
                    "SELECT count(*) FROM rescore_demand WHERE dirty AND subject_kind <= 2"
                ):
                    doorbell.ring(company.id)
                    await asyncio.sleep(0.05)
            valkey.stop()
            valkey.start()
            valkey.wait()
        assert workers[0].returncode is None
    await doorbell.close()


def test_over_http_writes_succeed_and_grades_come_without_redis(
    valkey: ValkeyServer, environment: dict[str, str], tmp_path: Path
) -> None:
    with (
        running_service(environment | {"OKR_REDIS_URL": valkey.url()}, tmp_path) as service,
        service.client() as client,
    ):
        owner = client.post("/v1/people", {"name": "Ada"})["id"]
        dates = {"starts_on": "2026-01-01", "ends_on": "2026-12-31"}
        cycle = client.post("/v1/cycles", {"name": "2026", "cadence": "year", **dates})["id"]
        client.read(client.send("POST", f"/v1/cycles/{cycle}/activate"))
        client.put("/v1/metrics/arr", {"name": "ARR"})
        key_result = {"title": "ARR", "kind": "increase", "start_value": 0, "target_value": 100, "metric_key": "arr"}
        words = {"title": "Grow", "cycle_id": cycle, "owner_id": owner, "key_results": [key_result]}
        objective = client.post("/v1/objectives", words)["id"]
        for value, stop in ((10, False), (20, True), (30, True)):
            if stop:
                valkey.stop()
            answer = client.post("/v1/metrics/arr/points", {"value": value}, wait_seconds=20)
            assert answer["status"] == "created"
            grade = client.get(f"/v1/objectives/{objective}/grade")
            assert (grade["grade"], grade["stale"]) == (value / 100, False)
