"""The parts of `okr up`: its folder, its children and leftovers, its watch over them, and running as root."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from okr_cli.errors import CommandFailed
from okr_cli.folder import DataFolder, write_private
from okr_cli.postgres import PostgresServer
from okr_cli.processes import Child, serving, stop_leftovers, wait_until
from okr_cli.supervision import Watch
from okr_cli.valkey import ValkeyServer
from running import wait_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for PostgreSQL")


class Thing:
    """Something that runs until told otherwise, and counts its starts."""

    name = "a thing"

    def __init__(self) -> None:
        self.runs = False
        self.starts = 0

    def is_running(self) -> bool:
        return self.runs

    def start(self) -> None:
        self.starts += 1


def test_each_failure_soon_after_the_last_doubles_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    thing, now, started_at = Thing(), 0.0, []
    watch = Watch(thing)
    while len(started_at) < 9:
        before = thing.starts
        watch.look(now)
        if thing.starts > before:
            started_at.append(now)
        now += 0.5
    waits = [round(later - earlier - 0.5, 1) for earlier, later in itertools.pairwise(started_at)]
    assert started_at[0] == 0.5
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert capsys.readouterr().out.splitlines()[0] == "a thing has ended by itself; it starts again in 0.5 s"


def test_a_thing_that_ran_for_long_starts_again_soon() -> None:
    thing = Thing()
    watch = Watch(thing)
    for now in (0.0, 0.5, 1.0, 2.0):
        watch.look(now)
    assert thing.starts == 2
    thing.runs = True
    watch.look(50.0)
    thing.runs = False
    watch.look(60.0)
    watch.look(60.5)
    assert thing.starts == 3


def test_the_secret_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.opened():
        secret = folder.secret()
    with folder.opened():
        assert folder.secret() == secret
    assert len(secret) >= 32
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_private_file_never_lets_others_in(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old and open")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_an_announcement_of_a_killed_run_is_taken_back_at_the_start(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.opened():
        folder.announce_up({"url": "http://127.0.0.1:1"})
    assert (tmp_path / "data" / "up.json").exists()
    with folder.opened():
        assert not (tmp_path / "data" / "up.json").exists()


@pytest.mark.parametrize("name", ["x" * 120, "with space", "ünlaut", "a%20b"])
def test_sockets_move_where_their_path_is_short_and_plain(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    folder = DataFolder(root)
    with folder.opened():
        with folder.sockets() as sockets:
            assert root not in sockets.parents
            assert sockets.stat().st_mode & 0o777 == 0o700
        assert not sockets.exists()
        # A killed run leaves them; the next one takes them away.
        leaving = folder.sockets()
        left = leaving.__enter__()
        assert left.exists()
        with folder.sockets() as sockets:
            assert not left.exists()
            assert sockets.exists()
        leaving.__exit__(None, None, None)


def test_a_link_to_somebody_elses_folder_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    folder = DataFolder(tmp_path / "data")
    with folder.opened():
        (tmp_path / "data" / "run").symlink_to(precious)
        with folder.sockets():
            pass
    assert (precious / "file").exists()


def a_child(tmp_path: Path, program: str, **options: object) -> Child:
    return Child("the child", [sys.executable, "-c", program], log=tmp_path / "log", **options)  # type: ignore[arg-type]


def test_a_child_that_ends_before_it_is_ready_is_quoted(tmp_path: Path) -> None:
    child = a_child(tmp_path, "print('one'); print('12:00 [7] LargeFATAL: no room'); print('two')")
    child.start()
    with pytest.raises(CommandFailed, match="the child did not start: LargeFATAL: no room"):
        wait_until(lambda: False, child=child, timeout_seconds=30, marks=("FATAL:",))


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    child = a_child(tmp_path, "import signal; signal.pause()")
    child.start()
    try:
        with pytest.raises(CommandFailed, match="was not ready after 0 s"):
            wait_until(lambda: False, child=child, timeout_seconds=0.05)
    finally:
        child.stop()
    assert not child.is_running()


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = a_child(tmp_path, program, patience_seconds=0.1)
    child.start()
    wait_for(lambda: "deaf" in (tmp_path / "log").read_text())
    child.stop()
    assert not child.is_running()


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys; from okr_cli.processes import Child;"
        "child = Child('x', ['sleep', '1000'], log=pathlib.Path(sys.argv[1]));"
        "child.start(); print(child.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "log"], stdout=subprocess.PIPE, text=True, check=False, timeout=60
    )
    pid = int(done.stdout)
    wait_for(lambda: not _is_alive(pid), why="for the kernel to end the child")


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A stranger's program that happens to work in the folder."""
    with subprocess.Popen(["sleep", "1000"], cwd=tmp_path) as process:
        yield process
        process.kill()


def test_leftovers_are_the_named_program_in_that_folder_only(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert serving(elsewhere, "sleep") == []
    assert serving(tmp_path, "postgres") == []
    assert serving(tmp_path, "sleep") == [sleeper.pid]
    assert stop_leftovers(tmp_path, "postgres", stop_signal=signal.SIGKILL) == []
    assert sleeper.poll() is None


@contextlib.contextmanager
def a_postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder / "data", sockets=folder / "run", log=folder / "log", durable=False)
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()


def test_a_server_left_behind_gives_way_to_the_next(tmp_path: Path) -> None:
    with a_postgres(tmp_path) as left_behind:
        with a_postgres(tmp_path) as next_one:
            assert not left_behind.is_running()
            assert next_one.is_running()
        assert not serving(tmp_path / "data", "postgres")


def test_two_valkeys_never_share_a_folder(tmp_path: Path) -> None:
    servers = [ValkeyServer(tmp_path / "data", sockets=tmp_path / "run", log=tmp_path / "log") for _ in range(2)]
    try:
        for server in servers:
            server.start()
            server.wait()
        assert [server.is_running() for server in servers] == [False, True]
    finally:
        for server in servers:
            server.stop()


def test_a_stale_pid_that_is_now_a_strangers_stops_nobody(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    with a_postgres(tmp_path):
        pass
    (tmp_path / "data" / "postmaster.pid").write_text(f"{sleeper.pid}\n{tmp_path / 'data'}\n1\n5432\n")
    (tmp_path / "run" / ".s.PGSQL.5432.lock").write_text(f"{sleeper.pid}\n")
    with a_postgres(tmp_path) as server:
        assert server.is_running()
    assert sleeper.poll() is None


@as_root
def test_root_changes_nothing_outside_the_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with a_postgres(closed):
        pass
    assert closed.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_uid for path in (closed, closed / "data")} == {0}


@as_root
def test_root_without_user_namespaces_runs_it_as_a_plain_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on with the same files once namespaces are allowed again, and the other way round."""
    closed, refusing = tmp_path / "closed", tmp_path / "bin"
    closed.mkdir(mode=0o700)
    refusing.mkdir()
    (refusing / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (refusing / "unshare").chmod(0o755)
    with a_postgres(closed):
        assert (closed / "data").stat().st_uid == 0
    path = os.environ["PATH"]
    for search_path, expects_root in ((f"{refusing}:{path}", False), (path, False)):
        monkeypatch.setenv("PATH", search_path)
        with a_postgres(closed) as server:
            assert server.is_running()
            assert ((closed / "data").stat().st_uid == 0) is expects_root
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0


@as_root
def test_root_with_neither_way_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("unshare", "setpriv"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    server = PostgresServer(tmp_path / "data", sockets=tmp_path / "run", log=tmp_path / "log", durable=False)
    with pytest.raises(CommandFailed, match="run this as a plain user"):
        server.start()
