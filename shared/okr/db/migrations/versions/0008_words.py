"""People's words: overrides of grades, and the final grading at the end of a cycle."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("cycle", sa.Column("grading_at", INSTANT, nullable=True))
    op.add_column("cycle", sa.Column("reopened_at", INSTANT, nullable=True))
    op.add_column("cycle", sa.Column("reopened_reason", sa.Text(), nullable=True))
    op.create_table(
        "override",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grade", sa.Numeric(), nullable=False),
        sa.Column("computed_grade", sa.Numeric(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("subject_kind IN (1, 2)", name="override_subject_kind"),
        sa.CheckConstraint("grade >= 0", name="override_grade"),
        sa.CheckConstraint("ended_at >= made_at", name="override_end"),
        sa.ForeignKeyConstraint(["organization_id", "person_id"], ["person.organization_id", "person.id"]),
        sa.PrimaryKeyConstraint("organization_id", "subject_kind", "subject_id", "number"),
        sa.UniqueConstraint("organization_id", "id"),
    )
    op.create_index(
        "override_in_force",
        "override",
        ["organization_id", "subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "final_grade",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("objective_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("grade", sa.Numeric(), nullable=True),
        sa.Column("computed_grade", sa.Numeric(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.CheckConstraint("step IN ('owner', 'reviewer')", name="final_grade_step"),
        sa.ForeignKeyConstraint(["organization_id", "objective_id"], ["objective.organization_id", "objective.id"]),
        sa.ForeignKeyConstraint(["organization_id", "person_id"], ["person.organization_id", "person.id"]),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("final_grade_objective", "final_grade", ["organization_id", "objective_id", "made_at"])


def downgrade() -> None:
    op.drop_table("final_grade")
    op.drop_table("override")
    for name in ("reopened_reason", "reopened_at", "grading_at"):
        op.drop_column("cycle", name)
