"""The grades of a report on how grades are spread: one for each objective, or for each of their key results."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import asyncpg

from okr.db.as_of import time_zone_of
from okr.db.tables.scoring import KIND_NUMBERS
from okr.domain.values import SubjectKind

_MOMENT = timedelta(microseconds=1)

# What counts: once active, not given up by the instant; in that cycle, or else in all that run at the instant.
_OBJECTIVES = """
SELECT o.id, o.team_id FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
 WHERE o.organization_id = $1 AND o.activated_at IS NOT NULL AND (o.cancelled_at IS NULL OR o.cancelled_at > $3)
   AND (o.cycle_id = $2 OR ($2 IS NULL AND c.state <> 'draft' AND c.starts_on <= $4 AND c.ends_on >= $4))
"""

# A guardrail holds or is broken; as a grade among grades it would only be noise.
_KEY_RESULTS = f"""
SELECT k.id, o.team_id FROM ({_OBJECTIVES}) o JOIN key_result k ON k.organization_id = $1 AND k.objective_id = o.id
 WHERE k.kind <> 'guardrail' AND (k.cancelled_at IS NULL OR k.cancelled_at > $3)
"""

_NOW = """
SELECT s.team_id, g.grade FROM ({subjects}) s
  LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = {number} AND g.subject_id = s.id
"""

_THEN = """
SELECT s.team_id, g.grade FROM ({subjects}) s
  LEFT JOIN LATERAL (
    SELECT grade FROM score_snapshot
     WHERE organization_id = $1 AND subject_kind = {number} AND subject_id = s.id AND observed_at <= $3
     ORDER BY observed_at DESC, computed_seq DESC LIMIT 1) g ON true
"""

_TEAMS = "SELECT id, name, parent_id FROM team WHERE organization_id = $1 ORDER BY name, id"


class TeamInTree(NamedTuple):
    """A team and where it hangs."""

    id: UUID
    name: str
    parent_id: UUID | None


async def read_grades(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    kind: SubjectKind,
    cycle_id: UUID | None,
    instant: datetime,
    is_now: bool,
) -> list[tuple[UUID | None, Decimal | None]]:
    """(team, grade) of every objective or key result that counts at the instant, in that cycle or in those that run then.

    `is_now` takes the newest grades, else those in force at the instant. A key result's team is its objective's.
    """
    subjects = _OBJECTIVES if kind is SubjectKind.OBJECTIVE else _KEY_RESULTS
    query = (_NOW if is_now else _THEN).format(subjects=subjects, number=KIND_NUMBERS[kind])
    zone = await time_zone_of(connection, organization_id)
    day = (instant - _MOMENT).astimezone(zone).date()  # an end of a day belongs to that day
    rows = await connection.fetch(query, organization_id, cycle_id, instant, day)
    return [(team_id, grade) for team_id, grade in rows]


async def read_teams(connection: asyncpg.Connection, organization_id: UUID) -> list[TeamInTree]:
    """All teams, by name."""
    return [TeamInTree(*row) for row in await connection.fetch(_TEAMS, organization_id)]
