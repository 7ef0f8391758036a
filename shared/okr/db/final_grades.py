"""Final grades as people read them: what stands for each objective of a cycle, and who stands behind it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import asyncpg

from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.overrides import RULES_SAY
from okr.db.tables.scoring import KIND_NUMBERS
from okr.domain.errors import NotFound
from okr.domain.values import SubjectKind


class FinalGradeState(StrEnum):
    """How far an objective's final grading has come: nobody, the owner, or a reviewer too stands behind what stands now."""

    PREFILLED = "prefilled"
    OWNER_DONE = "owner_done"
    REVIEWED = "reviewed"


FINAL_GRADE_SORTS = {
    "created_at": SortColumn("t.created_at", "timestamptz"),
    "title": SortColumn("t.title", "text"),
}
_OBJECTIVE = KIND_NUMBERS[SubjectKind.OBJECTIVE]

# What stands is told by the word itself: its grade may be a moment behind.
_STANDS = f"CASE WHEN w.id IS NOT NULL THEN w.grade ELSE {RULES_SAY} END"
_STATE = f"""CASE WHEN f.grade IS DISTINCT FROM ({_STANDS}) OR f.step IS NULL THEN 'prefilled'
                  WHEN f.step = 'owner' THEN 'owner_done' ELSE 'reviewed' END"""
_FINAL_GRADES = f"""
SELECT t.id, t.cycle_id, t.title, t.owner_id, t.sponsor_id, {_STATE} AS state, {_STANDS} AS grade,
       {RULES_SAY} AS computed_grade, w.reason AS override_reason
  FROM objective t
  LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = {_OBJECTIVE} AND g.subject_id = t.id
  LEFT JOIN override w ON w.organization_id = $1 AND w.subject_kind = {_OBJECTIVE} AND w.subject_id = t.id
        AND w.ended_at IS NULL
  LEFT JOIN LATERAL (
    SELECT step, grade FROM final_grade WHERE organization_id = $1 AND objective_id = t.id
     ORDER BY made_at DESC, id DESC LIMIT 1) f ON true"""

_STEPS = """
SELECT objective_id, step, person_id, grade, computed_grade, reason, made_at FROM final_grade
 WHERE organization_id = $1 AND objective_id = ANY($2) ORDER BY objective_id, made_at, id
"""


@dataclass(frozen=True, slots=True)
class FinalStep:
    """One step that was taken: who stood behind which grade, beside what the rules said then."""

    step: str
    person_id: UUID
    grade: Decimal | None
    computed_grade: Decimal | None
    reason: str | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class FinalGradeView:
    """An objective's final grading. `steps` are all that were ever taken, oldest first; of them `state` goes by the last."""

    objective_id: UUID
    cycle_id: UUID
    title: str
    owner_id: UUID
    sponsor_id: UUID | None
    state: FinalGradeState
    grade: Decimal | None
    computed_grade: Decimal | None
    override_reason: str | None
    steps: list[FinalStep]


async def read_final_grade(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> FinalGradeView:
    """The objective's final grading as it stands. Raises NotFound."""
    row = await connection.fetchrow(
        f"{_FINAL_GRADES} WHERE t.organization_id = $1 AND t.id = $2", organization_id, objective_id
    )
    if row is None:
        raise NotFound("There is no such objective.", objective_id=objective_id)
    return _view(row, await _steps(connection, organization_id, [objective_id]))


async def list_final_grades(
    connection: asyncpg.Connection,
    organization_id: UUID,
    cycle_id: UUID,
    *,
    page: Page,
    state: FinalGradeState | None = None,
) -> Found[FinalGradeView]:
    """One page of the final gradings of the cycle's objectives that count. Raises NotFound without the cycle."""
    where = Where(organization_id, table="t")
    where.add("t.cycle_id = {}", cycle_id)
    where.always("t.state IN ('active', 'closed')")
    where.add(f"{_STATE} = {{}}", state)
    found = await fetch_page(connection, _FINAL_GRADES, where, page, table="t")
    if not found.items and not await connection.fetchval(
        "SELECT true FROM cycle WHERE organization_id = $1 AND id = $2", organization_id, cycle_id
    ):
        raise NotFound("There is no such cycle.", cycle_id=cycle_id)
    steps = await _steps(connection, organization_id, [row["id"] for row in found.items])
    return found.map(lambda row: _view(row, steps))


async def not_reviewed(connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID) -> list[tuple[UUID, str]]:
    """(id, title) of the cycle's active objectives whose grade no reviewer stands behind."""
    rows = await connection.fetch(
        f"""{_FINAL_GRADES} WHERE t.organization_id = $1 AND t.cycle_id = $2 AND t.state = 'active'
            AND {_STATE} <> 'reviewed' ORDER BY t.created_at, t.id""",
        organization_id,
        cycle_id,
    )
    return [(row["id"], row["title"]) for row in rows]


async def _steps(
    connection: asyncpg.Connection, organization_id: UUID, objective_ids: Collection[UUID]
) -> dict[UUID, list[FinalStep]]:
    steps: dict[UUID, list[FinalStep]] = defaultdict(list)
    for objective_id, *step in await connection.fetch(_STEPS, organization_id, list(objective_ids)):
        steps[objective_id].append(FinalStep(*step))
    return steps


def _view(row: asyncpg.Record, steps: dict[UUID, list[FinalStep]]) -> FinalGradeView:
    return FinalGradeView(
        objective_id=row["id"],
        cycle_id=row["cycle_id"],
        title=row["title"],
        owner_id=row["owner_id"],
        sponsor_id=row["sponsor_id"],
        state=FinalGradeState(row["state"]),
        grade=row["grade"],
        computed_grade=row["computed_grade"],
        override_reason=row["override_reason"],
        steps=steps.get(row["id"], []),
    )
