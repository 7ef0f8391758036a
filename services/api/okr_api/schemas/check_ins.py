"""Check-ins on the wire."""

from datetime import datetime
from uuid import UUID

from okr.db.check_ins import CheckInView
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Id, Instant, LongText, Name, Number, Share
from okr_api.schemas.models import Representation, Schema, shown_as


class CheckInCreate(Schema):
    """What somebody says of a key result; at least one of the first six fields.

    `observed_at`, now if left out, may lie in the past: grades from then on are made again. Which of value, zone and milestone
    fits depends on the kind; a key result that a metric feeds takes none of them.
    """

    model_config = shown_as(value=62, confidence=0.7, comment="The new confirmation page helps.")

    value: Number | None = None
    zone: Name | None = None
    milestone: Name | None = None
    confidence: Share | None = None
    comment: LongText | None = None
    blockers: LongText | None = None
    observed_at: Instant | None = None
    person_id: Id | None = None


class CheckInRead(Representation):
    """A check-in. It never changes; a later one says something new."""

    id: UUID
    key_result_id: UUID
    value: ComputedNumber | None
    zone: Name | None
    milestone: Name | None
    confidence: ComputedNumber | None
    comment: LongText | None
    blockers: LongText | None
    observed_at: datetime
    recorded_at: datetime
    person_id: UUID | None


class CheckInList(Items[CheckInRead]):
    """One page of check-ins."""


def check_in_read(view: CheckInView) -> CheckInRead:
    """The check-in as it is answered."""
    return CheckInRead.model_construct(
        id=view.id,
        key_result_id=view.key_result_id,
        value=view.value,
        zone=view.zone,
        milestone=view.milestone,
        confidence=view.confidence,
        comment=view.comment,
        blockers=view.blockers,
        observed_at=view.observed_at,
        recorded_at=view.recorded_at,
        person_id=view.person_id,
    )
