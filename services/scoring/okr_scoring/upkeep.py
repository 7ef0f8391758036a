"""Upkeep of what grows and of what is told: tables are pruned, and runs end when their work has."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import asyncpg
import structlog

from okr import telemetry
from okr.db import runs
from okr.db.engine import connection_of
from okr.db.pruning import Prune, prune
from okr_scoring.drain import OUTAGES

PRUNE_SECONDS = 30.0
SETTLE_SECONDS = 0.5
log = structlog.get_logger(__name__)


async def prune_once(pool: "asyncpg.Pool[asyncpg.Record]", prunes: Mapping[str, Prune]) -> None:
    """Prune every table; what fails for one is logged and does not stop the others."""
    for table, prune_batch in prunes.items():
        try:
            async with connection_of(pool) as connection:
                deleted = await prune(connection, table, prune_batch)
            telemetry.PRUNED.labels(table).inc(deleted)
        except OUTAGES:
            raise
        except Exception:
            log.exception("a table could not be pruned", table=table)


async def prune_forever(pool: "asyncpg.Pool[asyncpg.Record]", prunes: Mapping[str, Prune]) -> None:
    """Prune every half minute."""
    await _forever(lambda: prune_once(pool, prunes), "pruning", PRUNE_SECONDS)


async def settle_runs_forever(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """End the runs that are done, every half second: whose worker was killed, too."""

    async def settle() -> None:
        async with connection_of(pool) as connection:
            await runs.settle(connection)

    await _forever(settle, "settling runs", SETTLE_SECONDS)


async def _forever(work: Callable[[], Awaitable[None]], name: str, seconds: float) -> None:
    """Do it again and again; a failure is logged, and the next round tries again."""
    while True:
        try:
            await work()
        except OUTAGES as error:
            log.warning("upkeep failed", task=name, error=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("upkeep failed", task=name)
        await asyncio.sleep(seconds)
