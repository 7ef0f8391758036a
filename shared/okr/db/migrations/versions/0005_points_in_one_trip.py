"""Points in one round trip: a function that records them, has what they feed graded again, and tells of them."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What okr.db.points does in a transaction of four statements, for points of which no two share a metric and an instant and none
# corrects another; `sources` and `dedupe_keys` may be empty. To be called as a statement of its own. In a volatile function each statement sees what is committed by then:
# what the metrics feed is looked up after the lock was taken that a change to it holds (see okr.db.points.hold_points), and
# what was found in the place of a point after whoever put it there has committed. One plain statement would look before.
#
# The plans are made once, for any number of points: to plan costs more than to record one point. What a plan takes for ten rows is
# mostly one, and then a scan that looks cheap, of a table that is still small, is what costs most.
RECORD_POINTS = """
CREATE FUNCTION okr_record_points(
    organization uuid, metric_ids uuid[], instants timestamptz[], sources text[], dedupe_keys text[], amounts numeric[],
    moment timestamptz, OUT taken integer[], OUT stored text[], OUT raised integer)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    fresh uuid[];
    counts integer[];
    firsts timestamptz[];
    lasts timestamptz[];
    newest numeric[];
    spelling constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'okr_record_points: a snapshot older than the lock would miss what the metrics feed by now';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('points:' || organization, 0));
    raised := 0;
    IF cardinality(metric_ids) = 1 THEN
        INSERT INTO metric_point (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
        VALUES (organization, metric_ids[1], instants[1], coalesce(sources[1], ''), coalesce(dedupe_keys[1], ''), 0,
                amounts[1], moment)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            fresh := metric_ids;
            counts := '{1}';
            firsts := instants;
            lasts := instants;
            newest := amounts;
        ELSE
            taken := '{1}';
        END IF;
    ELSE
        WITH p AS MATERIALIZED (
            SELECT metric_id, observed_at, coalesce(source, '') AS source, coalesce(dedupe_key, '') AS dedupe_key, amount, place
              FROM unnest(metric_ids, instants, sources, dedupe_keys, amounts) WITH ORDINALITY
                       AS p (metric_id, observed_at, source, dedupe_key, amount, place)
             ORDER BY 1, 2, 3, 4),
        i AS (
            INSERT INTO metric_point AS m
                   (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
            SELECT organization, metric_id, observed_at, source, dedupe_key, 0, amount, moment FROM p
            ON CONFLICT DO NOTHING
            RETURNING m.metric_id, m.observed_at, m.value, m.source, m.dedupe_key),
        n AS (
            SELECT metric_id, count(*)::integer AS count, min(observed_at) AS first, max(observed_at) AS last,
                   (array_agg(value ORDER BY observed_at DESC))[1] AS value
              FROM i GROUP BY metric_id)
        SELECT array_agg(metric_id), array_agg(count), array_agg(first), array_agg(last), array_agg(value),
               CASE WHEN (SELECT count(*) FROM i) < cardinality(metric_ids)
                    THEN (SELECT array_agg(place ORDER BY place) FROM p
                           WHERE NOT EXISTS (SELECT FROM i WHERE i.metric_id = p.metric_id AND i.observed_at = p.observed_at
                                                             AND i.source = p.source AND i.dedupe_key = p.dedupe_key)) END
          INTO fresh, counts, firsts, lasts, newest, taken FROM n;
    END IF;
    IF taken IS NOT NULL THEN
        SELECT array_agg(s.value::text ORDER BY t.nth) INTO stored
          FROM unnest(taken) WITH ORDINALITY AS t (place, nth), LATERAL (
               SELECT value FROM metric_point m
                WHERE m.organization_id = organization AND m.metric_id = metric_ids[t.place]
                  AND m.observed_at = instants[t.place] AND m.source = coalesce(sources[t.place], '')
                  AND m.dedupe_key = coalesce(dedupe_keys[t.place], '')
                ORDER BY m.revision DESC LIMIT 1) AS s;
    END IF;
    IF fresh IS NULL THEN
        RETURN;
    END IF;
    WITH fed AS MATERIALIZED (
        SELECT k.id, k.objective_id, min(n.first) AS first
          FROM unnest(fresh, firsts) AS n (metric_id, first)
          JOIN key_result_version v ON v.organization_id = organization AND v.metric_id = n.metric_id
          JOIN key_result k ON k.organization_id = organization AND k.id = v.key_result_id
          JOIN objective o ON o.organization_id = organization AND o.id = k.objective_id
          JOIN cycle c ON c.organization_id = organization AND c.id = o.cycle_id
         WHERE k.cancelled_at IS NULL AND o.state IN ('draft', 'proposed', 'approved', 'active') AND c.state <> 'closed'
         GROUP BY k.id, k.objective_id),
    t AS MATERIALIZED (
        SELECT kind, id, min(first) AS first
          FROM (SELECT 1 AS kind, id, first FROM fed
                UNION ALL
                SELECT 2, objective_id, first FROM fed
                UNION ALL
                SELECT 1, k.id, fed.first
                  FROM fed JOIN key_result k ON k.organization_id = organization AND k.objective_id = fed.objective_id
                 WHERE k.kind = 'composite' AND k.cancelled_at IS NULL) AS s
         GROUP BY kind, id),
    l AS MATERIALIZED (
        SELECT d.subject_kind, d.subject_id, t.first
          FROM rescore_demand d JOIN t ON d.subject_kind = t.kind AND d.subject_id = t.id
         WHERE d.organization_id = organization
         ORDER BY d.organization_id, d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d)
    UPDATE rescore_demand d
       SET requested_seq = d.requested_seq + 1, dirty = true,
           requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
           touched_from = least(d.touched_from, l.first)
      FROM l
     WHERE d.organization_id = organization AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id;
    GET DIAGNOSTICS raised = ROW_COUNT;
    -- Last, under the locks of the demand: of two that wait for each other the later one then also tells later.
    INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
    SELECT organization, uuidv7(), 'okr.metric.points_recorded.v1', 'metric:' || n.metric_id,
           jsonb_build_object('key', m.key, 'count', n.count,
                              'first_observed_at', replace(to_char(n.first AT TIME ZONE 'UTC', spelling), '.000000', ''),
                              'last_observed_at', replace(to_char(n.last AT TIME ZONE 'UTC', spelling), '.000000', ''),
                              'value', n.value),
           clock_timestamp()
      FROM unnest(fresh, counts, firsts, lasts, newest) AS n (metric_id, count, first, last, value)
      JOIN metric m ON m.organization_id = organization AND m.id = n.metric_id;
END
$$
"""

SIGNATURE = "okr_record_points(uuid, uuid[], timestamptz[], text[], text[], numeric[], timestamptz)"


def upgrade() -> None:
    op.execute(RECORD_POINTS)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
