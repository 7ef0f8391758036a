"""`okr up` as a person runs it: a process of its own, watched from outside, ended in every way there is."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from okr_cli.processes import serving

OKR = Path(sys.executable).with_name("okr")
_MARK = "OKR_UP_UNDER_TEST"


def wait_for(condition: Callable[[], Any], *, timeout_seconds: float = 60, why: str = "") -> Any:
    """Wait until `condition` answers something true, and answer that."""
    give_up_at = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        assert time.monotonic() < give_up_at, f"waited {timeout_seconds} s in vain {why}"
        time.sleep(0.02)
    return answer


def outside_make() -> dict[str, str]:
    """The environment without what `make test` would hand on to a make of the tests' own."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


class RunningUp:
    """One run of `okr up --no-demo` on a data folder, by the words of `command`. Leaving the block kills what is left."""

    def __init__(self, data: Path, *options: str, command: Sequence[str | Path] | None = None) -> None:
        self.data = data
        self.output = data.with_name(f"{data.name}.output")
        self._mark = uuid.uuid4().hex
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command or [OKR, "up", "--no-demo", "--data", data, *options],
                env=outside_make() | {_MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def facts(self) -> dict[str, str]:
        """What it announced, once it has."""
        wait_for(lambda: self._announced() or self.process.poll() is not None, why=f"for {self.data}/up.json")
        assert self.process.poll() is None, self.text()
        return json.loads((self.data / "up.json").read_text())

    def text(self) -> str:
        """What it printed."""
        return self.output.read_text()

    def end(self, number: signal.Signals, *, to_group: bool = False) -> int:
        """Send a signal, wait for the end, and answer the exit code."""
        (os.killpg if to_group else os.kill)(self.process.pid, number)
        return self.process.wait(timeout=60)

    def processes(self) -> list[int]:
        """What still runs of it: itself and its descendants, by a mark in their environment or by their folder."""
        marked = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{_MARK}={self._mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    marked.append(int(entry.name))
        # PostgreSQL writes its titles over its environment.
        return sorted({*marked, *serving(self.data / "postgres", "postgres")})

    def children(self, word: str) -> list[int]:
        """Its own children whose command line has `word` in it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if word.encode() in (entry / "cmdline").read_bytes() and _parent(int(entry.name)) == self.process.pid:
                    found.append(int(entry.name))
        return found

    def _announced(self) -> bool:
        # One that an earlier run left behind, when it was killed, is not ours.
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self.data / "lock").read_text())
            return self.process.pid in (pid, _parent(pid)) and (self.data / "up.json").exists()
        return False


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
