"""The floor: what a service would cost that did nothing but the SQL and the JSON. `python -m bench.floor PORT` serves it.

Raw asyncpg behind Starlette, on uvicorn with uvloop and httptools in one process, as ours runs; the same settings of the
database, as many connections, and a garbage collector as calm. Each request is one statement, with no round trip before or after
it. It asks for no key, checks nothing, keeps no idempotency, logs and counts nothing. What it reads and writes, and the bodies it
answers, are those of ours; the run compares both.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from okr.db.engine import SERVER_SETTINGS

# Numbers as float8 and ids as text, which is what JSON has: the driver reads those faster than numeric and uuid.
_GRADE_NAMES = (
    "raw",
    "progress",
    "grade",
    "status",
    "label",
    "band",
    "expected",
    "freshness",
    "confidence",
    "coverage",
    "success_line",
    "provenance",
    "computed_grade",
    "ruleset",
    "observed_at",
    "computed_at",
    "requested_seq",
    "computed_seq",
    "stale",
    "reasons",
)


def _grade(prefix: str, d: str, g: str) -> str:
    return f"""{g}.raw::float8 AS {prefix}raw, {g}.progress::float8 AS {prefix}progress, {g}.grade::float8 AS {prefix}grade,
    {g}.status AS {prefix}status, {g}.label AS {prefix}label, {g}.band AS {prefix}band, {g}.expected::float8 AS {prefix}expected,
    {g}.freshness AS {prefix}freshness, {g}.confidence::float8 AS {prefix}confidence, {g}.coverage::float8 AS {prefix}coverage,
    {g}.success_line::float8 AS {prefix}success_line, {g}.provenance AS {prefix}provenance,
    {g}.computed_grade::float8 AS {prefix}computed_grade,
    {g}.ruleset_key AS {prefix}ruleset_key, {g}.ruleset_version AS {prefix}ruleset_version,
    {g}.observed_at AS {prefix}observed_at, {g}.computed_at AS {prefix}computed_at, {d}.requested_seq AS {prefix}requested_seq,
    {d}.computed_seq AS {prefix}computed_seq, {d}.dirty AS {prefix}stale, {g}.reasons AS {prefix}reasons"""


def _standing(kind: int, id: str, d: str, g: str) -> str:
    return f"""JOIN rescore_demand {d} ON {d}.organization_id = $1 AND {d}.subject_kind = {kind} AND {d}.subject_id = {id}
    LEFT JOIN grade {g} ON {g}.organization_id = $1 AND {g}.subject_kind = {kind} AND {g}.subject_id = {id}"""


_OBJECTIVE = """o.id::text AS o_id, o.version AS o_version, o.created_at AS o_created_at, o.updated_at AS o_updated_at,
    o.title AS o_title, o.description, o.insight, o.perspective, o.horizon, o.source, o.commitment, o.cycle_id::text,
    o.team_id::text, o.owner_id::text AS o_owner_id,
    o.sponsor_id::text, o.contributor_ids::text[], o.weight::float8 AS o_weight, o.visibility,
    o.tags, o.state, o.activated_at, o.closed_at,
    o.cancelled_at AS o_cancelled_at"""
_OBJECTIVE_NAMES = (
    "o_title",
    "description",
    "insight",
    "perspective",
    "horizon",
    "source",
    "commitment",
    "cycle_id",
    "team_id",
    "o_owner_id",
    "sponsor_id",
    "contributor_ids",
    "o_weight",
    "visibility",
    "tags",
    "state",
    "activated_at",
    "closed_at",
    "o_cancelled_at",
)
_KEY_RESULT_NAMES = (
    "k_objective_id",
    "k_title",
    "k_kind",
    "start_value",
    "target_value",
    "commit_value",
    "stretch_value",
    "band_low",
    "band_high",
    "milestones",
    "zones",
    "formula",
    "unit",
    "k_weight",
    "metric_key",
    "current_value",
    "k_confidence",
    "value_class",
    "indicator",
    "k_owner_id",
    "due_on",
    "revision",
    "k_cancelled_at",
)

# One row per key result, each with the objective: one round trip is worth more than the repetition costs.
_READ_OBJECTIVE = f"""
SELECT {_OBJECTIVE}, {_grade("og_", "od", "og")},
       k.id::text AS k_id, k.version AS k_version, k.created_at AS k_created_at, k.updated_at AS k_updated_at,
       k.objective_id::text AS k_objective_id, k.title AS k_title, k.kind AS k_kind, v.start_value::float8 AS start_value,
       v.target_value::float8 AS target_value, v.commit_value::float8 AS commit_value, v.stretch_value::float8 AS stretch_value,
       v.band_low::float8 AS band_low, v.band_high::float8 AS band_high, NULLIF(v.milestones, 'null') AS milestones,
       NULLIF(v.zones, 'null') AS zones, NULLIF(v.formula, 'null') AS formula, k.unit,
       v.weight::float8 AS k_weight, m.key AS metric_key, (kg.inputs ->> 'v')::float8 AS current_value,
       (SELECT c.confidence::float8 FROM check_in c
         WHERE c.organization_id = $1 AND c.key_result_id = k.id AND c.confidence IS NOT NULL
         ORDER BY c.observed_at DESC, c.recorded_at DESC LIMIT 1) AS k_confidence,
       k.value_class, k.indicator, k.owner_id::text AS k_owner_id, k.due_on, k.revision, k.cancelled_at AS k_cancelled_at,
       {_grade("kg_", "kd", "kg")}
  FROM objective o {_standing(2, "o.id", "od", "og")}
  LEFT JOIN (key_result k
      JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
      LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
      {_standing(1, "k.id", "kd", "kg")}
  ) ON k.organization_id = $1 AND k.objective_id = o.id AND k.cancelled_at IS NULL
 WHERE o.organization_id = $1 AND o.id = $2
 ORDER BY k.created_at, k.id
"""
_LIST_OBJECTIVES = f"""
SELECT {_OBJECTIVE}, {_grade("og_", "od", "og")} FROM objective o {_standing(2, "o.id", "od", "og")}
 WHERE o.organization_id = $1 AND o.team_id = $2 ORDER BY o.created_at, o.id LIMIT 51
"""

# What a push does: the point, the demand of what the metric feeds and of the objective above, the event.
_PUSH = """
WITH m AS MATERIALIZED (SELECT id FROM metric WHERE organization_id = $1 AND key = $2),
p AS (
    INSERT INTO metric_point (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
    SELECT $1, m.id, $3::text::timestamptz, '', '', 0, $4::text::numeric, $5 FROM m),
s AS MATERIALIZED (
    SELECT k.id, k.objective_id FROM m JOIN key_result_version v ON v.organization_id = $1 AND v.metric_id = m.id
      JOIN key_result k ON k.organization_id = $1 AND k.id = v.key_result_id),
t AS MATERIALIZED (SELECT 1 AS kind, id FROM s UNION SELECT 2, objective_id FROM s),
l AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id FROM rescore_demand d JOIN t ON d.subject_kind = t.kind AND d.subject_id = t.id
     WHERE d.organization_id = $1 ORDER BY d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d),
d AS (
    UPDATE rescore_demand d
       SET requested_seq = d.requested_seq + 1, dirty = true,
           requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
           touched_from = least(d.touched_from, $3::text::timestamptz)
      FROM l WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id),
e AS (
    INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
    SELECT $1, uuidv7(), 'okr.metric.points_recorded.v1', 'metric:' || m.id,
           jsonb_build_object('key', $2::text, 'count', 1, 'first_observed_at', $3::text, 'last_observed_at', $3::text,
                              'value', $4::text::numeric), clock_timestamp()
      FROM m)
SELECT 1
"""

# The same for a batch: all rows by one unnest.
_PUSH_BATCH = """
WITH u AS (
    SELECT m.id, u.key, u.observed_at::timestamptz AS observed_at, u.value::numeric AS value
      FROM unnest($2::text[], $3::text[], $4::text[]) AS u (key, observed_at, value)
      JOIN metric m ON m.organization_id = $1 AND m.key = u.key),
p AS (
    INSERT INTO metric_point (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
    SELECT $1, id, observed_at, '', '', 0, value, $5 FROM u),
m AS MATERIALIZED (
    SELECT id, key, count(*), min(observed_at) AS first, max(observed_at) AS last,
           (array_agg(value ORDER BY observed_at DESC))[1] AS value
      FROM u GROUP BY id, key),
s AS MATERIALIZED (
    SELECT k.id, k.objective_id, m.first FROM m JOIN key_result_version v ON v.organization_id = $1 AND v.metric_id = m.id
      JOIN key_result k ON k.organization_id = $1 AND k.id = v.key_result_id),
t AS MATERIALIZED (
    SELECT 1 AS kind, id, first FROM s UNION ALL SELECT 2, objective_id, min(first) FROM s GROUP BY objective_id),
l AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id, t.first FROM rescore_demand d JOIN t ON d.subject_kind = t.kind AND d.subject_id = t.id
     WHERE d.organization_id = $1 ORDER BY d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d),
d AS (
    UPDATE rescore_demand d
       SET requested_seq = d.requested_seq + 1, dirty = true,
           requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
           touched_from = least(d.touched_from, l.first)
      FROM l WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id),
e AS (
    INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
    SELECT $1, uuidv7(), 'okr.metric.points_recorded.v1', 'metric:' || id,
           jsonb_build_object('key', key, 'count', count, 'first_observed_at', first, 'last_observed_at', last, 'value', value),
           clock_timestamp()
      FROM m)
SELECT 1
"""


def _dumps(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def _grade_of(row: asyncpg.Record, prefix: str) -> dict[str, Any]:
    return {
        name: {"key": row[prefix + "ruleset_key"], "version": row[prefix + "ruleset_version"]}
        if name == "ruleset"
        else row[prefix + name]
        for name in _GRADE_NAMES
    }


def _thing(row: asyncpg.Record, letter: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": row[letter + "_id"],
        "version": row[letter + "_version"],
        "created_at": row[letter + "_created_at"],
        "updated_at": row[letter + "_updated_at"],
        "grade": _grade_of(row, letter + "g_"),
        **{name.removeprefix(letter + "_"): row[name] for name in names},
    }


def application(url: str, organization_id: UUID) -> Starlette:
    """The floor of one organization."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(
            url, min_size=10, max_size=10, server_settings=SERVER_SETTINGS, reset=_nothing
        )
        yield
        await app.state.pool.close()

    async def read_objective(request: Request) -> Response:
        rows = await request.app.state.pool.fetch(_READ_OBJECTIVE, organization_id, request.path_params["id"])
        objective = _thing(rows[0], "o", _OBJECTIVE_NAMES)
        objective["key_results"] = [_thing(row, "k", _KEY_RESULT_NAMES) for row in rows if row["k_id"] is not None]
        return Response(_dumps(objective), media_type="application/json")

    async def list_objectives(request: Request) -> Response:
        rows = await request.app.state.pool.fetch(_LIST_OBJECTIVES, organization_id, request.query_params["team_id"])
        page = {"items": [_thing(row, "o", _OBJECTIVE_NAMES) for row in rows[:50]], "next_cursor": None}
        return Response(_dumps(page), media_type="application/json")

    async def push_point(request: Request) -> Response:
        point, key, now = orjson.loads(await request.body()), request.path_params["key"], datetime.now(UTC)
        observed_at, value = point["observed_at"], point["value"]
        await request.app.state.pool.fetch(_PUSH, organization_id, key, observed_at, str(value), now)
        told = {
            "status": "created",
            "metric": key,
            "value": value,
            "observed_at": observed_at.replace("+00:00", "Z"),
            "source": None,
            "dedupe_key": None,
        }
        return Response(_dumps(told), 201, media_type="application/json")

    async def push_batch(request: Request) -> Response:
        points, now = orjson.loads(await request.body())["points"], datetime.now(UTC)
        await request.app.state.pool.fetch(
            _PUSH_BATCH,
            organization_id,
            [point["metric"] for point in points],
            [point["observed_at"] for point in points],
            [str(point["value"]) for point in points],
            now,
        )
        results = [{"index": index, "status": "created", "code": None} for index in range(len(points))]
        told = {"results": results, "created": len(points), "duplicate": 0, "rejected": 0}
        return Response(_dumps(told), 207, media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/objectives/{id}", read_objective),
            Route("/v1/objectives", list_objectives),
            Route("/v1/metrics/{key}/points", push_point, methods=["POST"]),
            Route("/v1/metric-points", push_batch, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


async def _nothing(connection: object) -> None:
    """Ours spares itself the driver's reset too."""


def main() -> None:
    """Serve on the port that the first argument names, until SIGTERM."""
    app = application(os.environ["OKR_DATABASE_URL"], UUID(os.environ["BENCH_ORGANIZATION"]))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
