"""Lines for a person who may or may not be looking."""

import contextlib
import sys


def say(line: str) -> None:
    """Print a line at once. A terminal that has gone away, or a pipe that nobody reads, is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def complain(line: str) -> None:
    """Say on standard error what went wrong."""
    with contextlib.suppress(OSError):
        print(f"okr: {line}", file=sys.stderr, flush=True)
