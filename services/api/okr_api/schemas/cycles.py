"""Cycles on the wire."""

from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID

from okr.db.objective_reads import CycleView
from okr.domain.states import CycleState
from okr_api.lists import Items
from okr_api.schemas.fields import Day, Flag, Id, Name
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import OMITTED, Graded, Patch, Schema, shown_as
from okr_api.schemas.overrides import Reason

Cadence = Literal["quarter", "half", "year", "custom"]


class CycleCreate(Schema):
    """A new cycle: a draft until it is activated. Both days belong to it."""

    model_config = shown_as(name="2026 Q3", starts_on="2026-07-01", ends_on="2026-09-30", cadence="quarter")

    name: Name
    starts_on: Day
    ends_on: Day
    cadence: Cadence = "quarter"
    parent_id: Id | None = None


class CyclePatch(Patch):
    """What may change of a cycle; its days only while it is not closed."""

    model_config = shown_as(ends_on="2026-10-02")

    name: Name = OMITTED
    starts_on: Day = OMITTED
    ends_on: Day = OMITTED
    cadence: Cadence = OMITTED
    parent_id: Id | None = OMITTED


class CycleClose(Schema):
    """How a cycle that is being graded is closed: `accept_prefilled` also with grades that no reviewer stands behind."""

    model_config = shown_as(accept_prefilled=True)

    accept_prefilled: Flag = False


class CycleReopen(Schema):
    """Why a closed cycle is reopened."""

    model_config = shown_as(reason="The figures of the last week came in after the cycle was closed.")

    reason: Reason


class CycleRead(Graded):
    """A cycle with the grade of all objectives in it. `grading_at`, `reopened_at` and its reason are of the last time."""

    name: Name
    starts_on: date
    ends_on: date
    cadence: Cadence
    parent_id: UUID | None
    state: CycleState
    activated_at: datetime | None
    grading_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened_reason: str | None


class CycleList(Items[CycleRead]):
    """One page of cycles."""


def cycle_read(view: CycleView) -> CycleRead:
    """The cycle as it is answered."""
    return CycleRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        name=view.name,
        starts_on=view.starts_on,
        ends_on=view.ends_on,
        cadence=cast("Cadence", view.cadence),
        parent_id=view.parent_id,
        state=CycleState(view.state),
        activated_at=view.activated_at,
        grading_at=view.grading_at,
        closed_at=view.closed_at,
        reopened_at=view.reopened_at,
        reopened_reason=view.reopened_reason,
        grade=grade_read(view.standing),
    )
