"""The organization on the wire, and who calls."""

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from okr.db.directory import OrganizationView
from okr.keys import Scope
from okr_api.auth import Caller
from okr_api.schemas.fields import Name, one_of
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import OMITTED, Graded, Patch, Representation, Schema, shown_as

# These two mean something else on every host, or nothing.
_ZONES = available_timezones() - {"localtime", "Factory"}


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise PydanticCustomError("time_zone", "must be a time zone of the IANA database such as Europe/Berlin")
    return name


TimeZone = Annotated[str, Strict(), StringConstraints(max_length=64), AfterValidator(_known_zone)]


class OrganizationPatch(Patch):
    """What may change of the organization. Days end in its time zone, so a new one moves the ends of past days too."""

    model_config = shown_as(time_zone="Europe/Lisbon")

    name: Name = OMITTED
    time_zone: TimeZone = OMITTED


class OrganizationRead(Graded):
    """The caller's organization with the grade of all its objectives."""

    name: str
    time_zone: str


class MyOrganization(Schema):
    """The organization of a key."""

    id: UUID
    name: str
    time_zone: str


class MyKey(Schema):
    """The key that the request came with, without its secret."""

    id: UUID
    name: str
    scopes: list[Annotated[str, one_of(Scope)]]
    expires_at: datetime | None


class Me(Representation):
    """Who calls, and what the key may do."""

    organization: MyOrganization
    api_key: MyKey


def organization_read(view: OrganizationView) -> OrganizationRead:
    """The organization as it is answered."""
    return OrganizationRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        name=view.name,
        time_zone=view.time_zone,
        grade=grade_read(view.standing),
    )


def me(caller: Caller, view: OrganizationView) -> Me:
    """The caller as it is answered."""
    key = MyKey(id=caller.key_id, name=caller.key_name, scopes=sorted(caller.scopes), expires_at=caller.expires_at)
    organization = MyOrganization(id=view.id, name=view.name, time_zone=view.time_zone)
    return Me(organization=organization, api_key=key)
