"""The compose file and the Dockerfile speak of commands, settings and files that exist."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from okr.settings import Settings
from okr_cli.commands import app

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
SETTINGS = {f"OKR_{name.upper()}" for name in Settings.model_fields}


def command_exists(words: list[str]) -> bool:
    """Whether a container of ours can run these words."""
    match words:
        case ["python", "-m", module]:
            return importlib.util.find_spec(f"{module}.__main__") is not None
        case ["okr", name]:
            return name in typer.main.get_group(app).commands
        case _:
            return False


def test_api_worker_and_migration_are_there() -> None:
    assert set(OURS) == {"api", "worker", "migrate"}


@pytest.mark.parametrize("name", OURS)
def test_a_services_command_exists(name: str) -> None:
    assert command_exists(OURS[name]["command"])


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert not command_exists(["okr", "immigrate"])
    assert not command_exists(["python", "-m", "okr_cli"])


@pytest.mark.parametrize("name", OURS)
def test_a_services_variables_are_settings(name: str) -> None:
    assert set(OURS[name]["environment"]) <= SETTINGS


def test_the_images_variables_are_settings() -> None:
    found = set(re.findall(r"\bOKR_\w+(?==)", DOCKERFILE))
    assert found
    assert found <= SETTINGS


def test_only_the_migration_knows_the_owner() -> None:
    assert [name for name, service in OURS.items() if "okr_owner" in str(service["environment"])] == ["migrate"]


def test_the_secret_comes_from_outside() -> None:
    for service in OURS.values():
        assert service["environment"]["OKR_SECRET_KEY"].startswith("${OKR_SECRET_KEY:?")


@pytest.mark.parametrize("name", ["api", "worker"])
def test_nothing_starts_before_the_schema_is_there(name: str) -> None:
    assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_files_that_are_mounted_or_copied_exist() -> None:
    mounted = [v.partition(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", []) if v[0] == "."]
    copied = [
        word
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert len(mounted) >= 1
    assert len(copied) >= 5
    assert [path for path in (*mounted, *copied) if not (ROOT / path).exists()] == []


def test_the_image_is_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["10001:10001"]


def test_what_the_image_is_built_from_is_enough(tmp_path: Path) -> None:
    """The files that the Dockerfile copies make a package with everything that is read at run time."""
    source, built = tmp_path / "source", tmp_path / "built"
    for name in ("shared", "services"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=120,
    )
    packed = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    for room in ("shared", "services/api", "services/scoring", "services/cli"):
        tracked = {
            str(path.relative_to(source / room))
            for package in (source / room).glob("okr*")
            for path in package.rglob("*")
            if path.is_file()
        }
        assert tracked
        assert tracked <= packed
