"""Final grades on the wire: what stands for each objective at the end of a cycle, and who stands behind it."""

from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from okr.db.final_grades import FinalGradeState, FinalGradeView, FinalStep
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Id
from okr_api.schemas.models import Representation, Schema, shown_as
from okr_api.schemas.overrides import Reason, SaidGrade

FinalStepName = Literal["owner", "reviewer"]


class FinalGradeConfirm(Schema):
    """Somebody stands behind an objective's final grade: its owner first, then a reviewer.

    Without `grade` it is the one that stands; another one overrides it, and needs a `reason` if the rules say otherwise.
    `person_id` is the objective's owner, or its sponsor for the review, if left out.
    """

    model_config = shown_as(
        step="owner", grade=0.7, reason="We shipped in the last week, after the last value came in."
    )

    step: FinalStepName
    person_id: Id | None = None
    grade: SaidGrade | None = None
    reason: Reason | None = None


class FinalStepRead(Schema):
    """A step that was taken: who stood behind which grade when, beside what the rules said then."""

    model_config = shown_as(
        step="owner",
        person_id="01890a5d-ac96-774b-bcce-8b848a683efe",
        grade=0.7,
        computed_grade=0.62,
        reason="We shipped in the last week, after the last value came in.",
        created_at="2026-10-02T09:30:00Z",
    )

    step: FinalStepName
    person_id: UUID
    grade: ComputedNumber | None
    computed_grade: ComputedNumber | None
    reason: str | None
    created_at: datetime


class FinalGradeRead(Representation):
    """An objective's final grading: `grade` is what stands now, `computed_grade` what the rules say.

    `prefilled`: nobody stands behind it yet, or it has become another one since. `owner_done`: the owner does. `reviewed`: a
    reviewer does. `reason` is that of the override that stands above the rules, null without one.
    """

    objective_id: UUID
    cycle_id: UUID
    title: str
    owner_id: UUID
    sponsor_id: UUID | None
    state: FinalGradeState
    grade: ComputedNumber | None
    computed_grade: ComputedNumber | None
    reason: str | None
    steps: list[FinalStepRead]


class FinalGradeList(Items[FinalGradeRead]):
    """One page of final gradings."""


def final_grade_read(view: FinalGradeView) -> FinalGradeRead:
    """The final grading as it is answered."""
    return FinalGradeRead.model_construct(
        objective_id=view.objective_id,
        cycle_id=view.cycle_id,
        title=view.title,
        owner_id=view.owner_id,
        sponsor_id=view.sponsor_id,
        state=view.state,
        grade=view.grade,
        computed_grade=view.computed_grade,
        reason=view.override_reason,
        steps=[_step_read(step) for step in view.steps],
    )


def _step_read(step: FinalStep) -> FinalStepRead:
    return FinalStepRead.model_construct(
        step=cast("FinalStepName", step.step),
        person_id=step.person_id,
        grade=step.grade,
        computed_grade=step.computed_grade,
        reason=step.reason,
        created_at=step.made_at,
    )
