"""Pages of the numbered outbox: what an organization's own consumers pull, from a position on."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from okr.db.outbox import EVENT_COLUMNS, events_of
from okr.events import NumberedEvent

SCANNED_AT_ONCE = 10_000
"""How many events a filtered page looks at before it is answered, with whatever it has found by then."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page may hold; None holds everything. `type` is a whole type, `type_prefix` the beginning of several."""

    subject: str | None = None
    type: str | None = None
    type_prefix: str | None = None

    @property
    def is_everything(self) -> bool:
        """Nothing is left out."""
        return self.subject is self.type is self.type_prefix is None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order of position. `reached`: nothing that is wanted lies between the position asked from and this one, but them.

    `position` and `pruned` are the last position given and the last one whose event is no longer kept.
    """

    events: list[NumberedEvent]
    reached: int
    has_more: bool
    position: int
    pruned: int


# $1 organization, $2 the position after which (null: the oldest event kept), $3 the number of events.
# One statement sees one state: a page and the position that it reaches belong together.
_PAGE = f"""
WITH relay AS MATERIALIZED (SELECT position AS last, pruned FROM event_relay),
page AS (
    SELECT {EVENT_COLUMNS} FROM outbox_event
     WHERE organization_id = $1 AND position > coalesce($2, (SELECT pruned FROM relay))
     ORDER BY position LIMIT $3)
SELECT relay.last, relay.pruned, NULL::bigint AS bound, page.* FROM relay LEFT JOIN page ON true ORDER BY page.position
"""
# The same where events are left out: $4 subject, $5 type, $6 beginning of the type, $7 how many are looked at.
# No index knows subjects: keeping one would cost every event more than a look at some thousand costs a rare question.
_FILTERED = f"""
WITH relay AS MATERIALIZED (SELECT position AS last, pruned FROM event_relay),
bound AS MATERIALIZED (
    SELECT position FROM outbox_event
     WHERE organization_id = $1 AND position > coalesce($2, (SELECT pruned FROM relay)) ORDER BY position OFFSET $7 - 1 LIMIT 1),
page AS (
    SELECT {EVENT_COLUMNS} FROM outbox_event
     WHERE organization_id = $1 AND position > coalesce($2, (SELECT pruned FROM relay))
       AND position <= coalesce((SELECT position FROM bound), (SELECT last FROM relay))
       AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR type = $5)
       AND ($6::text IS NULL OR starts_with(type, $6))
     ORDER BY position LIMIT $3)
SELECT relay.last, relay.pruned, (SELECT position FROM bound) AS bound, page.*
  FROM relay LEFT JOIN page ON true ORDER BY page.position
"""
_OF_THE_RELAY = 3


async def event_page(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    after: int | None,
    limit: int,
    wanted: Wanted,
    scanned_at_once: int = SCANNED_AT_ONCE,
) -> EventPage:
    """Up to `limit` events of the organization after the position `after`; None begins with the oldest event kept."""
    if wanted.is_everything:
        rows = await connection.fetch(_PAGE, organization_id, after, limit + 1)
    else:
        filters = (wanted.subject, wanted.type, wanted.type_prefix)
        rows = await connection.fetch(_FILTERED, organization_id, after, limit + 1, *filters, scanned_at_once)
    last, pruned, bound = rows[0][:_OF_THE_RELAY]
    events = events_of(row[_OF_THE_RELAY:] for row in rows if row["position"] is not None)
    if len(events) > limit:
        return EventPage(events[:limit], events[limit - 1].position, has_more=True, position=last, pruned=pruned)
    # At the end the position is everybody's last: one who has few events must not fall behind what is pruned.
    reached = last if bound is None else bound
    return EventPage(events, max(reached, after or 0), has_more=bound is not None, position=last, pruned=pruned)


async def last_position(connection: asyncpg.Connection) -> int:
    """The last position given."""
    position: int = await connection.fetchval("SELECT position FROM event_relay")
    return position
