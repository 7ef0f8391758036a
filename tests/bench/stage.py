"""The servers that a run of the bench has: the same PostgreSQL and Valkey, with the same settings, that the tests use.

Both sides of every comparison use them. They do not wait for the disk: that wait would be the same for both, and the longer
it is the better any code looks beside its floor.
"""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

import servers as test_servers
from bench.figures import children_of, cpu_seconds
from okr.db.engine import SERVER_SETTINGS
from okr.jobs import job_client, ring
from servers import Database, Servers

SECRET_KEY = "a-secret-for-the-bench-only-0123456789abcdef"


@dataclass(frozen=True)
class Stage:
    """One database of the run and the address of an emptied Valkey, for one part of the bench."""

    folder: Path
    database: Database
    redis_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What an API or a worker reads to run on this stage."""
        return {
            "OKR_DATABASE_URL": self.database.app_url,
            "OKR_DATABASE_OWNER_URL": self.database.owner_url,
            "OKR_REDIS_URL": self.redis_url,
            "OKR_SECRET_KEY": SECRET_KEY,
        }

    @contextlib.asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the tables' owner: builds data, and looks at what became of it."""
        connection = await asyncpg.connect(self.database.owner_url)
        try:
            yield connection
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def app(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection with the application's role and settings."""
        connection = await asyncpg.connect(self.database.app_url, server_settings=SERVER_SETTINGS)
        try:
            yield connection
        finally:
            await connection.close()

    async def ring(self, organization_id: object) -> None:
        """Tell the worker that there is demand, the way that the API does."""
        client = job_client(self.redis_url)
        try:
            await ring(client, [organization_id])  # type: ignore[list-item]  # ids come out of rows
        finally:
            await client.aclose(close_connection_pool=True)

    def database_cpu_seconds(self) -> float:
        """What all of PostgreSQL's processes have used so far."""
        postmaster = int((self.folder / "postgres" / "postmaster.pid").read_text().partition("\n")[0])
        return cpu_seconds(postmaster, *children_of(postmaster))


class Theatre:
    """The run's servers, and a stage of its own for each part."""

    def __init__(self, folder: Path, joined: Servers) -> None:
        self._folder, self._servers = folder, joined

    @contextlib.contextmanager
    def stage(self) -> Iterator[Stage]:
        """A fresh database, dropped at the end."""
        with self._servers.database() as database:
            yield Stage(self._folder, database, self._servers.empty_redis_url(0))


@contextlib.contextmanager
def theatre() -> Iterator[Theatre]:
    """Start the servers; stop them at the end. Should this process be killed, they stop by themselves."""
    folder = Path(tempfile.mkdtemp(prefix="okr-bench-"))
    os.environ[test_servers.FOLDER_VARIABLE] = str(folder)
    os.environ[test_servers.OWNER_VARIABLE] = str(os.getpid())
    try:
        joined = test_servers.join()
        try:
            yield Theatre(folder, joined)
        finally:
            joined.close()
    finally:
        test_servers.stop_keeper(folder)
