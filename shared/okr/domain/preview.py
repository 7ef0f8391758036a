"""Two sets of grades side by side, before and after: who moves, which way, how far, and what becomes of the words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nsmallest
from typing import NamedTuple
from uuid import UUID

from okr.domain.distribution import Distribution, distribution
from okr.domain.numbers import ZERO, places12, subtract


class Told(NamedTuple):
    """What people see of a grade."""

    grade: Decimal | None
    status: str
    label: str | None


class Change(NamedTuple):
    """One subject before and after; it need not have changed."""

    id: UUID
    team_id: UUID | None
    before: Told
    after: Told

    @property
    def difference(self) -> Decimal | None:
        """By how much the grade rises; None where one of the two is missing."""
        if self.before.grade is None or self.after.grade is None:
            return None
        return places12(subtract(self.after.grade, self.before.grade))

    @property
    def size(self) -> Decimal:
        """How far the grade moves, a missing one counted as 0."""
        # copy_abs, unlike abs, rounds nothing.
        return subtract(self.after.grade or ZERO, self.before.grade or ZERO).copy_abs()

    @property
    def moves(self) -> bool:
        """Whether the grade is another one, or there was none, or will be none."""
        return self.before.grade != self.after.grade


@dataclass(frozen=True, slots=True)
class Comparison:
    """What all the changes come to. `up` and `down` have a grade on both sides, `gained` only after, `lost` only before.

    `statuses` and `labels` count (before, after), equal ones too.
    """

    up: int
    down: int
    gained: int
    lost: int
    before: Distribution
    after: Distribution
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)

    @property
    def moved(self) -> int:
        """How many grades differ."""
        return self.up + self.down + self.gained + self.lost


def compared(changes: Sequence[Change]) -> Comparison:
    """What the changes come to."""
    directions = Counter(_direction(change) for change in changes if change.moves)
    return Comparison(
        up=directions["up"],
        down=directions["down"],
        gained=directions["gained"],
        lost=directions["lost"],
        before=distribution(change.before.grade for change in changes),
        after=distribution(change.after.grade for change in changes),
        statuses=Counter((change.before.status, change.after.status) for change in changes),
        labels=Counter((change.before.label, change.after.label) for change in changes),
    )


def largest(changes: Iterable[Change], count: int) -> list[Change]:
    """The changes that move farthest, those first; of equal ones the older subject first."""
    moving = (change for change in changes if change.moves)
    return nsmallest(count, moving, key=lambda change: (change.size.copy_negate(), change.id))


def _direction(change: Change) -> str:
    if change.before.grade is None:
        return "gained"
    if change.after.grade is None:
        return "lost"
    return "up" if change.after.grade > change.before.grade else "down"
