"""Pruning: what has passed goes, in batches, however many do it at once; what has not stays."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from company import Company, a_company, insert
from okr.db.demand import subject
from okr.db.pruning import BATCH, prune, prunes
from okr.domain.values import SubjectKind
from okr.ids import new_id

PRUNES = prunes(events_kept=timedelta(days=7))


@pytest.fixture
async def company(app_url: str) -> AsyncIterator[Company]:
    """A company seen by the role that workers have."""
    connection = await asyncpg.connect(app_url)
    yield await a_company(connection)
    await connection.close()


async def a_key(company: Company, key: str, age: timedelta) -> None:
    """An answer that was kept so long ago."""
    row = {"principal": "p", "route": "r", "fingerprint": b"", "status": 201, "headers": "{}", "body": b""}
    made = datetime.now(UTC) - age
    await insert(company.connection, "idempotency_key", organization_id=company.id, key=key, created_at=made, **row)


async def keys(company: Company) -> list[str]:
    """The keys whose answers are kept."""
    return [row["key"] for row in await company.connection.fetch("SELECT key FROM idempotency_key ORDER BY key")]


async def a_run(company: Company, *, age: timedelta, **values: Any) -> UUID:
    """A run of so long ago."""
    id, then = new_id(), datetime.now(UTC) - age
    row = {"kind": "regrade", "state": "running", "unit": "things", "detail": "{}", "done": 0, "version": 1} | values
    await insert(company.connection, "run", organization_id=company.id, id=id, created_at=then, updated_at=then, **row)
    return id


async def test_answers_are_kept_for_a_day(company: Company) -> None:
    await a_key(company, "old", timedelta(hours=24, minutes=1))
    await a_key(company, "young", timedelta(hours=23, minutes=59))
    assert await prune(company.connection, "idempotency_key", PRUNES["idempotency_key"]) == 1
    assert await keys(company) == ["young"]


async def test_ended_runs_are_kept_for_a_month_and_open_ones_for_ever(company: Company) -> None:
    old, young = timedelta(days=31), timedelta(days=29)
    for state in ("succeeded", "failed", "cancelled"):
        await a_run(company, age=old, state=state, finished_at=datetime.now(UTC) - old)
    kept = [
        await a_run(company, age=old, state="succeeded", finished_at=datetime.now(UTC) - young),
        await a_run(company, age=old, state="queued"),
    ]
    assert await prune(company.connection, "run", PRUNES["run"]) == 3
    rows = await company.connection.fetch("SELECT id FROM run ORDER BY id")
    assert [row["id"] for row in rows] == sorted(kept)


async def test_events_are_kept_as_long_as_settings_say(company: Company, database: Any) -> None:
    for position, days in ((1, 8), (2, 6)):
        made = datetime.now(UTC) - timedelta(days=days)
        row = {"type": "t", "subject": "s", "data": "{}", "sequence": position, "position": position}
        await insert(
            company.connection, "outbox_event", organization_id=company.id, id=new_id(), created_at=made, **row
        )
    assert await prune(company.connection, "outbox_event", PRUNES["outbox_event"]) == 1
    shorter = prunes(events_kept=timedelta(days=5))
    assert await prune(company.connection, "outbox_event", shorter["outbox_event"]) == 1


async def test_many_go_in_batches_though_several_processes_are_at_it(company: Company, app_url: str) -> None:
    many = 3 * BATCH + 7
    await company.connection.execute(
        """
        INSERT INTO idempotency_key (organization_id, principal, route, key, fingerprint, status, headers, body, created_at)
        SELECT $1, 'p', 'r', n::text, '', 201, '{}', '', now() - interval '2 days' FROM generate_series(1, $2::int) AS n
        """,
        company.id,
        many,
    )
    await a_key(company, "young", timedelta(hours=1))
    connections = [await asyncpg.connect(app_url) for _ in range(4)]
    counts = await asyncio.gather(*(prune(one, "idempotency_key", PRUNES["idempotency_key"]) for one in connections))
    # Who found another one at it left it alone; what is left over then goes in the next round.
    assert sum(counts) >= BATCH
    rest = await prune(company.connection, "idempotency_key", PRUNES["idempotency_key"])
    assert sum(counts) + rest == many
    assert await keys(company) == ["young"]
    for one in connections:
        await one.close()


async def test_a_batch_is_a_transaction_of_its_own(company: Company, owner_url: str) -> None:
    sizes: list[int] = []

    async def counted(connection: asyncpg.Connection, now: datetime) -> int:
        sizes.append(await PRUNES["idempotency_key"](connection, now))
        if len(sizes) == 2:
            raise OSError("the network went away")
        return sizes[-1]

    await company.connection.execute(
        """
        INSERT INTO idempotency_key (organization_id, principal, route, key, fingerprint, status, headers, body, created_at)
        SELECT $1, 'p', 'r', n::text, '', 201, '{}', '', now() - interval '2 days' FROM generate_series(1, $2::int) AS n
        """,
        company.id,
        BATCH + 1,
    )
    with pytest.raises(OSError, match="network"):
        await prune(company.connection, "idempotency_key", counted)
    assert sizes == [BATCH, 1]
    assert len(await keys(company)) == 1


async def test_a_table_that_another_process_prunes_is_left_to_it(company: Company, app_url: str) -> None:
    await a_key(company, "old", timedelta(days=2))
    other = await asyncpg.connect(app_url)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(connection: asyncpg.Connection, now: datetime) -> int:
        deleted = await PRUNES["idempotency_key"](connection, now)
        begun.set()
        await may_end.wait()
        return deleted

    first = asyncio.create_task(prune(other, "idempotency_key", slow))
    async with asyncio.timeout(10):
        await begun.wait()
        assert await prune(company.connection, "idempotency_key", PRUNES["idempotency_key"]) == 0
        assert await prune(company.connection, "run", PRUNES["run"]) == 0
        may_end.set()
        assert await first == 1
    await other.close()


async def test_a_key_that_is_used_again_at_that_moment_stays(company: Company, app_url: str) -> None:
    await a_key(company, "again", timedelta(days=2))
    other = await asyncpg.connect(app_url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE idempotency_key SET created_at = clock_timestamp()")
    pruned = asyncio.create_task(prune(company.connection, "idempotency_key", PRUNES["idempotency_key"]))
    async with asyncio.timeout(10):
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
    await transaction.commit()
    assert await pruned == 0
    assert await keys(company) == ["again"]
    await other.close()


@pytest.mark.parametrize(
    "values",
    [
        {"state": "paused"},
        {"state": "succeeded"},
        {"state": "running", "finished_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"done": 2, "total": 1},
        {"done": -1},
        {"subject_kind": 1},
    ],
)
async def test_a_run_that_makes_no_sense_cannot_be_written(company: Company, values: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await a_run(company, age=timedelta(0), **values)


async def test_a_subject_has_one_open_run_of_a_kind(company: Company) -> None:
    about = subject(SubjectKind.ORGANIZATION, company.id)
    columns = {"subject_kind": about.number, "subject_id": about.id}
    await a_run(company, age=timedelta(0), **columns)
    await a_run(company, age=timedelta(0), kind="other", **columns)
    await a_run(company, age=timedelta(0), state="failed", finished_at=datetime.now(UTC), **columns)
    with pytest.raises(asyncpg.UniqueViolationError):
        await a_run(company, age=timedelta(0), **columns)
