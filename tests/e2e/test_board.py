"""`okr board` on the demo company: as a person runs it, with and without a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_service import DemoCompany, Service

from okr_cli import demo
from okr_cli.client import Client
from okr_cli.commands import run
from okr_cli.demo import running_company, story

OKR = Path(sys.executable).with_name("okr")
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


def environment(company: DemoCompany, **further: str) -> dict[str, str]:
    return os.environ | {"OKR_URL": company.url, "OKR_API_KEY": company.api_key, "COLUMNS": "120"} | further


def board(company: DemoCompany, *options: str, columns: int = 120) -> str:
    """What `okr board` prints into a pipe."""
    done = subprocess.run(
        [OKR, "board", *options],
        env=environment(company, COLUMNS=str(columns)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_the_running_cycle_is_shown_whole_at_any_width(demo_company: DemoCompany, columns: int) -> None:
    text = board(demo_company, columns=columns)
    told = " ".join(text.split())
    assert demo_company.plan.running.name in text.splitlines()[0]
    assert all(" ".join(objective.title.split()[:4]) in told for objective in story.RUNNING)
    assert max(map(len, text.splitlines())) <= columns
    assert "\x1b" not in text
    assert "✕ broken" in text
    assert "never measured" in told
    assert "· late" in told
    assert re.search(r"[▁▂▃▄▅▆▇█]{2,13} +\d\.\d\d", text)


def test_the_last_cycle_is_the_closed_one(demo_company: DemoCompany) -> None:
    text = board(demo_company, "--cycle", "last")
    assert f"{demo_company.plan.closed.name} · " in text.splitlines()[0]
    assert "· closed" in text.splitlines()[0]
    assert "✕ missed" in text
    assert "★ achieved" in text


def test_a_cycle_is_found_by_its_id(demo_company: DemoCompany) -> None:
    (running,) = [one for one in demo_company.client.items("/v1/cycles") if one["state"] == "active"]
    assert running["name"] in board(demo_company, "--cycle", running["id"]).splitlines()[0]


def test_an_earlier_day_can_be_looked_at(demo_company: DemoCompany) -> None:
    first = demo_company.plan.running.starts_on
    text = board(demo_company, "--as-of", first.isoformat())
    assert f"as of {first.day} {first:%b %Y}" in text.splitlines()[0]
    assert text.splitlines()[1].startswith("day 1 of ")


def test_where_no_cycle_runs_it_is_told_to_name_one(
    demo_service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = demo_service.new_key()
    monkeypatch.setenv("OKR_URL", demo_service.url)
    monkeypatch.setenv("OKR_API_KEY", key)
    with Client(demo_service.url, key) as client:
        client.post(
            "/v1/cycles", {"name": "Q9", "cadence": "custom", "starts_on": "2026-01-01", "ends_on": "2026-03-31"}
        )
    assert run(["board"]) == 1
    assert capsys.readouterr().err == "okr: no cycle runs now: name one with --cycle; Q9 (draft)\n"
    assert run(["board", "--cycle", "last"]) == 1
    assert "no cycle is closed yet" in capsys.readouterr().err


def test_what_cannot_be_shown_is_one_line(demo_company: DemoCompany) -> None:
    for options, told in (
        (["--cycle", "Q9"], "no such cycle: Q9"),
        (["--as-of", "yesterday"], "--as-of takes a day such as"),
    ):
        done = subprocess.run(
            [OKR, "board", *options],
            env=environment(demo_company),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("okr: ")
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


class Terminal:
    """`okr board --watch` on a terminal of its own."""

    def __init__(self, company: DemoCompany, *, rows: int, columns: int) -> None:
        self._master, slave = pty.openpty()
        size = {"LINES": str(rows), "COLUMNS": str(columns), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [OKR, "board", "--watch"],
            env=environment(company, **size),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=os.setsid,
        )
        os.close(slave)
        self.seen = b""

    def wait_for(self, mark: bytes, *, since: int = 0) -> None:
        """Read until the mark has been drawn."""
        give_up_at = time.monotonic() + 60
        while mark not in self.seen[since:]:
            assert time.monotonic() < give_up_at, self.seen[-2000:].decode(errors="replace")
            if select.select([self._master], [], [], 0.5)[0]:
                try:
                    self.seen += os.read(self._master, 65536)
                except OSError:  # the other side has closed it
                    assert mark in self.seen[since:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(demo_company: DemoCompany) -> Iterator[Terminal]:
    """A window of usual size, in which the whole board has no room."""
    one = Terminal(demo_company, rows=50, columns=120)
    yield one
    one.close()


def test_watching_redraws_what_moves_and_ends_cleanly_at_ctrl_c(demo_company: DemoCompany, terminal: Terminal) -> None:
    terminal.wait_for(b"Ctrl-C ends")
    assert ENTER_SCREEN in terminal.seen
    assert running_company.OWN_GROWTH in terminal.seen.decode(errors="replace")
    begun = len(terminal.seen)
    stop = threading.Event()
    pushing = threading.Thread(
        target=demo.live,
        args=(demo_company.client,),
        kwargs={"on_line": lambda line: None, "interval_seconds": 0.2, "stop": stop},  # noqa: ARG005
    )
    pushing.start()
    try:
        terminal.wait_for("▲".encode(), since=begun)
    finally:
        stop.set()
        pushing.join()
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for(LEAVE_SCREEN)
    assert terminal.process.wait(timeout=30) == 0
    assert b"Traceback" not in terminal.seen


def test_watching_without_a_terminal_prints_each_new_state(demo_company: DemoCompany) -> None:
    with subprocess.Popen(
        [OKR, "board", "--watch"],
        env=environment(demo_company),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as watching:
        try:
            assert watching.stdout is not None
            heads = 0
            while heads < 2:
                line = watching.stdout.readline()
                assert line, "it ended"
                if line.startswith("day "):
                    heads += 1
                    demo.live(demo_company.client, on_line=str, seconds=0)
            watching.send_signal(signal.SIGINT)
            assert "Traceback" not in watching.stdout.read()
            assert watching.wait(timeout=30) == 0
        finally:
            watching.kill()
