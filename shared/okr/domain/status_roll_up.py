"""One status from many, for those who steer by statuses and not by numbers."""

from collections.abc import Iterable

from okr.domain.values import Status

_LOST = frozenset({Status.OFF_TRACK, Status.MISSED})


def status_of_parts(statuses: Iterable[Status]) -> Status | None:
    """Achieved where all are; off track where at least half are off track or missed; at risk where any is one of these or at risk.

    Parts that are pending say nothing. None where no part says anything.
    """
    told = [status for status in statuses if status is not Status.PENDING]
    if not told:
        return None
    if all(status is Status.ACHIEVED for status in told):
        return Status.ACHIEVED
    lost = sum(1 for status in told if status in _LOST)
    if lost * 2 >= len(told):
        return Status.OFF_TRACK
    return Status.AT_RISK if lost or Status.AT_RISK in told else Status.ON_TRACK
