"""Events put into the outbox beneath HTTP, and what became of them."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson
import redis.asyncio

from okr.db import outbox
from okr.db.outbox import Standing
from okr.events import Event, EventType
from okr.ids import new_id
from okr.stream import STREAM


@dataclass(frozen=True, order=True)
class Row:
    """A numbered event, as far as its numbers go; `version` is what its writer counted."""

    position: int
    organization_id: UUID
    subject: str
    sequence: int
    version: int


def revised(team: UUID, version: int) -> Event:
    """A team's event, which says how many its writer had written of it."""
    return Event(EventType.TEAM_REVISED, f"team:{team}", version)


async def announce(connection: asyncpg.Connection, organization_id: UUID, *events: Event) -> None:
    """Write events, each in a transaction of its own."""
    for event in events:
        await outbox.announce(connection, organization_id, [event])


async def number(
    connection: asyncpg.Connection, candidate: UUID | None = None, *, batch: int = 1000, told: int = 0
) -> Standing:
    """One look, with a lease that no test outlives."""
    return await outbox.number(connection, candidate or new_id(), lease_seconds=600, batch=batch, told=told)


async def rows_of(connection: asyncpg.Connection) -> list[Row]:
    """Every numbered event, in order of position."""
    rows = await connection.fetch(
        """
        SELECT position, organization_id, subject, sequence, (data->>'version')::int AS version FROM outbox_event
         WHERE position IS NOT NULL ORDER BY position
        """
    )
    return [Row(*row) for row in rows]


def sequences_of(rows: list[Row]) -> dict[str, list[tuple[int, int]]]:
    """(sequence, version) of each subject's events, in order of position."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        found.setdefault(row.subject, []).append((row.sequence, row.version))
    return found


async def streamed(client: redis.asyncio.Redis) -> list[tuple[int, str]]:
    """(position by the entry's id, the event's id) of every entry in the stream."""
    entries = await client.xrange(STREAM)
    return [(int(id.split(b"-")[0]), orjson.loads(fields[b"event"])["id"]) for id, fields in entries]


async def outbox_ids(connection: asyncpg.Connection) -> list[tuple[int, str]]:
    """(position, id) of every numbered event."""
    rows = await connection.fetch("SELECT position, id FROM outbox_event WHERE position IS NOT NULL ORDER BY position")
    return [(row["position"], str(row["id"])) for row in rows]
