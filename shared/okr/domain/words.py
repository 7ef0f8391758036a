"""People's words on a grade over time: which one stands at an instant, and whether something was measured since it was said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from okr.domain.values import Grade, Override


@dataclass(frozen=True, slots=True)
class Word:
    """A person's word on a grade: it stands from `made_at` on, until `ended_at`."""

    id: str
    grade: Decimal
    made_at: datetime
    ended_at: datetime | None = None

    def stands_at(self, instant: datetime) -> bool:
        """Whether it is in force at the instant."""
        return self.made_at <= instant and (self.ended_at is None or instant < self.ended_at)

    def as_override(self, *, has_newer_evidence: bool) -> Override:
        """The word as an input of a grade."""
        return Override(self.id, self.grade, self.made_at, has_newer_evidence)


@dataclass(frozen=True, slots=True)
class Words:
    """All that was ever said of one subject's grade; at most one word stands at a time.

    `raws_then` is what children had measured when a word was said, by (child's id, instant): for instants before those that
    their timelines were read from.
    """

    said: tuple[Word, ...] = ()
    raws_then: Mapping[tuple[str, datetime], Decimal | None] = field(default_factory=dict)

    def standing_at(self, instant: datetime) -> Word | None:
        """The word in force at the instant."""
        return next((word for word in self.said if word.stands_at(instant)), None)

    def moments(self) -> set[datetime]:
        """The instants at which a word begins or ceases to stand."""
        both = {moment for word in self.said for moment in (word.made_at, word.ended_at)}
        return {moment for moment in both if moment is not None}

    def has_moved(
        self, child_id: str, grade_at: Callable[[datetime], Grade | None], *, since: Word, at: datetime
    ) -> bool:
        """Whether a child measures something else at the instant than when the word was said. A word on the child is no measure."""
        then = child_id, since.made_at
        before = self.raws_then[then] if then in self.raws_then else _raw(grade_at(since.made_at))
        return _raw(grade_at(at)) != before


NO_WORDS = Words()


def _raw(grade: Grade | None) -> Decimal | None:
    return grade.raw if grade else None
