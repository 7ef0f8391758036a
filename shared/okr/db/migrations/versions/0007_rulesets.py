"""Rulesets and their versions; what was activated never changes, whoever asks."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# Only the end of its time moves, the words about its retirement come, and its version counts both.
_KEEP = """
CREATE FUNCTION okr_keep_ruleset_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.activated_at IS NULL THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an activated version of a ruleset stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.id, NEW.ruleset_id, NEW.number, NEW.document, NEW.note, NEW.created_by, NEW.created_at,
        NEW.activated_at, NEW.activated_by, NEW.activation_reason, NEW.effective_from)
       IS DISTINCT FROM
       (OLD.organization_id, OLD.id, OLD.ruleset_id, OLD.number, OLD.document, OLD.note, OLD.created_by, OLD.created_at,
        OLD.activated_at, OLD.activated_by, OLD.activation_reason, OLD.effective_from) THEN
        RAISE EXCEPTION 'an activated version of a ruleset never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _resource() -> list[sa.Column[Any]]:
    return [
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
    ]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "ruleset",
        *_resource(),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("scope_kind IN ('organization', 'cycle', 'team')", name="ruleset_scope_kind"),
        sa.CheckConstraint("(scope_kind = 'organization') = (scope_id IS NULL)", name="ruleset_scope_id"),
        sa.CheckConstraint("key <> 'standard'", name="ruleset_key"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.organization_id"]),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "key"),
    )
    op.create_table(
        "ruleset_version",
        *_resource(),
        sa.Column("ruleset_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("activated_at", INSTANT, nullable=True),
        sa.Column("activated_by", sa.Text(), nullable=True),
        sa.Column("activation_reason", sa.Text(), nullable=True),
        sa.Column("effective_from", INSTANT, nullable=True),
        sa.Column("effective_until", INSTANT, nullable=True),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.Column("retired_by", sa.Text(), nullable=True),
        sa.Column("retirement_reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(activated_at, activated_by, activation_reason, effective_from) IN (0, 4)",
            name="ruleset_version_activation",
        ),
        sa.CheckConstraint(
            "num_nulls(retired_at, retired_by, retirement_reason) IN (0, 3)", name="ruleset_version_retirement"
        ),
        sa.CheckConstraint(
            "effective_until IS NULL OR (effective_from IS NOT NULL AND effective_until >= effective_from)",
            name="ruleset_version_term",
        ),
        sa.ForeignKeyConstraint(["organization_id", "ruleset_id"], ["ruleset.organization_id", "ruleset.id"]),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "ruleset_id", "number"),
    )
    op.execute(_KEEP)
    op.execute(
        "CREATE TRIGGER okr_keep_ruleset_version BEFORE UPDATE OR DELETE ON ruleset_version "
        "FOR EACH ROW EXECUTE FUNCTION okr_keep_ruleset_version()"
    )


def downgrade() -> None:
    op.drop_table("ruleset_version")
    op.drop_table("ruleset")
    op.execute("DROP FUNCTION okr_keep_ruleset_version")
