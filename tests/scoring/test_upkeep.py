"""Upkeep in the worker: every table is pruned, what fails for one does not stop the others, and it is counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from company import Company, insert
from okr.db.pruning import prunes
from okr.telemetry import OF_WORKER
from okr_scoring.upkeep import prune_once
from workers import scoring_workers


async def an_old_answer(company: Company) -> None:
    """An answer of two days ago, kept by its idempotency key."""
    row = {"principal": "p", "route": "r", "fingerprint": b"", "status": 201, "headers": "{}", "body": b""}
    made = datetime.now(UTC) - timedelta(days=2)
    await insert(company.connection, "idempotency_key", organization_id=company.id, key="k", created_at=made, **row)


def counted(table: str) -> float:
    """How many rows of the table this process says that it pruned."""
    return OF_WORKER.get_sample_value("okr_pruned_total", {"table": table}) or 0


async def test_what_fails_for_one_table_does_not_stop_the_others(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company
) -> None:
    async def fails(_connection: asyncpg.Connection, _now: datetime) -> int:
        raise ArithmeticError

    await an_old_answer(company)
    before = counted("idempotency_key")
    await prune_once(pool, {"person": fails, **prunes(events_kept=timedelta(days=7))})
    assert await company.connection.fetchval("SELECT count(*) FROM idempotency_key") == 0
    assert counted("idempotency_key") == before + 1


async def test_a_worker_prunes(company: Company, environment: dict[str, str], tmp_path: Path) -> None:
    await an_old_answer(company)
    async with scoring_workers(environment, tmp_path), asyncio.timeout(30):
        while await company.connection.fetchval("SELECT count(*) FROM idempotency_key"):
            await asyncio.sleep(0.02)
