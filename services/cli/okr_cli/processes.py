"""Child processes that end when this one ends, and finding those that an earlier start left behind."""

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from okr_cli.errors import CommandFailed

_LOG_LIMIT_BYTES = 10 * 1024 * 1024


class Child:
    """One program run as a child in a session of its own, so that Ctrl-C in the terminal does not reach it.

    Should this process be killed outright, the kernel sends `death_signal` to the child, where setpriv is there to ask
    for that. The child's output is appended to `log`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        patience_seconds: float = 10.0,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = None if environment is None else dict(environment)
        self._stop_signal = stop_signal
        self._death_signal = death_signal
        self._patience_seconds = patience_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id of the last start, or None before the first."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the program; the log keeps what earlier starts wrote, up to a limit."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [*_dying_with_parent(self._death_signal), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        """It was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Wait for it to end by itself, and answer its exit code; negative when a signal ended it."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.wait()

    def stop(self) -> None:
        """Ask it to end, then insist. Stopping what has already ended is fine."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(self._stop_signal)
        try:
            process.wait(self._patience_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def last_words(self, *marks: str) -> str:
        """The line of this start's log that best says why it ended.

        That is the last line with one of `marks` in it, from the mark's word on, else the last line of all.
        """
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        telling = [line[line.rfind(" ", 0, line.index(mark)) + 1 :] for line in lines for mark in marks if mark in line]
        return (telling or lines or ["it wrote nothing"])[-1]


def wait_until(
    is_ready: Callable[[], bool],
    *,
    child: Child,
    timeout_seconds: float,
    marks: Sequence[str] = (),
    on_slow: Callable[[], None] | None = None,
) -> None:
    """Wait for a child to be ready; `on_slow` is called about every five seconds meanwhile.

    Raises CommandFailed, with the child's last words, when it ends first or takes too long.
    """
    started = told = time.monotonic()
    while not is_ready():
        if not child.is_running():
            raise CommandFailed(f"{child.name} did not start: {child.last_words(*marks)} (log: {child.log})")
        now = time.monotonic()
        if now - started > timeout_seconds:
            raise CommandFailed(f"{child.name} was not ready after {timeout_seconds:.0f} s (log: {child.log})")
        if on_slow is not None and now - told > 5:
            told = now
            on_slow()
        time.sleep(0.01)


def serving(folder: Path, program: str) -> list[int]:
    """Process ids of the `program` whose working directory is `folder`: the servers of that data folder.

    A pid file would name a process that may have nothing to do with us by now; a working directory cannot lie.
    Finds nothing where there is no /proc.
    """
    found = []
    wanted = str(folder.resolve())
    for entry in Path("/proc").glob("[0-9]*"):
        # Processes come and go while we look, and others' links are closed to us.
        with contextlib.suppress(OSError):
            is_program = Path(os.readlink(entry / "exe").removesuffix(" (deleted)")).name == program
            if is_program and os.readlink(entry / "cwd") == wanted:
                found.append(int(entry.name))
    return found


def stop_leftovers(
    folder: Path, program: str, *, stop_signal: signal.Signals, patience_seconds: float = 15.0
) -> list[int]:
    """End the `program`s that still serve `folder` after an earlier start was killed; answer their process ids."""
    leftovers = serving(folder, program)
    deadline = time.monotonic() + patience_seconds
    _signal_all(leftovers, stop_signal)
    while remaining := serving(folder, program):
        if time.monotonic() > deadline:
            _signal_all(remaining, signal.SIGKILL)
        time.sleep(0.02)
    return leftovers


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _dying_with_parent(number: signal.Signals) -> list[str]:
    """The words before a command that have the kernel send it `number` when this process ends.

    Empty where that cannot be had; the next start then finds what was left behind.
    """
    prefix = ["setpriv", f"--pdeathsig={number.name.removeprefix('SIG')}"]
    if not _runs((*prefix, "true")):
        return []
    # Only the death of a parent that still lives is noticed: one that died a moment ago is not our parent any more.
    return [*prefix, "sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid())]


@functools.cache
def _runs(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
