"""First tables: the directory, goals, metrics, the scoring pipeline; and the one way to make a month's partition."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# Runs with the owner's rights, so that the application can have a month made when a late point needs one, and nothing else.
# A partition is attached, not created in place: attaching does not wait for readers and writers of the table.
MAKE_PARTITION = """
CREATE FUNCTION okr_make_partition(parent text, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first timestamptz := date_trunc('month', month)::timestamp AT TIME ZONE 'UTC';
    next timestamptz := (date_trunc('month', month) + interval '1 month')::timestamp AT TIME ZONE 'UTC';
    name text := parent || to_char(month, '"_y"YYYY"m"MM');
BEGIN
    IF parent NOT IN ('metric_point', 'score_snapshot') THEN
        RAISE EXCEPTION 'okr_make_partition: % is not partitioned by month', parent;
    END IF;
    IF month < date '1970-01-01' OR month >= date '2200-01-01' THEN
        RAISE EXCEPTION 'okr_make_partition: no partitions before 1970 or after 2199, not for %', month;
    END IF;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    -- A table's lock, not an advisory one: taking it also learns of tables that others have made meanwhile.
    EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, first, next);
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "grade",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("computed_seq", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Numeric(), nullable=True),
        sa.Column("progress", sa.Numeric(), nullable=True),
        sa.Column("grade", sa.Numeric(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("band", sa.Text(), nullable=True),
        sa.Column("expected", sa.Numeric(), nullable=True),
        sa.Column("freshness", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=True),
        sa.Column("coverage", sa.Numeric(), nullable=False),
        sa.Column("success_line", sa.Numeric(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("ruleset_key", sa.Text(), nullable=False),
        sa.Column("ruleset_version", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("computed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "subject_kind", "subject_id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "idempotency_key",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "principal", "route", "key"),
    )
    op.create_index("idempotency_key_age", "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "metric_point",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("metric_id", sa.Uuid(), nullable=False),
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "metric_id", "observed_at", "source", "dedupe_key", "revision"),
        postgresql_partition_by="RANGE (observed_at)",
    )
    op.create_table(
        "organization",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("paced_through", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
    )
    op.create_table(
        "outbox_event",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("outbox_event_position", "outbox_event", ["organization_id", "position"], unique=False)
    op.create_index(
        "outbox_event_unnumbered",
        "outbox_event",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "rescore_demand",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("requested_seq", sa.BigInteger(), nullable=False),
        sa.Column("computed_seq", sa.BigInteger(), nullable=False),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("touched_from", INSTANT, nullable=False),
        sa.Column("claimed_from", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "subject_kind", "subject_id"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "rescore_demand_dirty",
        "rescore_demand",
        ["organization_id", "requested_at"],
        unique=False,
        postgresql_where=sa.text("dirty"),
    )
    op.create_table(
        "score_snapshot",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("computed_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("raw", sa.Numeric(), nullable=True),
        sa.Column("progress", sa.Numeric(), nullable=True),
        sa.Column("grade", sa.Numeric(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("band", sa.Text(), nullable=True),
        sa.Column("expected", sa.Numeric(), nullable=True),
        sa.Column("freshness", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Numeric(), nullable=True),
        sa.Column("coverage", sa.Numeric(), nullable=False),
        sa.Column("success_line", sa.Numeric(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("ruleset_key", sa.Text(), nullable=False),
        sa.Column("ruleset_version", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "subject_kind", "subject_id", "observed_at", "computed_seq"),
        postgresql_partition_by="RANGE (observed_at)",
    )
    op.create_table(
        "api_key",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("hmac", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.organization_id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("api_key_by_public_id", "api_key", ["public_id"], unique=False)
    op.create_table(
        "cycle",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("cadence", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("activated_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.CheckConstraint("cadence IN ('quarter', 'half', 'year', 'custom')", name="cycle_cadence"),
        sa.CheckConstraint("state IN ('draft', 'active', 'grading', 'closed')", name="cycle_state"),
        sa.CheckConstraint("starts_on <= ends_on", name="cycle_days"),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            ["cycle.organization_id", "cycle.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.organization_id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_table(
        "metric",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("is_core", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.CheckConstraint("direction IN ('up', 'down')", name="metric_direction"),
        sa.CheckConstraint("frequency IN ('daily', 'weekly', 'monthly', 'quarterly')", name="metric_frequency"),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.organization_id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "key"),
    )
    op.create_table(
        "person",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.organization_id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "email"),
        sa.UniqueConstraint("organization_id", "external_id"),
    )
    op.create_table(
        "team",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('company', 'division', 'team')", name="team_kind"),
        sa.ForeignKeyConstraint(
            ["organization_id", "lead_id"],
            ["person.organization_id", "person.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            ["team.organization_id", "team.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.organization_id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("team_parent", "team", ["organization_id", "parent_id"], unique=False)
    op.create_table(
        "objective",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("insight", sa.Text(), nullable=True),
        sa.Column("perspective", sa.Text(), nullable=True),
        sa.Column("horizon", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("sponsor_id", sa.Uuid(), nullable=True),
        sa.Column("contributor_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("weight", sa.Numeric(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("activated_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.CheckConstraint("commitment IN ('committed', 'aspirational', 'learning')", name="objective_commitment"),
        sa.CheckConstraint("horizon IN ('short_term', 'long_term')", name="objective_horizon"),
        sa.CheckConstraint(
            "perspective IN ('financial', 'customer', 'internal_process', 'learning_growth')",
            name="objective_perspective",
        ),
        sa.CheckConstraint("source IN ('cascaded', 'cross_team', 'independent')", name="objective_source"),
        sa.CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'active', 'closed', 'cancelled')", name="objective_state"
        ),
        sa.CheckConstraint("visibility IN ('public', 'private')", name="objective_visibility"),
        sa.CheckConstraint("weight >= 0", name="objective_weight"),
        sa.ForeignKeyConstraint(
            ["organization_id", "cycle_id"],
            ["cycle.organization_id", "cycle.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["person.organization_id", "person.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "sponsor_id"],
            ["person.organization_id", "person.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "team_id"],
            ["team.organization_id", "team.id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("objective_cycle", "objective", ["organization_id", "cycle_id", "id"], unique=False)
    op.create_index("objective_team", "objective", ["organization_id", "team_id"], unique=False)
    op.create_table(
        "key_result",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("objective_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("metric_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("value_class", sa.Text(), nullable=True),
        sa.Column("indicator", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.CheckConstraint("indicator IN ('leading', 'lagging')", name="key_result_indicator"),
        sa.CheckConstraint(
            "kind IN ('increase', 'decrease', 'reach', 'at_least', 'at_most', 'band', 'binary', 'milestone', 'ordinal', 'count_ratio', 'composite', 'guardrail')",
            name="key_result_kind",
        ),
        sa.CheckConstraint("value_class IN ('outcome', 'output', 'activity')", name="key_result_value_class"),
        sa.ForeignKeyConstraint(
            ["organization_id", "metric_id"],
            ["metric.organization_id", "metric.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "objective_id"],
            ["objective.organization_id", "objective.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["person.organization_id", "person.id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("key_result_metric", "key_result", ["organization_id", "metric_id"], unique=False)
    op.create_index("key_result_objective", "key_result", ["organization_id", "objective_id"], unique=False)
    op.create_table(
        "alignment",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("objective_id", sa.Uuid(), nullable=False),
        sa.Column("parent_objective_id", sa.Uuid(), nullable=True),
        sa.Column("parent_key_result_id", sa.Uuid(), nullable=True),
        sa.Column("weight", sa.Numeric(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint("mode IN ('contribute', 'support')", name="alignment_mode"),
        sa.CheckConstraint("num_nonnulls(parent_objective_id, parent_key_result_id) = 1", name="alignment_parent"),
        sa.CheckConstraint("weight >= 0", name="alignment_weight"),
        sa.ForeignKeyConstraint(
            ["organization_id", "objective_id"],
            ["objective.organization_id", "objective.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_key_result_id"],
            ["key_result.organization_id", "key_result.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_objective_id"],
            ["objective.organization_id", "objective.id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index("alignment_child", "alignment", ["organization_id", "objective_id"], unique=False)
    op.create_index(
        "alignment_parent_key_result", "alignment", ["organization_id", "parent_key_result_id"], unique=False
    )
    op.create_index("alignment_parent_objective", "alignment", ["organization_id", "parent_objective_id"], unique=False)
    op.create_table(
        "check_in",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_result_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("milestone", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Numeric(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("blockers", sa.Text(), nullable=True),
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="check_in_confidence"),
        sa.ForeignKeyConstraint(
            ["organization_id", "key_result_id"],
            ["key_result.organization_id", "key_result.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["person.organization_id", "person.id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "id"),
    )
    op.create_index(
        "check_in_key_result",
        "check_in",
        ["organization_id", "key_result_id", "observed_at", "recorded_at"],
        unique=False,
    )
    op.create_table(
        "key_result_version",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("key_result_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_value", sa.Numeric(), nullable=True),
        sa.Column("target_value", sa.Numeric(), nullable=True),
        sa.Column("commit_value", sa.Numeric(), nullable=True),
        sa.Column("stretch_value", sa.Numeric(), nullable=True),
        sa.Column("band_low", sa.Numeric(), nullable=True),
        sa.Column("band_high", sa.Numeric(), nullable=True),
        sa.Column("milestones", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("zones", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("formula", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("weight", sa.Numeric(), nullable=False),
        sa.Column("metric_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("weight >= 0", name="key_result_version_weight"),
        sa.ForeignKeyConstraint(
            ["organization_id", "key_result_id"],
            ["key_result.organization_id", "key_result.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "metric_id"],
            ["metric.organization_id", "metric.id"],
        ),
        sa.PrimaryKeyConstraint("organization_id", "key_result_id", "revision"),
    )
    op.create_index("key_result_version_metric", "key_result_version", ["organization_id", "metric_id"], unique=False)
    op.execute(MAKE_PARTITION)
    op.execute("REVOKE ALL ON FUNCTION okr_make_partition(text, date) FROM PUBLIC")
