"""Connections for what comes in by the thousands: the driver's own, without the toolkit's way to and from its pool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import asyncpg

from okr.db.engine import SERVER_SETTINGS
from okr.db.urls import for_asyncpg


class Writers:
    """A pool of connections, opened as they are needed: making it works while the database is away.

    The toolkit's pool asks three times whether a connection still lives before it hands it out. That is a third of what
    a single point costs; here a connection whose server went away is simply replaced.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def of(cls, url: str, *, size: int = 10) -> "Writers":
        """At most `size` connections; a writer waits 5 s for one."""
        pool = await asyncpg.create_pool(
            for_asyncpg(url),
            min_size=0,
            max_size=size,
            server_settings=SERVER_SETTINGS,
            command_timeout=35,
            timeout=5,
            reset=_nothing,
        )
        return cls(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection on which each statement is its own transaction."""
        async with self._pool.acquire(timeout=5) as connection:
            # The pool hands out a proxy that has all of a connection's methods, and another type.
            yield cast("asyncpg.Connection", connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a transaction, which commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Wait for what is being written, then close."""
        await self._pool.close()


async def _nothing(connection: object) -> None:
    """Nothing outlives a transaction here: the driver's reset would be a round trip for nothing."""
