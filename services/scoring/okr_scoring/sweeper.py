"""The sweeper: serves demand that nobody rang for. It needs PostgreSQL only, so grades keep coming while Redis is away."""

import asyncio

import asyncpg
import structlog

from okr import telemetry
from okr.db.demand import organizations_waiting
from okr.db.engine import connection_of
from okr_scoring.drain import OUTAGES, Drainer

log = structlog.get_logger(__name__)


async def sweep_once(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, *, after_seconds: float) -> int:
    """Serve what has waited longer than `after_seconds`; answers how many grades that made."""
    async with connection_of(pool) as connection:
        waiting = await organizations_waiting(connection, longer_than_seconds=after_seconds)
    drains = (drainer.drain(organization_id, older_than_seconds=after_seconds) for organization_id in waiting)
    rescued = sum(await asyncio.gather(*drains))
    if rescued:
        telemetry.SWEPT.inc(rescued)
        log.info("served demand that nobody rang for", subjects=rescued, organizations=len(waiting))
    return rescued


async def sweep_forever(
    pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, *, interval_seconds: float, after_seconds: float
) -> None:
    """Sweep every `interval_seconds`. A failure (PostgreSQL restarts) is logged, and the next round tries again."""
    while True:
        try:
            await sweep_once(pool, drainer, after_seconds=after_seconds)
        except OUTAGES as error:
            log.warning("sweep failed", error=f"{type(error).__name__}: {error}")
        except Exception:
            # The last line of service must not end over something unforeseen.
            telemetry.DRAIN_FAILURES.inc()
            log.exception("sweep failed")
        await asyncio.sleep(interval_seconds)
