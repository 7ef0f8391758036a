"""One PostgreSQL and one Valkey for a whole test run, started by the first test that wants them.

They belong to a process of their own, `keeper.py`, because under pytest-xdist no worker lives as long as the run.
"""

import asyncio
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import redis

from okr_cli.postgres import APP_ROLE, DATABASE, OWNER_ROLE, SUPERUSER, database_url

FOLDER_VARIABLE = "TEST_SERVERS_FOLDER"
OWNER_VARIABLE = "TEST_SERVERS_OWNER_PID"
VALKEY_DATABASES = 64

_KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Database:
    """A migrated, empty database. The owner may change tables; the application's role may not."""

    name: str
    sockets: Path

    @property
    def owner_url(self) -> str:
        """As the role that owns the tables."""
        return database_url(OWNER_ROLE, self.name, sockets=self.sockets)

    @property
    def app_url(self) -> str:
        """As the role that API and worker use."""
        return database_url(APP_ROLE, self.name, sockets=self.sockets)

    @property
    def superuser_url(self) -> str:
        """As the cluster's superuser, for tests that end other people's connections and the like."""
        return database_url(SUPERUSER, self.name, sockets=self.sockets)


class Servers:
    """The run's servers as one test process sees them. Close it when the process is done with them."""

    def __init__(self, folder: Path) -> None:
        self.sockets = folder / "run"
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        # A thread of its own, so that databases can be made whether or not a test's event loop is running.
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-databases", daemon=True)
        self._thread.start()
        self._admin = self._run(asyncpg.connect(database_url(SUPERUSER, "postgres", sockets=self.sockets)))

    def make_database(self) -> Database:
        """A fresh copy of the migrated template."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._run(
            self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} OWNER {OWNER_ROLE} STRATEGY WAL_LOG")
        )
        return Database(name, self.sockets)

    def drop_database(self, database: Database) -> None:
        """Drop it, and whatever connections a test left open with it."""
        self._run(self._admin.execute(f"DROP DATABASE {database.name} WITH (FORCE)"))

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """A fresh database for as long as the block runs."""
        database = self.make_database()
        try:
            yield database
        finally:
            self.drop_database(database)

    def empty_redis_url(self, number: int) -> str:
        """The address of one of Valkey's databases, emptied."""
        url = f"unix://{self.sockets}/valkey.sock?db={number}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def close(self) -> None:
        """Leave the servers; they go on for the other test processes."""
        self._run(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)


def join() -> Servers:
    """The run's servers; the first to ask has them started and waits for it."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _start_keeper(folder)
    return Servers(folder)


def stop_keeper(folder: Path) -> None:
    """Have the servers stopped, if they were ever started, and remove their folder."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = json.loads((folder / "keeper.json").read_text())["pid"]
        watched = os.pidfd_open(pid)
        signal.pidfd_send_signal(watched, signal.SIGTERM)
        select.select([watched], [], [], 60)
        os.close(watched)
    shutil.rmtree(folder, ignore_errors=True)


def _start_keeper(folder: Path) -> None:
    log = folder / "keeper.log"
    if log.exists():  # somebody tried before us: the same would happen again
        raise RuntimeError(f"the test servers did not start:\n{log.read_text()}")
    with log.open("w") as output:
        keeper = subprocess.Popen(
            [sys.executable, str(_KEEPER), str(folder), os.environ[OWNER_VARIABLE], str(VALKEY_DATABASES)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
    (folder / "keeper.json").write_text(json.dumps({"pid": keeper.pid}))
    assert keeper.stdout is not None
    with keeper.stdout:
        told = keeper.stdout.readline()
    if told != b"ready\n":
        keeper.wait()
        raise RuntimeError(f"the test servers did not start:\n{log.read_text()}")
    (folder / "ready").touch()
    # Nobody here waits for it, because it may outlive this process; without this Popen would warn of that at the end.
    keeper.returncode = 0
