"""Overrides on the wire: a person's grade, and the reason for it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Strict, StringConstraints, WithJsonSchema

from okr.db.overrides import OverrideView
from okr_api.lists import Items
from okr_api.schemas.fields import NOT_BLANK, ComputedNumber, Id, Number, within
from okr_api.schemas.models import Schema, Versioned, shown_as

HIGHEST = 2
SaidGrade = Annotated[Number, within(0, HIGHEST), WithJsonSchema({"type": "number", "minimum": 0, "maximum": HIGHEST})]
Reason = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=10_000, pattern=NOT_BLANK)]


class OverridePut(Schema):
    """A person's word on a grade. It stands until it is taken back or another one takes its place, whatever is measured."""

    model_config = shown_as(
        grade=0.7,
        reason="The last week is missing: the counter was down, and the shop sold as before.",
        person_id="01890a5d-ac96-774b-bcce-8b848a683efe",
    )

    grade: SaidGrade
    reason: Reason
    person_id: Id


class OverrideRead(Versioned):
    """An override. `version` counts those of its subject; `computed_grade` is what the rules said when it was made.

    It stands from `created_at` on until `ended_at`; `ended_reason` is null where nobody gave one.
    """

    subject: str
    grade: ComputedNumber
    computed_grade: ComputedNumber | None
    reason: str
    person_id: UUID
    created_by: str
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


class OverrideList(Items[OverrideRead]):
    """One page of overrides."""


def override_read(view: OverrideView) -> OverrideRead:
    """The override as it is answered."""
    return OverrideRead.model_construct(
        id=view.id,
        version=view.number,
        created_at=view.made_at,
        updated_at=view.ended_at or view.made_at,
        subject=str(view.subject),
        grade=view.grade,
        computed_grade=view.computed_grade,
        reason=view.reason,
        person_id=view.person_id,
        created_by=view.made_by,
        ended_at=view.ended_at,
        ended_by=view.ended_by,
        ended_reason=view.ended_reason,
    )
