"""Score history over HTTP: all of it in one answer that streams, or page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query
from starlette.responses import Response, StreamingResponse

from okr.db.stored_grades import StoredGrade
from okr.domain.errors import Invalid, NotFound
from okr.keys import Scope
from okr_api.accept import preferred
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.lists import Limit
from okr_api.routing import Routes
from okr_api.schemas.history import HistoryList, SubjectName, as_csv, as_json, as_ndjson, history_item
from okr_api.schemas.moments import From, KnownAt, To
from okr_api.use_cases.history import Granularity, Span, read_span, snapshots

routes = Routes("/v1", tag="grades")

_CHUNK = 200


class Format(StrEnum):
    """How a history is written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


class PagesAreJson(Invalid):
    """Only JSON has a place for the next page's cursor.

    Leave out `limit` and `cursor`, or ask for JSON.
    """

    code = "pages_are_json"


_MEDIA_TYPES = {
    "application/json": Format.JSON,
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
}


_TEXT = {"schema": {"type": "string"}}
_TEXTS = {"content": {"text/csv": _TEXT, "application/x-ndjson": _TEXT}}


@routes.get(
    "/history",
    scope=Scope.HISTORY_READ,
    answers=HistoryList,
    refuses=(NotFound, PagesAreJson),
    also={200: _TEXTS},
)
async def get_history(
    edge: CurrentEdge,
    subject: Annotated[SubjectName, Query(description="As in `objective:<id>`; `organization` is the whole company.")],
    first: From = None,
    last: To = None,
    known_at: KnownAt = None,
    granularity: Annotated[
        Granularity, Query(description="Every snapshot, or the last of each period that has any.")
    ] = Granularity.ALL,
    limit: Annotated[Limit | None, Query(description="Answer page by page; all at once without.")] = None,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before.")] = None,
    format: Annotated[Format | None, Query(description="Otherwise the Accept header says it.")] = None,
) -> Response:
    """Read how a grade came along, oldest first.

    Answers JSON, CSV (`text/csv`) or NDJSON (`application/x-ndjson`).
    """
    async with edge.reading() as connection:
        span = await read_span(
            connection,
            edge.organization_id,
            subject,
            first=first,
            last=last,
            known_at=known_at,
            granularity=granularity,
        )
    written = format or _accepted(edge.request.headers.get("accept", ""))
    if written is not Format.JSON and (limit is not None or cursor is not None):
        raise PagesAreJson("Only JSON comes in pages: leave out limit and cursor, or ask for JSON.")
    binding = _binding(edge, subject, granularity)
    if cursor is not None:
        after, _ = edge.ports.cursors.read(binding, cursor)
        span = replace(span, after=datetime.fromisoformat(after))
    if limit is not None:
        return await _page(edge, span, limit=limit, binding=binding)
    return _stream(edge, span, written)


def _accepted(header: str) -> Format:
    """The format that the header likes best; JSON if it likes none of ours."""
    name = preferred(header, _MEDIA_TYPES)
    return Format.JSON if name is None else _MEDIA_TYPES[name]


def _binding(edge: Edge, subject: str, granularity: Granularity) -> bytes:
    """The history that a cursor belongs to. Its bounds are none of it: a cursor only moves the first one."""
    return orjson.dumps([str(edge.organization_id), "history", subject, granularity.value])


async def _page(edge: Edge, span: Span, *, limit: int, binding: bytes) -> Response:
    found: list[StoredGrade] = []
    async for stored in snapshots(edge.reading, edge.organization_id, span):
        if len(found) == limit:
            after = found[-1].observed_at.isoformat()
            next_cursor = edge.ports.cursors.write(binding, (after, UUID(int=0)))
            return answer(HistoryList.of([history_item(one) for one in found], next_cursor))
        found.append(stored)
    return answer(HistoryList.of([history_item(one) for one in found], None))


def _stream(edge: Edge, span: Span, written: Format) -> Response:
    chunks = _chunks(snapshots(edge.reading, edge.organization_id, span))
    match written:
        case Format.JSON:
            return StreamingResponse(_json(chunks), media_type="application/json")
        case Format.NDJSON:
            lines = (as_ndjson(chunk) async for chunk in chunks)
            return StreamingResponse(lines, media_type="application/x-ndjson")
        case Format.CSV:
            named = {"Content-Disposition": 'attachment; filename="history.csv"'}
            return StreamingResponse(_csv(chunks), headers=named, media_type="text/csv; header=present")


async def _chunks(stored_grades: AsyncIterator[StoredGrade]) -> AsyncIterator[list[StoredGrade]]:
    chunk: list[StoredGrade] = []
    async for stored in stored_grades:
        chunk.append(stored)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk


async def _json(chunks: AsyncIterator[list[StoredGrade]]) -> AsyncIterator[bytes]:
    yield b'{"items":['
    is_first = True
    async for chunk in chunks:
        if chunk:
            yield (b"" if is_first else b",") + b",".join(as_json(stored) for stored in chunk)
            is_first = False
    yield b'],"next_cursor":null}'


async def _csv(chunks: AsyncIterator[list[StoredGrade]]) -> AsyncIterator[bytes]:
    with_header = True
    async for chunk in chunks:
        yield as_csv(chunk, with_header=with_header)
        with_header = False
