"""The scoreboard of a cycle, of now and of any day."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.current_grades import standings
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, grades_as_of
from okr.db.objective_reads import read_cycle
from okr.db.scoreboards import KeyResultOnBoard, Row, read_board
from okr.db.stored_grades import StoredGrade
from okr.domain.states import COUNTING_STATES, CycleState
from okr.domain.values import SubjectKind
from okr_api.schemas.grade_answers import grade_of_stored, not_graded
from okr_api.schemas.models import GradeRead
from okr_api.schemas.scoreboard import (
    BoardCycle,
    BoardItem,
    BoardKeyResult,
    BoardTotals,
    ScoreboardRead,
    board_key_result,
    board_objective,
)
from okr_api.use_cases.grades import Asked, read_when


async def show_scoreboard(
    connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID, *, asked: Asked, now: datetime
) -> ScoreboardRead:
    """The whole cycle at an instant, as known at another. Raises NotFound."""
    cycle = await read_cycle(connection, organization_id, cycle_id)
    when = await read_when(connection, organization_id, asked)
    instant = when.instant(now)
    rows = await read_board(connection, organization_id, cycle_id, as_of=instant, known_at=when.known_at or now)
    whole = subject(SubjectKind.CYCLE, cycle_id)
    subjects = {whole, *_subjects(rows)}
    if when.is_now:
        stored = await current_grades(connection, organization_id, subjects)
    else:
        stored = await grades_as_of(connection, organization_id, subjects, as_of=instant, known_at=when.known_at)
    grades = await _grades(connection, organization_id, subjects, stored)
    items = [_item(row, grades, stored) for row in rows]
    return ScoreboardRead.model_construct(
        cycle=BoardCycle.model_construct(
            id=cycle.id,
            name=cycle.name,
            starts_on=cycle.starts_on,
            ends_on=cycle.ends_on,
            state=CycleState(cycle.state),
        ),
        as_of=instant,
        known_at=when.known_at,
        items=items,
        totals=_totals(items, grades[whole]),
    )


def _subjects(rows: Collection[Row]) -> list[Subject]:
    objectives = [subject(SubjectKind.OBJECTIVE, row.objective.id) for row in rows]
    key_results = [subject(SubjectKind.KEY_RESULT, one.id) for row in rows for one in row.key_results]
    return objectives + key_results


async def _grades(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subjects: Collection[Subject],
    stored: Mapping[Subject, StoredGrade],
) -> dict[Subject, GradeRead]:
    """A grade for each, if only to say that there was none."""
    found = {one: grade_of_stored(grade) for one, grade in stored.items()}
    missing = await standings(connection, organization_id, [one for one in subjects if one not in found])
    return found | {one: not_graded(standing) for one, standing in missing.items()}


def _item(row: Row, grades: Mapping[Subject, GradeRead], stored: Mapping[Subject, StoredGrade]) -> BoardItem:
    return BoardItem.model_construct(
        objective=board_objective(row.objective),
        grade=grades[subject(SubjectKind.OBJECTIVE, row.objective.id)],
        key_results=[_key_result(one, grades, stored) for one in row.key_results],
    )


def _key_result(
    key_result: KeyResultOnBoard, grades: Mapping[Subject, GradeRead], stored: Mapping[Subject, StoredGrade]
) -> BoardKeyResult:
    one = subject(SubjectKind.KEY_RESULT, key_result.id)
    inputs = stored[one].inputs if one in stored else {}
    value = Decimal(inputs["v"]) if "v" in inputs else None
    return board_key_result(key_result, grades[one], value=value, zone=inputs.get("z"))


def _totals(items: Collection[BoardItem], grade: GradeRead) -> BoardTotals:
    counting = [item for item in items if item.objective.state in COUNTING_STATES]
    return BoardTotals.model_construct(
        objectives=len(items),
        key_results=sum(len(item.key_results) for item in items),
        counting=len(counting),
        status=dict(Counter(str(item.grade.status) for item in counting)),
        grade=grade,
    )
