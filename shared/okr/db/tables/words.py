"""What people say of grades: overrides, and the final grading at the end of a cycle."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from okr.db.tables.columns import Instant, Number, Organized, one_of, utc_now, within_organization
from okr.db.tables.scoring import Subject
from okr.ids import new_id

STEPS = ("owner", "reviewer")


class Override(Subject, table=True):
    """A person's word on the grade of a key result or objective. All that may change of it is that it ends, once.

    `number` counts a subject's overrides from 1. `computed_grade` is what the rules said when it was made. One that a later one
    takes the place of ends at the instant at which that one begins.
    """

    __tablename__ = "override"
    __table_args__ = (
        within_organization("person_id", "person"),
        UniqueConstraint("organization_id", "id"),
        CheckConstraint("subject_kind IN (1, 2)", name="override_subject_kind"),
        CheckConstraint("grade >= 0", name="override_grade"),
        CheckConstraint("ended_at >= made_at", name="override_end"),
        Index(
            "override_in_force",
            "organization_id",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: UUID = Field(default_factory=new_id)
    grade: Decimal = Field(sa_type=Number)
    computed_grade: Decimal | None = Field(default=None, sa_type=Number)
    reason: str = Field(sa_type=Text)
    person_id: UUID
    made_at: datetime = Field(sa_type=Instant)
    made_by: str = Field(sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: str | None = Field(default=None, sa_type=Text)
    ended_reason: str | None = Field(default=None, sa_type=Text)


class FinalGrade(Organized, table=True):
    """One step of an objective's final grading: who stood behind which grade, beside what the rules said. Append-only.

    It counts as long as the objective has no other grade and nobody has said anything later.
    """

    __tablename__ = "final_grade"
    __table_args__ = (
        within_organization("objective_id", "objective"),
        within_organization("person_id", "person"),
        CheckConstraint(one_of("step", STEPS), name="final_grade_step"),
        Index("final_grade_objective", "organization_id", "objective_id", "made_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    objective_id: UUID
    step: str = Field(sa_type=Text)
    grade: Decimal | None = Field(default=None, sa_type=Number)
    computed_grade: Decimal | None = Field(default=None, sa_type=Number)
    reason: str | None = Field(default=None, sa_type=Text)
    person_id: UUID
    made_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
    made_by: str = Field(sa_type=Text)
