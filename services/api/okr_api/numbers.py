"""Numbers at the door: JSON numbers only, within bounds, rounded once."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

LARGEST = Decimal(10) ** 15
DIGITS = 15
PLACES = 9

_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)


def rounded(number: Decimal) -> Decimal:
    """Half-even to 15 significant digits and 9 places, in one step, so that nothing is rounded twice.

    Zero has no sign: -0.0 and -1e-12 are 0.
    """
    if not number:
        return Decimal(0)
    exponent = max(number.adjusted() - DIGITS + 1, -PLACES)
    if int(number.as_tuple().exponent) >= exponent:
        return number
    return number.quantize(Decimal((0, (1,), exponent)), context=_EXACT) or Decimal(0)


def from_json(value: object) -> Decimal:
    """The number that JSON wrote, rounded. Raises ValueError for anything but a finite number within ±1e15."""
    # A boolean is an int to Python, not to JSON.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a JSON number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    # copy_abs, unlike abs, does not round and so never overflows.
    if not number.is_finite() or number.copy_abs() > LARGEST:
        raise ValueError("must lie between -1e15 and 1e15")
    return rounded(number)
