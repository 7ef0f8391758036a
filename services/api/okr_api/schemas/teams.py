"""Teams on the wire."""

from typing import Literal, cast
from uuid import UUID

from okr.db.directory import TeamView
from okr_api.lists import Items
from okr_api.schemas.fields import Id, Name
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import OMITTED, Graded, Patch, Schema, shown_as

TeamKind = Literal["company", "division", "team"]


class TeamCreate(Schema):
    """A new team; without a parent it stands at the top."""

    model_config = shown_as(name="Guest experience", kind="team", parent_id="01890a5d-ac96-774b-bcce-4232b144c163")

    name: Name
    kind: TeamKind = "team"
    parent_id: Id | None = None
    lead_id: Id | None = None


class TeamPatch(Patch):
    """What may change of a team. A new parent regrades the teams above, old and new."""

    model_config = shown_as(name="Guest experience and care")

    name: Name = OMITTED
    kind: TeamKind = OMITTED
    parent_id: Id | None = OMITTED
    lead_id: Id | None = OMITTED


class TeamRead(Graded):
    """A team with the grade of its own objectives and those of the teams below it."""

    name: Name
    kind: TeamKind
    parent_id: UUID | None
    lead_id: UUID | None


class TeamList(Items[TeamRead]):
    """One page of teams."""


def team_read(view: TeamView) -> TeamRead:
    """The team as it is answered."""
    return TeamRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        name=view.name,
        kind=cast("TeamKind", view.kind),
        parent_id=view.parent_id,
        lead_id=view.lead_id,
        grade=grade_read(view.standing),
    )
