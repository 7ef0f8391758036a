"""Objectives for whoever reads them by the thousands: rows whose values are what JSON has, in the order in which they are told.

Ids are text and numbers are float8 (the nearest to what is stored, which gives back each of 15 digits); instants stay instants.
What needs a thought before it can be told is left to okr.db.objective_reads, which reads everything.
"""

from uuid import UUID

import asyncpg

from okr.db.current_grades import standing_join
from okr.db.listing import Found, Page, fetch_page
from okr.db.objective_reads import ObjectiveFilters, objectives_that_match
from okr.domain.values import SubjectKind

HEAD = ("id", "version", "created_at", "updated_at")
GRADE = (
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
    "ruleset_version",
)
"""`ruleset` is its key. Before the first grade all that a grade has of its own is None."""
OBJECTIVE = (
    "title",
    "description",
    "insight",
    "perspective",
    "horizon",
    "source",
    "commitment",
    "cycle_id",
    "team_id",
    "owner_id",
    "sponsor_id",
    "contributor_ids",
    "weight",
    "visibility",
    "tags",
    "state",
    "activated_at",
    "closed_at",
    "cancelled_at",
)
KEY_RESULT = (
    "objective_id",
    "title",
    "kind",
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
    "weight",
    "metric_key",
    "current_value",
    "confidence",
    "value_class",
    "indicator",
    "owner_id",
    "due_on",
    "revision",
    "cancelled_at",
)

_IDS = frozenset({"id", "objective_id", "cycle_id", "team_id", "owner_id", "sponsor_id"})
_NUMBERS = frozenset(
    {"raw", "progress", "grade", "expected", "confidence", "coverage", "success_line", "computed_grade", "weight"}
)
_OF_DEMAND = {"requested_seq": "requested_seq", "computed_seq": "computed_seq", "stale": "dirty"}
_OF_VERSION = ("start_value", "target_value", "commit_value", "stretch_value", "band_low", "band_high", "weight")
_LISTS = ("milestones", "zones", "formula")
_EXPRESSIONS = {
    **{name: f"v.{name}::float8" for name in _OF_VERSION},
    **dict.fromkeys(_LISTS, "NULL::text"),
    "metric_key": "m.key",
    "current_value": "(kg.inputs ->> 'v')::float8",
    "confidence": """(SELECT c.confidence::float8 FROM check_in c
         WHERE c.organization_id = $1 AND c.key_result_id = k.id AND c.confidence IS NOT NULL
         ORDER BY c.observed_at DESC, c.recorded_at DESC LIMIT 1)""",
}


def _columns(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(_told(table, name) for name in names)


def _told(table: str, name: str) -> str:
    if name in _IDS:
        return f"{table}.{name}::text"
    if name == "contributor_ids":
        return f"{table}.{name}::text[]"
    return f"{table}.{name}::float8" if name in _NUMBERS else f"{table}.{name}"


def _grade(grade: str, demand: str) -> str:
    columns = [
        f"{demand}.{_OF_DEMAND[name]}"
        if name in _OF_DEMAND
        else f"{grade}.ruleset_key"
        if name == "ruleset"
        else _told(grade, name)
        for name in GRADE
    ]
    return ", ".join(columns)


_OF_OBJECTIVE = f"{_columns('t', HEAD)}, {_grade('g', 'd')}, {_columns('t', OBJECTIVE)}"
_OF_KEY_RESULT = ", ".join(_EXPRESSIONS.get(name) or _told("k", name) for name in KEY_RESULT)
_STANDING = standing_join(SubjectKind.OBJECTIVE, "t.id")
_STANDING_OF_KEY_RESULT = standing_join(SubjectKind.KEY_RESULT, "k.id", demand="kd", grade="kg")

# The toolkit stores what is left out as JSON's null.
_HAS_NO_LISTS = " AND ".join(f"coalesce(v.{name}, 'null') = 'null'" for name in _LISTS)

# One row per key result, each with the objective: one round trip, and one plan that serves every objective. Plain is what is told
# as it is stored: a grade that names the value it was made from, and a measure without lists.
_ONE = f"""
SELECT {_OF_OBJECTIVE}, {_columns("k", HEAD)}, {_grade("kg", "kd")}, {_OF_KEY_RESULT},
       g.status IS NOT NULL AND (k.id IS NULL OR kg.status IS NOT NULL AND {_HAS_NO_LISTS}) AS is_plain
  FROM objective t {_STANDING}
  LEFT JOIN (key_result k
      JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
      LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
      {_STANDING_OF_KEY_RESULT}) ON k.organization_id = $1 AND k.objective_id = t.id AND k.cancelled_at IS NULL
 WHERE t.organization_id = $1 AND t.id = $2
 ORDER BY k.created_at, k.id
"""
_PAGE = f"SELECT {_OF_OBJECTIVE} FROM objective t {_STANDING}"


async def read_plain_objective(
    connection: asyncpg.Connection, organization_id: UUID, objective_id: str
) -> list[asyncpg.Record] | None:
    """The objective with HEAD, GRADE and OBJECTIVE, followed by each of its key results with HEAD, GRADE and KEY_RESULT.

    One row, with nothing in the second part, where there are no key results. None: it is not plain, or there is none.
    """
    rows = await connection.fetch(_ONE, organization_id, objective_id)
    return rows if rows and all(row["is_plain"] for row in rows) else None


async def list_plain_objectives(
    connection: asyncpg.Connection, organization_id: UUID, *, page: Page, filters: ObjectiveFilters
) -> Found[asyncpg.Record]:
    """One page of the objectives that match: in each row the page's own column, then HEAD, GRADE and OBJECTIVE."""
    return await fetch_page(connection, _PAGE, objectives_that_match(organization_id, filters), page, table="t")
