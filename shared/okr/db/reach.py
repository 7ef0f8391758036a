"""How far a change reaches: the subjects whose grades are made from a given thing, in one query per question.

A worker raises the parents of every grade that it changes. A write has to name more only where the set of parts changes, or
what they weigh: then nothing below may change at all, and nobody would raise the parents.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta, tzinfo
from uuid import UUID

import asyncpg

from okr.db.demand import Subject, subject
from okr.db.goals import zone_of
from okr.db.tables import Cycle
from okr.db.work import Work
from okr.domain.calendar import end_of_day
from okr.domain.values import SubjectKind

# The numbers are those of KIND_NUMBERS: 1 key result, 2 objective, 3 team, 4 cycle, 5 organization.
_ABOVE = """
WITH RECURSIVE parent AS (
    SELECT a.parent_objective_id AS objective_id, NULL::uuid AS key_result_id
      FROM alignment a
     WHERE a.organization_id = $1 AND a.objective_id = ANY($2) AND a.parent_objective_id IS NOT NULL
       AND (a.ended_at IS NULL OR a.ended_at > $5)
    UNION
    SELECT k.objective_id, k.id
      FROM alignment a JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id
     WHERE a.organization_id = $1 AND a.objective_id = ANY($2) AND (a.ended_at IS NULL OR a.ended_at > $5)),
reached (id) AS (
    SELECT unnest($3::uuid[])
    UNION
    SELECT t.parent_id FROM reached JOIN team t ON t.organization_id = $1 AND t.id = reached.id WHERE t.parent_id IS NOT NULL)
SELECT 1 AS kind, key_result_id AS id FROM parent WHERE key_result_id IS NOT NULL
UNION SELECT 2, objective_id FROM parent
UNION SELECT 3, id FROM reached
UNION SELECT 4, unnest($4::uuid[])
UNION SELECT 5, $1
"""

_WITHIN = """
SELECT 1 AS kind, id FROM key_result WHERE organization_id = $1 AND objective_id = ANY($2)
UNION ALL SELECT 2, unnest($2::uuid[])
"""

_RUNNING = """
WITH o AS (
    SELECT o.id FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
     WHERE o.organization_id = $1 AND o.state NOT IN ('closed', 'cancelled') AND c.state <> 'closed')
SELECT 1 AS kind, k.id FROM key_result k JOIN o ON o.id = k.objective_id WHERE k.organization_id = $1
UNION ALL SELECT 2, id FROM o
UNION ALL SELECT 3, id FROM team WHERE organization_id = $1
UNION ALL SELECT 4, id FROM cycle WHERE organization_id = $1 AND state <> 'closed'
UNION ALL SELECT 5, $1
"""

_COMPOSITES = """
SELECT id FROM key_result
 WHERE organization_id = $1 AND objective_id = $2 AND kind = 'composite' AND cancelled_at IS NULL
"""


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which the day begins in the zone: the end of the day before it."""
    return end_of_day(day - timedelta(days=1), zone)


async def beginning(work: Work, *cycles: Cycle) -> datetime:
    """The first instant at which a grade within the cycles may exist; for cycles yet to come that is now."""
    zone = await zone_of(work.session, work.organization_id)
    return min(work.now, *(start_of_day(cycle.starts_on, zone) for cycle in cycles))


def touch(work: Work, subjects: Iterable[Subject], since: datetime) -> None:
    """Have all of them graded again from `since` on."""
    for one in subjects:
        work.touch(one, since)


async def above_objectives(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    objective_ids: Collection[UUID],
    team_ids: Iterable[UUID | None],
    cycle_ids: Iterable[UUID],
    since: datetime,
) -> set[Subject]:
    """What is graded from these objectives from `since` on: aligned parents, the teams and those above, the cycles, the company.

    A parent key result comes with its objective. Teams and cycles are the caller's to name, because a change may concern
    the old ones as well as the new. Alignments that ended before `since` reach nobody.
    """
    rows = await connection.fetch(
        _ABOVE,
        organization_id,
        list(objective_ids),
        [team_id for team_id in team_ids if team_id is not None],
        list(cycle_ids),
        since,
    )
    return _subjects(rows)


async def within_objectives(
    connection: asyncpg.Connection, organization_id: UUID, objective_ids: Collection[UUID]
) -> set[Subject]:
    """The objectives themselves and all their key results, cancelled ones too: those have a past."""
    return _subjects(await connection.fetch(_WITHIN, organization_id, list(objective_ids)))


async def around_key_result(
    connection: asyncpg.Connection, organization_id: UUID, *, key_result_id: UUID, objective_id: UUID
) -> set[Subject]:
    """What is graded from a key result's values: itself, the objective's composites, the objective."""
    rows = await connection.fetch(_COMPOSITES, organization_id, objective_id)
    composites = {subject(SubjectKind.KEY_RESULT, row["id"]) for row in rows}
    return {
        subject(SubjectKind.KEY_RESULT, key_result_id),
        subject(SubjectKind.OBJECTIVE, objective_id),
        *composites,
    }


async def everything_running(connection: asyncpg.Connection, organization_id: UUID) -> set[Subject]:
    """All that the passing of days moves: what is in cycles and objectives that are not closed, all teams, the organization."""
    return _subjects(await connection.fetch(_RUNNING, organization_id))


def _subjects(rows: list[asyncpg.Record]) -> set[Subject]:
    return {Subject(row["kind"], row["id"]) for row in rows}
