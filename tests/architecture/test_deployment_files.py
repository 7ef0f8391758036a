"""The compose file and the Dockerfile: well-formed, and of commands, settings and files that exist."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from deployment import (
    COMPOSE,
    COMPOSE_FILE,
    DOCKERFILE,
    OURS,
    ROOT,
    copied_from_context,
    interpolated,
    is_in_context,
    stages,
    variables_of,
)
from okr.settings import Settings
from okr_cli.commands import app

SETTINGS = {f"OKR_{name.upper()}" for name in Settings.model_fields}
BIN = Path(sys.executable).parent


def complaint_about_compose(text: str, folder: Path) -> str:
    """What the Compose Specification's schema finds wrong with a file of this text."""
    file = folder / "docker-compose.yml"
    file.write_text(text)
    words = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "--no-cache", file]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


def findings_in_dockerfile(text: str, folder: Path) -> set[str]:
    """The codes of what hadolint finds in a Dockerfile of this text. No configuration file of anybody's is read."""
    file, configuration = folder / "Dockerfile", folder / "hadolint.yaml"
    file.write_text(text)
    configuration.write_text("trustedRegistries: [docker.io]\n")
    words = [
        BIN / "hadolint",
        "--no-fail",
        "--config",
        configuration,
        "--disable-ignore-pragma",
        "--format",
        "json",
        file,
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return {found["code"] for found in json.loads(done.stdout)}


def command_exists(words: list[str]) -> bool:
    """Whether a container of ours can run these words."""
    match words:
        case ["python", "-m", module]:
            return importlib.util.find_spec(f"{module}.__main__") is not None
        case ["okr", name]:
            return name in typer.main.get_group(app).commands
        case _:
            return False


def test_the_compose_file_keeps_to_its_specification(tmp_path: Path) -> None:
    assert complaint_about_compose(COMPOSE_FILE.read_text(), tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("stop_grace_period: 30s", "stop_graceperiod: 30s"),
        ("condition: service_healthy", "condition: healthy"),
        ("retries: 30", "retries: [30]"),
    ],
)
def test_a_broken_compose_file_is_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in COMPOSE_FILE.read_text()
    assert "docker-compose.yml" in complaint_about_compose(COMPOSE_FILE.read_text().replace(right, wrong), tmp_path)


def test_nothing_is_found_in_the_dockerfile(tmp_path: Path) -> None:
    assert findings_in_dockerfile(DOCKERFILE.read_text(), tmp_path) == set()


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("WORKDIR /build", "WORKDIR build", "DL3000"),
        ("FROM python:${PYTHON} AS build", "FROM python AS build", "DL3006"),
        ("FROM python:${PYTHON}\n", "FROM python:latest\n", "DL3007"),
        ("FROM python:${PYTHON}\n", "FROM elsewhere.example/python:3\n", "DL3026"),
        ('CMD ["python", "-m", "okr_api"]', "CMD python -m okr_api", "DL3025"),
        ("USER 10001:10001", "USER root", "DL3002"),
        ("COPY shared shared", "ADD shared shared", "DL3020"),
    ],
)
def test_a_broken_dockerfile_is_noticed(right: str, wrong: str, code: str, tmp_path: Path) -> None:
    assert right in DOCKERFILE.read_text()
    assert code in findings_in_dockerfile(DOCKERFILE.read_text().replace(right, wrong), tmp_path)


def test_every_image_of_others_says_its_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values() if "build" not in service]
    [python] = re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert sorted(images) == ["postgres:18-trixie", "redis:8"]
    assert re.fullmatch(r"3\.\d+-slim-\w+", python)


def test_every_server_tells_whether_it_is_well() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "healthcheck" not in service] == ["migrate"]


def test_api_worker_and_migration_are_there() -> None:
    assert set(OURS) == {"api", "worker", "migrate"}
    assert len({service["image"] for service in OURS.values()}) == 1


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
    found = {name for stage in stages() for name in variables_of(stage) if name.startswith("OKR_")}
    assert found
    assert found <= SETTINGS


def test_only_the_migration_knows_the_owner() -> None:
    assert [name for name, service in OURS.items() if "okr_owner" in str(service["environment"])] == ["migrate"]


def test_the_secret_comes_from_outside() -> None:
    for service in OURS.values():
        assert service["environment"]["OKR_SECRET_KEY"].startswith("${OKR_SECRET_KEY:?")
        with pytest.raises(AssertionError, match="OKR_SECRET_KEY"):
            interpolated(service["environment"]["OKR_SECRET_KEY"], {})


@pytest.mark.parametrize("name", ["api", "worker"])
def test_nothing_starts_before_the_schema_is_there(name: str) -> None:
    assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_files_that_are_mounted_exist() -> None:
    mounted = [v.partition(":")[0] for s in COMPOSE["services"].values() for v in s.get("volumes", []) if v[0] == "."]
    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_a_builder_is_handed_what_is_copied_and_no_more() -> None:
    copied = copied_from_context()
    assert len(copied) >= 5
    assert [path for path in copied if not (ROOT / path).exists() or not is_in_context(path)] == []
    top = {path.name for path in ROOT.iterdir()} | {".env", ".git", ".okr", ".venv"}
    assert {name for name in top if is_in_context(name)} == {path.partition("/")[0] for path in copied}
    assert is_in_context("shared/okr/settings.py")
    assert not is_in_context("shared/okr/__pycache__/settings.cpython-311.pyc")


def test_the_image_has_two_stages_and_is_not_run_as_root() -> None:
    build, final = stages()
    assert [rest for word, rest in final if word == "USER"] == ["10001:10001"]
    assert [rest for word, rest in final if word in ("RUN", "ADD")] == []
    assert [rest for word, rest in final if word == "COPY"] == ["--from=build /opt/okr /opt/okr"]
    assert [rest for word, rest in build if word == "RUN"]
