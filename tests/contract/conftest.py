"""Fixtures for tests of the contract: the committed document, node's tools, and a service that runs."""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from contract_document import OPENAPI
from contract_node import NodeTools, node_tools
from demo_service import Service, running_service

from running import wait_for
from servers import Servers

_SECRET_KEY = "a-secret-for-tests-only-0123456789abcdef"
# Of its own, for it lives longer than a test, and the `redis_url` of a test empties that of its process.
_VALKEY_DATABASE = 50


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """The OpenAPI document as it is committed."""
    made: dict[str, Any] = json.loads(OPENAPI.read_text())
    return made


@pytest.fixture(scope="session")
def tools() -> NodeTools:
    """Node and the packages of the lock."""
    return node_tools()


@pytest.fixture(scope="session")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An API and a worker that live as long as the test process."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with servers.database() as database:
        environment = {
            "OKR_DATABASE_URL": database.app_url,
            "OKR_DATABASE_OWNER_URL": database.owner_url,
            "OKR_REDIS_URL": servers.empty_redis_url(_VALKEY_DATABASE + number),
            "OKR_SECRET_KEY": _SECRET_KEY,
        }
        with running_service(environment, tmp_path_factory.mktemp("contract-service")) as service:
            wait_for(lambda: is_ready(service.url), why="for the API")
            yield service


def is_ready(url: str) -> bool:
    """Whether the API there serves requests."""
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False
