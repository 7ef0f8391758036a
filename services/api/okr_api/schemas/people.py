"""People on the wire."""

from typing import Annotated

from pydantic import Strict, StringConstraints

from okr.db.directory import PersonView
from okr_api.lists import Items
from okr_api.schemas.fields import NO_NUL, Flag, Name
from okr_api.schemas.models import OMITTED, Patch, Schema, Versioned, shown_as

Email = Annotated[str, Strict(), StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00\s@]+@[^\x00\s@]+$")]
ExternalId = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]


class PersonCreate(Schema):
    """A new person. Neither email nor external id may be another's."""

    model_config = shown_as(name="Ada Okafor", email="ada@example.com", external_id="4711")

    name: Name
    email: Email | None = None
    external_id: ExternalId | None = None
    is_active: Flag = True


class PersonPatch(Patch):
    """What may change of a person. Who leaves is made inactive, and stays where history names them."""

    model_config = shown_as(is_active=False)

    name: Name = OMITTED
    email: Email | None = OMITTED
    external_id: ExternalId | None = OMITTED
    is_active: Flag = OMITTED


class PersonRead(Versioned):
    """A person."""

    name: Name
    email: Email | None
    external_id: ExternalId | None
    is_active: bool


class PersonList(Items[PersonRead]):
    """One page of people."""


def person_read(view: PersonView) -> PersonRead:
    """The person as it is answered."""
    return PersonRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        name=view.name,
        email=view.email,
        external_id=view.external_id,
        is_active=view.is_active,
    )
