"""Key results over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.goals import ChangedMeanwhile, UnknownReference
from okr.db.key_result_reads import KEY_RESULT_SORTS, VERSION_SORTS, list_key_results, list_versions
from okr.db.key_result_uses import KeyResultInUse, OperandNotAllowed
from okr.domain.states import SETTLED
from okr.domain.validation import MEASURE_FAULTS
from okr.domain.values import Kind, Status
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id, QueryFlag
from okr_api.schemas.key_results import (
    KeyResultCreate,
    KeyResultList,
    KeyResultPatch,
    KeyResultRead,
    KeyResultVersionList,
    key_result_read,
    version_read,
)
from okr_api.use_cases.key_results import (
    DueDayOutsideCycle,
    KeyResultCancelled,
    KindFixed,
    cancel_key_result,
    create_key_result,
    revise_key_result,
    show_key_result,
)

routes = Routes("/v1", tag="key results")

KeyResultPaging = Annotated[Paging, Depends(paging(KEY_RESULT_SORTS))]
VersionPaging = Annotated[Paging, Depends(paging(VERSION_SORTS, default="revision"))]


@routes.post(
    "/objectives/{objective_id}/key-results",
    scope=Scope.OKR_WRITE,
    answers=KeyResultRead,
    refuses=(UnknownReference, DueDayOutsideCycle, OperandNotAllowed, ChangedMeanwhile, *MEASURE_FAULTS, *SETTLED),
)
async def add_key_result(objective_id: Id, body: KeyResultCreate, edge: CurrentEdge) -> Response:
    """Add a key result to an objective."""
    change = partial(create_key_result, objective_id=objective_id, body=body)
    return await edge.write(change, show_key_result, status=201, location="/v1/key-results/{}")


@routes.get("/objectives/{objective_id}/key-results", scope=Scope.OKR_READ, answers=KeyResultList)
async def get_key_results(
    objective_id: Id,
    edge: CurrentEdge,
    paging: KeyResultPaging,
    kind: Kind | None = None,
    owner_id: Id | None = None,
    status: Status | None = None,
    include_cancelled: Annotated[QueryFlag, Query(description="Also those that were given up.")] = False,
) -> Response:
    """List an objective's key results."""
    async with edge.reading() as connection:
        found = await list_key_results(
            connection,
            edge.organization_id,
            objective_id,
            page=paging.page,
            kind=kind,
            owner_id=owner_id,
            status=status,
            include_cancelled=include_cancelled,
        )
    return answer(KeyResultList.of([key_result_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/key-results/{key_result_id}", scope=Scope.OKR_READ, answers=KeyResultRead)
async def get_key_result(key_result_id: Id, edge: CurrentEdge) -> Response:
    """Read a key result and its grade."""
    return await edge.show(show_key_result, key_result_id)


@routes.patch(
    "/key-results/{key_result_id}",
    scope=Scope.OKR_WRITE,
    answers=KeyResultRead,
    refuses=(
        UnknownReference,
        KindFixed,
        DueDayOutsideCycle,
        OperandNotAllowed,
        KeyResultCancelled,
        ChangedMeanwhile,
        *MEASURE_FAULTS,
        *SETTLED,
    ),
)
async def patch_key_result(key_result_id: Id, body: KeyResultPatch, edge: CurrentEdge) -> Response:
    """Change a key result. A change of how it is measured makes a new version, which holds from now on."""
    change = partial(
        revise_key_result,
        key_result_id=key_result_id,
        changes=body.changes(),
        precondition=edge.precondition,
    )
    return await edge.write(change, show_key_result, id=key_result_id)


@routes.delete(
    "/key-results/{key_result_id}",
    scope=Scope.OKR_WRITE,
    answers=KeyResultRead,
    refuses=(KeyResultInUse, KeyResultCancelled, ChangedMeanwhile, *SETTLED),
)
async def delete_key_result(key_result_id: Id, edge: CurrentEdge) -> Response:
    """Cancel a key result: from now on it counts nowhere; its past stays, and so does it."""
    change = partial(cancel_key_result, key_result_id=key_result_id, precondition=edge.precondition)
    return await edge.write(change, show_key_result, id=key_result_id)


@routes.get("/key-results/{key_result_id}/versions", scope=Scope.OKR_READ, answers=KeyResultVersionList)
async def get_key_result_versions(key_result_id: Id, edge: CurrentEdge, paging: VersionPaging) -> Response:
    """List the versions of a key result: how it was measured from when on, by whom and why."""
    async with edge.reading() as connection:
        found = await list_versions(connection, edge.organization_id, key_result_id, page=paging.page)
    return answer(KeyResultVersionList.of([version_read(one) for one in found.items], paging.cursor_after(found.last)))
