"""Where a subject should be by now, and what that makes of where it is."""

from decimal import Decimal

from okr.domain.numbers import ZERO, divide, places12, subtract
from okr.domain.ruleset import Pace
from okr.domain.values import Status, Step, Window


def _days(window: Window) -> tuple[int, int]:
    """(days that have ended, all days) of the window, both ends included; all days are at least 1."""
    total = max((window.due_on - window.starts_on).days + 1, 1)
    ended = (window.ended_on - window.starts_on).days + 1
    if window.ended_on >= window.due_on:
        return total, total
    return max(ended, 0), total


def is_over(window: Window) -> bool:
    """Whether the last day has ended or a person has closed the subject: what counts now is the success line alone."""
    return window.is_closed or window.ended_on >= window.due_on


def expected_step(window: Window) -> tuple[Decimal, Step]:
    """`expected` and how it came about: the share of the window's days that have ended, 0..1."""
    ended, total = _days(window)
    ended_days, total_days = Decimal(ended), Decimal(total)
    share = places12(divide(ended_days, total_days))
    return share, Step("days", "expected", None, share, {"days_ended": ended_days, "days": total_days})


def standing(
    grade: Decimal | None,
    success_line: Decimal,
    *,
    progress: Decimal | None,
    expected: Decimal | None,
    is_over: bool,
    pace: Pace,
) -> tuple[Status, tuple[Step, ...]]:
    """The status and, where the pace decided it, the step that says so.

    A subject with a grade but no progress of its own (a person's word) is paced by its grade.
    """
    if grade is None:
        return Status.PENDING, ()
    if grade >= success_line:
        return Status.ACHIEVED, ()
    if is_over:
        return Status.MISSED, ()
    so_far = grade if progress is None else progress
    due = ZERO if expected is None else expected
    ahead = subtract(so_far, due)
    status = _by_pace(ahead, pace)
    facts: dict[str, Decimal | str | None] = {
        "progress": so_far,
        "expected": due,
        "on_track_from": pace.on_track_from,
        "at_risk_from": pace.at_risk_from,
        "status": status.value,
    }
    return status, (Step("pace", "ahead", so_far, ahead, facts),)


def _by_pace(ahead: Decimal, pace: Pace) -> Status:
    """`ahead` is progress − expected, negative when the subject lags."""
    if ahead >= pace.on_track_from:
        return Status.ON_TRACK
    return Status.AT_RISK if ahead >= pace.at_risk_from else Status.OFF_TRACK
