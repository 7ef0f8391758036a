"""Bounds for all that has none of its own, and a plain spelling: what a type says of itself stays as it is."""

from decimal import Decimal
from typing import Any

LONGEST_TEXT = 10_000
"""No text is longer, in or out: the longest field that is taken has that many characters."""
MOST_ITEMS = 1_000_000
"""What no list reaches that is answered as a whole, such as the history of one grade."""
MOST_MEMBERS = 1000
"""What no object reaches whose members are not named beforehand."""
LARGEST_INTEGER = 2**53 - 1
"""The largest whole number that every JSON parser keeps."""

_LENGTHS = {"uuid": 36, "date": 10, "date-time": 40}


def bound(node: Any) -> None:
    """Give every schema in this part of the document its bounds."""
    if isinstance(node, list):
        for inner in node:
            bound(inner)
    elif isinstance(node, dict):
        _bound_one(node)
        for inner in node.values():
            bound(inner)


def _bound_one(schema: dict[str, Any]) -> None:
    # The framework titles each property with its own name in other letters.
    is_named_by_us = "properties" in schema or "enum" in schema
    if (
        isinstance(schema.get("title"), str)
        and not is_named_by_us
        and schema.keys() & {"type", "anyOf", "$ref", "const"}
    ):
        del schema["title"]
    match schema.get("type"):
        case "string" if not schema.keys() & {"enum", "const"}:
            schema.setdefault("maxLength", _LENGTHS.get(schema.get("format", ""), LONGEST_TEXT))
        case "integer":
            schema.setdefault("format", "int64")
            schema.setdefault("minimum", 0)
            schema.setdefault("maximum", LARGEST_INTEGER)
        case "number" if isinstance(schema.get("default"), str):
            # A Decimal's default is written as text, which the number itself is not.
            schema["default"] = float(Decimal(schema["default"]))
        case "array":
            schema.setdefault("maxItems", MOST_ITEMS)
        case "object" if isinstance(schema.get("additionalProperties"), dict | bool) and "properties" not in schema:
            schema.setdefault("maxProperties", MOST_MEMBERS)
