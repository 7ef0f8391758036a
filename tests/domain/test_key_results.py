"""What a key result's grade says beside its kind: curve, success line, band, pace, freshness, confidence."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from domain_builders import (
    NOW,
    a_composite,
    a_key_result,
    a_measure,
    a_reading,
    a_window,
    number,
    the_grade,
    with_steps,
)

from okr.domain.ruleset import STANDARD, Bounds
from okr.domain.values import (
    Commitment,
    Freshness,
    Grade,
    Level,
    Measure,
    Milestone,
    Operand,
    Reading,
    Status,
)

CLIMB = a_measure("increase", start=0, commit=20, target=100, stretch=130)
FALL = a_measure("decrease", start=100, commit=80, target=50, stretch=20)
NO_COMMIT = a_measure("reach", start=10, target=-10, stretch=-20)


def test_a_key_results_whole_grade() -> None:
    measure = a_measure("decrease", start=40, target=10)
    reading = a_reading(25, confidence="0.6", observed_at=NOW - timedelta(days=15))
    assert the_grade(a_key_result(measure, reading)) == Grade(
        raw=Decimal("0.5"),
        progress=Decimal("0.5"),
        grade=Decimal("0.5"),
        status=Status.ON_TRACK,
        label="Making progress",
        band="amber",
        expected=Decimal("0.333333333333"),
        freshness=Freshness.LATE,
        confidence=Decimal("0.6"),
        coverage=Decimal(1),
        success_line=Decimal(1),
        reasons=(),
        ruleset=STANDARD.ref,
    )


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        (CLIMB, -5, "0"),
        (CLIMB, 0, "0"),
        (CLIMB, 10, "0.15"),
        (CLIMB, 20, "0.3"),
        (CLIMB, 60, "0.5"),
        (CLIMB, 100, "0.7"),
        (CLIMB, 120, "0.9"),
        (CLIMB, 130, "1"),
        (CLIMB, 500, "1"),
        (FALL, 110, "0"),
        (FALL, 100, "0"),
        (FALL, 90, "0.15"),
        (FALL, 65, "0.5"),
        (FALL, 50, "0.7"),
        (FALL, 40, "0.8"),
        (FALL, 20, "1"),
        (FALL, 0, "1"),
        (NO_COMMIT, 0, "0.35"),
        (NO_COMMIT, -10, "0.7"),
        (NO_COMMIT, -15, "0.85"),
        (a_measure("count_ratio", target=10, stretch=15), 5, "0.35"),
        (a_measure("count_ratio", target=10, stretch=15), 12, "0.82"),
        (a_measure("at_least", start=90, target=99, stretch=100), "99.5", "0.85"),
        (a_measure("at_most", start=20, target=10, stretch=0), 15, "0.35"),
    ],
)
@pytest.mark.parametrize("commitment", [Commitment.ASPIRATIONAL, Commitment.LEARNING])
def test_a_stretch_value_bends_the_grade(
    measure: Measure, value: int | str, expected: str, commitment: Commitment
) -> None:
    plain = the_grade(a_key_result(replace(measure, stretch=None), a_reading(value), commitment=commitment))
    bent = the_grade(a_key_result(measure, a_reading(value), commitment=commitment))
    assert bent.grade == number(expected)
    assert (bent.raw, bent.progress) == (plain.raw, plain.progress)


def test_a_composite_is_bent_at_its_formulas_value() -> None:
    measure = a_measure("composite", start=0, target=10, stretch=20, formula=a_composite("sum", "a", "b"))
    reading = a_reading(operands=[Operand("a", Decimal(9)), Operand("b", Decimal(6))])
    assert the_grade(a_key_result(measure, reading, commitment=Commitment.ASPIRATIONAL)).grade == Decimal("0.85")


@pytest.mark.parametrize(
    ("measure", "commitment"),
    [
        (CLIMB, Commitment.COMMITTED),
        (replace(CLIMB, stretch=None), Commitment.ASPIRATIONAL),
    ],
)
def test_without_stretch_or_on_a_commitment_the_grade_is_progress(measure: Measure, commitment: Commitment) -> None:
    assert the_grade(a_key_result(measure, a_reading(60), commitment=commitment)).grade == Decimal("0.6")


def test_a_stretch_value_on_a_kind_without_a_way_changes_nothing() -> None:
    measure = a_measure("at_least", target=10, stretch=20)
    assert the_grade(a_key_result(measure, a_reading(12), commitment=Commitment.ASPIRATIONAL)).grade == 1


@pytest.mark.parametrize(
    ("commitment", "line", "status"),
    [
        (Commitment.COMMITTED, "1", Status.ON_TRACK),
        (Commitment.ASPIRATIONAL, "0.7", Status.ACHIEVED),
        (Commitment.LEARNING, "0.7", Status.ACHIEVED),
    ],
)
def test_the_success_line_depends_on_the_promise(commitment: Commitment, line: str, status: Status) -> None:
    result = the_grade(a_key_result(a_measure("count_ratio", target=10), a_reading(7), commitment=commitment))
    assert (result.success_line, result.status) == (number(line), status)


def test_a_promise_that_a_ruleset_does_not_name_takes_its_default_line() -> None:
    rules = replace(STANDARD, success_lines={}, default_success_line=Decimal("0.2"))
    assert rules.success_line(Commitment.COMMITTED) == rules.success_line(None) == Decimal("0.2")


@pytest.mark.parametrize(
    ("value", "band", "label"),
    [
        (0, "red", "Needs attention"),
        ("2.999999999", "red", "Needs attention"),
        (3, "amber", "Making progress"),
        ("6.999999999", "amber", "Making progress"),
        (7, "green", "Delivered"),
        (10, "green", "Delivered"),
    ],
)
def test_a_band_holds_its_lower_edge(value: int | str, band: str, label: str) -> None:
    result = the_grade(a_key_result(a_measure("count_ratio", target=10), a_reading(value)))
    assert (result.band, result.label) == (band, label)


def test_below_the_lowest_band_and_without_bounds() -> None:
    rules = replace(STANDARD, bounds=dict.fromkeys(Level, Bounds()))
    up = a_measure("increase", start=0, target=10)
    worse = the_grade(a_key_result(up, a_reading(-5)), rules=rules)
    beyond = the_grade(a_key_result(up, a_reading(15)), rules=rules)
    assert (worse.progress, worse.band, worse.label) == (Decimal("-0.5"), None, None)
    assert (beyond.progress, beyond.band) == (Decimal("1.5"), "green")


@pytest.mark.parametrize(
    ("ended", "is_closed", "value", "status"),
    [
        (-5, False, 0, Status.ON_TRACK),
        (50, False, 50, Status.ON_TRACK),
        (50, False, 40, Status.ON_TRACK),
        (50, False, "39.999999999", Status.AT_RISK),
        (50, False, 25, Status.AT_RISK),
        (50, False, "24.999999999", Status.OFF_TRACK),
        (50, False, 100, Status.ACHIEVED),
        (99, False, "99.999999999", Status.ON_TRACK),
        (100, False, "99.999999999", Status.MISSED),
        (100, False, 100, Status.ACHIEVED),
        (130, False, 0, Status.MISSED),
        (50, True, "99.999999999", Status.MISSED),
        (50, True, 100, Status.ACHIEVED),
        (50, True, None, Status.PENDING),
        (100, False, None, Status.PENDING),
    ],
)
def test_status_by_pace_while_open_and_by_the_success_line_at_the_end(
    ended: int, is_closed: bool, value: int | str | None, status: Status
) -> None:
    window = a_window(ended=ended, days=100, is_closed=is_closed)
    result = the_grade(a_key_result(a_measure("count_ratio", target=100), a_reading(value), window=window))
    assert result.status is status


@pytest.mark.parametrize(
    ("ended", "days", "expected"),
    [
        (-3, 10, "0"),
        (0, 10, "0"),
        (1, 10, "0.1"),
        (9, 10, "0.9"),
        (10, 10, "1"),
        (11, 10, "1"),
        (0, 1, "0"),
        (1, 1, "1"),
        (1, 3, "0.333333333333"),
        (-1, 0, "0"),
        (0, 0, "1"),
    ],
)
def test_expected_is_the_share_of_days_that_have_ended(ended: int, days: int, expected: str) -> None:
    window = a_window(ended=ended, days=days)
    assert the_grade(a_key_result(a_measure("binary"), Reading(), window=window)).expected == number(expected)


@pytest.mark.parametrize(
    ("value", "ended", "is_closed", "status"),
    [
        (None, 50, False, Status.PENDING),
        (None, 100, False, Status.PENDING),
        (5, 50, False, Status.ON_TRACK),
        (50, 50, False, Status.OFF_TRACK),
        (5, 100, False, Status.ACHIEVED),
        (50, 100, False, Status.MISSED),
        (50, 50, True, Status.MISSED),
    ],
)
def test_a_guardrail_holds_or_it_does_not(value: int | None, ended: int, is_closed: bool, status: Status) -> None:
    window = a_window(ended=ended, days=100, is_closed=is_closed)
    result = the_grade(a_key_result(a_measure("guardrail", band_high=9), a_reading(value), window=window))
    assert result.status is status


@pytest.mark.parametrize(
    ("age", "period_days", "freshness"),
    [
        (timedelta(0), 7, Freshness.FRESH),
        (timedelta(days=14), 7, Freshness.FRESH),
        (timedelta(days=14, microseconds=1), 7, Freshness.LATE),
        (timedelta(days=14), 1, Freshness.LATE),
        (timedelta(days=-1), 1, Freshness.FRESH),
    ],
)
def test_a_value_is_late_after_two_of_its_periods(age: timedelta, period_days: int, freshness: Freshness) -> None:
    reading = a_reading(3, observed_at=NOW - age)
    inputs = a_key_result(a_measure("count_ratio", target=10), reading, period_days=period_days)
    assert the_grade(inputs).freshness is freshness


def test_milestones_that_nobody_has_touched_are_zero_and_never_observed() -> None:
    measure = a_measure("milestone", milestones=[Milestone("roof")])
    result = the_grade(a_key_result(measure, Reading()))
    assert (result.grade, result.coverage, result.freshness) == (0, 1, Freshness.NEVER)


def test_confidence_is_kept_to_twelve_places_even_without_a_value() -> None:
    result = the_grade(a_key_result(a_measure("binary"), a_reading(confidence="0.1234567890125")))
    assert (result.grade, result.confidence) == (None, Decimal("0.123456789012"))


def test_no_number_carries_a_signed_zero() -> None:
    result = with_steps(a_key_result(a_measure("decrease", start=40, target=10), a_reading(40))).grade
    assert not any(one.is_signed() for one in (result.raw, result.progress, result.grade) if one is not None)


def test_expected_and_freshness_alone_are_no_change() -> None:
    one = the_grade(a_key_result(a_measure("count_ratio", target=10), a_reading(5)))
    assert one.says_the_same_as(replace(one, expected=Decimal(0), freshness=Freshness.LATE))
    assert not one.says_the_same_as(replace(one, grade=Decimal(0)))
    assert not one.says_the_same_as(None)
