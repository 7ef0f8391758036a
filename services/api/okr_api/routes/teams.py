"""Teams over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.directory import TEAM_SORTS, TeamFilters, TeamRing
from okr.db.goals import PersonInactive, UnknownReference
from okr.domain.values import Status
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id, Words
from okr_api.schemas.teams import TeamCreate, TeamKind, TeamList, TeamPatch, TeamRead
from okr_api.use_cases.teams import create_team, find_teams, revise_team, show_team

routes = Routes("/v1/teams", tag="directory")

TeamPaging = Annotated[Paging, Depends(paging(TEAM_SORTS))]


@routes.post(
    "",
    scope=Scope.OKR_WRITE,
    answers=TeamRead,
    refuses=(UnknownReference, PersonInactive),
)
async def add_team(body: TeamCreate, edge: CurrentEdge) -> Response:
    """Add a team."""
    return await edge.write(partial(create_team, body=body), show_team, status=201, location="/v1/teams/{}")


@routes.get("", scope=Scope.OKR_READ, answers=TeamList)
async def list_teams(
    edge: CurrentEdge,
    paging: TeamPaging,
    parent_id: Id | None = None,
    lead_id: Id | None = None,
    kind: TeamKind | None = None,
    status: Status | None = None,
    q: Annotated[Words | None, Query(description="Contained in the name, in upper or lower case.")] = None,
) -> Response:
    """List teams."""
    filters = TeamFilters(parent_id=parent_id, lead_id=lead_id, kind=kind, status=status, q=q)
    async with edge.reading() as connection:
        found = await find_teams(connection, edge.organization_id, page=paging.page, filters=filters)
    return answer(TeamList.of(found.items, paging.cursor_after(found.last)))


@routes.get("/{team_id}", scope=Scope.OKR_READ, answers=TeamRead)
async def get_team(team_id: Id, edge: CurrentEdge) -> Response:
    """Read a team and its grade."""
    return await edge.show(show_team, team_id)


@routes.patch(
    "/{team_id}",
    scope=Scope.OKR_WRITE,
    answers=TeamRead,
    refuses=(UnknownReference, PersonInactive, TeamRing),
)
async def patch_team(team_id: Id, body: TeamPatch, edge: CurrentEdge) -> Response:
    """Change a team."""
    change = partial(revise_team, team_id=team_id, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, show_team, id=team_id)
