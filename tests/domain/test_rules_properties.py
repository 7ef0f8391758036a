"""What holds under any rules that can be written, not only under the built-in ones."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from domain_builders import NOW, with_steps
from domain_redo import check_that_it_replays
from domain_rules import figures, paces, rulesets
from domain_strategies import (
    FALLS,
    RISES,
    inputs,
    key_results,
    measures,
    parts,
    plus,
    steps_ahead,
    values,
    windows,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from okr.domain.explain import sentence
from okr.domain.grading import grade
from okr.domain.numbers import Rounding, multiply
from okr.domain.pace import expected_by
from okr.domain.ruleset import STANDARD, Bounds, Combine, How, KindRule, Method, Pace, Ruleset, Shape
from okr.domain.values import (
    Commitment,
    Inputs,
    KeyResultInputs,
    Kind,
    Level,
    Measure,
    Part,
    Reading,
    RollUpInputs,
    SubjectKind,
    Window,
)

# A ruleset has a hundred figures to draw.
slow_to_draw = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@st.composite
def with_periods(draw: st.DrawFn) -> KeyResultInputs:
    given_inputs = draw(key_results())
    periods = draw(st.lists(st.none() | values, max_size=5).map(tuple))
    reading = replace(given_inputs.reading, periods=periods)
    if draw(st.booleans()):
        reading = Reading(periods=periods)
    context = draw(st.none() | st.just({"team": {"id": "1", "name": "Growth", "kind": "team"}}))
    return replace(given_inputs, reading=reading, context=context)


anything: st.SearchStrategy[Inputs] = inputs | with_periods()


@slow_to_draw
@given(anything, rulesets())
def test_every_grade_replays_and_reads_under_any_rules(given_inputs: Inputs, rules: Ruleset) -> None:
    made = with_steps(given_inputs, rules=rules)
    check_that_it_replays(made)
    for step in made.steps:
        words = sentence(step)
        assert words
        assert "None" not in words


@slow_to_draw
@given(anything, rulesets())
def test_a_grade_lies_within_floor_and_cap(given_inputs: Inputs, rules: Ruleset) -> None:
    result = grade(given_inputs, replace(rules, rounding=dict.fromkeys(Level, None)))
    level = Level.KEY_RESULT if isinstance(given_inputs, KeyResultInputs) else given_inputs.level
    edges = rules.bounds[level]
    if result.grade is not None:
        assert edges.floor is None or result.grade >= edges.floor
        assert edges.cap is None or result.grade <= edges.cap
    if level is Level.KEY_RESULT and result.progress is not None:
        assert edges.floor is None or result.progress >= edges.floor
        assert edges.cap is None or result.progress <= edges.cap


@st.composite
def two_values(draw: st.DrawFn) -> tuple[Measure, Decimal, Decimal]:
    """A measure with a direction, and two values of which the second is the better one."""
    measure = draw(measures(draw(st.sampled_from(sorted(RISES | FALLS)))))
    worse, ahead = draw(values), draw(steps_ahead)
    return measure, worse, plus(worse, ahead if measure.kind in RISES else ahead.copy_negate())


@slow_to_draw
@given(
    two_values(),
    rulesets(),
    st.sampled_from(Commitment),
    st.sampled_from([Method.LINEAR, Method.THRESHOLD, Method.THRESHOLD_OR_LINEAR]),
    st.sampled_from(Shape),
)
def test_a_better_value_never_makes_a_worse_grade(
    case: tuple[Measure, Decimal, Decimal], rules: Ruleset, commitment: Commitment, method: Method, shape: Shape
) -> None:
    measure, worse, better = case
    kinds = {kind: KindRule(method, zones=shape) for kind in rules.kinds}
    # Conditions may ask about the grade itself, and then say what they like.
    rules = replace(
        rules, kinds=kinds, adjustments=tuple(replace(one, when=lambda _: True) for one in rules.adjustments)
    )
    assume(measure.kind is not Kind.COUNT_RATIO or measure.target is None or measure.target > 0)
    window = Window(date(2026, 4, 1), date(2026, 6, 29), date(2026, 4, 30))
    low, high = (
        grade(KeyResultInputs(NOW, measure, Reading(value=value, observed_at=NOW), commitment, window), rules)
        for value in (worse, better)
    )
    for before, after in ((low.raw, high.raw), (low.progress, high.progress), (low.grade, high.grade)):
        assert (before is None) == (after is None)
        assert before is None or after is None or before <= after


@slow_to_draw
@given(
    st.lists(parts, min_size=1, max_size=6), rulesets(), st.sampled_from([Decimal("0.001"), Decimal(3), Decimal(10**6)])
)
def test_weights_have_no_unit(given_parts: list[Part], rules: Ruleset, factor: Decimal) -> None:
    heavier = tuple(replace(part, weight=multiply(part.weight, factor)) for part in given_parts)
    one = grade(RollUpInputs(NOW, tuple(given_parts), Commitment.COMMITTED), rules)
    other = grade(RollUpInputs(NOW, heavier, Commitment.COMMITTED), rules)
    assert one == other


@slow_to_draw
@given(paces(), windows)
def test_an_expectation_is_a_share_and_never_falls(pace: Pace, window: Window) -> None:
    later = replace(window, ended_on=window.ended_on + timedelta(days=1))
    assert 0 <= expected_by(window, pace) <= expected_by(later, pace) <= 1


@slow_to_draw
@given(st.integers(0, 6).flatmap(lambda places: st.tuples(st.just(places), figures)), st.sampled_from(Rounding))
def test_rounding_moves_by_less_than_one_unit(case: tuple[int, Decimal], mode: Rounding) -> None:
    places, number = case
    rules = replace(
        STANDARD,
        bounds=dict.fromkeys(Level, Bounds()),
        rounding=dict.fromkeys(Level, places),
        rounding_mode=mode,
        combine=dict.fromkeys(Level, Combine(how=How.SUM)),
    )
    part = Part(kind=SubjectKind.OBJECTIVE, id="a", weight=Decimal(1), grade=number)
    made = grade(RollUpInputs(NOW, (part,)), rules).grade
    assert made is not None
    assert abs(made - number) < Decimal(1).scaleb(-places)
