"""Connections to read from: no transaction, no cleaning up after it, one round trip a query."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import asyncpg

from okr.db.engine import SERVER_SETTINGS
from okr.db.urls import for_asyncpg


class Readers:
    """A pool of read-only connections, opened as they are needed: making it works while the database is away."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def of(cls, url: str, *, size: int = 10) -> "Readers":
        """At most `size` connections; a reader waits 5 s for one."""
        pool = await asyncpg.create_pool(
            for_asyncpg(url),
            min_size=0,
            max_size=size,
            server_settings={**SERVER_SETTINGS, "default_transaction_read_only": "on"},
            command_timeout=35,
            timeout=5,
            reset=_nothing,
        )
        return cls(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection, on which each statement sees what was committed before it."""
        async with self._pool.acquire(timeout=5) as connection:
            # The pool hands out a proxy that has all of a connection's methods, and another type.
            yield cast("asyncpg.Connection", connection)

    async def close(self) -> None:
        """Wait for what is being read, then close."""
        await self._pool.close()


async def _nothing(connection: object) -> None:
    """Reads in autocommit leave nothing behind in a session: the driver's reset would be a round trip for nothing."""
