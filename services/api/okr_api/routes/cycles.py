"""Cycles over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.cycle_tree import CycleRing
from okr.db.goals import DueOutsideCycle, UnknownReference
from okr.db.objective_reads import CYCLE_SORTS, list_cycles
from okr.domain.states import (
    CycleAlreadyActive,
    CycleClosed,
    CycleInGrading,
    CycleNotActive,
    CycleNotClosed,
    CycleState,
)
from okr.domain.values import Status
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.errors import refusal
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.cycles import (
    Cadence,
    CycleClose,
    CycleCreate,
    CycleList,
    CyclePatch,
    CycleRead,
    CycleReopen,
    cycle_read,
)
from okr_api.schemas.fields import Day, Id, Words
from okr_api.use_cases.cycles import (
    CycleTooLong,
    EndsBeforeStart,
    FinalGradesOpen,
    create_cycle,
    end_cycle,
    grade_cycle,
    reopen,
    revise_cycle,
    show_cycle,
    start_cycle,
)

routes = Routes("/v1/cycles", tag="cycles")

# What a request without a body says.
CLOSE_AS_IS = CycleClose()

CyclePaging = Annotated[Paging, Depends(paging(CYCLE_SORTS))]


@routes.post(
    "",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    refuses=(UnknownReference, EndsBeforeStart, CycleTooLong),
)
async def add_cycle(body: CycleCreate, edge: CurrentEdge) -> Response:
    """Add a cycle, as a draft."""
    return await edge.write(partial(create_cycle, body=body), show_cycle, status=201, location="/v1/cycles/{}")


@routes.get("", scope=Scope.OKR_READ, answers=CycleList)
async def get_cycles(
    edge: CurrentEdge,
    paging: CyclePaging,
    state: CycleState | None = None,
    status: Status | None = None,
    cadence: Cadence | None = None,
    parent_id: Id | None = None,
    on: Annotated[Day | None, Query(description="A day that belongs to the cycle.")] = None,
    q: Annotated[Words | None, Query(description="Contained in the name, in upper or lower case.")] = None,
) -> Response:
    """List cycles."""
    async with edge.reading() as connection:
        found = await list_cycles(
            connection,
            edge.organization_id,
            page=paging.page,
            state=state,
            status=status,
            cadence=cadence,
            parent_id=parent_id,
            on=on,
            q=q,
        )
    return answer(CycleList.of([cycle_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/{cycle_id}", scope=Scope.OKR_READ, answers=CycleRead)
async def get_cycle(cycle_id: Id, edge: CurrentEdge) -> Response:
    """Read a cycle and its grade."""
    return await edge.show(show_cycle, cycle_id)


@routes.patch(
    "/{cycle_id}",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    refuses=(UnknownReference, EndsBeforeStart, CycleTooLong, CycleRing, CycleClosed, CycleInGrading, DueOutsideCycle),
)
async def patch_cycle(cycle_id: Id, body: CyclePatch, edge: CurrentEdge) -> Response:
    """Change a cycle. New days regrade everything in it; a closed cycle keeps its days."""
    change = partial(revise_cycle, cycle_id=cycle_id, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, show_cycle, id=cycle_id)


@routes.post(
    "/{cycle_id}/activate",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    status=200,
    refuses=(CycleAlreadyActive, CycleClosed),
)
async def activate_cycle(cycle_id: Id, edge: CurrentEdge) -> Response:
    """Activate a draft, so that its objectives can be activated."""
    return await edge.write(partial(start_cycle, cycle_id=cycle_id), show_cycle, id=cycle_id)


@routes.post(
    "/{cycle_id}/start-grading",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    status=200,
    refuses=(CycleNotActive, CycleInGrading, CycleClosed),
)
async def start_grading_cycle(cycle_id: Id, edge: CurrentEdge) -> Response:
    """Start the final grading of a cycle.

    From now on nothing in it is added, aimed anew or taken away. Last values still come in, and people stand behind the grades.
    """
    return await edge.write(partial(grade_cycle, cycle_id=cycle_id), show_cycle, id=cycle_id)


@routes.post(
    "/{cycle_id}/close",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    status=200,
    refuses=(CycleNotActive, CycleClosed, FinalGradesOpen),
)
async def close_cycle(cycle_id: Id, edge: CurrentEdge, body: CycleClose = CLOSE_AS_IS) -> Response:
    """Close a cycle and, in the same instant, its active objectives: their grades are final.

    One that is being graded closes when every grade has been reviewed, or with `accept_prefilled`.
    """
    try:
        change = partial(end_cycle, cycle_id=cycle_id, accept_prefilled=body.accept_prefilled)
        return await edge.write(change, show_cycle, id=cycle_id)
    except FinalGradesOpen as error:
        return refusal(edge.request.scope, error, more=error.facts)


@routes.post(
    "/{cycle_id}/reopen",
    scope=Scope.OKR_WRITE,
    answers=CycleRead,
    status=200,
    refuses=(CycleNotClosed,),
)
async def reopen_cycle(cycle_id: Id, body: CycleReopen, edge: CurrentEdge) -> Response:
    """Reopen a closed cycle, with a reason: it is graded once more, and the objectives that were closed with it are active."""
    return await edge.write(partial(reopen, cycle_id=cycle_id, body=body), show_cycle, id=cycle_id)
