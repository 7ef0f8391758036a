"""Turning the first SIGINT, SIGTERM or SIGHUP into an orderly end, wherever the program is."""

import signal
from types import FrameType


class StopRequested(KeyboardInterrupt):
    """Somebody wants the program to end. A KeyboardInterrupt, because asyncio lets only those through."""


class StopSignals:
    """The first signal raises StopRequested, once; later ones find us already stopping and do nothing."""

    def __init__(self) -> None:
        self._requested = False

    def listen(self) -> None:
        """Begin. There is no end: a signal that comes while we stop must not change how we end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup has SIGHUP ignored, and means it.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def ignore(self) -> None:
        """From here on we are stopping anyway."""
        self._requested = True

    def check(self) -> None:
        """Raise, should the first raise have been lost in a place that swallows exceptions, such as a finalizer."""
        if self._requested:
            raise StopRequested

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._requested:
            self._requested = True
            raise StopRequested
