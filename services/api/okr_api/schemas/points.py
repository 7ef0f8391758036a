"""Metric points on the wire."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, SkipValidation

from okr.db.metrics import StoredPoint
from okr.db.points import NewPoint, PointStatus
from okr.domain.errors import Invalid
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Flag, Instant, Key, Number, ShortText
from okr_api.schemas.models import Representation, Schema, shown_as

MOST_POINTS = 5000
CLOCKS_DIFFER_BY = timedelta(minutes=5)


class ObservedInFuture(Invalid):
    """The instant lies more than five minutes ahead: nothing is observed before it happens.

    Send an instant of the past; check the sender's clock and offset.
    """

    code = "observed_in_future"


def check_observed(observed_at: datetime, *, now: datetime) -> None:
    """Raise ObservedInFuture for an instant more than five minutes ahead."""
    if observed_at > now + CLOCKS_DIFFER_BY:
        raise ObservedInFuture(
            "Nothing is observed before it happens: give an instant of the past.", pointer="/observed_at"
        )


class PointCreate(Schema):
    """A measured value. `source` and `dedupe_key` tell points of one instant apart; both may be left out.

    `observed_at` is the instant of arrival if left out; sent again, such a point is another one. `corrects` says that the
    value replaces the one that is stored under the same instant, source and key.
    """

    model_config = shown_as(value=62, observed_at="2026-08-14T06:00:00Z", source="booking-system")

    value: Number
    observed_at: Instant | None = None
    source: ShortText | None = None
    dedupe_key: ShortText | None = None
    corrects: Flag = False

    def new_point(self, metric: str, *, now: datetime) -> NewPoint:
        """The point as it is stored."""
        return NewPoint(
            metric, self.value, self.observed_at or now, self.source or "", self.dedupe_key or "", self.corrects
        )


class BatchPoint(PointCreate):
    """A point of a batch names its metric."""

    model_config = shown_as(metric="self-service-share", value=62, observed_at="2026-08-14T06:00:00Z")

    metric: Key


class PointBatch(Schema):
    """Up to 5,000 points, taken in their order."""

    model_config = shown_as(
        points=[
            {"metric": "self-service-share", "value": 62, "observed_at": "2026-08-14T06:00:00Z"},
            {"metric": "calls-about-bookings", "value": 731, "observed_at": "2026-08-14T06:00:00Z", "source": "phone"},
        ]
    )

    # Documented as points, and anything at all: each is read by itself, for a bad one must not fail its batch.
    points: Annotated[list[SkipValidation[BatchPoint]], Field(min_length=1, max_length=MOST_POINTS)]


class PointRead(Representation):
    """A point. `revision` counts its corrections; `recorded_at` is when this value was learned."""

    metric: Key
    value: ComputedNumber
    observed_at: datetime
    source: ShortText | None
    dedupe_key: ShortText | None
    revision: int
    recorded_at: datetime


class PointList(Items[PointRead]):
    """One page of points."""


class PointAnswer(Representation):
    """What became of a point that was sent: `created`, or `duplicate` if it was there already."""

    status: PointStatus
    metric: Key
    value: ComputedNumber
    observed_at: datetime
    source: ShortText | None
    dedupe_key: ShortText | None


class PointResult(Schema):
    """What became of the point at `index`. `pointer` leads to what is wrong, `stored_value` is what a conflict found."""

    index: int
    status: PointStatus
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None
    stored_value: ComputedNumber | None = None


class BatchAnswer(Representation):
    """What became of each point, in their order, and how many fared how."""

    model_config = shown_as(
        results=[
            {"index": 0, "status": "created"},
            {
                "index": 1,
                "status": "rejected",
                "code": "unknown_metric",
                "detail": "There is no such metric; add it to the catalogue first.",
                "pointer": "/points/1/metric",
            },
        ],
        created=1,
        duplicate=0,
        rejected=1,
    )

    results: list[PointResult]
    created: int
    duplicate: int
    rejected: int


def point_read(metric: str, point: StoredPoint) -> PointRead:
    """The point as it is answered."""
    return PointRead.model_construct(
        metric=metric,
        value=point.value,
        observed_at=point.observed_at,
        source=point.source or None,
        dedupe_key=point.dedupe_key or None,
        revision=point.revision,
        recorded_at=point.recorded_at,
    )


def point_answer(status: PointStatus, point: NewPoint) -> PointAnswer:
    """What a single point is answered with."""
    return PointAnswer.model_construct(
        status=status,
        metric=point.metric,
        value=point.value,
        observed_at=point.observed_at,
        source=point.source or None,
        dedupe_key=point.dedupe_key or None,
    )
