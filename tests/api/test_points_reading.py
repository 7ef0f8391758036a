"""The items of a batch: the short way and the model say the same of every item, whatever it holds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from okr.db.points import NewPoint
from okr_api import strict_json
from okr_api.schemas.point_items import read_item, read_items
from okr_api.schemas.points import ObservedInFuture

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"metric": "signups", "value": 1, "observed_at": "2026-11-18T12:00:00Z"}

KEYS = st.sampled_from(
    ["signups", "a.b-c_D9", "", ".x", "a b", "k" * 100, "k" * 101, "ü", "a\n", "a\0", 7, None, ["a"]]
)
VALUES = st.one_of(
    st.decimals(min_value=-(10**16), max_value=10**16, allow_nan=False, places=12).map(str),
    st.decimals(min_value=-2, max_value=2, allow_nan=False, places=11).map(str),
    st.integers(-(10**16), 10**16).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["-0", "-0.0", "0.000", "1e15", "1E-10", "1e999", "1.50", '"1"', "true", "null", "[]", "{}"]),
)
INSTANTS = st.one_of(
    st.integers(-(10**5), 1_800_000_000).map(lambda second: datetime.fromtimestamp(second, UTC).isoformat()),
    st.sampled_from(
        [
            "2026-11-22T12:05:00Z",
            "2026-11-22T12:05:00.000001Z",
            "2026-11-22T23:35:00.5+11:30",
            "2026-11-18t12:00:00z",
            "2026-11-18 12:00:00Z",
            "2026-11-18T12:00:00.123456789Z",
            "2026-11-18T12:00:00",
            "2026-11-18T12:00Z",
            "2026-11-18T24:00:00Z",
            "2026-11-18T12:00:60Z",
            "2026-11-18T12:00:00+24:00",
            "2026-11-18T12:00:00-00:00",
            "1970-01-01T00:00:00Z",
            "1970-01-01T01:00:00+02:00",
            "0001-01-01T00:00:00+14:00",
            "2026-W47-3T12:00:00Z",
            "2026-11-18",
            "",
            7,
            None,
        ]
    ),
)
TEXTS = st.sampled_from(["", "crm", "ü", "a\0b", "s" * 200, "s" * 201, "\ud800", 7, None, True])
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "metric": KEYS,
        "value": VALUES.map(lambda text: text.encode()),
        "observed_at": INSTANTS,
        "source": TEXTS,
        "dedupe_key": TEXTS,
        "corrects": st.sampled_from([True, False, 0, 1, "true", None]),
        "unknown": st.none(),
    },
).map(lambda item: {**GOOD, **item})


def _parsed(item: dict[str, Any]) -> Any:
    """The item as the service's own parser reads it."""
    value = item["value"] if isinstance(item["value"], bytes) else str(item["value"]).encode()
    rest = orjson.dumps({name: part for name, part in item.items() if name != "value" and part != "\ud800"})
    text = rest[:-1] + b', "value": ' + value + b"}"
    for name, part in item.items():
        if part == "\ud800":
            text = text[:-1] + b', "%s": "\\ud800"}' % name.encode()
    return strict_json.parse(text)


def _by_the_model(item: Any) -> NewPoint | None:
    try:
        return read_item(item, now=NOW)
    except (ValidationError, ObservedInFuture):
        return None


@settings(max_examples=600, deadline=None)
@given(item=ITEMS)
@example(item={**GOOD, "value": b"1e999"})
@example(item={**GOOD, "value": b"-0.0"})
@example(item={**GOOD, "value": b"0.1234567895"})
@example(item={**GOOD, "value": b"123456789012345.5"})
@example(item={**GOOD, "source": "\ud800"})
@example(item={**GOOD, "corrects": 1})
@example(item={**GOOD, "observed_at": "2026-11-22T12:05:00Z"})
@example(item={**GOOD, "observed_at": "2026-11-22T12:05:00.000001Z"})
@example(item={**GOOD, "observed_at": "1969-12-31T23:59:59.999999Z"})
@example(item={**GOOD, "observed_at": "1970-01-01T01:00:00+02:00"})
def test_both_ways_say_the_same(item: dict[str, Any]) -> None:
    parsed = _parsed(item)
    by_the_model = _by_the_model(parsed)
    read = read_items([parsed], now=NOW)
    if by_the_model is None:
        assert (read.points, set(read.refused)) == ([], {0})
    else:
        [point] = read.points
        assert point == by_the_model
        # Equality would let -0 pass for 0, and another zone for UTC.
        assert (point.value.is_signed(), point.observed_at.tzinfo) == (by_the_model.value < 0, UTC)


def test_indexes_lead_from_points_and_refusals_back_to_the_items() -> None:
    items = [GOOD, {**GOOD, "value": "1"}, 7, {**GOOD, "value": Decimal("2.5")}]
    read = read_items(items, now=NOW)
    assert ([point.value for point in read.points], read.indexes) == ([1, Decimal("2.5")], [0, 3])
    assert [read.refused[index]["pointer"] for index in (1, 2)] == ["/points/1/value", "/points/2"]
