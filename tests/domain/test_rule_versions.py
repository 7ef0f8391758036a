"""The life of versions: in whatever order they are activated, planned and retired, a plain list of days says the same."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from okr.domain.rule_versions import Term, VersionState, begin_term, end_term, state_at

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 30


def day(number: int | None) -> datetime | None:
    return None if number is None else DAY_0 + timedelta(days=number)


@pytest.mark.parametrize(
    ("since", "until", "state"),
    [
        (None, None, VersionState.DRAFT),
        (6, None, VersionState.SCHEDULED),
        (6, 9, VersionState.SCHEDULED),
        (5, None, VersionState.ACTIVE),
        (3, 6, VersionState.ACTIVE),
        (3, 5, VersionState.RETIRED),
        (6, 6, VersionState.RETIRED),
    ],
)
def test_the_state_follows_from_term_and_clock(since: int | None, until: int | None, state: VersionState) -> None:
    now = day(5)
    assert now is not None
    assert state_at(now, since=day(since), until=day(until)) is state


class Life(RuleBasedStateMachine):
    """Versions of one scope. `holds` is the oracle: for each day the version that is in force on it, as known today."""

    def __init__(self) -> None:
        super().__init__()
        self.today = 0
        self.terms: dict[UUID, Term] = {}
        self.holds: list[UUID | None] = [None] * DAYS

    def at(self, number: int) -> datetime:
        """The start of the day."""
        return DAY_0 + timedelta(days=number)

    def ends_before(self, first: int) -> int:
        """The first day after `first` on which another version begins."""
        begins = (d for d in range(first + 1, DAYS) if self.holds[d] is not None and self.holds[d] != self.holds[d - 1])
        return next(begins, DAYS)

    @rule(ahead=st.integers(0, 6))
    @precondition(lambda self: self.today < DAYS - 8)
    def activate(self, ahead: int) -> None:
        """A new version, from today or a later day on."""
        id, first = UUID(int=len(self.terms) + 1), self.today + ahead
        term, former = begin_term(self.terms.values(), id, at=self.at(first))
        self.terms[id] = term
        if former is not None:
            self.terms[former.id] = former
        last = self.ends_before(first)
        self.holds[first:last] = [id] * (last - first)

    @rule(choice=st.data())
    @precondition(lambda self: any(self.can_end(id) for id in self.terms))
    def retire(self, choice: st.DataObject) -> None:
        """End a version that is in force or planned."""
        id = choice.draw(st.sampled_from([id for id in self.terms if self.can_end(id)]))
        first = self.holds.index(id)
        ended, goes_on = end_term(self.terms.values(), id, now=self.at(self.today))
        self.terms[id] = ended
        if goes_on is not None:
            self.terms[goes_on.id] = goes_on
        # Of the past nothing changes; what was planned leaves its days to what held before.
        instead = self.holds[first - 1] if first > self.today else None
        self.holds = [
            instead if held == id and number >= self.today else held for number, held in enumerate(self.holds)
        ]

    def can_end(self, id: UUID) -> bool:
        """Whether the version holds today or on a later day."""
        return id in self.holds[self.today :]

    @rule(days=st.integers(1, 4))
    def pass_days(self, days: int) -> None:
        """Time goes on."""
        self.today = min(self.today + days, DAYS - 1)

    @invariant()
    def the_list_of_days_says_the_same(self) -> None:
        """At most one version holds on each day, and it is the one in the list."""
        for number, held in enumerate(self.holds):
            assert [term.id for term in self.terms.values() if term.holds_at(self.at(number))] == (
                [] if held is None else [held]
            ), f"day {number}"

    @invariant()
    def states_follow(self) -> None:
        """Active is what holds today, scheduled what holds later only; the rest is retired."""
        now = self.at(self.today)
        for id, term in self.terms.items():
            later = id in self.holds[self.today :]
            expected = VersionState.SCHEDULED if later else VersionState.RETIRED
            if self.holds[self.today] == id:
                expected = VersionState.ACTIVE
            assert state_at(now, since=term.since, until=term.until) is expected


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
