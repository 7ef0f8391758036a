"""What holds for every grade, whatever goes in."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_UP, Context, Decimal, Inexact, localcontext

from domain_builders import NOW, a_key_result, the_grade, with_steps
from domain_redo import check_that_it_replays
from domain_strategies import (
    FALLS,
    RISES,
    TRAVELS,
    WIDE,
    guardrails,
    inputs,
    key_results,
    measures,
    parts,
    plus,
    roll_ups,
    shares,
    steps_ahead,
    travelling_measures,
    values,
    weights,
)
from hypothesis import assume, example, given
from hypothesis import strategies as st

from okr.domain.grading import grade
from okr.domain.measures import DIRECT_KINDS
from okr.domain.ruleset import STANDARD
from okr.domain.validation import check_measure
from okr.domain.values import (
    Commitment,
    Inputs,
    KeyResultInputs,
    Kind,
    Measure,
    Part,
    Reading,
    RollUpInputs,
    Status,
    SubjectKind,
)

positive = steps_ahead | st.sampled_from([Decimal("0.000001"), Decimal(3), Decimal("1e6")])


@given(key_results())
def test_what_the_checks_let_in_can_be_graded(key_result: KeyResultInputs) -> None:
    check_measure(key_result.measure)
    result = the_grade(key_result)
    assert result.raw is not None
    assert result.progress is not None
    assert result.grade is not None
    assert 0 <= result.progress <= 1
    assert 0 <= result.grade <= 1
    assert (result.coverage, result.status is Status.PENDING) == (1, False)
    assert result.band in ("red", "amber", "green")


@given(inputs)
def test_a_grade_fits_together(given_inputs: Inputs) -> None:
    result = the_grade(given_inputs)
    assert (result.status is Status.PENDING) == (result.grade is None) == (result.band is None)
    assert 0 <= result.coverage <= 1
    assert result.expected is None or 0 <= result.expected <= 1
    assert (result.status is Status.ACHIEVED) <= (result.grade is not None)
    is_guardrail = isinstance(given_inputs, KeyResultInputs) and given_inputs.measure.kind is Kind.GUARDRAIL
    if result.grade is not None and not is_guardrail:
        assert (result.status is Status.ACHIEVED) == (result.grade >= result.success_line)


@given(inputs)
def test_every_number_keeps_twelve_places(given_inputs: Inputs) -> None:
    result = the_grade(given_inputs)
    for number in (result.raw, result.progress, result.grade, result.expected, result.coverage, result.confidence):
        if number is not None:
            assert number == number.quantize(Decimal("1e-12"), context=WIDE)


@given(inputs)
def test_the_explanation_replays_to_the_grade(given_inputs: Inputs) -> None:
    check_that_it_replays(with_steps(given_inputs))


@given(inputs)
def test_the_ambient_decimal_context_changes_nothing(given_inputs: Inputs) -> None:
    usual = grade(given_inputs, STANDARD)
    with localcontext(Context(prec=1, rounding=ROUND_UP, Emin=0, Emax=0, traps=[Inexact])):
        assert grade(given_inputs, STANDARD) == usual


def graded_at(measure: Measure, value: Decimal, *, commitment: Commitment) -> tuple[Decimal, Decimal, Decimal]:
    result = the_grade(a_key_result(measure, Reading(value=value), commitment=commitment))
    assert result.raw is not None
    assert result.progress is not None
    assert result.grade is not None
    return result.raw, result.progress, result.grade


@st.composite
def two_values(draw: st.DrawFn, *kinds: Kind) -> tuple[Measure, Decimal, Decimal]:
    """A measure and two values of which the second is the better or equal one."""
    measure = draw(measures(draw(st.sampled_from(sorted(kinds)))))
    worse = draw(values)
    ahead = draw(steps_ahead)
    rises = measure.kind in RISES or measure.kind is Kind.BINARY
    if measure.kind is Kind.REACH:
        assert measure.start is not None
        assert measure.target is not None
        rises = measure.target > measure.start
    return measure, worse, plus(worse, ahead if rises else ahead.copy_negate())


@given(two_values(*(TRAVELS - {Kind.COMPOSITE}), Kind.BINARY), st.sampled_from(Commitment))
def test_a_better_value_never_makes_a_worse_grade(
    case: tuple[Measure, Decimal, Decimal], commitment: Commitment
) -> None:
    measure, worse, better = case
    pairs = zip(
        graded_at(measure, worse, commitment=commitment), graded_at(measure, better, commitment=commitment), strict=True
    )
    assert all(low <= high for low, high in pairs)


@given(st.sampled_from([Kind.BAND, Kind.GUARDRAIL]).flatmap(measures), values, steps_ahead)
def test_moving_away_from_a_band_never_makes_a_better_grade(measure: Measure, near: Decimal, ahead: Decimal) -> None:
    above = measure.band_high is not None and near > measure.band_high
    below = measure.band_low is not None and near < measure.band_low
    assume(above or below)
    far = plus(near, ahead if above else ahead.copy_negate())
    near_grade, far_grade = (graded_at(measure, one, commitment=Commitment.COMMITTED) for one in (near, far))
    assert all(worse <= better for worse, better in zip(far_grade, near_grade, strict=True))


@given(st.sampled_from(sorted(RISES | FALLS | {Kind.REACH})).flatmap(travelling_measures), values)
def test_a_falling_way_mirrors_a_rising_one(measure: Measure, value: Decimal) -> None:
    mirrored_kinds = {
        Kind.INCREASE: Kind.DECREASE,
        Kind.DECREASE: Kind.INCREASE,
        Kind.AT_LEAST: Kind.AT_MOST,
        Kind.AT_MOST: Kind.AT_LEAST,
        Kind.REACH: Kind.REACH,
    }
    assume(measure.kind in mirrored_kinds)
    mirrored = transformed(measure, Decimal.copy_negate, kind=mirrored_kinds[measure.kind])
    for commitment in Commitment:
        assert graded_at(measure, value, commitment=commitment) == graded_at(
            mirrored, value.copy_negate(), commitment=commitment
        )


def transformed(measure: Measure, change: Callable[[Decimal], Decimal], *, kind: Kind) -> Measure:
    named = ("start", "target", "commit", "stretch", "band_low", "band_high")
    marks = {name: getattr(measure, name) for name in named}
    return replace(measure, kind=kind, **{name: None if mark is None else change(mark) for name, mark in marks.items()})


@given(st.sampled_from(sorted(DIRECT_KINDS - {Kind.BINARY})).flatmap(measures), values, positive)
@example(Measure(Kind.INCREASE, start=Decimal(0), target=Decimal(3)), Decimal(1), Decimal("1e-9"))
def test_the_unit_of_a_value_does_not_matter(measure: Measure, value: Decimal, factor: Decimal) -> None:
    def scale(mark: Decimal) -> Decimal:
        return WIDE.multiply(mark, factor)

    scaled = transformed(measure, scale, kind=measure.kind)
    for commitment in Commitment:
        assert graded_at(measure, value, commitment=commitment) == graded_at(
            scaled, scale(value), commitment=commitment
        )


@given(roll_ups, st.randoms(use_true_random=False))
def test_the_order_of_the_parts_does_not_matter(roll_up: RollUpInputs, chance: random.Random) -> None:
    shuffled = list(roll_up.parts)
    chance.shuffle(shuffled)
    assert the_grade(replace(roll_up, parts=tuple(shuffled))) == the_grade(roll_up)


@given(roll_ups, positive)
def test_only_the_proportion_of_the_weights_matters(roll_up: RollUpInputs, factor: Decimal) -> None:
    scaled = tuple(replace(part, weight=WIDE.multiply(part.weight, factor)) for part in roll_up.parts)
    assert the_grade(replace(roll_up, parts=scaled)) == the_grade(roll_up)


@given(key_results(Kind.COMPOSITE), st.randoms(use_true_random=False), positive)
def test_a_composite_does_not_depend_on_order_or_scale_of_its_weights(
    key_result: KeyResultInputs, chance: random.Random, factor: Decimal
) -> None:
    operands = [replace(one, weight=WIDE.multiply(one.weight, factor)) for one in key_result.reading.operands]
    chance.shuffle(operands)
    shuffled = replace(key_result, reading=replace(key_result.reading, operands=tuple(operands)))
    assert the_grade(shuffled) == the_grade(key_result)


@given(st.lists(parts, min_size=1, max_size=6), weights)
def test_a_part_that_equals_the_mean_changes_no_mean(given_parts: list[Part], weight: Decimal) -> None:
    without = RollUpInputs(NOW, tuple(given_parts))
    mean = the_grade(without)
    assume(mean.grade is not None)
    like_it = replace(
        given_parts[0],
        weight=weight,
        raw=mean.raw,
        progress=mean.progress,
        grade=mean.grade,
        expected=mean.expected,
        confidence=mean.confidence,
        coverage=mean.coverage,
    )
    with_it = the_grade(replace(without, parts=(*given_parts, like_it)))
    assert replace(with_it, freshness=mean.freshness) == mean


@given(st.lists(parts, min_size=1, max_size=6), st.lists(guardrails, max_size=3))
def test_a_guardrail_never_raises_a_grade(given_parts: list[Part], rails: list[Part]) -> None:
    without = the_grade(RollUpInputs(NOW, tuple(given_parts)))
    guarded = the_grade(RollUpInputs(NOW, (*given_parts, *rails)))
    assert (guarded.raw, guarded.progress, guarded.coverage) == (without.raw, without.progress, without.coverage)
    assert (guarded.grade is None) == (without.grade is None)
    if guarded.grade is not None and without.grade is not None:
        is_broken = any(rail.raw == 0 for rail in rails)
        assert guarded.grade == (min(without.grade, STANDARD.guardrail_cap) if is_broken else without.grade)


@given(st.lists(st.tuples(shares, weights), min_size=1, max_size=6))
def test_a_mean_lies_between_its_lowest_and_highest_part(given_parts: list[tuple[Decimal, Decimal]]) -> None:
    made = tuple(
        Part(SubjectKind.KEY_RESULT, str(n), weight=weight, grade=share)
        for n, (share, weight) in enumerate(given_parts)
    )
    result = the_grade(RollUpInputs(NOW, made))
    weighing = [share for share, weight in given_parts if weight]
    if weighing:
        assert result.grade is not None
        assert min(weighing) <= result.grade <= max(weighing)
    else:
        assert result.grade is None
