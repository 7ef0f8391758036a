"""Partitions of the past by year and by decade, so that late points cannot make hundreds of them."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As before, with one thing new: how much of time a partition holds. Each costs every reader a little, so what lies before last
# year gets one for its year, and a decade that ended ten years ago one for all of it. A span with partitions inside already is
# divided as those are: months that were made while they were young stay. Runs with the owner's rights; see the first migration.
MAKE_PARTITION = """
CREATE OR REPLACE FUNCTION okr_make_partition(parent text, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today integer := extract(year FROM clock_timestamp() AT TIME ZONE 'UTC');
    year integer := extract(year FROM month);
    decade integer := year - year % 10;
    by_decade text := format('%s_y%ss', parent, decade);
    by_year text := format('%s_y%s', parent, year);
    by_month text := parent || to_char(month, '"_y"YYYY"m"MM');
    name text := by_month;
    first date := date_trunc('month', month);
    next date := first + interval '1 month';
BEGIN
    IF parent NOT IN ('metric_point', 'score_snapshot') THEN
        RAISE EXCEPTION 'okr_make_partition: % is not partitioned by month', parent;
    END IF;
    IF month < date '1970-01-01' OR month >= date '2200-01-01' THEN
        RAISE EXCEPTION 'okr_make_partition: no partitions before 1970 or after 2199, not for %', month;
    END IF;
    IF coalesce(to_regclass(by_month), to_regclass(by_year), to_regclass(by_decade)) IS NOT NULL THEN
        RETURN;
    END IF;
    -- A table's lock, not an advisory one: taking it also learns of tables that others have made meanwhile.
    EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    IF coalesce(to_regclass(by_month), to_regclass(by_year), to_regclass(by_decade)) IS NOT NULL THEN
        RETURN;
    END IF;
    IF decade + 20 <= today AND NOT okr_has_partitions(parent, left(by_decade, -2)) THEN
        name := by_decade;
        first := make_date(decade, 1, 1);
        next := make_date(decade + 10, 1, 1);
    ELSIF year + 1 < today AND NOT okr_has_partitions(parent, by_year) THEN
        name := by_year;
        first := make_date(year, 1, 1);
        next := make_date(year + 1, 1, 1);
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name,
                   first::timestamp AT TIME ZONE 'UTC', next::timestamp AT TIME ZONE 'UTC');
END
$$
"""

HAS_PARTITIONS = """
CREATE FUNCTION okr_has_partitions(parent text, beginning text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                    WHERE i.inhparent = parent::regclass AND starts_with(c.relname, beginning))
$$
"""


def upgrade() -> None:
    op.execute(HAS_PARTITIONS)
    op.execute("REVOKE ALL ON FUNCTION okr_has_partitions(text, text) FROM PUBLIC")
    op.execute(MAKE_PARTITION)
