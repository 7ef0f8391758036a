"""Arithmetic: exact sums, one rounding, no look at the ambient context."""

from decimal import ROUND_UP, Context, Decimal, DivisionByZero, Inexact, localcontext

import pytest
from domain_builders import number

from okr.domain.numbers import add, clamp, divide, multiply, places12, subtract, weighted_mean, weighted_sum


@pytest.mark.parametrize(
    ("given", "rounded"),
    [
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.0000000000025", "0.000000000002"),
        ("-0.0000000000015", "-0.000000000002"),
        ("0.00000000000050000001", "0.000000000001"),
        ("123456789012345.1234567890123", "123456789012345.123456789012"),
    ],
)
def test_rounding_is_half_even_at_twelve_places(given: str, rounded: str) -> None:
    assert places12(Decimal(given)) == Decimal(rounded)


@pytest.mark.parametrize("given", ["-0", "-0.0000000000001", "0E+5"])
def test_zero_has_no_sign(given: str) -> None:
    assert str(places12(Decimal(given))) == "0"


def test_sums_are_exact_where_the_sizes_are_far_apart() -> None:
    huge, tiny = Decimal("1e15"), Decimal("1e-59")
    assert add(subtract(add(huge, tiny), huge), multiply(tiny, huge)) == Decimal("1e-44") + tiny


def test_a_weighted_mean() -> None:
    assert weighted_mean([(Decimal(1), Decimal(1)), (Decimal(3), Decimal(5))]) == 4
    assert weighted_mean([(Decimal(0), Decimal(1))]) is None
    assert weighted_mean([]) is None
    assert weighted_sum([(Decimal(2), Decimal(3))]) == (6, 2)


@pytest.mark.parametrize(
    ("floor", "cap", "given", "kept"),
    [
        (0, 1, "-0.1", 0),
        (0, 1, "0.5", "0.5"),
        (0, 1, "1.1", 1),
        (None, 1, "-0.1", "-0.1"),
        (0, None, "1.1", "1.1"),
        (None, None, 7, 7),
    ],
)
def test_clamp(floor: int | None, cap: int | None, given: int | str, kept: int | str) -> None:
    assert clamp(Decimal(given), number(floor), number(cap)) == Decimal(kept)


def test_the_ambient_context_changes_nothing() -> None:
    with localcontext(Context(prec=2, rounding=ROUND_UP, traps=[Inexact])):
        assert str(divide(Decimal(2), Decimal(3))) == "0." + "6" * 49 + "7"
        assert str(add(Decimal("1.2345"), Decimal("0.0001"))) == "1.2346"
        assert str(places12(Decimal("1.23456789012345"))) == "1.234567890123"


def test_nothing_divides_by_zero_quietly() -> None:
    with localcontext(Context(traps=[])), pytest.raises(DivisionByZero):
        divide(Decimal(1), Decimal(0))
