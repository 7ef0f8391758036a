"""Each step of a grade as a sentence that a person can redo."""

from dataclasses import replace
from decimal import Decimal

import pytest
from domain_builders import (
    a_composite,
    a_guardrail,
    a_key_result,
    a_measure,
    a_part,
    a_reading,
    a_roll_up,
    a_window,
    with_steps,
)
from domain_strategies import inputs
from hypothesis import given

from okr.domain.explain import sentence
from okr.domain.ruleset import STANDARD, Bounds
from okr.domain.values import Commitment, Inputs, KeyResultInputs, Level, Measure, Milestone, Operand, Reading, Zone

HALF_TIME = a_window(ended=45)
PAIR = (Operand("a", Decimal(3), Decimal(1)), Operand("b", Decimal(-5), Decimal(3)))


def sentences(inputs: Inputs) -> list[str]:
    return [sentence(step) for step in with_steps(inputs).steps]


def test_a_key_result_in_words() -> None:
    inputs = a_key_result(a_measure("decrease", start=40, target=10), a_reading(25), window=HALF_TIME)
    assert sentences(inputs) == [
        "(25 − 40) ÷ (10 − 40) = 0.5",
        "0.5, no lower than 0, no higher than 1: 0.5",
        "grade is progress: 0.5",
        "45 of 90 days have ended: 0.5",
        "0.5 − 0.5 = 0: on_track (On track from −0.1, At risk from −0.25)",
    ]


def test_a_roll_up_in_words() -> None:
    inputs = a_roll_up(
        a_part("a", grade=1, weight=3, confidence=1), a_part("b", grade="0.5", weight=1), a_guardrail("g", inside=False)
    )
    assert sentences(replace(inputs, window=HALF_TIME)) == [
        "(1 × 3 + 0.5 × 1) ÷ (3 + 1) = 0.875",
        "(1 × 3 + 0.5 × 1) ÷ (3 + 1) = 0.875",
        "(1 × 3 + 0.5 × 1) ÷ (3 + 1) = 0.875",
        "(1 × 3) ÷ (3) = 1",
        "(1 × 3 + 1 × 1) ÷ (3 + 1) = 1",
        "45 of 90 days have ended: 0.5",
        "guardrail broken (g), at most 0.3: 0.3",
        "0.875 − 0.5 = 0.375: on_track (On track from −0.1, At risk from −0.25)",
    ]


def test_a_mean_over_many_is_told_by_its_sums() -> None:
    steps = with_steps(a_roll_up(*(a_part(str(n), grade="0.5", weight=2) for n in range(7)))).steps
    assert sentence(steps[2]) == "7 ÷ 14 over 7 = 0.5"


@pytest.mark.parametrize(
    ("measure", "reading", "words"),
    [
        (a_measure("reach", start=-10, target=10), a_reading(-5), "((−5) − (−10)) ÷ (10 − (−10)) = 0.25"),
        (a_measure("count_ratio", target=3), a_reading(1), "(1 − 0) ÷ (3 − 0) = 0.333333333333"),
        (a_measure("at_least", target=99), a_reading("99.5"), "99.5 ≥ 99 is kept: 1"),
        (a_measure("at_least", target=99), a_reading(98), "98 ≥ 99 is not kept: 0"),
        (a_measure("at_most", target=5), a_reading(5), "5 ≤ 5 is kept: 1"),
        (a_measure("band", band_low=20, band_high=30), a_reading(25), "25 lies within 20 … 30: 1"),
        (a_measure("band", band_low=20, band_high=30), a_reading(18), "18 lies 2 outside: 1 − 2 ÷ (30 − 20) = 0.8"),
        (a_measure("guardrail", band_low=4), a_reading(3), "3 lies outside the guardrail from 4: 0"),
        (
            a_measure("guardrail", band_low=-4, band_high=9),
            a_reading(9),
            "9 lies inside the guardrail from −4 to 9: 1",
        ),
        (a_measure("binary"), a_reading(1), "1 is a yes: 1"),
        (a_measure("binary"), a_reading(0), "0 is not a yes: 0"),
        (
            a_measure("milestone", milestones=[Milestone("roof"), Milestone("walls", Decimal(3))]),
            a_reading(done=["walls"]),
            "done: walls; 3 ÷ 4 = 0.75",
        ),
        (a_measure("milestone", milestones=[Milestone("roof")]), Reading(), "done: none; 0 ÷ 1 = 0"),
        (a_measure("ordinal", zones=[Zone("green", Decimal("0.9"))]), a_reading(zone="green"), "zone green counts 0.9"),
    ],
)
def test_the_first_step_of_each_kind_in_words(measure: Measure, reading: Reading, words: str) -> None:
    assert sentences(a_key_result(measure, reading))[0] == words


@pytest.mark.parametrize(
    ("op", "words"),
    [
        ("sum", "3 + (−5) = −2"),
        ("mean", "(3 × 1 + (−5) × 3) ÷ (1 + 3) = −3"),
        ("min", "min of 3, −5 = −5"),
        ("max", "max of 3, −5 = 3"),
    ],
)
def test_a_formula_in_words(op: str, words: str) -> None:
    measure = a_measure("composite", start=0, target=10, formula=a_composite(op, "a", "b"))
    assert sentences(a_key_result(measure, a_reading(operands=PAIR)))[0] == words


def test_a_composites_mean_over_many_is_written_out() -> None:
    measure = a_measure("composite", start=0, target=10, formula=a_composite("mean"))
    operands = [Operand(str(n), Decimal(2)) for n in range(7)]
    words = sentences(a_key_result(measure, a_reading(operands=operands)))[0]
    assert words == f"({' + '.join(['2 × 1'] * 7)}) ÷ ({' + '.join(['1'] * 7)}) = 2"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (120, "0.7 + (120 − 100) × (1 − 0.7) ÷ (130 − 100) = 0.9"),
        (150, "150 is at or beyond 130, the curve's end: 1"),
        (-1, "(−1) is at or beyond 0, the curve's end: 0"),
    ],
)
def test_a_curve_in_words(value: int, words: str) -> None:
    measure = a_measure("increase", start=0, target=100, stretch=130)
    inputs = a_key_result(measure, a_reading(value), commitment=Commitment.ASPIRATIONAL)
    assert sentences(inputs)[2] == words


@pytest.mark.parametrize(("ended", "words"), [(0, "0 of 1 days have ended: 0"), (3, "1 of 1 days have ended: 1")])
def test_a_single_day_in_words(ended: int, words: str) -> None:
    inputs = a_key_result(a_measure("binary"), Reading(), window=a_window(ended=ended, days=1))
    assert sentences(inputs) == [words]


def test_progress_without_bounds_in_words() -> None:
    rules = replace(STANDARD, bounds=dict.fromkeys(Level, Bounds()))
    steps = with_steps(a_key_result(a_measure("increase", start=0, target=10), a_reading(-5)), rules=rules).steps
    assert sentence(steps[1]) == "(−0.5), unbounded: −0.5"


@given(inputs)
def test_every_step_has_its_sentence(given_inputs: KeyResultInputs) -> None:
    for step in with_steps(given_inputs).steps:
        words = sentence(step)
        assert words
        assert "E" not in words
        assert "None" not in words
