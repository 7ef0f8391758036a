"""What time itself asks for: the pace of a day that has ended, and months made ahead."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from okr.db import demand
from okr.db.demand import Subject
from okr.db.engine import connection_of
from okr.db.partitions import make_ahead
from okr.domain.calendar import end_of_day, last_ended_day
from okr_scoring.drain import OUTAGES, Drainer

INTERVAL_SECONDS = 30.0
log = structlog.get_logger(__name__)

# Whatever still runs on the days from $2 to $3: pace and freshness of its key results and objectives move with them, and so do
# the sets of teams and of the organization.
_MOVING = """
WITH running AS (
    SELECT o.id, o.cycle_id FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
     WHERE o.organization_id = $1 AND o.state = 'active' AND c.state IN ('active', 'grading')
       AND c.starts_on <= $3 AND c.ends_on >= $2)
SELECT 1 AS kind, k.id FROM key_result k JOIN running r ON r.id = k.objective_id
 WHERE k.organization_id = $1 AND k.cancelled_at IS NULL
UNION SELECT 2, id FROM running
UNION SELECT 3, id FROM team WHERE organization_id = $1
UNION SELECT 4, cycle_id FROM running
UNION SELECT 5, $1
"""


async def pass_days(connection: asyncpg.Connection, organization_id: UUID, *, now: datetime) -> int:
    """Ask for the grades of the days that have ended since this was last asked; answers how many subjects that touches.

    Days missed while no worker ran are made up for. Several workers may ask at once: the organization's row decides.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            "SELECT time_zone, paced_through FROM organization WHERE organization_id = $1 FOR NO KEY UPDATE",
            organization_id,
        )
        if row is None:
            return 0
        zone = ZoneInfo(row["time_zone"])
        ended = last_ended_day(now, zone)
        paced: date = row["paced_through"] or ended - timedelta(days=1)
        if paced >= ended:
            return 0
        await connection.execute(
            "UPDATE organization SET paced_through = $2 WHERE organization_id = $1", organization_id, ended
        )
        since = end_of_day(paced + timedelta(days=1), zone)
        rows = await connection.fetch(_MOVING, organization_id, paced, ended)
        touched = [(Subject(found["kind"], found["id"]), since) for found in rows]
        return len(await demand.raise_demand(connection, organization_id, touched))


async def keep_up(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer) -> None:
    """One round of everything that time asks for. What fails for one organization is logged and does not stop the others."""
    now = datetime.now(UTC)
    async with connection_of(pool) as connection:
        await make_ahead(connection, now.date())
        organizations = [
            row["organization_id"] for row in await connection.fetch("SELECT organization_id FROM organization")
        ]
    for organization_id in organizations:
        try:
            async with connection_of(pool) as connection:
                moved = await pass_days(connection, organization_id, now=now)
            if moved:
                await drainer.drain(organization_id)
        except OUTAGES:
            raise
        except Exception:
            log.exception("the days of an organization could not be passed", organization_id=str(organization_id))


async def keep_up_forever(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer) -> None:
    """Keep up every half minute; a failed round is logged and tried again with the next."""
    while True:
        try:
            await keep_up(pool, drainer)
        except OUTAGES as error:
            log.warning("upkeep failed", error=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("upkeep failed")
        await asyncio.sleep(INTERVAL_SECONDS)
