"""API and worker as the processes they are, and clients of organizations of their own."""

import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from okr_cli.client import Client
from okr_cli.demo.plan import Plan
from okr_cli.keys import create_key
from okr_cli.processes import Child

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Service:
    """A running service and what it runs on."""

    url: str
    environment: Mapping[str, str]

    def new_key(self) -> str:
        """A key of a new organization."""
        return create_key(
            self.environment["OKR_DATABASE_URL"],
            f"Organization {next(_NUMBERS)}",
            name="test",
            secret_key=self.environment["OKR_SECRET_KEY"],
        )

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """A client of a new organization."""
        with Client(self.url, self.new_key()) as client:
            yield client


@dataclass(frozen=True)
class DemoCompany:
    """The loaded company, the plan that it was loaded by, and the lines told meanwhile."""

    client: Client
    api_key: str
    url: str
    plan: Plan
    lines: tuple[str, ...]


@contextlib.contextmanager
def running_service(environment: Mapping[str, str], logs: Path) -> Iterator[Service]:
    """Start API and worker on these servers; both have ended when the block is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = os.environ | environment | {"OKR_HOST": "127.0.0.1", "OKR_PORT": str(port)}
    with contextlib.ExitStack() as stack:
        for module in ("okr_scoring", "okr_api"):
            child = Child(
                module,
                [sys.executable, "-P", "-m", module],
                log=logs / f"{module}.log",
                environment=variables,
            )
            stack.callback(child.stop)
            child.start()
        yield Service(f"http://127.0.0.1:{port}", environment)
