"""The items of a batch, each read by itself: a bad one refuses no other.

Nearly all items are as they should be, and there are thousands: they take a short way that accepts less than the model does.
What the short way does not accept, the model judges. So both ways say the same of every item.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from okr.db.points import NewPoint, PointStatus
from okr_api.findings import error_item
from okr_api.schemas.points import CLOCKS_DIFFER_BY, BatchPoint, ObservedInFuture, check_observed

_FIELDS = frozenset(BatchPoint.model_fields)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 200
_MOST_DIGITS, _MOST_PLACES = 15, 9


@dataclass(frozen=True, slots=True)
class ReadItems:
    """The points of a batch, where each stood in it, and the results of the items that are none."""

    points: list[NewPoint] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: dict[int, dict[str, Any]] = field(default_factory=dict)


def read_items(items: Sequence[object], *, now: datetime) -> ReadItems:
    """The items of a batch, as the strict JSON parser gives them: numbers are int or Decimal."""
    read = ReadItems()
    short_way = _ShortWay(now)
    for index, item in enumerate(items):
        point = short_way.read(item) if type(item) is dict else None
        if point is None:
            try:
                point = read_item(item, now=now)
            except (ValidationError, ObservedInFuture) as error:
                read.refused[index] = _refused(index, error)
                continue
        read.points.append(point)
        read.indexes.append(index)
    return read


def read_item(item: object, *, now: datetime) -> NewPoint:
    """One item, by the model. Raises ValidationError or ObservedInFuture."""
    body = BatchPoint.model_validate(item)
    point = body.new_point(body.metric, now=now)
    check_observed(point.observed_at, now=now)
    return point


def _refused(index: int, error: ValidationError | ObservedInFuture) -> dict[str, Any]:
    """The result of an item that is no point: the first thing that is wrong with it."""
    if isinstance(error, ObservedInFuture):
        found = {"code": error.code, "detail": error.message, "pointer": f"/points/{index}{error.pointer}"}
    else:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        found = error_item({**first, "loc": ("body", "points", index, *first["loc"])})
    return {"index": index, "status": PointStatus.REJECTED.value, **found}


class _ShortWay:
    """Reads the items of one batch, in which keys and instants repeat."""

    def __init__(self, now: datetime) -> None:
        self._latest = now + CLOCKS_DIFFER_BY
        self._keys: set[str] = set()
        self._instants: dict[str, datetime] = {}

    def read(self, item: dict[str, Any]) -> NewPoint | None:
        """The point; None if the model has to look at the item."""
        get = item.get
        metric, value, observed_at = get("metric"), get("value", ""), get("observed_at")
        source, dedupe_key, corrects = get("source", ""), get("dedupe_key", ""), get("corrects", False)
        if not (
            item.keys() <= _FIELDS
            and type(metric) is type(observed_at) is str
            and _is_plain_text(source)
            and _is_plain_text(dedupe_key)
            and type(corrects) is bool
            and (metric in self._keys or self._knows_key(metric))
            and _is_plain_number(value)
        ):
            return None
        instant = self._instants.get(observed_at) or self._instant(observed_at)
        if instant is None:
            return None
        return NewPoint(metric, Decimal(value), instant, source, dedupe_key, corrects)

    def _knows_key(self, metric: str) -> bool:
        if _KEY.fullmatch(metric) is None:
            return False
        self._keys.add(metric)
        return True

    def _instant(self, text: str) -> datetime | None:
        if _INSTANT.fullmatch(text) is None:
            return None
        try:
            instant = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        if not _FIRST_INSTANT <= instant <= self._latest:
            return None
        self._instants[text] = instant
        return instant


def _is_plain_text(text: object) -> bool:
    return type(text) is str and len(text) <= _LONGEST_TEXT and text.isascii() and "\0" not in text


def _is_plain_number(value: object) -> bool:
    """Whether the number needs no rounding: at most 15 digits and 9 places, written without an exponent, and not -0."""
    if type(value) is not int and type(value) is not Decimal:
        return False
    digits = str(value)
    return (
        len(digits) - ("." in digits) <= _MOST_DIGITS
        and "E" not in digits
        and "." not in digits[: -_MOST_PLACES - 1]
        and (digits[0] != "-" or value != 0)
    )
