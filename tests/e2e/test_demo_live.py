"""The demo company at work, and both of its commands as a person runs them."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from demo_service import DemoCompany, Service

from okr_cli import demo
from okr_cli.errors import CommandFailed

OKR = Path(sys.executable).with_name("okr")


def test_live_values_move_grades_and_tell_how_soon(demo_company: DemoCompany) -> None:
    lines: list[str] = []
    demo.live(demo_company.client, on_line=lines.append, seconds=0, interval_seconds=1)
    assert len(lines) == 3
    assert all("→" in line and line.endswith(" ms") for line in lines)


def test_live_stops_when_told(demo_company: DemoCompany) -> None:
    stop = threading.Event()

    def tell(line: str) -> None:
        stop.set()

    options = {"on_line": tell, "interval_seconds": 3600, "stop": stop}
    living = threading.Thread(target=demo.live, args=(demo_company.client,), kwargs=options, daemon=True)
    living.start()
    living.join(timeout=60)
    assert stop.is_set()
    assert not living.is_alive()


def test_live_needs_something_that_runs(demo_service: Service) -> None:
    with demo_service.client() as client, pytest.raises(CommandFailed, match="load the demo company first"):
        demo.live(client, on_line=str)


def okr(company: DemoCompany, *arguments: str) -> subprocess.Popen[str]:
    """`okr demo …` as a process of its own."""
    return subprocess.Popen(
        [OKR, "demo", *arguments],
        env=os.environ | {"OKR_URL": company.url, "OKR_API_KEY": company.api_key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_loading_from_the_command_line_tells_how_far_it_is(demo_company: DemoCompany) -> None:
    with okr(demo_company, "load") as loading:
        told, _ = loading.communicate(timeout=120)
    assert loading.returncode == 0, told
    assert told.splitlines() == [line for line in demo_company.lines if not line.endswith("is closed")]


def test_live_from_the_command_line_ends_cleanly_at_ctrl_c(demo_company: DemoCompany) -> None:
    with okr(demo_company, "live", "--interval", "0.2") as living:
        assert living.stdout is not None
        first = living.stdout.readline()
        living.send_signal(signal.SIGINT)
        rest, _ = living.communicate(timeout=60)
    assert "graded in" in first
    assert living.returncode == 0
    assert "Traceback" not in rest
