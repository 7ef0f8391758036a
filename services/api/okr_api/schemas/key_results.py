"""Key results on the wire."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import Field

from okr.db.key_result_reads import KeyResultView, MeasureView, VersionView
from okr.domain.values import FormulaOp, Kind
from okr_api.lists import Items
from okr_api.schemas.fields import ComputedNumber, Day, Flag, Id, Key, LongText, Name, Number, Share, ShortText, Weight
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import OMITTED, Graded, Patch, Schema, shown_as
from okr_api.schemas.titles import Title

_PLAIN_COLUMNS = (
    "start_value",
    "target_value",
    "commit_value",
    "stretch_value",
    "band_low",
    "band_high",
    "weight",
)

ValueClass = Literal["outcome", "output", "activity"]
Indicator = Literal["leading", "lagging"]


class MilestoneBody(Schema):
    """A part of a milestone key result."""

    title: Name
    weight: Weight = Decimal(1)
    done: Flag = False


class ZoneBody(Schema):
    """A named zone of an ordinal key result, and what it counts."""

    name: Name
    grade: Share


class FormulaBody(Schema):
    """How a composite is made of other key results of its objective, and of objectives that contribute to it."""

    op: FormulaOp
    of: Annotated[list[Id], Field(max_length=100)]


Milestones = Annotated[list[MilestoneBody], Field(max_length=200)]
Zones = Annotated[list[ZoneBody], Field(max_length=100)]


class KeyResultCreate(Schema):
    """A new key result. Which of the values its kind needs and takes is said in the refusal."""

    model_config = shown_as(
        title="Share of bookings that guests change themselves",
        kind="increase",
        start_value=41,
        target_value=80,
        unit="%",
        metric_key="self-service-share",
        value_class="outcome",
    )

    title: Title
    kind: Kind
    start_value: Number | None = None
    target_value: Number | None = None
    commit_value: Number | None = None
    stretch_value: Number | None = None
    band_low: Number | None = None
    band_high: Number | None = None
    milestones: Milestones | None = None
    zones: Zones | None = None
    formula: FormulaBody | None = None
    unit: ShortText | None = None
    weight: Weight = Decimal(1)
    metric_key: Key | None = None
    confidence: Share | None = None
    value_class: ValueClass | None = None
    indicator: Indicator | None = None
    owner_id: Id | None = None
    due_on: Day | None = None
    reason: LongText | None = None


class KeyResultPatch(Patch):
    """What may change of a key result. A change of how it is measured makes a new version, with `reason` beside it.

    `milestones` says what is done from now on, whatever check-ins have said before.
    """

    model_config = shown_as(target_value=75, reason="The partner app comes a quarter later.")

    title: Title = OMITTED
    kind: Kind = OMITTED
    start_value: Number | None = OMITTED
    target_value: Number | None = OMITTED
    commit_value: Number | None = OMITTED
    stretch_value: Number | None = OMITTED
    band_low: Number | None = OMITTED
    band_high: Number | None = OMITTED
    milestones: Milestones | None = OMITTED
    zones: Zones | None = OMITTED
    formula: FormulaBody | None = OMITTED
    unit: ShortText | None = OMITTED
    weight: Weight = OMITTED
    metric_key: Key | None = OMITTED
    confidence: Share = OMITTED
    value_class: ValueClass | None = OMITTED
    indicator: Indicator | None = OMITTED
    owner_id: Id | None = OMITTED
    due_on: Day | None = OMITTED
    reason: LongText | None = OMITTED


class MilestoneRead(Schema):
    """A milestone and whether it is done by now."""

    title: str
    weight: ComputedNumber
    done: bool


class ZoneRead(Schema):
    """A zone and what it counts."""

    name: str
    grade: ComputedNumber


class FormulaRead(Schema):
    """A composite's formula."""

    op: FormulaOp
    of: list[UUID]


class KeyResultRead(Graded):
    """A key result under its newest version. `current_value` is the value that the grade was made from."""

    objective_id: UUID
    title: Title
    kind: Kind
    start_value: ComputedNumber | None
    target_value: ComputedNumber | None
    commit_value: ComputedNumber | None
    stretch_value: ComputedNumber | None
    band_low: ComputedNumber | None
    band_high: ComputedNumber | None
    milestones: list[MilestoneRead] | None
    zones: list[ZoneRead] | None
    formula: FormulaRead | None
    unit: ShortText | None
    weight: ComputedNumber
    metric_key: Key | None
    current_value: ComputedNumber | None
    confidence: ComputedNumber | None
    value_class: ValueClass | None
    indicator: Indicator | None
    owner_id: UUID | None
    due_on: date | None
    revision: int
    cancelled_at: datetime | None


class KeyResultVersionRead(Schema):
    """How a key result was measured from `valid_from` on; the first version also before it."""

    revision: int
    kind: Kind
    start_value: ComputedNumber | None
    target_value: ComputedNumber | None
    commit_value: ComputedNumber | None
    stretch_value: ComputedNumber | None
    band_low: ComputedNumber | None
    band_high: ComputedNumber | None
    milestones: list[MilestoneRead] | None
    zones: list[ZoneRead] | None
    formula: FormulaRead | None
    weight: ComputedNumber
    metric_key: Key | None
    valid_from: datetime
    changed_by: str
    reason: LongText | None


class KeyResultList(Items[KeyResultRead]):
    """One page of key results."""


class KeyResultVersionList(Items[KeyResultVersionRead]):
    """One page of versions."""


def stored_measure(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a version for those fields of a body that are given; numbers inside of lists become text.

    `metric_key` is left out: its column is the metric's id. An empty list says as little as none.
    """
    columns = {name: given[name] for name in _PLAIN_COLUMNS if name in given}
    if "milestones" in given:
        milestones: list[MilestoneBody] = given["milestones"] or []
        columns["milestones"] = [
            {"title": one.title, "weight": format(one.weight, "f"), "done": one.done} for one in milestones
        ] or None
    if "zones" in given:
        zones: list[ZoneBody] = given["zones"] or []
        columns["zones"] = [{"name": one.name, "grade": format(one.grade, "f")} for one in zones] or None
    if "formula" in given:
        formula: FormulaBody | None = given["formula"]
        columns["formula"] = formula and {"op": formula.op.value, "of": [str(id) for id in formula.of]}
    return columns


def key_result_read(view: KeyResultView) -> KeyResultRead:
    """The key result as it is answered."""
    return KeyResultRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        objective_id=view.objective_id,
        title=view.title,
        unit=view.unit,
        current_value=view.current_value,
        confidence=view.confidence,
        value_class=cast("ValueClass | None", view.value_class),
        indicator=cast("Indicator | None", view.indicator),
        owner_id=view.owner_id,
        due_on=view.due_on,
        revision=view.revision,
        cancelled_at=view.cancelled_at,
        grade=grade_read(view.standing),
        **_measure(view.measure),
    )


def version_read(view: VersionView) -> KeyResultVersionRead:
    """The version as it is answered."""
    return KeyResultVersionRead.model_construct(
        revision=view.revision,
        valid_from=view.valid_from,
        changed_by=view.changed_by,
        reason=view.reason,
        **_measure(view.measure),
    )


def _measure(measure: MeasureView) -> dict[str, Any]:
    milestones, zones, formula = measure.milestones, measure.zones, measure.formula
    return {
        "kind": measure.kind,
        "start_value": measure.start_value,
        "target_value": measure.target_value,
        "commit_value": measure.commit_value,
        "stretch_value": measure.stretch_value,
        "band_low": measure.band_low,
        "band_high": measure.band_high,
        "milestones": None
        if milestones is None
        else [MilestoneRead(title=one["title"], weight=Decimal(one["weight"]), done=one["done"]) for one in milestones],
        "zones": None if zones is None else [ZoneRead(name=one["name"], grade=Decimal(one["grade"])) for one in zones],
        "formula": None if formula is None else FormulaRead(op=formula["op"], of=formula["of"]),
        "weight": measure.weight,
        "metric_key": measure.metric_key,
    }
