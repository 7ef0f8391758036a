"""Start, commit, target and stretch from each other: any two say the others, where marks lie at fixed shares of the way."""

from decimal import Decimal
from typing import NamedTuple

from okr.domain.numbers import ONE, ZERO, add, divide, multiply, places12, subtract


class Marks(NamedTuple):
    """The four marks of a key result, in its own unit; rising, or falling where less is better."""

    start: Decimal | None = None
    commit: Decimal | None = None
    target: Decimal | None = None
    stretch: Decimal | None = None


SHARES = Marks(start=ZERO, commit=Decimal("0.3"), target=Decimal("0.7"), stretch=ONE)
"""Where each mark lies on the way from the start to the stretch value, unless something else is said."""


def completed(marks: Marks, shares: Marks = SHARES) -> Marks:
    """The marks with those that are missing put where their shares say, to 12 places; what is given stays.

    The two outermost marks that are given decide: with target 8.5 and start 5 the stretch value is 10. Marks of which fewer than
    two are given stay as they are, and so do those without a share. Shares that are given differ from each other.
    """
    known = [(share, mark) for share, mark in zip(shares, marks, strict=True) if share is not None and mark is not None]
    if len(known) < 2:
        return marks
    (low_share, low), (high_share, high) = known[0], known[-1]
    if low_share == high_share:
        return marks

    def at(share: Decimal) -> Decimal:
        # Multiplied before it is divided, so that a mark is rounded once.
        travelled = multiply(subtract(share, low_share), subtract(high, low))
        return places12(add(low, divide(travelled, subtract(high_share, low_share))))

    return Marks(
        *(at(share) if mark is None and share is not None else mark for share, mark in zip(shares, marks, strict=True))
    )
