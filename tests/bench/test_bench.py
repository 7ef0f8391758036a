"""The bench as it is run, on a small company for a moment: that every part of it works, not how fast anything is."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.__main__ import NAMES

_TESTS = Path(__file__).parent.parent


def test_it_measures_everything_and_writes_it_down(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OKR_", "TEST_SERVERS_"))}
    words = ["--objectives", "50", "--seconds", "0.2", "--rounds", "1", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        env=environment | {"PYTHONPATH": str(_TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(output.read_text())
    assert [figure["name"] for figure in figures] == list(NAMES)
    for figure in figures:
        assert figure.keys() == {"name", "ours", "floor", "ratio", "unit"}
        assert figure["ours"] > 0
        has_floor = not figure["name"].startswith("freshness")
        assert [figure[name] is not None for name in ("floor", "ratio")] == [has_floor] * 2
        assert figure["name"] in done.stdout


def test_an_unknown_figure_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "speed_of_light"],
        env=os.environ | {"PYTHONPATH": str(_TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no such figure: speed_of_light" in done.stderr
