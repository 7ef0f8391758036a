"""What the tests of the API hold in their hands: an organization with a client, and a bell that notes who rang."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from company import insert
from okr.db.tables.columns import utc_now
from okr.ids import new_id


@dataclass
class NotingBell:
    """A bell that wakes nobody."""

    rung: list[UUID] = field(default_factory=list)

    async def start(self) -> None:
        """Nothing to start."""

    def ring(self, organization_id: UUID) -> None:
        """Note it."""
        self.rung.append(organization_id)

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Company:
    """An organization, and a client that may do everything in it."""

    id: UUID
    client: httpx.AsyncClient
    connection: asyncpg.Connection

    async def somebody_waits_for_a_lock(self) -> None:
        """Return when a transaction of this database waits for another one."""
        waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE NOT granted AND datname = current_database()
        """
        async with asyncio.timeout(60):
            while not await self.connection.fetchval(waiting):
                await asyncio.sleep(0.01)
                # Within a transaction the first look would be repeated, and who connected after it never be seen.
                await self.connection.execute("SELECT pg_stat_clear_snapshot()")

    async def add_person(self, name: str = "Ada", **fields: Any) -> UUID:
        """A person's id."""
        id, now = new_id(), utc_now()
        row = {"name": name, "is_active": True, "version": 1, "created_at": now, "updated_at": now, **fields}
        await insert(self.connection, "person", organization_id=self.id, id=id, **row)
        return id
