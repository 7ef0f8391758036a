"""The real application on a real database, asked over ASGI by clients of two organizations.

`app`            the application with its lifespan entered, and a bell that only notes who rang
`bell`           what it noted: `.rung`, a list of organization ids
`company`        an organization with a client that has every scope; `other` is another one
`clients`        makes more clients: `await clients(company, scopes=[Scope.OKR_READ])`
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID

import asyncpg
import httpx
import pytest
from api_company import Company, NotingBell
from api_problems import check_declared
from fastapi import FastAPI

from company import insert
from okr.db import demand
from okr.db.api_keys import create_key
from okr.db.demand import subject
from okr.db.tables.columns import utc_now
from okr.db.urls import for_asyncpg
from okr.domain.values import SubjectKind
from okr.ids import new_id
from okr.keys import Scope
from okr.settings import Settings
from okr_api.app import create_app
from servers import Database

EVERY_SCOPE = tuple(Scope)
Clients = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """The settings of an API process on this test's servers."""
    names = {name.removeprefix("OKR_").lower(): value for name, value in environment.items()}
    return Settings(**names, cors_origins="https://app.example")  # type: ignore[arg-type]  # as text, like the environment


@pytest.fixture
def bell() -> NotingBell:
    """The bell of `app`."""
    return NotingBell()


@pytest.fixture
async def app(settings: Settings, bell: NotingBell) -> AsyncIterator[FastAPI]:
    """The application, started."""
    app = create_app(settings, bell=bell)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the tables' owner, to arrange and to look behind the API."""
    connection = await asyncpg.connect(for_asyncpg(database.owner_url))
    yield connection
    await connection.close()


@pytest.fixture
async def clients(app: FastAPI, owner: asyncpg.Connection, settings: Settings) -> AsyncIterator[Clients]:
    """Makes clients with keys of their own."""
    async with AsyncExitStack() as stack:

        async def make(organization_id: UUID, *, scopes: Sequence[Scope] = EVERY_SCOPE) -> httpx.AsyncClient:
            secret = settings.secret_key.get_secret_value()
            key, _ = await create_key(
                owner, organization_id, name="test", scopes=scopes, secret_key=secret, now=utc_now()
            )
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://okr.test",
                headers={"Authorization": f"Bearer {key.shown}"},
                event_hooks={"response": [partial(check_declared, app)]},
            )
            return await stack.enter_async_context(client)

        yield make


@pytest.fixture
async def company(clients: Clients, owner: asyncpg.Connection) -> Company:
    """An organization."""
    return await _company(clients, owner, "Company")


@pytest.fixture
async def other(clients: Clients, owner: asyncpg.Connection) -> Company:
    """An organization that has nothing to do with `company`."""
    return await _company(clients, owner, "Other")


async def _company(clients: Clients, owner: asyncpg.Connection, name: str) -> Company:
    id = await add_organization(owner, name)
    return Company(id, await clients(id), owner)


async def add_organization(connection: asyncpg.Connection, name: str) -> UUID:
    """An organization without anything in it; its id."""
    id, now = new_id(), utc_now()
    row = {"organization_id": id, "name": name, "time_zone": "Europe/Berlin"}
    await insert(connection, "organization", version=1, created_at=now, updated_at=now, **row)
    await demand.make(connection, id, [(subject(SubjectKind.ORGANIZATION, id), now)])
    return id
