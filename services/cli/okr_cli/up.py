"""`okr up`: the whole service on this machine, from nothing, and nothing left of it at the end but its data."""

import contextlib
import errno
import os
import socket
import sys
from pathlib import Path

import httpx

from okr.db.migrate import upgrade
from okr_cli.client import Client
from okr_cli.console import say
from okr_cli.errors import CommandFailed
from okr_cli.folder import DataFolder
from okr_cli.keys import create_key, is_live_key
from okr_cli.postgres import APP_ROLE, OWNER_ROLE, PostgresServer
from okr_cli.processes import Child, wait_until
from okr_cli.stopping import StopRequested, StopSignals
from okr_cli.supervision import supervise
from okr_cli.valkey import ValkeyServer
from okr_cli.welcome import greet, load_demo, show_board

_HOST = "127.0.0.1"
_ORGANIZATION = "Local"
_KEY_NAME = "okr up"


def up(data: Path, *, port: int | None, demo: bool) -> None:
    """Run everything until a signal comes. Raises StopRequested then, and CommandFailed when something is in the way.

    PostgreSQL, Valkey, worker and API start in this order and stop in the opposite one, however this function ends.
    """
    signals = StopSignals()
    signals.listen()
    if port is not None:
        _refuse_taken(port)
    folder = DataFolder(data)
    with contextlib.ExitStack() as stack:
        stack.enter_context(folder.opened())
        try:
            _run(folder, stack, signals, port=port, demo=demo)
        except StopRequested:
            say("stopping")
            raise
        finally:
            signals.ignore()
            folder.forget_up()


def _run(
    folder: DataFolder, stack: contextlib.ExitStack, signals: StopSignals, *, port: int | None, demo: bool
) -> None:
    sockets = stack.enter_context(folder.sockets())
    postgres = PostgresServer(folder.postgres, sockets=sockets, log=folder.logs / "postgres.log")
    valkey = ValkeyServer(folder.valkey, sockets=sockets, log=folder.logs / "valkey.log")
    _start_servers(stack, postgres, valkey)
    database_url, secret = postgres.url(APP_ROLE), folder.secret()
    key = _api_key(folder, database_url, secret_key=secret)
    port = port or _free_port()
    environment = _environment(database_url, redis_url=valkey.url(), secret_key=secret, port=port)
    worker, api = (
        Child(name, [sys.executable, "-P", "-m", module], log=folder.logs / log, environment=environment)
        for name, module, log in (("worker", "okr_scoring", "worker.log"), ("API", "okr_api", "api.log"))
    )
    url = f"http://{_HOST}:{port}"
    _start_services(stack, url, worker=worker, api=api)
    with Client(url, key) as client:
        has_demo = demo and load_demo(folder, client)
        signals.check()
        if has_demo:
            show_board(client)
    greet(folder.root, url, key)
    folder.announce_up({"url": url, "api_key": key, "database_url": database_url, "redis_url": valkey.url()})
    supervise([postgres, valkey, worker, api], check=signals.check)


def _start_servers(stack: contextlib.ExitStack, postgres: PostgresServer, valkey: ValkeyServer) -> None:
    """Start both and bring the database to this code's schema."""
    if not postgres.data.exists():
        say("making a PostgreSQL database and a Valkey, which takes some seconds the first time")
    stack.callback(postgres.stop)
    stack.callback(valkey.stop)
    valkey.start()
    postgres.start()
    postgres.wait(on_slow=lambda: say("PostgreSQL is replaying what a crash left"))
    valkey.wait()
    postgres.prepare()
    upgrade(postgres.url(OWNER_ROLE))


def _start_services(stack: contextlib.ExitStack, url: str, *, worker: Child, api: Child) -> None:
    """Start both and wait for the API to be ready; the worker may still be on its way then."""
    for child in (worker, api):
        stack.callback(child.stop)
        child.start()
    wait_until(
        lambda: _is_ready(url),
        child=api,
        timeout_seconds=120,
        marks=("okr_api:", "Error"),
        on_slow=lambda: say("waiting for the API"),
    )


def _environment(database_url: str, *, redis_url: str, secret_key: str, port: int) -> dict[str, str]:
    """What API and worker read. The person's own `OKR_…` variables pass through where `okr up` does not decide."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("OKR_DATABASE_")}
    return others | {
        "OKR_DATABASE_URL": database_url,
        "OKR_REDIS_URL": redis_url,
        "OKR_SECRET_KEY": secret_key,
        "OKR_HOST": _HOST,
        "OKR_PORT": str(port),
    }


def _api_key(folder: DataFolder, database_url: str, *, secret_key: str) -> str:
    """The key of the last start if the database knows it still, else a new one."""
    key = folder.api_key()
    if key is None or not is_live_key(database_url, key, secret_key=secret_key):
        key = create_key(database_url, _ORGANIZATION, name=_KEY_NAME, secret_key=secret_key)
        folder.keep_api_key(key)
    return key


def _is_ready(url: str) -> bool:
    try:
        # Not through a proxy that the environment may name: this is our own machine.
        return httpx.get(url + "/readyz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandFailed(
                    f"port {port} is taken: name another with --port, or leave it out for a free one"
                ) from error
            raise CommandFailed(f"port {port} cannot be used: {error.strerror}") from error
