"""Objectives over HTTP."""

from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.goals import ChangedMeanwhile, DueOutsideCycle, PersonInactive, UnknownReference
from okr.db.objective_reads import OBJECTIVE_SORTS, ObjectiveFilters, list_objectives
from okr.db.plain_objectives import list_plain_objectives, read_plain_objective
from okr.domain.states import (
    SETTLED,
    CycleClosed,
    CycleInGrading,
    CycleNotActive,
    ObjectiveAlreadyActive,
    ObjectiveCancelled,
    ObjectiveClosed,
    ObjectiveNotActive,
    ObjectiveState,
)
from okr.domain.validation import MEASURE_FAULTS
from okr.domain.values import Commitment, Status
from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import OUR_ID, Id, Name, Words
from okr_api.schemas.objectives import (
    Horizon,
    ObjectiveCreate,
    ObjectiveItem,
    ObjectiveList,
    ObjectivePatch,
    ObjectiveRead,
    Perspective,
    Source,
    objective_item,
)
from okr_api.schemas.plain_objectives import objective_json, objective_page_json
from okr_api.use_cases import objectives as use_cases
from okr_api.use_cases.key_results import DueDayOutsideCycle
from okr_api.use_cases.objectives import show_objective

routes = Routes("/v1/objectives", tag="objectives")

ObjectivePaging = Annotated[Paging, Depends(paging(OBJECTIVE_SORTS))]


async def objective_filters(
    cycle_id: Id | None = None,
    team_id: Id | None = None,
    owner_id: Id | None = None,
    sponsor_id: Id | None = None,
    contributor_id: Id | None = None,
    perspective: Perspective | None = None,
    horizon: Horizon | None = None,
    source: Source | None = None,
    commitment: Commitment | None = None,
    state: ObjectiveState | None = None,
    status: Status | None = None,
    tag: Name | None = None,
    q: Annotated[Words | None, Query(description="Contained in the title, in upper or lower case.")] = None,
) -> ObjectiveFilters:
    """What the query narrows the list to."""
    return ObjectiveFilters(
        cycle_id=cycle_id,
        team_id=team_id,
        owner_id=owner_id,
        sponsor_id=sponsor_id,
        contributor_id=contributor_id,
        perspective=perspective,
        horizon=horizon,
        source=source,
        commitment=commitment,
        state=state,
        status=status,
        tag=tag,
        q=q,
    )


@routes.post(
    "",
    scope=Scope.OKR_WRITE,
    answers=ObjectiveRead,
    refuses=(UnknownReference, PersonInactive, CycleClosed, CycleInGrading, DueDayOutsideCycle, *MEASURE_FAULTS),
)
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
    if expand is None:
        async with edge.reading() as connection:
            page = await list_plain_objectives(connection, edge.organization_id, page=paging.page, filters=filters)
        content = objective_page_json(page.items, paging.cursor_after(page.last))
        return Response(content, media_type="application/json")
    async with edge.reading() as connection:
        found = await list_objectives(
            connection, edge.organization_id, page=paging.page, filters=filters, with_key_results=True
        )
    items: list[ObjectiveRead | ObjectiveItem] = [objective_item(view) for view in found.items]
    return answer(ObjectiveList.of(items, paging.cursor_after(found.last)))


async def get_plain_objective(edge: Edge) -> Response | None:
    """The objective in one query, straight to JSON, where it is plain and its id is spelled as we spell ids."""
    objective_id = edge.request.path_params["objective_id"]
    if OUR_ID.fullmatch(objective_id) is None:
        return None
    async with edge.reading() as connection:
        rows = await read_plain_objective(connection, edge.organization_id, objective_id)
    return None if rows is None else edge.answer_with(*objective_json(rows))


@routes.get("/{objective_id}", scope=Scope.OKR_READ, answers=ObjectiveRead, short_way=get_plain_objective)
async def get_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Read an objective with its key results and all their grades."""
    return await edge.show(show_objective, objective_id)


@routes.patch(
    "/{objective_id}",
    scope=Scope.OKR_WRITE,
    answers=ObjectiveRead,
    refuses=(UnknownReference, PersonInactive, CycleNotActive, DueOutsideCycle, ChangedMeanwhile, *SETTLED),
)
async def patch_objective(objective_id: Id, body: ObjectivePatch, edge: CurrentEdge) -> Response:
    """Change an objective. Commitment, weight, team and cycle hold for its whole life: a change regrades all of it."""
    change = partial(
        use_cases.revise_objective,
        objective_id=objective_id,
        changes=body.changes(),
        precondition=edge.precondition,
    )
    return await edge.write(change, show_objective, id=objective_id)


@routes.post(
    "/{objective_id}/activate",
    scope=Scope.OKR_WRITE,
    answers=ObjectiveRead,
    status=200,
    refuses=(
        ObjectiveAlreadyActive,
        ObjectiveClosed,
        ObjectiveCancelled,
        CycleNotActive,
        CycleInGrading,
        ChangedMeanwhile,
    ),
)
async def activate_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Activate: from now on it counts, and for its whole past."""
    change = partial(use_cases.start_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)


@routes.post(
    "/{objective_id}/close",
    scope=Scope.OKR_WRITE,
    answers=ObjectiveRead,
    status=200,
    refuses=(ObjectiveNotActive, ObjectiveClosed, ObjectiveCancelled, CycleInGrading, ChangedMeanwhile),
)
async def close_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Close an active objective: its grade is final."""
    change = partial(use_cases.end_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)


@routes.post(
    "/{objective_id}/cancel",
    scope=Scope.OKR_WRITE,
    answers=ObjectiveRead,
    status=200,
    refuses=(ObjectiveClosed, ObjectiveCancelled, CycleInGrading, ChangedMeanwhile),
)
async def cancel_objective(objective_id: Id, edge: CurrentEdge) -> Response:
    """Cancel: from now on it counts nowhere; its past stays."""
    change = partial(use_cases.give_up_objective, objective_id=objective_id)
    return await edge.write(change, show_objective, id=objective_id)
