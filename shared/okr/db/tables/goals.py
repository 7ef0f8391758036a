"""What is wanted: cycles, objectives, key results with their versions, alignments; and what people say of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from okr.db.tables.columns import (
    Instant,
    Number,
    Organized,
    Resource,
    Texts,
    Uuids,
    of_organization,
    one_of,
    utc_now,
    within_organization,
)
from okr.domain.values import Commitment, Kind
from okr.ids import new_id

CADENCES = ("quarter", "half", "year", "custom")
CYCLE_STATES = ("draft", "active", "grading", "closed")
OBJECTIVE_STATES = ("draft", "proposed", "approved", "active", "closed", "cancelled")
PERSPECTIVES = ("financial", "customer", "internal_process", "learning_growth")
HORIZONS = ("short_term", "long_term")
SOURCES = ("cascaded", "cross_team", "independent")
VISIBILITIES = ("public", "private")
VALUE_CLASSES = ("outcome", "output", "activity")
INDICATORS = ("leading", "lagging")
MODES = ("contribute", "support")


class Cycle(Resource, table=True):
    """The days in which goals run, both ends included, in the organization's time zone."""

    __tablename__ = "cycle"
    __table_args__ = (
        of_organization(),
        within_organization("parent_id", "cycle"),
        CheckConstraint("starts_on <= ends_on", name="cycle_days"),
        CheckConstraint(one_of("cadence", CADENCES), name="cycle_cadence"),
        CheckConstraint(one_of("state", CYCLE_STATES), name="cycle_state"),
    )

    name: str = Field(sa_type=Text)
    starts_on: date
    ends_on: date
    cadence: str = Field(default="quarter", sa_type=Text)
    parent_id: UUID | None = None
    state: str = Field(default="draft", sa_type=Text)
    activated_at: datetime | None = Field(default=None, sa_type=Instant)
    grading_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    reopened_at: datetime | None = Field(default=None, sa_type=Instant)
    reopened_reason: str | None = Field(default=None, sa_type=Text)


class Objective(Resource, table=True):
    """A goal. Its commitment, weight, team and cycle hold for its whole life: changing one regrades all of it."""

    __tablename__ = "objective"
    __table_args__ = (
        within_organization("cycle_id", "cycle"),
        within_organization("team_id", "team"),
        within_organization("owner_id", "person"),
        within_organization("sponsor_id", "person"),
        CheckConstraint(one_of("perspective", PERSPECTIVES), name="objective_perspective"),
        CheckConstraint(one_of("horizon", HORIZONS), name="objective_horizon"),
        CheckConstraint(one_of("source", SOURCES), name="objective_source"),
        CheckConstraint(one_of("commitment", Commitment), name="objective_commitment"),
        CheckConstraint(one_of("visibility", VISIBILITIES), name="objective_visibility"),
        CheckConstraint(one_of("state", OBJECTIVE_STATES), name="objective_state"),
        CheckConstraint("weight >= 0", name="objective_weight"),
        Index("objective_cycle", "organization_id", "cycle_id", "id"),
        Index("objective_team", "organization_id", "team_id"),
    )

    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    insight: str | None = Field(default=None, sa_type=Text)
    perspective: str | None = Field(default=None, sa_type=Text)
    horizon: str | None = Field(default=None, sa_type=Text)
    source: str | None = Field(default=None, sa_type=Text)
    commitment: str = Field(default="aspirational", sa_type=Text)
    cycle_id: UUID
    team_id: UUID | None = None
    owner_id: UUID
    sponsor_id: UUID | None = None
    contributor_ids: list[UUID] = Field(default_factory=list, sa_type=Uuids)
    weight: Decimal = Field(default=Decimal(1), sa_type=Number)
    visibility: str = Field(default="public", sa_type=Text)
    tags: list[str] = Field(default_factory=list, sa_type=Texts)
    state: str = Field(default="draft", sa_type=Text)
    activated_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)


class KeyResult(Resource, table=True):
    """A measure of an objective. How it is measured lives in its versions; `revision` names the newest of them.

    `kind` and `metric_id` repeat what the newest version says, so that a pushed value finds its key results in one look.
    """

    __tablename__ = "key_result"
    __table_args__ = (
        within_organization("objective_id", "objective"),
        within_organization("metric_id", "metric"),
        within_organization("owner_id", "person"),
        CheckConstraint(one_of("kind", Kind), name="key_result_kind"),
        CheckConstraint(one_of("value_class", VALUE_CLASSES), name="key_result_value_class"),
        CheckConstraint(one_of("indicator", INDICATORS), name="key_result_indicator"),
        Index("key_result_objective", "organization_id", "objective_id"),
        Index("key_result_metric", "organization_id", "metric_id"),
    )

    objective_id: UUID
    title: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    metric_id: UUID | None = None
    revision: int = 1
    unit: str | None = Field(default=None, sa_type=Text)
    value_class: str | None = Field(default=None, sa_type=Text)
    indicator: str | None = Field(default=None, sa_type=Text)
    owner_id: UUID | None = None
    due_on: date | None = None
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)


class KeyResultVersion(Organized, table=True):
    """How a key result is measured from `valid_from` on, until the next version's; the first also before it. Immutable."""

    __tablename__ = "key_result_version"
    __table_args__ = (
        within_organization("key_result_id", "key_result"),
        within_organization("metric_id", "metric"),
        CheckConstraint("weight >= 0", name="key_result_version_weight"),
        Index("key_result_version_metric", "organization_id", "metric_id"),
    )

    key_result_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    start_value: Decimal | None = Field(default=None, sa_type=Number)
    target_value: Decimal | None = Field(default=None, sa_type=Number)
    commit_value: Decimal | None = Field(default=None, sa_type=Number)
    stretch_value: Decimal | None = Field(default=None, sa_type=Number)
    band_low: Decimal | None = Field(default=None, sa_type=Number)
    band_high: Decimal | None = Field(default=None, sa_type=Number)
    # Lists of {title, weight, done} and {name, grade}; {op, of}. Numbers are strings inside, so that none loses a digit.
    milestones: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB)
    zones: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB)
    formula: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    weight: Decimal = Field(default=Decimal(1), sa_type=Number)
    metric_id: UUID | None = None
    valid_from: datetime = Field(sa_type=Instant)
    changed_by: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)


class Alignment(Resource, table=True):
    """A child objective's tie to a parent objective or key result. It holds for the past too, until `ended_at`."""

    __tablename__ = "alignment"
    __table_args__ = (
        within_organization("objective_id", "objective"),
        within_organization("parent_objective_id", "objective"),
        within_organization("parent_key_result_id", "key_result"),
        CheckConstraint(one_of("mode", MODES), name="alignment_mode"),
        CheckConstraint("num_nonnulls(parent_objective_id, parent_key_result_id) = 1", name="alignment_parent"),
        CheckConstraint("weight >= 0", name="alignment_weight"),
        Index("alignment_child", "organization_id", "objective_id"),
        Index("alignment_parent_objective", "organization_id", "parent_objective_id"),
        Index("alignment_parent_key_result", "organization_id", "parent_key_result_id"),
    )

    objective_id: UUID
    parent_objective_id: UUID | None = None
    parent_key_result_id: UUID | None = None
    weight: Decimal = Field(default=Decimal(1), sa_type=Number)
    mode: str = Field(default="contribute", sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class CheckIn(Organized, table=True):
    """What a person says of a key result at an instant. Append-only; `recorded_at` is when we learned it."""

    __tablename__ = "check_in"
    __table_args__ = (
        within_organization("key_result_id", "key_result"),
        within_organization("person_id", "person"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="check_in_confidence"),
        Index("check_in_key_result", "organization_id", "key_result_id", "observed_at", "recorded_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    key_result_id: UUID
    value: Decimal | None = Field(default=None, sa_type=Number)
    zone: str | None = Field(default=None, sa_type=Text)
    milestone: str | None = Field(default=None, sa_type=Text)
    confidence: Decimal | None = Field(default=None, sa_type=Number)
    comment: str | None = Field(default=None, sa_type=Text)
    blockers: str | None = Field(default=None, sa_type=Text)
    observed_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
    person_id: UUID | None = None
