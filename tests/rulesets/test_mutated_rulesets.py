"""Whatever somebody makes of a ruleset document, it is refused by path, or it grades anything at once."""

import json
import random
import time
from decimal import Decimal
from typing import Any

from condition_texts import texts
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from ruleset_examples import EXAMPLES
from sample_subjects import SUBJECTS

from okr.domain.grading import grade, graded
from okr.domain.ruleset import Ruleset
from okr.domain.values import Grade, Inputs, KeyResultInputs, Level
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.document import RulesetDocument
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import RulesetInvalid, parse_document, to_mapping, to_yaml

_LIMIT_SECONDS = 3
_WHOLE = {key: to_mapping(preset(key)) for key in preset_keys()}
_SHORT = {key: to_mapping(preset(key), whole=False) for key in preset_keys()}
_ADJUSTMENT = {"key": "a", "levels": ["key_result", "objective", "set"], "then": {"scale": 1.1}, "reason": "why"}
_NUMBERS = st.sampled_from(
    [0, 1, -1, 0.3, 1.0000000000001, 1000, -1000, 1001, 1e308, 2**70, 1e-12, float("nan"), float("inf")]
)
_PLAIN = (
    st.none()
    | st.booleans()
    | _NUMBERS
    | st.text(max_size=10)
    | st.sampled_from(["linear", "zero", "committed", "red"])
)
_DEEP = st.integers(15, 60).map(lambda depth: json.loads("[" * depth + "]" * depth))
_ANYTHING = _DEEP | st.recursive(
    _PLAIN, lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=8), one, max_size=4), max_leaves=8
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inner for place in ((value, key), *_places(one))]


def _copied(value: Any) -> Any:
    """A copy of which no part is another's: what is drawn is drawn again as it was."""
    return json.loads(json.dumps(value))


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A preset's document with one to four things done to it."""
    key = draw(st.sampled_from(preset_keys()))
    document: dict[str, Any] = _copied((_WHOLE if draw(st.booleans()) else _SHORT)[key])
    for _ in range(draw(st.integers(1, 4))):
        places = _places(document)
        if not 0 < len(places) < 5000:
            break
        container, name = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["drop", "replace", "nudge", "move", "insert", "repeat", "condition"])):
            case "drop":
                del container[name]
            case "replace":
                container[name] = _copied(draw(_ANYTHING))
            case "nudge" if isinstance(container[name], int | float):
                container[name] += draw(st.floats(-1, 1))
            case "nudge":
                container[name] = draw(_NUMBERS)
            case "move":
                other, its_name = places[draw(st.integers(0, len(places) - 1))]
                container[name] = _copied(other[its_name])
            case "insert" if isinstance(container, dict):
                container[draw(st.text(max_size=12))] = _copied(draw(_ANYTHING))
            case "repeat" if isinstance(container[name], list):
                container[name] = _copied(container[name] * draw(st.integers(2, 30)))
            case _:
                document["adjustments"] = [{**_copied(_ADJUSTMENT), "when": draw(texts())}]
    return document


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
@given(
    key=st.sampled_from(preset_keys()),
    cut=st.tuples(st.integers(0, 3000), st.integers(0, 40)),
    put=st.text(max_size=8)
    | st.sampled_from(["&a ", "*a", "<<: *a", "!!python/object:os.system ", "? ", "- ", "\t", "{", "[", "%", "|", '"']),
    times=st.integers(1, 300),
)
def test_a_mutated_text_is_refused_by_path_or_grades_anything(
    key: str, cut: tuple[int, int], put: str, times: int
) -> None:
    text = to_yaml(preset(key))
    at = cut[0] % len(text)
    try:
        parsed = parse_document(text[:at] + put * times + text[at + cut[1] :], syntax="yaml")
    except RulesetInvalid:
        return
    _grades_anything(parsed, at)


def test_every_preset_grades_every_subject() -> None:
    for key in preset_keys():
        rules = compile_ruleset(preset(key), key=key, version=1)
        for subject in SUBJECTS:
            made = grade(subject, rules)
            assert made.ruleset == (key, 1)
            assert made.grade is not None or made.reasons
