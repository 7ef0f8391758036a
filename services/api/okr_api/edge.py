"""The edge of a request: who calls, the connection to read from, the one transaction of a write, and how it is answered.

Only this module commits. A write is: the use case, what follows from it (demand, events), the representation as it will be
read, the idempotency key's answer, the commit; then the bell, then the wait that the caller may have asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import asyncpg
import structlog
from fastapi import Depends, Request
from starlette.responses import Response

from okr.db import demand
from okr.db.connections import Loan
from okr.db.demand import Subject
from okr.db.engine import driver, session_of
from okr.db.tables.columns import utc_now
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.work import Work
from okr.domain.values import SubjectKind
from okr_api import idempotency
from okr_api.auth import Caller
from okr_api.deps import Ports
from okr_api.etag import Precondition, is_unchanged
from okr_api.header import header
from okr_api.prefer import wait_seconds
from okr_api.schemas.models import Representation

Show = Callable[[asyncpg.Connection, UUID, UUID], Awaitable[Representation]]
"""(connection, organization id, id) -> the thing as it is read; raises NotFound."""
Change = Callable[[Work], Awaitable[UUID | None]]
"""A use case with its arguments bound: one that makes a thing answers its id."""
FastChange = Callable[[asyncpg.Connection], Awaitable[tuple[Response, dict[Subject, int]]]]
"""A change on the driver's own connection: the answer, and the grades to wait for."""

_POLL_SECONDS = 0.015
_JSON = "application/json"
_DATABASE_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = structlog.get_logger(__name__)


class Edge:
    """One request's edge. Routes get it as `edge: CurrentEdge`."""

    def __init__(self, request: Request, caller: Caller) -> None:
        self.request = request
        self.caller = caller
        self.ports: Ports = request.app.state.ports

    @property
    def organization_id(self) -> UUID:
        """The caller's organization, the only one that this request can see."""
        return self.caller.organization_id

    @property
    def precondition(self) -> Precondition:
        """What If-Match asks. Raises PreconditionRequired without the header."""
        return Precondition.of_header(header(self.request.headers, "if-match"))

    @property
    def asks_for_more_than_the_effect(self) -> bool:
        """Whether a write is to be done once per key, or answered when its grade is computed."""
        headers = self.request.headers
        return idempotency.HEADER in headers or "prefer" in headers

    def committed(self, *, has_demand: bool) -> None:
        """Say that a write was committed: to the relay, and to the workers if something will be graded again."""
        self.ports.relay.wake()
        if has_demand:
            self.ports.bell.ring(self.organization_id)

    def reading(self) -> Loan:
        """A connection to read from; every statement sees what was committed before it."""
        return self.ports.readers.connection()

    async def show(self, show: Show, id: UUID) -> Response:
        """The thing with that id: 200, or 304 when the caller has it already."""
        async with self.reading() as connection:
            found = await show(connection, self.organization_id, id)
        if is_unchanged(header(self.request.headers, "if-none-match"), found.etag()):
            return Response(status_code=304, headers=_headers_of(found))
        return answer(found)

    def answer_with(self, content: bytes, etag: str) -> Response:
        """The thing whose JSON is at hand: 200, or 304 when the caller has it already."""
        headers = {"ETag": etag}
        if is_unchanged(header(self.request.headers, "if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_JSON)

    async def write(
        self,
        change: Change,
        show: Show | None = None,
        *,
        id: UUID | None = None,
        status: int = 200,
        location: str | None = None,
    ) -> Response:
        """Make one change and answer it with the thing as it now is, or with an empty 204 where nothing is shown.

        `id` is what to show, unless the use case answers the id of what it made; `location` is that thing's path, with `{}`
        for its id, or `{shown.number}` for another of its fields. Whatever is raised leaves no trace in the database.
        """
        slot = idempotency.slot_of(self.request, self.caller) if self.request.method == "POST" else None
        async with session_of(self.ports.engine) as session:
            work = Work(session, organization_id=self.organization_id, actor=self.caller.actor, now=utc_now())
            connection = await driver(session)
            if slot and (kept := await idempotency.answer_from(connection, slot, self.request)):
                return kept
            # A change that names nothing is one of the organization itself.
            shown = await change(work) or id or self.organization_id
            await work.settle()
            given, kept = await self._given(connection, show, shown, status=status, location=location)
            if slot:
                await idempotency.keep(connection, slot, self.request, kept)
            await session.commit()
        self.committed(has_demand=bool(work.wanted))
        return await self._after_waiting(given, work.wanted, show, shown)

    async def write_fast(self, change: FastChange) -> Response:
        """The same for what comes in by the thousands: no session, and the change answers for itself.

        A refusal that it answers instead of raising is not kept under the idempotency key either.
        """
        slot = idempotency.slot_of(self.request, self.caller)
        async with self.ports.writers.transaction() as connection:
            if slot and (kept := await idempotency.answer_from(connection, slot, self.request)):
                return kept
            given, wanted = await change(connection)
            if slot and given.status_code < 400:
                await idempotency.keep(connection, slot, self.request, given)
        self.committed(has_demand=bool(wanted))
        seconds = wait_seconds(self.request.headers.get("prefer"))
        if seconds is not None:
            if wanted:
                await self.until_computed(wanted, seconds)
            given.headers["Preference-Applied"] = f"wait={seconds}"
        return given

    async def _given(
        self, connection: asyncpg.Connection, show: Show | None, id: UUID, *, status: int, location: str | None
    ) -> tuple[Response, Response]:
        """The answer, and what may be kept of it."""
        if show is None:
            return Response(status_code=204), Response(status_code=204)
        shown = await show(connection, self.organization_id, id)
        given, open_part = answer(shown, status), shown.without_secrets()
        kept = given if open_part is shown else answer(open_part, status)
        if location is not None:
            given.headers["Location"] = kept.headers["Location"] = location.format(id, shown=shown)
        return given, kept

    async def _after_waiting(
        self, given: Response, wanted: dict[Subject, int], show: Show | None, id: UUID
    ) -> Response:
        """The answer, made again when its grade is there if the caller prefers to wait for that."""
        seconds = wait_seconds(self.request.headers.get("prefer"))
        if seconds is None:
            return given
        if show is not None and (own := _own_part(wanted, id)):
            await self.until_computed(own, seconds)
            try:
                async with self.reading() as connection:
                    fresh = answer(await show(connection, self.organization_id, id), given.status_code)
            except _DATABASE_AWAY as error:
                log.warning("reading again after a write failed", error=type(error).__name__)
                return given
            if "location" in given.headers:
                fresh.headers["Location"] = given.headers["Location"]
            given = fresh
        given.headers["Preference-Applied"] = f"wait={seconds}"
        return given

    async def until_computed(self, wanted: dict[Subject, int], seconds: int) -> None:
        """Return when the grades are there, or the time is over, or there is no asking. No connection is held between two looks.

        It raises nothing: the change is committed, and to call it failed now would have it made twice.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async with self.reading() as connection:
                        if await demand.is_computed(connection, self.organization_id, wanted):
                            return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return
        except _DATABASE_AWAY as error:
            log.warning("waiting for a grade failed", error=type(error).__name__)


def answer(shown: Representation, status: int = 200) -> Response:
    """The thing as JSON, with its entity tag."""
    body = shown.__pydantic_serializer__.to_json(shown)
    return Response(body, status, _headers_of(shown), _JSON)


def _headers_of(shown: Representation) -> dict[str, str]:
    etag = shown.etag()
    return {} if etag is None else {"ETag": etag}


def _own_part(wanted: dict[Subject, int], id: UUID) -> dict[Subject, int]:
    """What a caller waits for: grades of key results and objectives, and the thing's own.

    Teams, cycles and the organization are graded at a distance in time; nobody should wait for those of a changed objective.
    """
    objective = KIND_NUMBERS[SubjectKind.OBJECTIVE]
    return {subject: seq for subject, seq in wanted.items() if subject.number <= objective or subject.id == id}


def edge_of(request: Request) -> Edge:
    """The edge that the route has made for this request."""
    edge: Edge = request.scope["okr.edge"]
    return edge


async def _current(request: Request) -> Edge:
    return edge_of(request)


CurrentEdge = Annotated[Edge, Depends(_current)]
