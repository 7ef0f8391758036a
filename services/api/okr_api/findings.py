"""What the validation library finds, in our words: its own codes and sentences may change with it, and some quote values."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

ITEM_CODES: Mapping[str, str] = {
    "missing": "A field or parameter that is required is not there.",
    "unknown_field": "The operation has no field of this name: leave it out, or look for a slip in its spelling.",
    "wrong_type": "The value is of another JSON type than it must be: a string is no number, and null is no value.",
    "wrong_form": "The value is of the right type, but cannot be read as what it must be, such as an instant or an id.",
    "wrong_length": "The text or the list is too short or too long.",
    "out_of_range": "The number, the day or the instant is too small or too large.",
    "wrong_rule": "At this place of a ruleset stands what no ruleset can say, or what contradicts the rest; the detail says more.",
    "not_one_of": "The value is none of those that there are; the OpenAPI document lists them.",
}
"""Every code that an item of `errors` can have besides those of problems, and what it means."""

UNKNOWN_FIELD = "is not a field of rulesets"
"""What is said of a field of a document that nobody knows."""
_LONGEST_NAME = 100
_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "time_zone": "not_one_of",
    "number": "wrong_type",
    "out_of_range": "out_of_range",
    "finite_number": "out_of_range",
    "multiple_of": "out_of_range",
}
_CODES_BY_ENDING = {
    "_type": "wrong_type",
    "too_short": "wrong_length",
    "too_long": "wrong_length",
    "than": "out_of_range",
    "than_equal": "out_of_range",
}
_SENTENCES = {"missing": "is required", "extra_forbidden": "is not known here: leave it out"}
_SUBJECT = re.compile(r"^(Input|String|List|Tuple|Set|Dictionary) should ")


def error_item(found: Mapping[str, Any]) -> dict[str, str]:
    """One of the library's findings as an item of `errors`; the first part of its `loc` says whether it lies in the body."""
    where, *path = found["loc"]
    item = {"code": _code(found["type"]), "detail": _sentence(found)}
    if where == "body":
        item["pointer"] = "".join("/" + _token(part) for part in path)
    else:
        item["parameter"] = str(path[0])[:_LONGEST_NAME] if path else str(where)
    return item


def document_items(found: Iterable[tuple[str, str]], *, at: str) -> list[dict[str, str]]:
    """What is wrong with a ruleset's document, (path, what to do), as items of `errors`; `at` points to the document."""
    items = []
    for path, message in found:
        detail = f"{path}: {message}" if path else message
        items.append(
            {
                "code": "unknown_field" if message == UNKNOWN_FIELD else "wrong_rule",
                "detail": detail.encode("utf-8", "replace").decode(),
                "pointer": at + "".join("/" + _token(part) for part in path.split(".") if path),
            }
        )
    return items


def _code(type: str) -> str:
    if type in _CODES:
        return _CODES[type]
    return next((ours for ending, ours in _CODES_BY_ENDING.items() if type.endswith(ending)), "wrong_form")


def _token(part: str | int) -> str:
    """One reference token of a JSON Pointer."""
    name = str(part)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
    return name.replace("~", "~0").replace("/", "~1")


def _sentence(found: Mapping[str, Any]) -> str:
    """What is wrong, without the value: some of the library's messages quote it."""
    type = found["type"]
    if type.endswith(("_parsing", "_from_date_parsing", "_unicode")):
        return "cannot be read as what it must be"
    return _SENTENCES.get(type) or _SUBJECT.sub("must ", str(found["msg"]))
