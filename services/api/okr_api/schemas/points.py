"""Metric points on the wire."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from okr.db.metrics import StoredPoint
from okr.db.points import NewPoint, PointStatus
from okr.domain.errors import Invalid
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Flag, Instant, Key, Number, ShortText
from okr_api.schemas.models import Representation, Schema

MOST_POINTS = 5000
CLOCKS_DIFFER_BY = timedelta(minutes=5)


class ObservedInFuture(Invalid):
    """The instant lies further ahead than clocks differ."""

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

    metric: Key


class _EachByItself:
    """Documents a list's items as points and lets anything pass: a bad item must not fail its batch."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(BatchPoint.__pydantic_core_schema__)


class PointBatch(Schema):
    """Up to 5,000 points, taken in their order."""

    points: Annotated[list[Annotated[Any, _EachByItself]], Field(min_length=1, max_length=MOST_POINTS)]


class PointRead(Representation):
    """A point. `revision` counts its corrections; `recorded_at` is when this value was learned."""

    metric: str
    value: ComputedNumber
    observed_at: datetime
    source: str | None
    dedupe_key: str | None
    revision: int
    recorded_at: datetime


class PointList(Items[PointRead]):
    """One page of points."""


class PointAnswer(Representation):
    """What became of a point that was sent: `created`, or `duplicate` if it was there already."""

    status: PointStatus
    metric: str
    value: ComputedNumber
    observed_at: datetime
    source: str | None
    dedupe_key: str | None


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
