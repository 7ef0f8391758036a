"""Objectives over HTTP."""

from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.objective_reads import OBJECTIVE_SORTS, ObjectiveFilters, list_objectives
from okr.domain.states import ObjectiveState
from okr.domain.values import Status
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id, Name, Words
from okr_api.schemas.objectives import (
    ObjectiveCreate,
    ObjectiveItem,
    ObjectiveList,
    ObjectivePatch,
    ObjectiveRead,
    Perspective,
    objective_item,
)
from okr_api.use_cases import objectives as use_cases
from okr_api.use_cases.objectives import show_objective

routes = Routes("/v1/objectives", tag="objectives")

ObjectivePaging = Annotated[Paging, Depends(paging(OBJECTIVE_SORTS))]


async def objective_filters(
    cycle_id: Id | None = None,
    team_id: Id | None = None,
    owner_id: Id | None = None,
    sponsor_id: Id | None = None,
    perspective: Perspective | None = None,
    state: ObjectiveState | None = None,
    status: Status | None = None,
    tag: Name | None = None,
    q: Annotated[Words | None, Query(description="Contained in the title, in upper or lower case.")] = None,
) -> ObjectiveFilters:
    """What the query narrows the list to."""
    return ObjectiveFilters(cycle_id, team_id, owner_id, sponsor_id, perspective, state, status, tag, q)


@routes.post("", scope=Scope.OKR_WRITE, answers=ObjectiveRead)
async def add_objective(body: ObjectiveCreate, edge: CurrentEdge) -> Response:
    """Add an objective, as a draft, alone or with key results."""
    change = partial(use_cases.create_objective, body=body)
    return await edge.write(change, show_objective, status=201, location="/v1/objectives/{}")


@routes.get("", scope=Scope.OKR_READ, answers=ObjectiveList)
async def get_objectives(
    edge: CurrentEdge,
    paging: ObjectivePaging,
    filters: Annotated[ObjectiveFilters, Depends(objective_filters)],
    expand: Annotated[Literal["key_results"] | None, Query(description="Embed these.")] = None,
) -> Response:
    """List objectives."""
    async with edge.reading() as connection:
        found = await list_objectives(
            connection, edge.organization_id, page=paging.page, filters=filters, with_key_results=expand is not None
        )
    items: list[ObjectiveRead | ObjectiveItem] = [objective_item(view) for view in found.items]
    return answer(ObjectiveList.of(items, paging.cursor_after(found.last)))


@routes.get("/{objective_id}", scope=Scope.OKR_READ, answers=ObjectiveRead)
async def get_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Read an objective with its key results and all their grades."""
    return await edge.show(show_objective, objective_id)


@routes.patch("/{objective_id}", scope=Scope.OKR_WRITE, answers=ObjectiveRead)
async def patch_objective(objective_id: Id, body: ObjectivePatch, edge: CurrentEdge) -> Response:
    """Change an objective. Commitment, weight, team and cycle hold for its whole life: a change regrades all of it."""
    change = partial(
        use_cases.revise_objective,
        objective_id=objective_id,
        changes=body.changes(),
        precondition=edge.precondition,
    )
    return await edge.write(change, show_objective, id=objective_id)


@routes.post("/{objective_id}/activate", scope=Scope.OKR_WRITE, answers=ObjectiveRead, status=200)
async def activate_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Activate: from now on it counts, and for its whole past."""
    change = partial(use_cases.start_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)


@routes.post("/{objective_id}/close", scope=Scope.OKR_WRITE, answers=ObjectiveRead, status=200)
async def close_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Close an active objective: its grade is final."""
    change = partial(use_cases.end_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)


@routes.post("/{objective_id}/cancel", scope=Scope.OKR_WRITE, answers=ObjectiveRead, status=200)
async def cancel_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Cancel: from now on it counts nowhere; its past stays."""
    change = partial(use_cases.give_up_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)
