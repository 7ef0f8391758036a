"""Overrides over HTTP: a person's word on the grade of a key result or an objective."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.demand import subject
from okr.db.goals import ChangedMeanwhile, PersonInactive, UnknownReference
from okr.db.overrides import OVERRIDE_SORTS, list_overrides
from okr.domain.errors import NotFound
from okr.domain.overriding import GradeOutOfBounds
from okr.domain.states import ENDED
from okr.domain.values import SubjectKind
from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.errors import PreconditionFailed
from okr_api.etag import Precondition
from okr_api.header import header
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id
from okr_api.schemas.overrides import OverrideList, OverridePut, OverrideRead, Reason, override_read
from okr_api.use_cases.key_results import KeyResultCancelled
from okr_api.use_cases.overrides import delete_override, put_override, show_override, show_override_of_id

routes = Routes("/v1", tag="overrides")

OverridePaging = Annotated[Paging, Depends(paging(OVERRIDE_SORTS, default="-created_at"))]
EndedReason = Annotated[Reason | None, Query(description="Why it is taken back.")]
_OF_OBJECTIVE = (ChangedMeanwhile, *ENDED)
_OF_KEY_RESULT = (KeyResultCancelled, *_OF_OBJECTIVE)
_SAID = (NotFound, PreconditionFailed, UnknownReference, PersonInactive, GradeOutOfBounds)


async def _put(edge: Edge, kind: SubjectKind, id: UUID, body: OverridePut) -> Response:
    if_match = header(edge.request.headers, "if-match")
    precondition = None if if_match is None else Precondition.of_header(if_match)
    change = partial(put_override, id=id, body=body, kind=kind, precondition=precondition)
    return await edge.write(change, partial(show_override, kind=kind), id=id)


async def _delete(edge: Edge, kind: SubjectKind, id: UUID, reason: str | None) -> Response:
    change = partial(delete_override, id=id, kind=kind, reason=reason, precondition=edge.precondition)
    return await edge.write(change, show_override_of_id)


async def _list(edge: Edge, kind: SubjectKind, id: UUID, paging: Paging) -> Response:
    async with edge.reading() as connection:
        found = await list_overrides(connection, edge.organization_id, subject(kind, id), page=paging.page)
    return answer(OverrideList.of([override_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/key-results/{key_result_id}/override", scope=Scope.OKR_READ, answers=OverrideRead, is_single=True)
async def get_key_result_override(key_result_id: Id, edge: CurrentEdge) -> Response:
    """Read whose word stands above the computed grade of a key result, and why."""
    return await edge.show(partial(show_override, kind=SubjectKind.KEY_RESULT), key_result_id)


@routes.put(
    "/key-results/{key_result_id}/override",
    scope=Scope.OKR_WRITE,
    answers=OverrideRead,
    refuses=(*_SAID, *_OF_KEY_RESULT),
)
async def override_key_result_grade(key_result_id: Id, body: OverridePut, edge: CurrentEdge) -> Response:
    """Override the grade of a key result, from now on.

    The computed grade is made and shown as before, beside it. What is measured later erases nothing; it adds the reason
    `newer_evidence` to the grade. An override that stands already ends. With `If-Match` only the one that was read is replaced.
    """
    return await _put(edge, SubjectKind.KEY_RESULT, key_result_id, body)


@routes.delete(
    "/key-results/{key_result_id}/override",
    scope=Scope.OKR_WRITE,
    answers=OverrideRead,
    refuses=_OF_KEY_RESULT,
)
async def clear_key_result_override(key_result_id: Id, edge: CurrentEdge, reason: EndedReason = None) -> Response:
    """Take an override back: from now on the computed grade stands again. The override stays on record."""
    return await _delete(edge, SubjectKind.KEY_RESULT, key_result_id, reason)


@routes.get("/key-results/{key_result_id}/overrides", scope=Scope.OKR_READ, answers=OverrideList)
async def get_key_result_overrides(key_result_id: Id, edge: CurrentEdge, paging: OverridePaging) -> Response:
    """List all overrides that there ever were of a key result's grade, newest first."""
    return await _list(edge, SubjectKind.KEY_RESULT, key_result_id, paging)


@routes.get("/objectives/{objective_id}/override", scope=Scope.OKR_READ, answers=OverrideRead, is_single=True)
async def get_objective_override(objective_id: Id, edge: CurrentEdge) -> Response:
    """Read whose word stands above the computed grade of an objective, and why."""
    return await edge.show(partial(show_override, kind=SubjectKind.OBJECTIVE), objective_id)


@routes.put(
    "/objectives/{objective_id}/override",
    scope=Scope.OKR_WRITE,
    answers=OverrideRead,
    refuses=(*_SAID, *_OF_OBJECTIVE),
)
async def override_objective_grade(objective_id: Id, body: OverridePut, edge: CurrentEdge) -> Response:
    """Override the grade of an objective, from now on.

    Like that of a key result: the computed grade stays beside it, and what is measured later below adds `newer_evidence`.
    """
    return await _put(edge, SubjectKind.OBJECTIVE, objective_id, body)


@routes.delete(
    "/objectives/{objective_id}/override",
    scope=Scope.OKR_WRITE,
    answers=OverrideRead,
    refuses=_OF_OBJECTIVE,
)
async def clear_objective_override(objective_id: Id, edge: CurrentEdge, reason: EndedReason = None) -> Response:
    """Take an override back: from now on the computed grade stands again. The override stays on record."""
    return await _delete(edge, SubjectKind.OBJECTIVE, objective_id, reason)


@routes.get("/objectives/{objective_id}/overrides", scope=Scope.OKR_READ, answers=OverrideList)
async def get_objective_overrides(objective_id: Id, edge: CurrentEdge, paging: OverridePaging) -> Response:
    """List all overrides that there ever were of an objective's grade, newest first."""
    return await _list(edge, SubjectKind.OBJECTIVE, objective_id, paging)
