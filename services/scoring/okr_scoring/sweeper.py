"""The sweeper: serves demand that nobody rang for. It needs PostgreSQL only, so grades keep coming while Redis is away."""

import asyncio

import asyncpg
import structlog

from okr import telemetry
from okr.db.demand import organizations_waiting
from okr.db.engine import connection_of
from okr_scoring.drain import Drainer

log = structlog.get_logger(__name__)


async def sweep_once(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, *, after_seconds: float) -> int:
    """Serve what has waited longer than `after_seconds`; answers how many grades that made."""
    async with connection_of(pool) as connection:
        waiting = await organizations_waiting(connection, longer_than_seconds=after_seconds)
    rescued = 0
    for organization_id in waiting:
        rescued += await drainer.drain(organization_id, older_than_seconds=after_seconds)
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
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            telemetry.DRAIN_FAILURES.inc()
            log.warning("sweep failed", error=f"{type(error).__name__}: {error}")
        except Exception:
            # One organization's broken data must not stop the service of all others.
            telemetry.DRAIN_FAILURES.inc()
            log.exception("sweep failed")
        await asyncio.sleep(interval_seconds)
