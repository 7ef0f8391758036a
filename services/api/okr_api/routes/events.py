"""Events over HTTP: what happened, pulled from where the caller stands."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query
from starlette.responses import Response

from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge
from okr_api.lists import Limit
from okr_api.routing import Routes
from okr_api.schemas.events import EVENT_TYPES, EventList, EventSubject, as_json
from okr_api.use_cases.events import EventsPruned, UnknownEventType, nothing_yet, read_events, wanted_events

routes = Routes("/v1/events", tag="events")

_NO_ID = UUID(int=0)


class Start(StrEnum):
    """Where a reader begins that has no cursor yet."""

    OLDEST = "oldest"
    NOW = "now"


@routes.get("", scope=Scope.OKR_READ, answers=EventList, refuses=(EventsPruned, UnknownEventType))
async def list_events(
    edge: CurrentEdge,
    subject: Annotated[
        EventSubject | None, Query(description="Only events of this thing, as in `objective:<id>`.")
    ] = None,
    type: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only events of this type, or of one thing's types, as in `okr.objective.*`.",
            json_schema_extra={"enum": list(EVENT_TYPES)},
        ),
    ] = None,
    start: Annotated[
        Start,
        Query(alias="from", description="Where to begin without a cursor: the oldest event kept, or what comes now."),
    ] = Start.OLDEST,
    limit: Annotated[Limit, Query(description="How many items a page has at most.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=2000, description="`next_cursor` of the page before, with the same filters.")
    ] = None,
) -> Response:
    """Pull events, oldest first, from a cursor on.

    Every page has a `next_cursor`: keep it, and ask with it again for what came later. No event is missed or told twice, and the
    events of one subject come in the order in which they happened. To follow a state, first get a cursor with `from=now`, then
    read the state, then pull. Events are kept for some days; a cursor from before that is answered 410 `events_pruned`.
    """
    wanted = wanted_events(subject=subject, type=type)
    binding = _binding(edge, wanted.subject, type)
    after = None if cursor is None else int(edge.ports.cursors.read(binding, cursor)[0])
    async with edge.reading() as connection:
        if after is None and start is Start.NOW:
            page = await nothing_yet(connection)
        else:
            page = await read_events(connection, edge.organization_id, after=after, limit=limit, wanted=wanted)
    next_cursor = edge.ports.cursors.write(binding, (str(page.reached), _NO_ID))
    return Response(as_json(page, next_cursor), media_type="application/json")


def _binding(edge: Edge, subject: str | None, type: str | None) -> bytes:
    """The list, as bytes: whose events, and which of them."""
    return orjson.dumps([str(edge.organization_id), "/v1/events", subject, type])
