"""The pipeline's own tables: demand, current grades, history, and the outbox."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from okr.db.tables.columns import Instant, Number, Organized, Texts, utc_now
from okr.domain.values import SubjectKind
from okr.ids import new_id

# Subjects are numbered lowest first: the number is the order of locks and of grading.
KIND_NUMBERS = {kind: number for number, kind in enumerate(SubjectKind, start=1)}
KINDS_BY_NUMBER = {number: kind for kind, number in KIND_NUMBERS.items()}


class Subject(Organized):
    """What is graded: one of the subject kinds (numbered as in KIND_NUMBERS) and its id."""

    subject_kind: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    subject_id: UUID = Field(primary_key=True)


class RescoreDemand(Subject, table=True):
    """The queue of truth: a subject is stale while `requested_seq > computed_seq`, which `dirty` repeats for the index.

    requested_at: the first request that no worker has claimed yet. touched_from: the earliest instant whose grade may have
    changed since the last claim, claimed_from: the same for what the last claim took over; both are infinity when nothing is
    to do. claimed_until: a worker's lease, by the database's clock, and its token. Rows are rewritten often, so pages keep room
    for updates in place.
    """

    __tablename__ = "rescore_demand"
    __table_args__ = (
        Index("rescore_demand_dirty", "organization_id", "requested_at", postgresql_where=text("dirty")),
        {"postgresql_with": {"fillfactor": 50}},
    )

    requested_seq: int = Field(default=1, sa_type=BigInteger)
    computed_seq: int = Field(default=0, sa_type=BigInteger)
    dirty: bool = True
    requested_at: datetime = Field(sa_type=Instant)
    touched_from: datetime = Field(sa_type=Instant)
    claimed_from: datetime = Field(sa_type=Instant)
    claimed_until: datetime = Field(sa_type=Instant)


class Graded(Subject):
    """The columns that a current grade and a snapshot of history share. See okr.domain.values.Grade for their meaning."""

    observed_at: datetime = Field(sa_type=Instant)
    computed_seq: int = Field(sa_type=BigInteger)
    raw: Decimal | None = Field(sa_type=Number)
    progress: Decimal | None = Field(sa_type=Number)
    grade: Decimal | None = Field(sa_type=Number)
    status: str = Field(sa_type=Text)
    label: str | None = Field(sa_type=Text)
    band: str | None = Field(sa_type=Text)
    expected: Decimal | None = Field(sa_type=Number)
    freshness: str = Field(sa_type=Text)
    confidence: Decimal | None = Field(sa_type=Number)
    coverage: Decimal = Field(sa_type=Number)
    success_line: Decimal = Field(sa_type=Number)
    provenance: str = Field(sa_type=Text)
    ruleset_key: str = Field(sa_type=Text)
    ruleset_version: int
    computed_grade: Decimal | None = Field(default=None, sa_type=Number)
    reasons: list[str] = Field(sa_type=Texts)
    # What the grade was made from, compactly (okr.db.packing); the steps are derived from it again when somebody asks.
    inputs: dict[str, Any] = Field(sa_type=JSONB)


class CurrentGrade(Graded, table=True):
    """The newest grade of each subject."""

    __tablename__ = "grade"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    computed_at: datetime = Field(sa_type=Instant)


class ScoreSnapshot(Graded, table=True):
    """History, append-only: holds from `observed_at` until the subject's next one; `recorded_at` is when we learned it."""

    __tablename__ = "score_snapshot"
    __table_args__ = ({"postgresql_partition_by": "RANGE (observed_at)"},)

    observed_at: datetime = Field(primary_key=True, sa_type=Instant)
    computed_seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    recorded_at: datetime = Field(sa_type=Instant)


class OutboxEvent(Organized, table=True):
    """A change that others will be told of, written in the transaction of the change.

    `written` rises with the order of writing, while the writer holds its subject. The relay gives numbers to what was committed:
    `position` rises over all events, `sequence` counts those of one `subject` from 1.
    """

    __tablename__ = "outbox_event"
    __table_args__ = (
        Index("outbox_event_unnumbered", "written", postgresql_where=text("position IS NULL")),
        Index("outbox_event_position", "organization_id", "position", unique=True),
        Index("outbox_event_order", text("(position + 0)")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    type: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    data: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
    written: int = Field(sa_type=BigInteger, sa_column_args=[Identity(always=False)])
    position: int | None = Field(default=None, sa_type=BigInteger)
    sequence: int | None = Field(default=None, sa_type=BigInteger)


class EventSequence(Organized, table=True):
    """How many events of a subject have been numbered. It stays when they are pruned: the next one goes on from here."""

    __tablename__ = "event_sequence"
    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    subject: str = Field(primary_key=True, sa_type=Text)
    last: int = Field(sa_type=BigInteger)


class EventRelay(SQLModel, table=True):
    """Where the relay stands, in one row for the whole service.

    position: the last one given. published: all up to here are in the stream. pruned: all up to here are gone from the outbox.
    holder, held_until: the process that publishes, by a lease on the database's clock.
    """

    __tablename__ = "event_relay"
    __table_args__ = (
        CheckConstraint("is_only", name="event_relay_is_only"),
        {"postgresql_with": {"fillfactor": 10}},
    )

    is_only: bool = Field(default=True, primary_key=True)
    position: int = Field(default=0, sa_type=BigInteger)
    published: int = Field(default=0, sa_type=BigInteger)
    pruned: int = Field(default=0, sa_type=BigInteger)
    holder: UUID | None = None
    held_until: datetime = Field(sa_type=Instant)
