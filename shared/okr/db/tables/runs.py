"""Long work that people can watch: what it is for, how far it has come, how it ended."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from okr.db.tables.columns import Instant, Resource, of_organization, one_of


class RunKind(StrEnum):
    """What a run does.

    `regrade`: a subject's history, where it is too long to be graded at once. `regrade_all`: everything that a ruleset's version
    reaches, from when it came into force or was retired.
    """

    REGRADE = "regrade"
    REGRADE_ALL = "regrade_all"


class RunState(StrEnum):
    """Where a run stands. It is open while queued or running, and ends once."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)


class Run(Resource, table=True):
    """A long operation. A subject (see KIND_NUMBERS) has at most one open run of each kind; a run may be of no subject.

    `done` of `total` are counted in `unit`; a total that is not known yet is null. `detail` is the kind's own. Ended runs are
    pruned after a month.
    """

    __tablename__ = "run"
    __table_args__ = (
        of_organization(),
        CheckConstraint(one_of("state", RunState), name="run_state"),
        CheckConstraint(f"(finished_at IS NULL) = ({one_of('state', OPEN_STATES)})", name="run_end"),
        CheckConstraint("num_nulls(subject_kind, subject_id) <> 1", name="run_subject"),
        CheckConstraint("done >= 0 AND total >= done", name="run_progress"),
        Index(
            "run_open",
            "organization_id",
            "kind",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("run_ended", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    kind: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    subject_kind: int | None = Field(default=None, sa_type=SmallInteger)
    subject_id: UUID | None = None
    done: int = Field(default=0, sa_type=BigInteger)
    total: int | None = Field(default=None, sa_type=BigInteger)
    unit: str = Field(sa_type=Text)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    error: str | None = Field(default=None, sa_type=Text)
    created_by: str | None = Field(default=None, sa_type=Text)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
