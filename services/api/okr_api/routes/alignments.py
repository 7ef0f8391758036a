"""Alignments over HTTP."""

from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.alignments import ALIGNMENT_SORTS, AlignmentRing, list_alignments
from okr.db.goals import UnknownReference
from okr.domain.states import SETTLED, CycleInGrading
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.alignments import (
    AlignmentCreate,
    AlignmentList,
    AlignmentPatch,
    AlignmentRead,
    Mode,
    alignment_read,
)
from okr_api.schemas.fields import Id, QueryFlag
from okr_api.use_cases.alignments import (
    AlignmentEnded,
    AlreadyAligned,
    ContributeNeedsComposite,
    OneParent,
    create_alignment,
    end_alignment,
    revise_alignment,
    show_alignment,
)
from okr_api.use_cases.key_results import KeyResultCancelled

routes = Routes("/v1", tag="alignments")

AlignmentPaging = Annotated[Paging, Depends(paging(ALIGNMENT_SORTS))]


@routes.post(
    "/objectives/{objective_id}/alignments",
    scope=Scope.OKR_WRITE,
    answers=AlignmentRead,
    refuses=(
        UnknownReference,
        OneParent,
        ContributeNeedsComposite,
        AlreadyAligned,
        AlignmentRing,
        KeyResultCancelled,
        *SETTLED,
    ),
)
async def add_alignment(objective_id: Id, body: AlignmentCreate, edge: CurrentEdge) -> Response:
    """Align an objective to a parent objective or key result, now and for the past."""
    change = partial(create_alignment, objective_id=objective_id, body=body)
    return await edge.write(change, show_alignment, status=201, location="/v1/alignments/{}")


@routes.get("/objectives/{objective_id}/alignments", scope=Scope.OKR_READ, answers=AlignmentList)
async def get_alignments(
    objective_id: Id,
    edge: CurrentEdge,
    paging: AlignmentPaging,
    to: Annotated[Literal["parents", "children"], Query(description="Up to its parents, or down to its children.")] = (
        "parents"
    ),
    mode: Mode | None = None,
    include_ended: Annotated[QueryFlag, Query(description="Also those that have ended.")] = False,
) -> Response:
    """List an objective's alignments."""
    async with edge.reading() as connection:
        found = await list_alignments(
            connection,
            edge.organization_id,
            objective_id,
            page=paging.page,
            to_children=to == "children",
            include_ended=include_ended,
            mode=mode,
        )
    return answer(AlignmentList.of([alignment_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/alignments/{alignment_id}", scope=Scope.OKR_READ, answers=AlignmentRead)
async def get_alignment(alignment_id: Id, edge: CurrentEdge) -> Response:
    """Read an alignment, ended or not."""
    return await edge.show(show_alignment, alignment_id)


@routes.patch(
    "/alignments/{alignment_id}",
    scope=Scope.OKR_WRITE,
    answers=AlignmentRead,
    refuses=(ContributeNeedsComposite, AlignmentEnded, KeyResultCancelled, *SETTLED),
)
async def patch_alignment(alignment_id: Id, body: AlignmentPatch, edge: CurrentEdge) -> Response:
    """Change weight or mode, now and for the past."""
    change = partial(
        revise_alignment,
        alignment_id=alignment_id,
        changes=body.changes(),
        precondition=edge.precondition,
    )
    return await edge.write(change, show_alignment, id=alignment_id)


@routes.delete(
    "/alignments/{alignment_id}",
    scope=Scope.OKR_WRITE,
    answers=AlignmentRead,
    refuses=(AlignmentEnded, CycleInGrading),
)
async def delete_alignment(alignment_id: Id, edge: CurrentEdge) -> Response:
    """End an alignment from now on; what it counted until now stays counted."""
    change = partial(end_alignment, alignment_id=alignment_id, precondition=edge.precondition)
    return await edge.write(change, show_alignment, id=alignment_id)
