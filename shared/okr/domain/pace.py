"""Where a subject should be by now, and what that makes of where it is."""

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import assert_never

from okr.domain.numbers import ONE, ZERO, add, divide, multiply, places12, subtract
from okr.domain.ruleset import Compare, Expectation, Pace, PaceLevel
from okr.domain.values import Status, Step, Window

Phases = tuple[tuple[Decimal, Decimal], ...]
_DAYS_OF_WEEK = 7
_WORKING_DAYS = 5


@lru_cache(maxsize=4096)
def _days(starts_on: date, due_on: date, ended_on: date, working: bool, grace_days: int) -> tuple[int, int]:
    """(days that have ended, all days), both ends included; all days are at least 1.

    Days of grace shift what is expected, not the end.
    """
    count = working_days if working else _all_days
    total = max(count(starts_on, due_on), 1)
    if ended_on >= due_on:
        return total, total
    return max(count(starts_on, ended_on - timedelta(days=grace_days)), 0), total


def _all_days(first: date, last: date) -> int:
    return (last - first).days + 1


def working_days(first: date, last: date) -> int:
    """Mondays to Fridays from the first day to the last, both included; holidays are nobody's business here."""
    days = (last - first).days + 1
    if days <= 0:
        return 0
    weeks, rest = divmod(days, _DAYS_OF_WEEK)
    begun = sum(1 for day in range(rest) if (first.weekday() + day) % _DAYS_OF_WEEK < _WORKING_DAYS)
    return weeks * _WORKING_DAYS + begun


def is_over(window: Window) -> bool:
    """Whether the last day has ended or a person has closed the subject: what counts now is the success line alone."""
    return window.is_closed or window.ended_on >= window.due_on


def elapsed(window: Window) -> Decimal:
    """The share of the window's days that have ended, 0..1."""
    ended, total = _days(window.starts_on, window.due_on, window.ended_on, False, 0)
    return places12(divide(Decimal(ended), Decimal(total)))


def expected_by(window: Window, pace: Pace) -> Decimal:
    """What the pace expects of progress by the days that have ended, 0..1."""
    ended, total = _window_days(window, pace)
    return _expected_after(ended, total, pace.expectation, pace.phases)


def expected_step(window: Window, pace: Pace) -> Step:
    """How `expected` comes about."""
    ended, total = _window_days(window, pace)
    facts: dict[str, Decimal | str | None] = {
        "days_ended": Decimal(ended),
        "days": Decimal(total),
        "expectation": pace.expectation.value,
    }
    return Step("days", "expected", None, expected_by(window, pace), facts)


def _window_days(window: Window, pace: Pace) -> tuple[int, int]:
    works = pace.expectation is Expectation.WORKING_DAYS
    return _days(window.starts_on, window.due_on, window.ended_on, works, pace.grace_days)


@lru_cache(maxsize=4096)
def _expected_after(ended: int, total: int, expectation: Expectation, phases: Phases) -> Decimal:
    return places12(_expected_at(divide(Decimal(ended), Decimal(total)), expectation, phases))


def _expected_at(share: Decimal, expectation: Expectation, phases: Phases) -> Decimal:
    match expectation:
        case Expectation.LINEAR | Expectation.WORKING_DAYS:
            return share
        case Expectation.FRONT_LOADED:
            left = subtract(ONE, share)
            return subtract(ONE, multiply(left, left))
        case Expectation.BACK_LOADED:
            return multiply(share, share)
        case Expectation.PHASED:
            return _phased(share, phases)
        case _:
            assert_never(expectation)


def _phased(share: Decimal, phases: Phases) -> Decimal:
    """On the line between the phases' ends, from (0, 0) to (1, 1)."""
    points = ((ZERO, ZERO), *phases, (ONE, ONE))
    lines = [(low, high) for low, high in pairwise(points) if low[0] < high[0]]
    (low_share, low), (high_share, high) = next(line for line in lines if share <= line[1][0])
    way = multiply(subtract(share, low_share), subtract(high, low))
    return add(low, divide(way, subtract(high_share, low_share)))


def standing(
    grade: Decimal | None,
    success_line: Decimal,
    *,
    progress: Decimal | None,
    expected: Decimal | None,
    is_over: bool,
    pace: Pace,
    trace: list[Step] | None,
) -> tuple[Status, str | None]:
    """The status, and the rules' own word for it.

    A subject with a grade but no progress of its own (a person's word) is paced by its grade.
    """
    if grade is None:
        return _worded(Status.PENDING, pace)
    if grade >= success_line:
        return _worded(Status.ACHIEVED, pace)
    if is_over:
        return _worded(Status.MISSED, pace)
    so_far = grade if progress is None else progress
    due = ZERO if expected is None else expected
    ahead = _ahead(so_far, due, pace)
    level = next(level for level in pace.levels if level.holds(ahead))
    if trace is not None:
        trace.append(_step(so_far, due, ahead=ahead, level=level, pace=pace))
    return level.status, level.label


def _worded(status: Status, pace: Pace) -> tuple[Status, str | None]:
    return status, pace.words.get(status)


def _ahead(so_far: Decimal, due: Decimal, pace: Pace) -> Decimal:
    """What the levels' edges are compared with. While nothing is expected, nobody is behind: the ratio is 1 at least."""
    match pace.compare:
        case Compare.DIFFERENCE:
            return subtract(so_far, due)
        case Compare.RATIO:
            return places12(divide(so_far, due)) if due else max(so_far, ONE)
        case Compare.ABSOLUTE:
            return so_far
        case compare:
            assert_never(compare)


def _edge(since: Decimal) -> str:
    return f"{places12(since):f}".rstrip("0").rstrip(".").replace("-", "−") or "0"


def _step(so_far: Decimal, due: Decimal, *, ahead: Decimal, level: PaceLevel, pace: Pace) -> Step:
    edges = [
        f"{one.label} {'above' if one.is_above else 'from'} {_edge(one.since)}"
        for one in pace.levels
        if one.since is not None
    ]
    facts: dict[str, Decimal | str | None] = {
        "progress": so_far,
        "expected": due,
        "compare": pace.compare.value,
        "levels": ", ".join(edges),
        "status": level.status.value,
        "label": level.label,
    }
    return Step("pace", "ahead", so_far, ahead, facts)
