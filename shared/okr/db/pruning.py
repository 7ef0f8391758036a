"""What passes is deleted when it has passed: a thousand rows at a time, oldest first, by one process at a time.

Everything else that grows is kept on purpose, or bounded by what people made: the runbook has the list.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import asyncpg

from okr.db import idempotency, outbox

RUNS_KEPT = timedelta(days=30)
BATCH = 1000
BATCHES_PER_ROUND = 100

Prune = Callable[[asyncpg.Connection, datetime], Awaitable[int]]
"""(connection, now) -> how many rows were deleted, at most BATCH of them."""

# Whoever finds the lock taken leaves the table to the other: two that delete the same rows would only wait for each other.
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('okr.pruning:' || $1::text, 0))"


def prunes(*, events_kept: timedelta) -> Mapping[str, Prune]:
    """How each table that passes is pruned, by the table's name."""

    async def prune_idempotency_keys(connection: asyncpg.Connection, now: datetime) -> int:
        return await _delete_oldest(connection, "idempotency_key", "created_at", now - idempotency.KEPT)

    async def prune_runs(connection: asyncpg.Connection, now: datetime) -> int:
        return await _delete_oldest(connection, "run", "finished_at", now - RUNS_KEPT)

    async def prune_events(connection: asyncpg.Connection, now: datetime) -> int:
        return await outbox.prune(connection, older_than=now - events_kept, limit=BATCH)

    return {"idempotency_key": prune_idempotency_keys, "run": prune_runs, "outbox_event": prune_events}


async def prune(connection: asyncpg.Connection, table: str, prune_batch: Prune) -> int:
    """Delete what has passed of `table` by the database's clock, each batch in a transaction of its own; answers how much.

    It ends with what is left, when another process is at it, or after BATCHES_PER_ROUND.
    """
    now = await connection.fetchval("SELECT clock_timestamp()")
    deleted = 0
    for _ in range(BATCHES_PER_ROUND):
        async with connection.transaction():
            found = await prune_batch(connection, now) if await connection.fetchval(_TRY_LOCK, table) else 0
        deleted += found
        if found < BATCH:
            break
    return deleted


async def _delete_oldest(connection: asyncpg.Connection, table: str, column: str, before: datetime) -> int:
    """Delete up to BATCH rows whose `column` says an instant before `before`, oldest first; null is never before."""
    # By ctid: a row that somebody renewed while this waited for it lies elsewhere then, and stays.
    done = await connection.execute(
        f"""
        DELETE FROM {table}
         WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {column} < $1 ORDER BY {column} LIMIT $2))
        """,
        before,
        BATCH,
    )
    return int(done.rsplit(" ", 1)[1])
