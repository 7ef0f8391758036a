"""The types that bodies, paths and queries are made of. They refuse what is nearly right: a string for a number, say.

Strictness is per field, because a model's `strict=True` refuses every UUID and instant that JSON can spell.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from okr_api import numbers

# PostgreSQL's text holds every character but NUL.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"^[^\x00]*[^\s\x00][^\x00]*$"
OUR_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
# Not the 1st: that day begins in 1969 east of Greenwich.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(2999, 12, 31)
_FIRST_INSTANT, _LAST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)
_YEARS = "(19[7-9][0-9]|2[0-9]{3})"
_RANGE = "must lie between 1970-01-01 and 2999-12-31"


def _spelled(pattern: re.Pattern[str], expected: str) -> BeforeValidator:
    """Refuse all but strings of that form, and values of Python's own types, which no JSON can bring."""

    def check(value: object) -> object:
        if isinstance(value, UUID | date) or (isinstance(value, str) and pattern.fullmatch(value)):
            return value
        raise PydanticCustomError("wrong_form", "must be {expected}", {"expected": expected})

    return BeforeValidator(check)


def _number(value: object) -> Decimal:
    try:
        return numbers.from_json(value)
    except ValueError as error:
        raise PydanticCustomError("number", "{reason}", {"reason": str(error)}) from None


def within(low: float, high: float) -> AfterValidator:
    """Refuse what lies outside; both ends are allowed."""

    def check(value: Decimal) -> Decimal:
        if not low <= value <= high:
            raise PydanticCustomError("out_of_range", "must lie between {low} and {high}", {"low": low, "high": high})
        return value

    return AfterValidator(check)


def _known_day(value: date) -> date:
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise PydanticCustomError("out_of_range", _RANGE)
    return value


def _known_instant(value: datetime) -> datetime:
    if not _FIRST_INSTANT <= value <= _LAST_INSTANT:
        raise PydanticCustomError("out_of_range", _RANGE)
    return value.astimezone(UTC)


# float() gives back every number of 15 significant digits unchanged.
_as_json = PlainSerializer(float, return_type=float, when_used="json")
_from_json = BeforeValidator(_number)

# Decimal inside, a JSON number outside: values, weights (never below 0), and shares (0..1).
Number = Annotated[Decimal, _from_json, _as_json, WithJsonSchema({"type": "number", "minimum": -1e15, "maximum": 1e15})]
Weight = Annotated[
    Decimal,
    _from_json,
    within(0, 1e15),
    _as_json,
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1e15}),
]
Share = Annotated[
    Decimal, _from_json, within(0, 1), _as_json, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
]
# On its way out only: what we computed or stored is not rounded again.
ComputedNumber = Annotated[Decimal, _as_json, WithJsonSchema({"type": "number"})]


def one_of(words: Iterable[str]) -> Any:
    """Documents a text on its way out as one of these words; our own rows are not looked at again."""
    return Field(json_schema_extra={"enum": [str(word) for word in words]})


Name = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=200, pattern=NOT_BLANK)]
Key = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
ShortText = Annotated[str, Strict(), StringConstraints(max_length=200, pattern=NO_NUL)]
LongText = Annotated[str, Strict(), StringConstraints(max_length=10_000, pattern=NO_NUL)]
Flag = StrictBool
Whole = StrictInt
Id = Annotated[UUID, _spelled(_ID, "a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
Day = Annotated[
    date,
    _spelled(_DAY, "a date such as 2026-09-30"),
    AfterValidator(_known_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": rf"^{_YEARS}-[0-9]{{2}}-[0-9]{{2}}$"}),
]
Instant = Annotated[
    AwareDatetime,
    _spelled(_INSTANT, "an RFC 3339 instant with an offset, such as 2026-09-30T12:00:00Z"),
    AfterValidator(_known_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_YEARS}-"}),
]


def _true_or_false(value: object) -> object:
    # The library would also take "1", "on" and "yes".
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("wrong_form", "must be true or false")
        return value == "true"
    return value


# In queries, where everything is text.
QueryFlag = Annotated[bool, BeforeValidator(_true_or_false)]
Words = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]
