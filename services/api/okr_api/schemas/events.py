"""Events on the wire: CloudEvents 1.0."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import ConfigDict, Field, Strict, StringConstraints
from pydantic.config import JsonDict

from okr.db.event_pages import EventPage
from okr.events import SOURCE, EventType, cloud_event
from okr_api.schemas.models import Representation

EVENT_SUBJECT = re.compile(r"[a-z_]{1,40}:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EventSubject = Annotated[str, Strict(), StringConstraints(max_length=80, pattern=f"^{EVENT_SUBJECT.pattern}$")]
EVENT_TYPES = tuple(
    dict.fromkeys([*(type.value for type in EventType), *(".".join([*type.split(".")[:2], "*"]) for type in EventType)])
)
"""What a list of events may be narrowed to: one type, or all of one thing's (`okr.objective.*`)."""

_EXAMPLE: JsonDict = {
    "specversion": "1.0",
    "id": "01890a5d-ac96-774b-bcce-b302099a8060",
    "source": SOURCE,
    "type": EventType.GRADE_CHANGED.value,
    "subject": "objective:01890a5d-ac96-774b-bcce-b302099a8057",
    "time": "2026-08-14T09:30:01.120345Z",
    "datacontenttype": "application/json",
    "sequence": "00000000000000000017",
    "organizationid": "01890a5d-ac96-774b-bcce-b302099a8050",
    "data": {"computed_seq": 12, "grade": 0.62, "grade_before": 0.58, "status": "on_track"},
}


class EventRead(Representation):
    """Something that happened, as CloudEvents 1.0 has it. `source` and `id` together name it for ever.

    `sequence` counts the events of its `subject` from 1: 20 digits, so that it also sorts as text.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[str, Field(json_schema_extra={"format": "uri-reference"}, max_length=200)]
    type: Annotated[str, Field(max_length=200)]
    subject: Annotated[str, Field(max_length=200)]
    time: datetime
    datacontenttype: Literal["application/json"]
    sequence: Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
    organizationid: UUID
    data: dict[str, Any]


class EventList(Representation):
    """One page of events, oldest first. `next_cursor` is always there: ask with it for what comes later.

    `has_more`: there is more already, so ask at once; a page may be empty and still say so.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_EXAMPLE], "next_cursor": "c2lnbmVk", "has_more": False}]}
    )

    items: list[EventRead]
    next_cursor: Annotated[str, Field(max_length=2000)]
    has_more: bool


def as_json(page: EventPage, next_cursor: str) -> bytes:
    """The page as an EventList. The data go through as the database has them, unread."""
    items = [orjson.Fragment(cloud_event(event)) for event in page.events]
    return orjson.dumps({"items": items, "next_cursor": next_cursor, "has_more": page.has_more})
