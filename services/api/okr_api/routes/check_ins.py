"""Check-ins over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.check_ins import CHECK_IN_SORTS, list_check_ins
from okr.db.goals import ChangedMeanwhile, UnknownReference
from okr.domain.states import ENDED
from okr.domain.validation import READING_FAULTS
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.check_ins import CheckInCreate, CheckInList, CheckInRead, check_in_read
from okr_api.schemas.fields import Id, Instant
from okr_api.schemas.points import ObservedInFuture
from okr_api.use_cases.check_ins import EmptyCheckIn, ValueComesFromMetric, record_check_in, show_check_in
from okr_api.use_cases.key_results import KeyResultCancelled

routes = Routes("/v1", tag="check-ins")

CheckInPaging = Annotated[Paging, Depends(paging(CHECK_IN_SORTS, default="-observed_at"))]


@routes.post(
    "/key-results/{key_result_id}/check-ins",
    scope=Scope.OKR_WRITE,
    answers=CheckInRead,
    refuses=(
        UnknownReference,
        EmptyCheckIn,
        ObservedInFuture,
        ValueComesFromMetric,
        KeyResultCancelled,
        ChangedMeanwhile,
        *READING_FAULTS,
        *ENDED,
    ),
)
async def add_check_in(key_result_id: Id, body: CheckInCreate, edge: CurrentEdge) -> Response:
    """Say where a key result stands."""
    change = partial(record_check_in, key_result_id=key_result_id, body=body)
    return await edge.write(change, show_check_in, status=201, location="/v1/check-ins/{}")


@routes.get("/key-results/{key_result_id}/check-ins", scope=Scope.OKR_READ, answers=CheckInList)
async def get_check_ins(
    key_result_id: Id,
    edge: CurrentEdge,
    paging: CheckInPaging,
    first: Annotated[Instant | None, Query(alias="from", description="The first instant.")] = None,
    before: Annotated[Instant | None, Query(alias="to", description="The instant after the last one.")] = None,
    person_id: Id | None = None,
) -> Response:
    """List what was said of a key result, newest first."""
    async with edge.reading() as connection:
        found = await list_check_ins(
            connection,
            edge.organization_id,
            key_result_id,
            page=paging.page,
            first=first,
            before=before,
            person_id=person_id,
        )
    return answer(CheckInList.of([check_in_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/check-ins/{check_in_id}", scope=Scope.OKR_READ, answers=CheckInRead)
async def get_check_in(check_in_id: Id, edge: CurrentEdge) -> Response:
    """Read a check-in."""
    return await edge.show(show_check_in, check_in_id)
