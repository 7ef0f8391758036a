"""The usual push, read in columns: thousands of points without a Python object for each.

It accepts less than the models do. What it does not accept is left to them, so both ways say the same of every push. Numbers are
read as floats here: one of at most 15 digits is the nearest float's shortest spelling, so what that spelling says is what was sent,
rounded as our rules round.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import orjson

from okr.db.point_columns import PointColumns
from okr_api.schemas.points import CLOCKS_DIFFER_BY, MOST_POINTS

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
# No hour 24 and no offset beyond 14 hours: readers of dates differ in what they make of those.
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)", re.ASCII
)
_FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 200
# A sign and a point besides the digits may make a number look longer than it is; then the models look at it.
_LONGEST_NUMBER, _LONGEST_WITH_ALL_PLACES = 15, 11
_PLACES = 9
_FIELDS = ("metric", "value", "observed_at", "source", "dedupe_key")


def batch_columns(body: bytes, *, now: datetime) -> PointColumns | None:
    """The points of a batch; None if the models have to look at it."""
    document = _parsed(body)
    if type(document) is not dict or document.keys() != {"points"} or body.count(b'"points"') > 1:
        return None
    points = document["points"]
    if type(points) is not list or not 0 < len(points) <= MOST_POINTS or set(map(type, points)) != {dict}:
        return None
    names = Counter(chain.from_iterable(points))
    return None if _may_repeat_a_name(body, names) else _columns(points, names, now=now)


def point_columns(body: bytes, *, metric: str, now: datetime) -> PointColumns | None:
    """A single point of the metric that the address names; None if the model has to look at it."""
    point = _parsed(body)
    if type(point) is not dict or "metric" in point:
        return None
    names = Counter(point.keys())
    if _may_repeat_a_name(body, names):
        return None
    point["metric"] = metric
    return _columns([point], names, now=now)


def _parsed(body: bytes) -> Any:
    # Without escapes each name stands in the body as it is, and can be counted.
    if b"\\" in body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _may_repeat_a_name(body: bytes, names: Counter[str]) -> bool:
    """Whether an object may name a member twice: the parser keeps the last one and does not tell. Unknown names count as such.

    A text that is spelled like a name counts as well; the strict parser knows the difference.
    """
    return not names.keys() <= set(_FIELDS) or any(
        body.count(b'"%s"' % name.encode()) != names[name] for name in _FIELDS
    )


def _columns(points: list[dict[str, Any]], names: Counter[str], *, now: datetime) -> PointColumns | None:
    try:
        metrics = [point["metric"] for point in points]
        instants = [point["observed_at"] for point in points]
        amounts = _amounts([point["value"] for point in points])
    except KeyError:
        return None
    sources = [point.get("source", "") for point in points] if names["source"] else []
    dedupe_keys = [point.get("dedupe_key", "") for point in points] if names["dedupe_key"] else []
    if amounts is None or not (_are_keys(metrics) and _are_texts(sources) and _are_texts(dedupe_keys)):
        return None
    moments = _moments(instants, latest=now + CLOCKS_DIFFER_BY)
    if moments is None or len(set(zip(metrics, instants, strict=True))) < len(points):
        return None
    return PointColumns(metrics, instants, sources, dedupe_keys, amounts, moments)


def _are_keys(metrics: Sequence[Any]) -> bool:
    return set(map(type, metrics)) == {str} and all(map(_KEY.fullmatch, set(metrics)))


def _are_texts(texts: Sequence[Any]) -> bool:
    return set(map(type, texts)) <= {str} and all(
        len(text) <= _LONGEST_TEXT and text.isascii() and "\0" not in text for text in set(texts)
    )


def _moments(instants: Sequence[Any], *, latest: datetime) -> set[datetime] | None:
    """The different instants; None if one is spelled unusually or lies where no point may, or two spellings mean the same."""
    if set(map(type, instants)) != {str}:
        return None
    spelled = set(instants)
    if not all(map(_INSTANT.fullmatch, spelled)):
        return None
    try:
        moments = set(map(datetime.fromisoformat, spelled))
        if min(moments) < _FIRST_INSTANT or max(moments) > latest or len(moments) < len(spelled):
            return None
    except (ValueError, OverflowError):
        return None
    return moments


def _amounts(values: Sequence[Any]) -> list[str] | None:
    """The digits of the numbers; None if one of them has to be rounded, or may have to."""
    if not set(map(type, values)) <= {int, float}:
        return None
    digits = list(map(repr, values))
    longest = max(map(len, digits))
    if longest > _LONGEST_NUMBER or "-0.0" in digits or not set("".join(digits)) <= set("0123456789.-"):
        return None
    if longest > _LONGEST_WITH_ALL_PLACES and any(len(number.partition(".")[2]) > _PLACES for number in digits):
        return None
    return digits
