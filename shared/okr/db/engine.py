"""How a process reaches PostgreSQL: one engine and pool each, plain sessions, and the driver's own connection for hot paths."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db.urls import for_asyncpg, for_sqlalchemy

# No statement of ours is worth more; a frozen process must not hold others' locks for longer either.
SERVER_SETTINGS = {
    "application_name": "okr",
    "timezone": "UTC",
    "statement_timeout": "30000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "2000",
    "jit": "off",
    # What is asked for all day is in memory: a row by its key costs little more than the next one.
    "random_page_cost": "1.1",
}


def make_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine whose pool holds at most `pool_size` connections and waits 5 s for one."""
    return create_async_engine(
        for_sqlalchemy(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={"server_settings": SERVER_SETTINGS, "command_timeout": 35},
    )


@asynccontextmanager
async def session_of(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session that never commits by itself: the edge does."""
    async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
        yield session


async def driver(session: AsyncSession) -> asyncpg.Connection:
    """asyncpg's connection inside the session's transaction, for statements where the toolkit would cost more than the work.

    SQLAlchemy begins with its first statement; before that a driver's statement would commit by itself. So one is sent
    unless the session has already spoken, which `session.info["begun"]` remembers.
    """
    connection = await session.connection()
    if session.info.get("begun") is not connection.sync_connection:
        await connection.exec_driver_sql("SELECT 1")
        session.info["begun"] = connection.sync_connection
    raw = await connection.get_raw_connection()
    return cast("asyncpg.Connection", raw.driver_connection)


async def make_pool(url: str, *, size: int = 10) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool of driver connections, for the worker: each statement is its own transaction."""
    return await asyncpg.create_pool(
        for_asyncpg(url), min_size=1, max_size=size, server_settings=SERVER_SETTINGS, command_timeout=35, timeout=5
    )


@asynccontextmanager
async def connection_of(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[asyncpg.Connection]:
    """A connection from the pool, under the type that the stores name."""
    async with pool.acquire() as connection:
        yield cast("asyncpg.Connection", connection)
