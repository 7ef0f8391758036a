"""How the grades of a group are spread, and how a group lies beside the whole: plain facts, no ranking and no curve to meet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from okr.domain.numbers import ONE, ZERO, add, divide, multiply, places12, square_root, subtract

HIGH_FROM = Decimal("0.95")
"""Grades from here on are counted as high: where nearly all are, goals were easy, or graded kindly."""
SMALL_BELOW = 5
"""With fewer grades than this a group is small: a single one moves all its figures."""
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Distribution:
    """The grades of a group. Each counts alike, whatever its weight; `count` has those without a grade too.

    spread is the standard deviation of the whole group, quartiles and median lie between the two nearest grades where no grade
    is in the middle. high_share is the share of grades at HIGH_FROM or more. `tenths` counts the grades from 0 to 1: each
    tenth has its lower edge, the last one also 1; `below` and `above` are beyond. Without a grade there are no figures.
    """

    count: int
    graded: int
    mean: Decimal | None = None
    median: Decimal | None = None
    lower_quartile: Decimal | None = None
    upper_quartile: Decimal | None = None
    spread: Decimal | None = None
    high_share: Decimal | None = None
    tenths: tuple[int, ...] = (0,) * TENTHS
    below: int = 0
    above: int = 0

    @property
    def coverage(self) -> Decimal | None:
        """The share of the group that has a grade; None for nobody."""
        return _share(self.graded, self.count)

    @property
    def is_small(self) -> bool:
        """Whether there are too few grades to read much into the figures."""
        return self.graded < SMALL_BELOW


@dataclass(frozen=True, slots=True)
class Drift:
    """What a group's figures are above (positive) or below those of the whole; None where one of the two has none."""

    mean: Decimal | None
    high_share: Decimal | None
    spread: Decimal | None


def distribution(grades: Iterable[Decimal | None]) -> Distribution:
    """How these grades are spread; None is something without a grade."""
    everything = list(grades)
    ordered = sorted(grade for grade in everything if grade is not None)
    if not ordered:
        return Distribution(len(everything), 0)
    tenths, below, above = _histogram(ordered)
    mean, spread = _moments(ordered)
    return Distribution(
        count=len(everything),
        graded=len(ordered),
        mean=mean,
        median=_quantile(ordered, quarters=2),
        lower_quartile=_quantile(ordered, quarters=1),
        upper_quartile=_quantile(ordered, quarters=3),
        spread=spread,
        high_share=_share(sum(grade >= HIGH_FROM for grade in ordered), len(ordered)),
        tenths=tenths,
        below=below,
        above=above,
    )


def drift(group: Distribution, whole: Distribution) -> Drift:
    """How the group lies beside the whole that it is a part of."""
    return Drift(
        mean=_difference(group.mean, whole.mean),
        high_share=_difference(group.high_share, whole.high_share),
        spread=_difference(group.spread, whole.spread),
    )


def by_team(
    grades: Iterable[tuple[UUID | None, Decimal | None]], parents: Mapping[UUID, UUID | None]
) -> dict[UUID | None, list[Decimal | None]]:
    """The grades of each team that has any: (team, grade) of its own, and of the teams below it. None is nobody's team.

    `parents` leads from each team to the one above it.
    """
    groups: dict[UUID | None, list[Decimal | None]] = defaultdict(list)
    lines: dict[UUID | None, list[UUID | None]] = {None: [None]}
    for team_id, grade in grades:
        if team_id not in lines:
            lines[team_id] = list(_line_up(team_id, parents))
        for above in lines[team_id]:
            groups[above].append(grade)
    return dict(groups)


def _line_up(team_id: UUID | None, parents: Mapping[UUID, UUID | None]) -> Iterable[UUID | None]:
    """The team, and those above it up to the top."""
    seen: set[UUID] = set()
    while team_id is not None and team_id not in seen:
        yield team_id
        seen.add(team_id)
        team_id = parents.get(team_id)


def _moments(grades: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """The mean and the standard deviation."""
    total = squares = ZERO
    for grade in grades:
        total = add(total, grade)
        squares = add(squares, multiply(grade, grade))
    count = Decimal(len(grades))
    # Exact up to here: of nearly equal grades a difference of rounded squares would be noise.
    spread_squared = subtract(multiply(count, squares), multiply(total, total))
    return places12(divide(total, count)), places12(divide(square_root(spread_squared), count))


def _quantile(ordered: Sequence[Decimal], *, quarters: int) -> Decimal:
    """The grade that so many quarters of the way from the lowest to the highest lies at, on the line between two."""
    index, fraction = divmod((len(ordered) - 1) * quarters, 4)
    if not fraction:
        return places12(ordered[index])
    step = multiply(subtract(ordered[index + 1], ordered[index]), divide(Decimal(fraction), Decimal(4)))
    return places12(add(ordered[index], step))


def _histogram(grades: Iterable[Decimal]) -> tuple[tuple[int, ...], int, int]:
    """(grades in each tenth, grades below 0, grades above 1)."""
    tenths = [0] * TENTHS
    below = above = 0
    for grade in grades:
        if grade < ZERO:
            below += 1
        elif grade > ONE:
            above += 1
        else:
            tenths[min(int(multiply(grade, Decimal(TENTHS))), TENTHS - 1)] += 1
    return tuple(tenths), below, above


def _share(part: int, whole: int) -> Decimal | None:
    return places12(divide(Decimal(part), Decimal(whole))) if whole else None


def _difference(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else places12(subtract(one, other))
