"""People over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from okr.db.directory import PERSON_SORTS, list_people
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.errors import AlreadyExists
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id, QueryFlag, Words
from okr_api.schemas.people import Email, ExternalId, PersonCreate, PersonList, PersonPatch, PersonRead, person_read
from okr_api.use_cases.people import create_person, revise_person, show_person

routes = Routes("/v1/people", tag="directory")

PersonPaging = Annotated[Paging, Depends(paging(PERSON_SORTS))]


@routes.post("", scope=Scope.OKR_WRITE, answers=PersonRead, refuses=(AlreadyExists,))
async def add_person(body: PersonCreate, edge: CurrentEdge) -> Response:
    """Add a person."""
    return await edge.write(partial(create_person, body=body), show_person, status=201, location="/v1/people/{}")


@routes.get("", scope=Scope.OKR_READ, answers=PersonList)
async def list_persons(
    edge: CurrentEdge,
    paging: PersonPaging,
    is_active: QueryFlag | None = None,
    external_id: ExternalId | None = None,
    email: Email | None = None,
    q: Words | None = None,
) -> Response:
    """List people.

    `q` finds words in names and emails.
    """
    async with edge.reading() as connection:
        found = await list_people(
            connection,
            edge.organization_id,
            page=paging.page,
            is_active=is_active,
            external_id=external_id,
            email=email,
            words=q,
        )
    return answer(PersonList.of(found.map(person_read).items, paging.cursor_after(found.last)))


@routes.get("/{person_id}", scope=Scope.OKR_READ, answers=PersonRead)
async def get_person(person_id: Id, edge: CurrentEdge) -> Response:
    """Read a person."""
    return await edge.show(show_person, person_id)


@routes.patch("/{person_id}", scope=Scope.OKR_WRITE, answers=PersonRead, refuses=(AlreadyExists,))
async def patch_person(person_id: Id, body: PersonPatch, edge: CurrentEdge) -> Response:
    """Change a person."""
    change = partial(revise_person, person_id=person_id, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, show_person, id=person_id)
