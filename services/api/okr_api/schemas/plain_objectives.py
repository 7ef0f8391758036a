"""Objectives from plain rows straight to JSON: the bytes that the models would make of them, at a fraction of the work.

The models stay what the contract is written from; a test holds both ways to the same bytes.
"""

from typing import Any

import asyncpg
import orjson

from okr.db.plain_objectives import GRADE, HEAD, KEY_RESULT, OBJECTIVE
from okr.domain.values import Freshness, Status
from okr_api.schemas.grades import NOT_GRADED_YET

_NOT_YET = {
    "status": Status.PENDING.value,
    "freshness": Freshness.NEVER.value,
    "provenance": "computed",
    "stale": True,
    "reasons": [NOT_GRADED_YET],
}
_GRADE_ENDS = len(HEAD) + len(GRADE)
_OBJECTIVE_ENDS = _GRADE_ENDS + len(OBJECTIVE)
_KEY_RESULT_ENDS = _OBJECTIVE_ENDS + _GRADE_ENDS + len(KEY_RESULT)
# The version of the rules stands last in a row; on the wire it is inside of `ruleset`.
_GRADE_NAMES = GRADE[:-1]


def objective_json(rows: list[asyncpg.Record]) -> tuple[bytes, str]:
    """The objective of read_plain_objective as it is answered by itself, and its entity tag."""
    told = _thing(rows[0][:_OBJECTIVE_ENDS], OBJECTIVE)
    told["key_results"] = [
        _thing(row[_OBJECTIVE_ENDS:_KEY_RESULT_ENDS], KEY_RESULT) for row in rows if row[_OBJECTIVE_ENDS] is not None
    ]
    grade = told["grade"]
    return _dumps(told), f'"{told["version"]}.{grade["requested_seq"]}.{grade["computed_seq"]}"'


def objective_page_json(rows: list[asyncpg.Record], next_cursor: str | None) -> bytes:
    """The rows of list_plain_objectives as a page."""
    return _dumps({"items": [_thing(row[1:], OBJECTIVE) for row in rows], "next_cursor": next_cursor})


def _thing(values: tuple[Any, ...], names: tuple[str, ...]) -> dict[str, Any]:
    told = dict(zip(HEAD, values, strict=False))
    told["grade"] = _grade(values[len(HEAD) : _GRADE_ENDS])
    told.update(zip(names, values[_GRADE_ENDS:], strict=True))
    return told


def _grade(values: tuple[Any, ...]) -> dict[str, Any]:
    grade = dict(zip(_GRADE_NAMES, values, strict=False))
    if grade["status"] is None:
        return grade | _NOT_YET
    grade["ruleset"] = {"key": grade["ruleset"], "version": values[-1]}
    return grade


def _dumps(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)
