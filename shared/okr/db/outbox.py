"""The outbox: events written in the transaction of the change that they tell of, so that neither exists without the other."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import orjson

from okr.events import Event
from okr.ids import new_id


async def announce(connection: asyncpg.Connection, organization_id: UUID, events: Sequence[Event]) -> None:
    """Write `events`, in their order, into the outbox of the surrounding transaction."""
    await connection.execute(
        """
        INSERT INTO outbox_event (organization_id, id, type, subject, sequence, data, created_at)
        SELECT $1, e.id, e.type, e.subject, e.sequence, e.data::jsonb, clock_timestamp()
          FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[]) AS e (id, type, subject, sequence, data)
        """,
        organization_id,
        [new_id() for _ in events],
        [event.type.value for event in events],
        [event.subject for event in events],
        [event.sequence for event in events],
        [orjson.dumps(event.data).decode() for event in events],
    )
