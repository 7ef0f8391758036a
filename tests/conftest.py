"""Fixtures that every test may use. Servers are real, private to the run, and started when first asked for.

database         a migrated, empty database of the test's own: `.owner_url`, `.app_url`, `.superuser_url`, `.name`
owner_url        its address as the owner of the tables
app_url          its address as the role that API and worker use
redis_url        a Valkey database, empty at the start of the test, that no test of another process uses
environment      the `OKR_…` variables for an API or a worker on these two
servers          for wider scopes: `with servers.database() as database: …` in a fixture of your own

Addresses are `postgresql://role@/name?host=/folder&port=5432` and `unix:///folder/valkey.sock?db=3`. A test that kills servers
starts its own: `okr_cli.postgres.PostgresServer` and `okr_cli.valkey.ValkeyServer` with folders under `tmp_path`.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers as test_servers
from servers import Database, Servers

_SECRET_KEY = "a-secret-for-tests-only-0123456789abcdef"


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of the servers before the run's worker processes start, so that they share them."""
    if not hasattr(config, "workerinput"):
        os.environ[test_servers.FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="okr-test-")
        os.environ[test_servers.OWNER_VARIABLE] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers when the run's first process ends."""
    if not hasattr(config, "workerinput"):
        test_servers.stop_keeper(Path(os.environ.pop(test_servers.FOLDER_VARIABLE)))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The run's PostgreSQL and Valkey."""
    joined = test_servers.join()
    yield joined
    joined.close()


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    """A migrated, empty database of the test's own."""
    with servers.database() as database:
        yield database


@pytest.fixture
def owner_url(database: Database) -> str:
    """The test's database as the owner of the tables."""
    return database.owner_url


@pytest.fixture
def app_url(database: Database) -> str:
    """The test's database as the application's role."""
    return database.app_url


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """An empty Valkey database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return servers.empty_redis_url(int(worker) % test_servers.VALKEY_DATABASES)


@pytest.fixture
def environment(database: Database, redis_url: str) -> dict[str, str]:
    """What an API or worker process reads to serve this test's database and Valkey."""
    return {
        "OKR_DATABASE_URL": database.app_url,
        "OKR_DATABASE_OWNER_URL": database.owner_url,
        "OKR_REDIS_URL": redis_url,
        "OKR_SECRET_KEY": _SECRET_KEY,
    }
