"""Objectives, teams, cycles and the organization from their parts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from domain_builders import a_guardrail, a_part, a_roll_up, a_window, number, the_grade, with_steps

from okr.domain.ruleset import STANDARD
from okr.domain.values import Commitment, Freshness, Grade, Part, Status, SubjectKind


def test_an_objectives_whole_grade() -> None:
    inputs = a_roll_up(
        a_part("a", weight=3, raw="1.2", progress=1, grade=1, confidence="0.8"),
        a_part("b", weight=1, raw="0.5", progress="0.5", grade="0.35", freshness=Freshness.LATE),
        a_part("c", weight=4, coverage=0, freshness=Freshness.NEVER),
        a_guardrail(inside=True),
        window=a_window(ended=45),
    )
    assert the_grade(inputs) == Grade(
        raw=Decimal("1.025"),
        progress=Decimal("0.875"),
        grade=Decimal("0.8375"),
        status=Status.ON_TRACK,
        label="Delivered",
        band="green",
        expected=Decimal("0.5"),
        freshness=Freshness.LATE,
        confidence=Decimal("0.8"),
        coverage=Decimal("0.5"),
        success_line=Decimal(1),
        reasons=(),
        ruleset=STANDARD.ref,
    )


def test_numbers_are_rounded_to_twelve_places() -> None:
    result = the_grade(a_roll_up(a_part("a", grade=1), a_part("b", grade=0), a_part("c", grade=0)))
    assert str(result.grade) == "0.333333333333"


@pytest.mark.parametrize(
    ("parts", "grade", "coverage", "reasons"),
    [
        ((), None, "0", ("no_key_results",)),
        ((a_guardrail(inside=True),), None, "0", ("no_key_results",)),
        ((a_part(grade=None, coverage=0),), None, "0", ("no_values",)),
        ((a_part(grade=None, coverage=0, weight=0),), None, "0", ("no_values",)),
        ((a_part(grade="0.5", weight=0),), None, "0", ("zero_weight",)),
        ((a_part(grade="0.5", weight=0), a_part("b", weight=2, coverage=0)), None, "0", ("zero_weight",)),
        ((a_part(grade="0.5"), a_part("b", weight=3, coverage=0)), "0.5", "0.25", ()),
        ((a_part(grade="0.5", coverage="0.5"), a_part("b", grade="0.5")), "0.5", "0.75", ()),
        ((a_part(grade="0.9", weight=0), a_part("b", grade="0.5")), "0.5", "1", ()),
        ((a_part(grade="0.9"), a_guardrail(inside=True)), "0.9", "1", ()),
        ((a_part(grade="0.9"), a_guardrail(inside=False)), "0.3", "1", ("guardrail_breached",)),
        ((a_part(grade="0.2"), a_guardrail(inside=False)), "0.2", "1", ("guardrail_breached",)),
        ((a_part(grade="0.9"), a_guardrail(inside=None)), "0.9", "1", ("guardrail_unmeasured",)),
        (
            (a_part(grade="0.9"), a_guardrail("g", inside=None), a_guardrail("h", inside=False)),
            "0.3",
            "1",
            ("guardrail_breached", "guardrail_unmeasured"),
        ),
        ((a_part(coverage=0), a_guardrail(inside=False)), None, "0", ("no_values", "guardrail_breached")),
    ],
)
def test_missing_is_not_zero_and_guardrails_only_cap(
    parts: tuple[Part, ...], grade: str | None, coverage: str, reasons: tuple[str, ...]
) -> None:
    result = the_grade(a_roll_up(*parts, window=a_window()))
    assert (result.grade, result.coverage, result.reasons) == (number(grade), number(coverage), reasons)
    assert (result.status is Status.PENDING, result.band is None, result.label is None) == (grade is None,) * 3


def test_a_broken_guardrail_leaves_progress_and_the_pace_by_progress() -> None:
    result = the_grade(a_roll_up(a_part(grade="0.9"), a_guardrail(inside=False), window=a_window()))
    assert (result.raw, result.progress, result.grade) == (Decimal("0.9"), Decimal("0.9"), Decimal("0.3"))
    assert (result.status, result.band) == (Status.ON_TRACK, "amber")


def test_above_objectives_the_reason_and_the_line_are_others() -> None:
    result = the_grade(a_roll_up(commitment=None))
    assert (result.reasons, result.success_line) == (("no_objectives",), Decimal("0.7"))


@pytest.mark.parametrize(
    ("parts", "freshness"),
    [
        ((), Freshness.NEVER),
        ((a_part(freshness=Freshness.NEVER),), Freshness.NEVER),
        ((a_part(freshness=Freshness.LATE),), Freshness.NEVER),
        ((a_part(grade=1),), Freshness.FRESH),
        ((a_part(grade=1), a_part("b", freshness=Freshness.NEVER)), Freshness.LATE),
        ((a_part(grade=1), a_part("b", grade=1, freshness=Freshness.LATE)), Freshness.LATE),
        ((a_part(grade=1), a_part("b", grade=1, weight=0, freshness=Freshness.LATE)), Freshness.FRESH),
        ((a_part(grade=1), a_guardrail(inside=True, freshness=Freshness.LATE)), Freshness.LATE),
        ((a_part(grade=1), a_guardrail(inside=None, freshness=Freshness.NEVER)), Freshness.LATE),
        ((a_guardrail(inside=True),), Freshness.NEVER),
    ],
)
def test_a_roll_up_is_as_fresh_as_what_it_rests_on(parts: tuple[Part, ...], freshness: Freshness) -> None:
    assert the_grade(a_roll_up(*parts, window=a_window())).freshness is freshness


def an_objective_part(id: str, *, grade: str | None, expected: str, weight: int = 1) -> Part:
    return replace(a_part(id, grade=grade, expected=expected, weight=weight), kind=SubjectKind.OBJECTIVE)


@pytest.mark.parametrize(
    ("parts", "expected", "status"),
    [
        ((an_objective_part("a", grade="0.5", expected="0.5"),), "0.5", Status.ON_TRACK),
        (
            (
                an_objective_part("a", grade="0.1", expected="1"),
                an_objective_part("b", grade="0.5", expected="0.2", weight=3),
                an_objective_part("c", grade=None, expected="1", weight=9),
            ),
            "0.4",
            Status.ON_TRACK,
        ),
        ((an_objective_part("a", grade="0.1", expected="1"),), "1", Status.OFF_TRACK),
        ((an_objective_part("a", grade="0.7", expected="1"),), "1", Status.ACHIEVED),
        ((an_objective_part("a", grade=None, expected="1"),), None, Status.PENDING),
        ((a_part("a", grade="0.5"),), None, Status.ON_TRACK),
    ],
)
def test_without_days_of_its_own_the_pace_is_the_mean_of_the_parts(
    parts: tuple[Part, ...], expected: str | None, status: Status
) -> None:
    result = the_grade(a_roll_up(*parts, commitment=None))
    assert (result.expected, result.status) == (number(expected), status)


def test_a_closed_objective_short_of_its_line_has_missed() -> None:
    result = the_grade(a_roll_up(a_part(grade="0.99"), window=a_window(ended=1, is_closed=True)))
    assert result.status is Status.MISSED


def test_a_grade_without_progress_is_paced_by_the_grade() -> None:
    part = a_part(grade="0.5", raw=None, progress=None)
    result = with_steps(a_roll_up(part, commitment=Commitment.ASPIRATIONAL, window=a_window(ended=45))).grade
    assert (result.raw, result.progress, result.grade) == (None, None, Decimal("0.5"))
    assert result.status is Status.ON_TRACK
