"""The node programs that the contract is checked with, installed by the lock beside this file: once for all test runs."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# The linter looks for the packages that its rules name beside the rules.
_FILES = ("package.json", "package-lock.json", ".npmrc", "spectral.yaml")


@dataclass(frozen=True)
class NodeTools:
    """A folder with `node_modules`, and how to run what is in it."""

    folder: Path

    def run(self, program: str, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of a package, with both of its outputs caught."""
        return _run(self.folder / "node_modules" / ".bin" / program, *words, cwd=cwd or self.folder)

    def node(self, *words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run node itself."""
        return _run(_tool("node"), *words, cwd=cwd, **variables)

    def start_node(self, *words: str | Path, cwd: Path, **variables: str) -> subprocess.Popen[str]:
        """Start node, to be listened to while it runs."""
        return subprocess.Popen(
            [_tool("node"), *words],
            cwd=cwd,
            env=_environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def node_tools() -> NodeTools:
    """The tools of the lock. The first to ask installs them, whoever comes meanwhile waits; an interrupted one leaves nothing."""
    content = b"\0".join((HERE / name).read_bytes() for name in _FILES)
    home = Path(sys.prefix) / "contract-tools"
    home.mkdir(exist_ok=True)
    folder = home / hashlib.sha256(content).hexdigest()[:16]
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return NodeTools(folder)


def _install(folder: Path) -> None:
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in _FILES:
        shutil.copy(HERE / name, unfinished)
    done = _run(_tool("npm"), "ci", "--no-audit", "--no-fund", cwd=unfinished)
    if done.returncode:
        raise RuntimeError(f"npm could not install what the contract is checked with:\n{done.stdout}{done.stderr}")
    unfinished.rename(folder)


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _run(program: Path, *words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        cwd=cwd,
        env=_environment(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    # Node comes with the Python environment; npm and the packages' programs look for it on the path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_COLOR": "1", **variables}
