"""The tree of cycles: a quarter in its year. No cycle is above itself."""

from uuid import UUID

import asyncpg

from okr.db.goals import UnknownReference
from okr.domain.errors import Conflict


class CycleRing(Conflict):
    """The cycle would stand above itself.

    Choose a parent that is not below this cycle.
    """

    code = "cycle_ring"


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('okr.cycle:' || $1::uuid::text, 0))"
_UPWARDS = """
WITH RECURSIVE above (id, parent_id) AS (
    SELECT id, parent_id FROM cycle WHERE organization_id = $1 AND id = $2
    UNION
    SELECT c.id, c.parent_id FROM above JOIN cycle c ON c.organization_id = $1 AND c.id = above.parent_id)
SELECT id FROM above
"""


async def lock_tree(connection: asyncpg.Connection, organization_id: UUID) -> None:
    """Keep other transactions from hanging cycles elsewhere until the commit. Take it before any row's lock."""
    await connection.execute(_LOCK, organization_id)


async def check_no_ring(
    connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID, *, parent_id: UUID
) -> None:
    """Raises UnknownReference without such a parent, CycleRing when it is the cycle itself or stands below it."""
    above = {row["id"] for row in await connection.fetch(_UPWARDS, organization_id, parent_id)}
    if not above:
        raise UnknownReference("There is no such cycle.", pointer="/parent_id")
    if cycle_id in above:
        raise CycleRing("The parent is this cycle or one of those below it.", pointer="/parent_id")
