"""Connections to read from: no transaction, no cleaning up after it, one round trip a query."""

from okr.db.connections import Connections, Loan
from okr.db.engine import SERVER_SETTINGS


class Readers:
    """Read-only connections, opened as they are needed: making them works while the database is away."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @classmethod
    async def of(cls, url: str, *, size: int = 10) -> "Readers":
        """At most `size` connections; a reader waits 5 s for one."""
        settings = {**SERVER_SETTINGS, "default_transaction_read_only": "on"}
        return cls(Connections(url, size=size, settings=settings))

    def connection(self) -> Loan:
        """A connection, on which each statement sees what was committed before it."""
        return self._connections.lend()

    async def close(self) -> None:
        """Wait for what is being read, then close."""
        await self._connections.close()
