"""A pool as the worker has it, a company beneath HTTP, and a drain that serves everything there is."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from company import Company, a_company
from okr.db.engine import connection_of, make_pool
from okr_scoring.drain import Drainer
from workers import Drain


@pytest.fixture
async def pool(app_url: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A worker's pool."""
    async with await make_pool(app_url, size=4) as pool:
        yield pool


@pytest.fixture
async def company(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Company]:
    """A company with a running cycle."""
    async with connection_of(pool) as connection:
        yield await a_company(connection)


@pytest.fixture
def drain(pool: "asyncpg.Pool[asyncpg.Record]", company: Company) -> Drain:
    """Serve the company's demand until nothing is dirty, and leave nobody behind who would serve more."""

    async def everything() -> None:
        drainer = Drainer(pool, roll_up_distance_seconds=0)
        while await company.connection.fetchval("SELECT count(*) FROM rescore_demand WHERE dirty"):
            await drainer.drain(company.id)
        await drainer.close()

    return everything
