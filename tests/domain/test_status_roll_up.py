"""One status from many."""

import pytest

from okr.domain.status_roll_up import status_of_parts
from okr.domain.values import Status

ACHIEVED, MISSED, PENDING = Status.ACHIEVED, Status.MISSED, Status.PENDING
ON, RISK, OFF = Status.ON_TRACK, Status.AT_RISK, Status.OFF_TRACK


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ((), None),
        ((PENDING, PENDING), None),
        ((ACHIEVED, ACHIEVED, PENDING), ACHIEVED),
        ((ACHIEVED, ON), ON),
        ((OFF, ON), OFF),
        ((MISSED, ON), OFF),
        ((OFF, ON, ON), RISK),
        ((OFF, MISSED, ON, ON), OFF),
        ((RISK, ON, ON, ACHIEVED), RISK),
        ((RISK, RISK), RISK),
        ((ON, PENDING), ON),
    ],
)
def test_the_status_of_a_whole(parts: tuple[Status, ...], whole: Status | None) -> None:
    assert status_of_parts(parts) is whole
    assert status_of_parts(reversed(parts)) is whole
