"""`okr up` from the outside: it starts, it says where, it survives, and it leaves nothing running."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from okr.keys import parse_key
from running import OKR, RunningUp, wait_for


@dataclass(frozen=True)
class Start:
    """What a first start, from nothing, left and showed."""

    data: Path
    facts: dict[str, str]
    modes: dict[str, int]
    text: str
    was_ready: bool
    valkey: dict[str, str]


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A start from nothing that has come to its end."""
    data = tmp_path_factory.mktemp("up") / "data"
    with RunningUp(data) as running:
        facts = running.facts()
        with redis.Redis.from_url(facts["redis_url"], decode_responses=True) as client:
            valkey = client.config_get("maxmemory-policy", "appendonly")
        start = Start(
            data=data,
            facts=facts,
            modes={
                name: stat.S_IMODE((data / name).stat().st_mode) for name in ("up.json", "secret", "api_key", "run")
            },
            text=running.text(),
            was_ready=is_ready(facts["url"]),
            valkey=valkey,
        )
        assert running.end(signal.SIGTERM) == 0, running.text()
        assert running.processes() == []
    return start


@pytest.fixture
def data(first_start: Start, tmp_path: Path) -> Path:
    """A copy of its data folder for the test alone."""
    return shutil.copytree(first_start.data, tmp_path / "data", symlinks=True)


def is_ready(url: str) -> bool:
    """Whether the API takes requests."""
    try:
        return httpx.get(url + "/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def up_fails(data: Path, *options: str) -> str:
    """Run `okr up` where it cannot run; answer its one line."""
    done = subprocess.run(
        [OKR, "up", "--no-demo", "--data", data, *options],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("okr: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout
    return done.stderr


async def count_keys(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM api_key"))
    finally:
        await connection.close()


def test_the_first_start_makes_everything_and_says_where(first_start: Start) -> None:
    facts = first_start.facts
    assert set(facts) == {"url", "api_key", "database_url", "redis_url"}
    assert first_start.modes == {"up.json": 0o600, "secret": 0o600, "api_key": 0o600, "run": 0o700}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", facts["url"])
    assert parse_key(facts["api_key"]) is not None
    assert first_start.was_ready
    assert first_start.valkey == {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    assert facts["url"] in first_start.text
    assert facts["api_key"] in first_start.text


@pytest.mark.parametrize(("number", "to_group"), [(signal.SIGINT, True), (signal.SIGHUP, False)])
def test_a_signal_stops_all_of_it(data: Path, number: signal.Signals, to_group: bool) -> None:
    with RunningUp(data) as running:
        running.facts()
        assert len(running.processes()) >= 5
        assert running.end(number, to_group=to_group) == 0
        assert running.processes() == []
        assert not (data / "up.json").exists()
        assert not (data / "run").exists()
        assert "okr: " not in running.text()


def test_a_second_start_finds_the_key_and_the_data_of_the_first(data: Path, first_start: Start) -> None:
    for turn in (1, 2):
        with RunningUp(data) as running:
            facts = running.facts()
            assert facts["api_key"] == first_start.facts["api_key"]
            headers = {"Authorization": f"Bearer {facts['api_key']}"}
            with httpx.Client(base_url=facts["url"], headers=headers, trust_env=False) as client:
                if turn == 1:
                    assert client.post("/v1/teams", json={"name": "Those who stay"}).status_code == 201
                teams = client.get("/v1/teams").json()["items"]
            assert [team["name"] for team in teams] == ["Those who stay"]
            assert running.end(signal.SIGTERM, to_group=True) == 0
            assert running.processes() == []


async def test_a_key_that_the_database_does_not_know_is_replaced(data: Path) -> None:
    shutil.rmtree(data / "postgres")
    old = (data / "api_key").read_text().strip()
    with RunningUp(data) as running:
        facts = running.facts()
        assert facts["api_key"] != old
        assert await count_keys(facts["database_url"]) == 1
        assert (data / "api_key").read_text().strip() == facts["api_key"]


def test_after_a_kill_nothing_goes_on_and_the_next_start_works(data: Path) -> None:
    with RunningUp(data) as running:
        key = running.facts()["api_key"]
        running.end(signal.SIGKILL)
        wait_for(lambda: running.processes() == [], why="for the children of a killed `okr up` to end")
    with RunningUp(data) as running:
        assert running.facts()["api_key"] == key
        assert running.end(signal.SIGTERM) == 0
        assert running.processes() == []


def test_a_child_that_dies_is_started_again(data: Path) -> None:
    with RunningUp(data) as running:
        url = running.facts()["url"]
        for word in ("okr_scoring", "valkey-server", "postgres", "okr_api"):
            [victim] = running.children(word)
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda word=word, victim=victim: set(running.children(word)) - {victim}, why=f"for another {word}")
        wait_for(lambda: is_ready(url), why="for the API to be ready again")
        assert running.text().count("has ended by itself") >= 4
        assert running.end(signal.SIGTERM) == 0
        assert running.processes() == []


@pytest.mark.parametrize("words", ["making a PostgreSQL", "the stage after that"])
def test_a_signal_while_it_starts_stops_it_too(tmp_path: Path, words: str) -> None:
    data = tmp_path / "data"
    with RunningUp(data) as running:
        reached = {
            "making a PostgreSQL": lambda: words in running.text(),
            "the stage after that": lambda: running.children("okr_api"),
        }[words]
        wait_for(reached)
        assert running.end(signal.SIGINT, to_group=True) == 0
        assert running.processes() == []
        assert not (data / "up.json").exists()


def test_two_folders_run_side_by_side(data: Path, first_start: Start, tmp_path: Path) -> None:
    # A long name, with letters that an address would have to escape: the sockets move elsewhere.
    other = shutil.copytree(first_start.data, tmp_path / ("Ablöse " * 15), symlinks=True)
    with RunningUp(data) as first, RunningUp(other) as second:
        facts = [first.facts(), second.facts()]
        for name in ("url", "database_url", "redis_url"):
            assert facts[0][name] != facts[1][name]
        assert all(is_ready(one["url"]) for one in facts)
        sockets = Path(facts[1]["redis_url"].removeprefix("unix://").partition("?")[0]).parent
        assert other not in sockets.parents
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert [first.end(signal.SIGTERM), second.end(signal.SIGTERM)] == [0, 0]
        assert not sockets.exists()


def test_a_folder_that_is_in_use_is_one_line(data: Path, free_port: int) -> None:
    with RunningUp(data, "--port", str(free_port)) as running:
        facts = running.facts()
        assert facts["url"] == f"http://127.0.0.1:{free_port}"
        line = up_fails(data)
        assert f"already runs on {data} (process {running.process.pid})" in line
        assert running.facts() == facts
        assert is_ready(facts["url"])


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_one_line(tmp_path: Path, taken_port: int) -> None:
    assert f"port {taken_port} is taken" in up_fails(tmp_path / "data", "--port", str(taken_port))
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "is not a folder" in up_fails(tmp_path / "data")
    assert "is not a folder" in up_fails(tmp_path / "data" / "below")


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all I have")
    assert "holds other files" in up_fails(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("rm postgres/global/pg_control", "pg_control"),
        ("rm postgres/PG_VERSION", "is not a PostgreSQL data folder"),
        ("echo 17 > postgres/PG_VERSION", "was made by PostgreSQL 17"),
        ("rm postgres/pg_wal/0*", "could not locate a valid checkpoint record"),
        ("rm -r postgres && touch postgres", "Not a directory"),
        ("rm -r valkey && touch valkey", "valkey"),
        ("echo garbage > valkey/appendonlydir/appendonly.aof.manifest", "Valkey did not start"),
    ],
)
def test_broken_data_are_one_line_and_nothing_stays(data: Path, damage: str, complaint: str) -> None:
    subprocess.run(["sh", "-euc", damage], cwd=data, check=True)
    with RunningUp(data) as running:
        assert running.process.wait(timeout=60) == 1
        assert running.processes() == []
        [line] = [line for line in running.text().splitlines() if line.startswith("okr: ")]
        assert complaint in line
        assert "Traceback" not in running.text()
    assert not (data / "up.json").exists()
