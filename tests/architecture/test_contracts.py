"""The arrows between the rooms hold, and the tool that guards them would notice if one did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("shared", "services/api", "services/scoring", "services/cli")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the configuration and the rooms of the project at `root`."""
    # -P and the explicit path: the rooms of `root` come before those that are installed.
    program = (
        f"import sys; sys.path[:0] = {[str(root / room) for room in ROOMS]!r};"
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shared/okr/domain/__init__.py", "import okr.db"),
        ("services/api/okr_api/__init__.py", "import okr_scoring"),
        ("services/cli/okr_cli/errors.py", "import okr_api"),
        ("shared/okr/ids.py", "import okr_cli"),
        ("services/api/okr_api/__init__.py", "import arq"),
    ],
)
def test_a_broken_contract_is_noticed(tmp_path: Path, module: str, line: str) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text((tmp_path / module).read_text() + f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
