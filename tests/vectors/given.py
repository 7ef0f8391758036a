"""What a case gives, checked on the way out: anything may stand in a file."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Unsayable(Exception):
    """A case whose inputs make no subject; the message says why."""


def a_number(value: Any, name: str) -> Decimal:
    """A number that the product would take: the wire's bounds. Raises Unsayable."""
    if isinstance(value, bool) or not isinstance(value, Decimal):
        raise Unsayable(f"{name} is no number: {value!r}"[:200])
    if abs(value) > Decimal("1e15"):
        raise Unsayable(f"{name} is beyond what the service takes")
    return value


def numbers(given: Mapping[str, Any], name: str) -> dict[str, Decimal]:
    """The numbers of a mapping by their names; what is null is left out."""
    return {str(key): a_number(value, f"{name}.{key}") for key, value in given.items() if value is not None}


def a_list(value: Any, name: str) -> list[Any]:
    """A list. Raises Unsayable."""
    if not isinstance(value, list):
        raise Unsayable(f"{name} is no list: {value!r}"[:200])
    return value
