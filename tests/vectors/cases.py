"""A file of cases as it is read: a list of objects, numbers exact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """The file holds no cases; one line says why."""


@dataclass(frozen=True)
class Case:
    """What a system made of some inputs. `scope` is grade, label, helper or something that is not counted."""

    id: str
    source: str
    system: str
    kind: str
    start: Decimal | None = None
    target: Decimal | None = None
    zones: Mapping[str, Any] = field(default_factory=dict)
    current: Any = None
    weights: tuple[Decimal, ...] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    unit: str = ""
    scope: str = "grade"


def read_cases(path: Path) -> list[Case]:
    """The cases of a file. Raises Unreadable."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        read = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise Unreadable(f"{path}: no JSON: {error}") from error
    if not isinstance(read, list):
        raise Unreadable(f"{path}: a list of cases is expected")
    return [_case(one, place=place, path=path) for place, one in enumerate(read, start=1)]


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _case(read: Any, *, place: int, path: Path) -> Case:
    """Raises Unreadable where a field is of another sort than the schema says; more fields are of no concern."""
    if not isinstance(read, dict):
        raise Unreadable(f"{path}: case {place} is not an object")

    def a(name: str, *sorts: type, default: Any) -> Any:
        value = read.get(name)
        if value is None:
            return default
        if not isinstance(value, sorts) or isinstance(value, bool):
            raise Unreadable(f"{path}: case {place}: {name} is a {type(value).__name__}")
        return value

    weights = a("weights", list, default=None)
    if weights is not None and any(isinstance(one, bool) or not isinstance(one, Decimal) for one in weights):
        raise Unreadable(f"{path}: case {place}: weights are not numbers")
    return Case(
        id=str(a("id", str, Decimal, default=f"#{place}")),
        source=a("source", str, default=""),
        system=a("system", str, default=""),
        kind=a("kind", str, default=""),
        start=a("start", Decimal, default=None),
        target=a("target", Decimal, default=None),
        zones=a("zones", dict, default={}),
        current=read.get("current"),
        weights=None if weights is None else tuple(weights),
        inputs=a("inputs", dict, default={}),
        expected=read.get("expected"),
        unit=a("expected_unit", str, default=""),
        scope=a("scope", str, default="grade"),
    )
