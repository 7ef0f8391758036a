"""Alignments on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from okr.db.alignments import AlignmentView
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Id, Weight
from okr_api.schemas.models import OMITTED, Patch, Schema, Versioned, shown_as

Mode = Literal["contribute", "support"]


class AlignmentCreate(Schema):
    """A new tie from this objective to a parent: exactly one of the two ids.

    Without `mode` it contributes to an objective or to a composite key result, and supports any other key result.
    """

    model_config = shown_as(parent_objective_id="01890a5d-ac96-774b-bcce-b302099a8057", weight=2, mode="contribute")

    parent_objective_id: Id | None = None
    parent_key_result_id: Id | None = None
    weight: Weight = Decimal(1)
    mode: Mode | None = None


class AlignmentPatch(Patch):
    """What may change of an alignment. For another parent, end it and make a new one."""

    model_config = shown_as(weight=0.5)

    weight: Weight = OMITTED
    mode: Mode = OMITTED


class AlignmentRead(Versioned):
    """A tie of the child `objective_id` to a parent; it holds for the past too, until `ended_at`."""

    objective_id: UUID
    parent_objective_id: UUID | None
    parent_key_result_id: UUID | None
    weight: ComputedNumber
    mode: Mode
    ended_at: datetime | None


class AlignmentList(Items[AlignmentRead]):
    """One page of alignments."""


def alignment_read(view: AlignmentView) -> AlignmentRead:
    """The alignment as it is answered."""
    return AlignmentRead.model_construct(**{name: getattr(view, name) for name in AlignmentRead.model_fields})
