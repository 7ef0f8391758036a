"""The organization over HTTP, and who calls."""

from functools import partial

from starlette.responses import Response

from okr.db.directory import read_organization
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.routing import Routes
from okr_api.schemas.organization import Me, OrganizationPatch, OrganizationRead, me
from okr_api.use_cases.organization import revise_organization, show_organization

routes = Routes("/v1", tag="directory")


@routes.get("/me", scope=None, answers=Me)
async def get_me(edge: CurrentEdge) -> Response:
    """Read who calls.

    Any live key may ask: for its organization, its name and its scopes.
    """
    async with edge.reading() as connection:
        organization = await read_organization(connection, edge.organization_id)
    return answer(me(edge.caller, organization))


@routes.get("/organization", scope=Scope.OKR_READ, answers=OrganizationRead, is_single=True)
async def get_organization(edge: CurrentEdge) -> Response:
    """Read the organization and its grade."""
    return await edge.show(show_organization, edge.organization_id)


@routes.patch("/organization", scope=Scope.OKR_WRITE, answers=OrganizationRead)
async def patch_organization(body: OrganizationPatch, edge: CurrentEdge) -> Response:
    """Change the organization."""
    change = partial(revise_organization, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, show_organization, id=edge.organization_id)
