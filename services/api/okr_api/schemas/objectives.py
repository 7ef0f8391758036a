"""Objectives on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from okr.db.objective_reads import ObjectiveView
from okr.domain.states import ObjectiveState
from okr.domain.values import Commitment
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Id, LongText, Name, Weight
from okr_api.schemas.grades import grade_read
from okr_api.schemas.key_results import KeyResultCreate, KeyResultRead, key_result_read
from okr_api.schemas.models import OMITTED, Graded, Patch, Schema, shown_as
from okr_api.schemas.titles import Title

Perspective = Literal["financial", "customer", "internal_process", "learning_growth"]
Horizon = Literal["short_term", "long_term"]
Source = Literal["cascaded", "cross_team", "independent"]
Visibility = Literal["public", "private"]


def _each_once(values: list[UUID] | list[str]) -> list[UUID] | list[str]:
    """Said twice is said once; the order stays."""
    return list(dict.fromkeys(values))  # type: ignore[return-value]  # one type or the other, never mixed


Tags = Annotated[list[Name], Field(max_length=50), AfterValidator(_each_once)]
People = Annotated[list[Id], Field(max_length=200), AfterValidator(_each_once)]


class ObjectiveCreate(Schema):
    """A new objective, a draft until it is activated; `key_results` are made with it, all or nothing."""

    model_config = shown_as(
        title="Guests change their bookings without calling us",
        insight="Every third call is about a booking that the guest could have changed alone.",
        perspective="customer",
        commitment="aspirational",
        cycle_id="01890a5d-ac96-774b-bcce-0b33b0b13325",
        owner_id="01890a5d-ac96-774b-bcce-8b848a683efe",
        tags=["guests"],
        key_results=[
            {
                "title": "Share of bookings that guests change themselves",
                "kind": "increase",
                "start_value": 41,
                "target_value": 80,
                "unit": "%",
            },
            {"title": "Calls about bookings in a week", "kind": "decrease", "start_value": 900, "target_value": 500},
        ],
    )

    title: Title
    description: LongText | None = None
    insight: LongText | None = None
    perspective: Perspective | None = None
    horizon: Horizon | None = None
    source: Source | None = None
    commitment: Commitment = Commitment.ASPIRATIONAL
    cycle_id: Id
    team_id: Id | None = None
    owner_id: Id
    sponsor_id: Id | None = None
    contributor_ids: People = Field(default_factory=list)
    weight: Weight = Decimal(1)
    visibility: Visibility = "public"
    tags: Tags = Field(default_factory=list)
    key_results: list[KeyResultCreate] = Field(default_factory=list, max_length=50)


class ObjectivePatch(Patch):
    """What may change of an objective; commitment, weight, team and cycle only while it has not ended."""

    model_config = shown_as(weight=2, tags=["guests", "self-service"])

    title: Title = OMITTED
    description: LongText | None = OMITTED
    insight: LongText | None = OMITTED
    perspective: Perspective | None = OMITTED
    horizon: Horizon | None = OMITTED
    source: Source | None = OMITTED
    commitment: Commitment = OMITTED
    cycle_id: Id = OMITTED
    team_id: Id | None = OMITTED
    owner_id: Id = OMITTED
    sponsor_id: Id | None = OMITTED
    contributor_ids: People = OMITTED
    weight: Weight = OMITTED
    visibility: Visibility = OMITTED
    tags: Tags = OMITTED


class ObjectiveItem(Graded):
    """An objective in a list; with `expand=key_results` each comes as it is read by itself."""

    title: Title
    description: LongText | None
    insight: LongText | None
    perspective: Perspective | None
    horizon: Horizon | None
    source: Source | None
    commitment: Commitment
    cycle_id: UUID
    team_id: UUID | None
    owner_id: UUID
    sponsor_id: UUID | None
    contributor_ids: list[UUID]
    weight: ComputedNumber
    visibility: Visibility
    tags: list[Name]
    state: ObjectiveState
    activated_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None


class ObjectiveRead(ObjectiveItem):
    """An objective with its key results, those that were cancelled left out."""

    key_results: list[KeyResultRead]


class ObjectiveList(Items[ObjectiveRead | ObjectiveItem]):
    """One page of objectives, with their key results if they were asked for."""


def objective_read(view: ObjectiveView) -> ObjectiveRead:
    """The objective as it is answered by itself; its view must come with key results."""
    return ObjectiveRead.model_construct(
        **_fields(view), key_results=[key_result_read(one) for one in view.key_results or ()]
    )


def objective_item(view: ObjectiveView) -> ObjectiveItem:
    """The objective as it is listed: with its key results where the view has them."""
    return objective_read(view) if view.key_results is not None else ObjectiveItem.model_construct(**_fields(view))


def _fields(view: ObjectiveView) -> dict[str, Any]:
    fields = {name: getattr(view, name) for name in ObjectiveItem.model_fields if name != "grade"}
    return {
        **fields,
        "commitment": Commitment(view.commitment),
        "state": ObjectiveState(view.state),
        "grade": grade_read(view.standing),
    }
