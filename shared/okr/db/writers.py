"""Connections for what comes in by the thousands: the driver's own, without the toolkit's way to and from its pool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from okr.db.connections import Connections, Loan
from okr.db.engine import SERVER_SETTINGS


class Writers:
    """Connections, opened as they are needed: making them works while the database is away.

    The toolkit's pool asks three times whether a connection still lives before it hands it out. That is a third of what
    a single point costs; here a connection whose server went away is simply replaced.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    async def of(cls, url: str, *, size: int = 10) -> "Writers":
        """At most `size` connections; a writer waits 5 s for one."""
        return cls(Connections(url, size=size, settings=SERVER_SETTINGS))

    def connection(self) -> Loan:
        """A connection on which each statement is its own transaction."""
        return self._connections.lend()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a transaction, which commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Wait for what is being written, then close."""
        await self._connections.close()
