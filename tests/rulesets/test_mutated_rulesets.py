"""Whatever somebody makes of a ruleset document, it is refused by path, or it grades anything at once."""

import random
import time
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from mutations import mutated, mutated_texts
from ruleset_examples import EXAMPLES
from sample_subjects import SUBJECTS

from okr.domain.grading import grade, graded
from okr.domain.ruleset import Ruleset
from okr.domain.values import Grade, Inputs, KeyResultInputs, Level
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.document import RulesetDocument
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import RulesetInvalid, parse_document, to_yaml

_LIMIT_SECONDS = 3


def _some_subjects(seed: int) -> list[Inputs]:
    return random.Random(seed).sample(SUBJECTS, 40)


def _is_within_bounds(made: Grade, subject: Inputs, rules: Ruleset) -> bool:
    level = Level.KEY_RESULT if isinstance(subject, KeyResultInputs) else subject.level
    bounds, places = rules.bounds[level], rules.rounding[level]
    # A grade is rounded last: 0.25 at most, to whole numbers upwards, is 1.
    slack = 0 if places is None else Decimal(1).scaleb(-places)
    return made.grade is None or (
        (bounds.floor is None or made.grade >= bounds.floor - slack)
        and (bounds.cap is None or made.grade <= bounds.cap + slack)
    )


def _grades_anything(document: RulesetDocument, seed: int) -> None:
    rules = compile_ruleset(document, key="mutated", version=1)
    for subject in _some_subjects(seed):
        made = grade(subject, rules)
        assert graded(subject, rules).grade == made
        assert _is_within_bounds(made, subject, rules)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(document=mutated(), seed=st.integers(0, 10**6))
def test_a_mutated_document_is_refused_by_path_or_grades_anything(document: dict[str, Any], seed: int) -> None:
    began = time.process_time()
    try:
        parsed = parse_document(document)
    except RulesetInvalid:
        event("refused")
        parsed = None
    if parsed is not None:
        event("accepted")
        assert parse_document(to_yaml(parsed), syntax="yaml") == parsed
        _grades_anything(parsed, seed)
    assert time.process_time() - began < _LIMIT_SECONDS


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=mutated_texts(), seed=st.integers(0, 10**6))
def test_a_mutated_text_is_refused_by_path_or_grades_anything(text: str, seed: int) -> None:
    try:
        parsed = parse_document(text, syntax="yaml")
    except RulesetInvalid:
        return
    _grades_anything(parsed, seed)


def test_every_preset_grades_every_subject() -> None:
    for key in preset_keys():
        rules = compile_ruleset(preset(key), key=key, version=1)
        for subject in SUBJECTS:
            made = grade(subject, rules)
            assert made.ruleset == (key, 1)
            assert made.grade is not None or made.reasons
