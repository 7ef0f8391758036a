"""Grading gives conditions what their reference describes: every value, of its type, null only where that is said."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sample_subjects import SUBJECTS

from okr.domain.grading import grade
from okr.domain.ruleset import STANDARD, Adjustment, Op
from okr.domain.values import Inputs, KeyResultInputs, Kind, Level, Status, SubjectKind
from okr.rulesets.condition_context import RECORDS, SUBJECT_KINDS, VALUES, ContextField

# The condition makes floats of numbers itself.
_TYPES = {"number": (Decimal, int), "text": (str,), "truth": (bool,), "list of texts": (list,)}
Context = Mapping[str, Any]


def contexts() -> list[Context]:
    """What a condition is given, for subjects of all kinds: of whom all is known, and of whom nothing is but the kind."""
    seen: list[Context] = []

    def remember(context: Context) -> bool:
        seen.append(context)
        return True

    adjustment = Adjustment("a", frozenset(Level), "", remember, Op.ANNOTATE, None, "why")
    rules = replace(STANDARD, adjustments=(adjustment,))
    for subject in SUBJECTS:
        grade(subject, rules)
        grade(_little_known(subject), rules)
    return seen


def _little_known(subject: Inputs) -> Inputs:
    kind = SubjectKind.KEY_RESULT if isinstance(subject, KeyResultInputs) else SubjectKind.OBJECTIVE
    return replace(subject, context={"subject": {"kind": kind.value}})


def _fits(field: ContextField, value: object) -> bool:
    return field.nullable if value is None else type(value) in _TYPES[field.type]


def test_every_group_and_value_is_there() -> None:
    for context in contexts():
        assert set(context) == {*RECORDS, *VALUES}
        for name, record in RECORDS.items():
            assert context[name] is None or set(context[name]) == {field.name for field in record.fields}


def test_every_value_is_of_its_type_and_null_only_where_that_is_said() -> None:
    seen = contexts()
    assert len(seen) > 500
    for context in seen:
        for name, record in RECORDS.items():
            if context[name] is None:
                assert record.nullable, name
                continue
            for field in record.fields:
                assert _fits(field, context[name][field.name]), f"{name}.{field.name} {context[name][field.name]}"
        for name, value in VALUES.items():
            assert _fits(value, context[name]), name


def test_the_words_in_the_reference_are_those_of_the_field() -> None:
    words = {field.name: field.words for field in RECORDS["subject"].fields}
    assert set(SUBJECT_KINDS) == {kind.value for kind in SubjectKind}
    assert set(words["measure"]) == {kind.value for kind in Kind}
    assert set(words["status"]) == {status.value for status in Status}
