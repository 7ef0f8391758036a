"""Starting again what ends by itself."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from okr_cli.console import say

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_STEADY_AFTER_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1


class Runs(Protocol):
    """Something that runs, and may stop running."""

    @property
    def name(self) -> str: ...

    def is_running(self) -> bool: ...

    def start(self) -> None: ...


class Watch:
    """Keeps one thing running; each failure soon after the last one doubles the wait before the next start."""

    def __init__(self, thing: Runs) -> None:
        self._thing = thing
        self._delay_seconds = _FIRST_DELAY_SECONDS
        self._started_at = float("-inf")
        self._start_at: float | None = None

    def look(self, now: float) -> None:
        """Notice that it has ended, or start it again when its wait is over; `now` is a monotonic clock's seconds."""
        if self._thing.is_running():
            return
        if self._start_at is None:
            was_steady = now - self._started_at > _STEADY_AFTER_SECONDS
            self._delay_seconds = (
                _FIRST_DELAY_SECONDS if was_steady else min(self._delay_seconds * 2, _LONGEST_DELAY_SECONDS)
            )
            self._start_at = now + self._delay_seconds
            say(f"{self._thing.name} has ended by itself; it starts again in {self._delay_seconds:g} s")
        elif now >= self._start_at:
            self._start_at, self._started_at = None, now
            self._thing.start()


def supervise(things: Sequence[Runs], *, check: Callable[[], None]) -> None:
    """Keep things running until `check` raises."""
    watches = [Watch(thing) for thing in things]
    while True:
        check()
        for watch in watches:
            watch.look(time.monotonic())
        time.sleep(_LOOK_EVERY_SECONDS)
