"""What is measured: the catalogue of metrics and their points."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from okr.db.tables.columns import Instant, Number, Organized, Resource, of_organization, one_of

DIRECTIONS = ("up", "down")
FREQUENCIES = ("daily", "weekly", "monthly", "quarterly")


class Metric(Resource, table=True):
    """A number the company watches, named by its `key`."""

    __tablename__ = "metric"
    __table_args__ = (
        of_organization(),
        UniqueConstraint("organization_id", "key"),
        CheckConstraint(one_of("direction", DIRECTIONS), name="metric_direction"),
        CheckConstraint(one_of("frequency", FREQUENCIES), name="metric_frequency"),
    )

    key: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    unit: str | None = Field(default=None, sa_type=Text)
    direction: str = Field(default="up", sa_type=Text)
    is_core: bool = False
    source: str | None = Field(default=None, sa_type=Text)
    frequency: str = Field(default="weekly", sa_type=Text)


class MetricPoint(Organized, table=True):
    """A measured value. Append-only: a correction is a new `revision` of its key, recorded later; the newest counts.

    No foreign key to the metric: metrics are never deleted, and a lock on the metric's row for each push would make every
    writer of a busy metric wait for the others.
    """

    __tablename__ = "metric_point"
    __table_args__ = ({"postgresql_partition_by": "RANGE (observed_at)"},)

    metric_id: UUID = Field(primary_key=True)
    observed_at: datetime = Field(primary_key=True, sa_type=Instant)
    source: str = Field(primary_key=True, sa_type=Text)
    dedupe_key: str = Field(primary_key=True, sa_type=Text)
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: Decimal = Field(sa_type=Number)
    recorded_at: datetime = Field(sa_type=Instant)
