"""Reading events from where somebody stands."""

from uuid import UUID

import asyncpg

from okr.db.event_pages import EventPage, Wanted, event_page, last_position
from okr.domain.errors import Invalid
from okr_api.errors import Gone
from okr_api.schemas.events import EVENT_TYPES


class EventsPruned(Gone):
    """Events after this cursor are no longer kept, so that something would be missing.

    Ask for a cursor with `from=now`, read anew the state that the events are followed for, and go on from that cursor.
    """

    code = "events_pruned"


class UnknownEventType(Invalid):
    """No event has this type.

    Name one of the types that the parameter's description lists, or all of one thing's as in `okr.objective.*`.
    """

    code = "unknown_event_type"


def wanted_events(*, subject: str | None, type: str | None) -> Wanted:
    """The filter that these words mean; a type may end in `*`. Raises UnknownEventType."""
    if type is not None and type not in EVENT_TYPES:
        raise UnknownEventType("No event has this type.")
    is_prefix = type is not None and type.endswith("*")
    return Wanted(
        subject=subject and subject.lower(),
        type=None if is_prefix else type,
        type_prefix=type.removesuffix("*") if type is not None and is_prefix else None,
    )


async def read_events(
    connection: asyncpg.Connection, organization_id: UUID, *, after: int | None, limit: int, wanted: Wanted
) -> EventPage:
    """The page after a cursor's position; without one from the oldest event kept. Raises EventsPruned."""
    page = await event_page(connection, organization_id, after=after, limit=limit, wanted=wanted)
    # A position that was not given yet is one from before the database was restored from a backup.
    if after is not None and not page.pruned <= after <= page.position:
        raise EventsPruned("Events after this cursor are no longer kept: read the state anew, and begin with from=now.")
    return page


async def nothing_yet(connection: asyncpg.Connection) -> EventPage:
    """The empty page after which everything comes that is numbered from now on."""
    last = await last_position(connection)
    return EventPage([], last, has_more=False, position=last, pruned=0)
