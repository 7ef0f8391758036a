"""Decimal arithmetic that never looks at the caller's decimal context.

Sums, differences and products are exact; a division or a root keeps 50 digits; a pipeline number (raw, progress, grade, expected,
confidence, coverage) is then rounded half-even to 12 places. So the result of a formula depends on nothing but the numbers
in it: not on the order of a sum, and not on the unit they are given in.

Decimal's own operators (`+`, `-x`, `abs`, `sum`) read the ambient context and are not used in the domain; comparisons do
not read it and are.
"""

from collections.abc import Iterable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum


class Rounding(StrEnum):
    """How a number that lies between two is rounded; half_up and half_down move away from zero and towards it."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    DOWN = "down"
    UP = "up"


_MODES = {
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_DOWN: ROUND_HALF_DOWN,
    Rounding.DOWN: ROUND_FLOOR,
    Rounding.UP: ROUND_CEILING,
}

PLACES = 12
ZERO = Decimal(0)
ONE = Decimal(1)

_QUANTUM = Decimal(1).scaleb(-PLACES, Context(prec=PLACES + 1))

# Values have at most 15 digits and quotients 50, so a product has far fewer than 300: a trapped Inexact is a bug, not data.
_EXACT = Context(prec=300, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
_ROUNDED = Context(prec=50, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])

add = _EXACT.add
subtract = _EXACT.subtract
multiply = _EXACT.multiply
divide = _ROUNDED.divide
square_root = _ROUNDED.sqrt

_quantize = _ROUNDED.quantize


def places12(number: Decimal) -> Decimal:
    """Rounded half-even to 12 places, zero without a sign.

    Raises decimal.InvalidOperation at 1e38 and above, which no value within the service's bounds can reach.
    """
    return _quantize(number, _QUANTUM) or ZERO


def rounded(number: Decimal, places: int, mode: Rounding) -> Decimal:
    """The number to so many places, 0 to 12; `down` is towards minus infinity, `up` towards plus infinity."""
    return number.quantize(Decimal(1).scaleb(-places, _EXACT), rounding=_MODES[mode], context=_ROUNDED) or ZERO


def weighted_mean(pairs: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Σ weight × number ÷ Σ weight over (weight, number), unrounded; None when the weights add up to zero."""
    weighted, total = weighted_sum(pairs)
    return divide(weighted, total) if total else None


def weighted_sum(pairs: Iterable[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    """(Σ weight × number, Σ weight) over (weight, number), exact."""
    weighted = total = ZERO
    for weight, number in pairs:
        weighted = add(weighted, multiply(weight, number))
        total = add(total, weight)
    return weighted, total


def clamp(number: Decimal, floor: Decimal | None, cap: Decimal | None) -> Decimal:
    """The number, or the edge that it lies beyond; an edge of None is no edge."""
    if floor is not None and number < floor:
        return floor
    if cap is not None and number > cap:
        return cap
    return number
