"""The outbox: events written in the transaction of the change that they tell of, so that neither exists without the other.

What was committed is numbered by whoever asks (`number`), one caller at a time; the process that leads then publishes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.events import Event, NumberedEvent
from okr.ids import new_id

EVENT_COLUMNS = "position, sequence, organization_id, id, type, subject, created_at, data::text"
"""What `events_of` reads."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the relay stood after a look: `position` is the last one given, `published` the last one in the stream.

    `leads`: the caller holds the lease and publishes. `numbered`: how many events this look numbered.
    """

    leads: bool
    numbered: int
    position: int
    published: int


async def announce(connection: asyncpg.Connection, organization_id: UUID, events: Sequence[Event]) -> None:
    """Write `events`, in their order, into the outbox of the surrounding transaction, which holds what they tell of locked."""
    await connection.execute(
        """
        INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
        SELECT $1, e.id, e.type, e.subject, e.data::jsonb, clock_timestamp()
          FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS e (id, type, subject, data)
        """,
        organization_id,
        [new_id() for _ in events],
        [event.type.value for event in events],
        [event.subject for event in events],
        [orjson.dumps(event.content, option=orjson.OPT_UTC_Z).decode() for event in events],
    )


async def number(
    connection: asyncpg.Connection, candidate: UUID | None, *, lease_seconds: float, batch: int, told: int
) -> Standing:
    """Number up to `batch` committed events, oldest first, and take or renew the lease for `candidate` if it is to be had.

    `told` is the last position that the candidate knows to be in the stream. A statement of its own: not within a transaction.
    """
    row = await connection.fetchrow(
        "SELECT leads, numbered, last_position, last_published FROM okr_number_events($1, $2, $3, $4)",
        candidate,
        lease_seconds,
        batch,
        told,
    )
    assert row is not None
    return Standing(*row)


async def give_back(connection: asyncpg.Connection, holder: UUID, *, told: int) -> None:
    """End `holder`'s lease, if it has one, so that another process can lead at once."""
    await connection.execute(
        """
        UPDATE event_relay SET holder = NULL, held_until = '-infinity', published = greatest(published, least($2, position))
         WHERE holder = $1
        """,
        holder,
        told,
    )


async def numbered_after(connection: asyncpg.Connection, position: int, *, limit: int) -> list[NumberedEvent]:
    """The next events of all organizations, in order of position, that are still kept."""
    # Positions have no gaps but the beginning that was pruned, so a range says as much as a limit, and whatever plan the
    # planner makes reads no more. `position + 0` is how the index that is meant for this is called for.
    rows = await connection.fetch(
        f"""
        WITH since AS MATERIALIZED (SELECT greatest($1, pruned) AS place FROM event_relay)
        SELECT {EVENT_COLUMNS} FROM outbox_event
         WHERE position + 0 > (SELECT place FROM since) AND position + 0 <= (SELECT place FROM since) + $2
         ORDER BY position + 0
        """,
        position,
        limit,
    )
    return events_of(tuple(row) for row in rows)


def events_of(rows: Iterable[Sequence[Any]]) -> list[NumberedEvent]:
    """Rows of EVENT_COLUMNS as events."""
    return [NumberedEvent(*row) for row in rows]


async def prune(connection: asyncpg.Connection, *, older_than: datetime, limit: int) -> int:
    """Delete up to `limit` of the oldest numbered events that were written before `older_than`; answers how many.

    Always a beginning of the order, whose end is remembered, so that a cursor from before it can be told so. Events that wait
    for Redis go too: what nobody fetched in all this time must not fill the disk.
    """
    deleted: int = await connection.fetchval(
        """
        WITH oldest AS MATERIALIZED (
            SELECT organization_id, id, position, created_at FROM outbox_event
             WHERE position + 0 > 0 ORDER BY position + 0 LIMIT $2),
        passed AS MATERIALIZED (
            SELECT organization_id, id, position FROM oldest
             WHERE position < coalesce((SELECT min(position) FROM oldest WHERE created_at >= $1), 9223372036854775807)),
        deleted AS (
            DELETE FROM outbox_event e USING passed p
             WHERE e.organization_id = p.organization_id AND e.id = p.id RETURNING e.position),
        remembered AS (
            UPDATE event_relay SET pruned = greatest(pruned, (SELECT max(position) FROM passed))
             WHERE EXISTS (SELECT FROM passed))
        SELECT count(*) FROM deleted
        """,
        older_than,
        limit,
    )
    return deleted
