"""`make up`: a signal to make reaches everything, and a machine that lacks something is told so in one line."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from running import RunningUp, outside_make

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without an environment."""
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def ready(bare: Path) -> Path:
    """A checkout whose environment, this one, has been made before."""
    (bare / ".venv").mkdir()
    (bare / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (bare / ".venv" / ".ready-to-run").touch()
    return bare


def a_python(folder: Path, script: str) -> Path:
    python = folder / "a-python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def make_up(bare: Path, *words: str, path: str) -> subprocess.CompletedProcess[str]:
    """A `make up` that fails."""
    done = subprocess.run(
        ["make", "up", *words],
        cwd=bare,
        env=outside_make() | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    return done


def complaint(bare: Path, *words: str, path: str) -> str:
    """Our own line of a `make up` that fails; make adds lines of its own."""
    done = make_up(bare, *words, path=path)
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    assert line.startswith("okr: ")
    assert not (bare / ".venv" / "bin").exists()
    return line


@pytest.mark.parametrize("to_group", [False, True])
def test_a_signal_to_make_stops_all_of_it(ready: Path, to_group: bool) -> None:
    with RunningUp(ready / ".okr", command=["make", "-C", str(ready), "up", "ARGS=--no-demo"]) as running:
        running.facts()
        assert running.end(signal.SIGTERM, to_group=to_group) != 0, "make tells of the signal"
        assert running.processes() == []
        assert not (ready / ".okr" / "up.json").exists()


def test_a_machine_without_python_is_told_so(bare: Path) -> None:
    tools = bare / "tools"
    tools.mkdir()
    for name in ("make", "sh", "echo", "test"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    assert "Python 3.11 or newer is needed" in complaint(bare, path=str(tools))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "is no Python 3.11 or newer"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
        ('case "$1" in -m) exit 1;; esac', "could not make the Python environment"),
    ],
)
def test_a_python_that_does_not_do_is_told_so(bare: Path, script: str, words: str) -> None:
    python = a_python(bare, script)
    assert words in complaint(bare, f"PYTHON={python}", path=os.environ["PATH"])


def test_requirements_that_cannot_be_installed_are_told_of(bare: Path) -> None:
    (bare / "requirements.lock").write_text("")
    python = a_python(bare, 'case "$2" in venv) mkdir -p .venv/bin; printf "exit 1" > .venv/bin/python;; esac')
    done = make_up(bare, f"PYTHON={python}", path=os.environ["PATH"])
    assert "okr: could not install requirements.lock" in done.stderr
    assert not (bare / ".venv" / ".ready-to-run").exists()
