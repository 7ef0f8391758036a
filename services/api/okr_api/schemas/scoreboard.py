"""A cycle's scoreboard on the wire."""

from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, get_args
from uuid import UUID

from okr.db.scoreboards import KeyResultOnBoard, ObjectiveOnBoard
from okr.domain.states import CycleState, ObjectiveState
from okr.domain.values import Commitment, Kind
from okr_api.schemas.fields import ComputedNumber, one_of
from okr_api.schemas.models import GradeRead, Representation, Schema
from okr_api.schemas.objectives import Perspective


class BoardCycle(Schema):
    """The cycle, in a few words."""

    id: UUID
    name: str
    starts_on: date
    ends_on: date
    state: CycleState


class BoardObjective(Schema):
    """An objective, in a few words."""

    id: UUID
    title: str
    commitment: Annotated[str, one_of(Commitment)]
    perspective: Annotated[str, one_of(get_args(Perspective))] | None
    team_id: UUID | None
    owner_id: UUID
    weight: ComputedNumber
    tags: list[str]
    state: ObjectiveState


class BoardKeyResult(Schema):
    """A key result as it was measured at the instant, with the value or zone that it had, and its grade."""

    id: UUID
    objective_id: UUID
    title: str
    kind: Kind
    unit: str | None
    weight: ComputedNumber
    owner_id: UUID | None
    due_on: date | None
    metric_key: str | None
    start_value: ComputedNumber | None
    target_value: ComputedNumber | None
    commit_value: ComputedNumber | None
    stretch_value: ComputedNumber | None
    band_low: ComputedNumber | None
    band_high: ComputedNumber | None
    current_value: ComputedNumber | None
    zone: str | None
    grade: GradeRead


class BoardItem(Schema):
    """An objective with its grade and its key results."""

    objective: BoardObjective
    grade: GradeRead
    key_results: list[BoardKeyResult]


class BoardTotals(Schema):
    """What the board comes to. `status` counts the objectives that count: drafts and proposals do not."""

    objectives: int
    key_results: int
    counting: int
    status: dict[str, int]
    grade: GradeRead


class ScoreboardRead(Representation):
    """A whole cycle on a day: every objective that was not given up, each with the grade in force then."""

    cycle: BoardCycle
    as_of: datetime
    known_at: datetime | None
    items: list[BoardItem]
    totals: BoardTotals


def board_objective(objective: ObjectiveOnBoard) -> BoardObjective:
    """The objective as it is answered."""
    own = {name: getattr(objective, name) for name in BoardObjective.model_fields if name != "state"}
    return BoardObjective.model_construct(**own, state=ObjectiveState(objective.state))


def board_key_result(
    key_result: KeyResultOnBoard, grade: GradeRead, *, value: Decimal | None, zone: str | None
) -> BoardKeyResult:
    """The key result as it is answered; `value` and `zone` are what its grade was made from."""
    own = {field.name: getattr(key_result, field.name) for field in fields(key_result) if field.name != "kind"}
    return BoardKeyResult.model_construct(
        **own, kind=Kind(key_result.kind), current_value=value, zone=zone, grade=grade
    )
