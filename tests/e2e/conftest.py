"""The demo company, loaded once for all tests that look at it: `demo_company`, on the service `demo_service`."""

import os
from collections.abc import Iterator

import pytest
from demo_service import DemoCompany, Service, running_service

from okr_cli import demo
from okr_cli.client import Client
from okr_cli.demo.loading import today_at_the_company
from okr_cli.demo.plan import make_plan
from servers import Servers

_SECRET_KEY = "a-secret-for-tests-only-0123456789abcdef"
# Of its own, for it lives longer than a test, and the `redis_url` of a test empties that of its process.
_VALKEY_DATABASE = 40


def _process_number() -> int:
    """The number of this process among those of pytest-xdist."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def demo_service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An API and a worker that live as long as the test process."""
    with servers.database() as database:
        environment = {
            "OKR_DATABASE_URL": database.app_url,
            "OKR_DATABASE_OWNER_URL": database.owner_url,
            "OKR_REDIS_URL": servers.empty_redis_url(_VALKEY_DATABASE + _process_number()),
            "OKR_SECRET_KEY": _SECRET_KEY,
        }
        with running_service(environment, tmp_path_factory.mktemp("demo-service")) as service:
            yield service


@pytest.fixture(scope="session")
def demo_company(demo_service: Service) -> Iterator[DemoCompany]:
    """The demo company as of today. Tests may add values to it, and must not count on their absence."""
    lines: list[str] = []
    today, api_key = today_at_the_company(), demo_service.new_key()
    with Client(demo_service.url, api_key) as client:
        demo.load(client, today=today, on_progress=lines.append)
        yield DemoCompany(client, api_key, demo_service.url, make_plan(today), tuple(lines))
