"""Key results as they are read: the newest version, what people said last, the current value and the grade.

One query for any number of key results; a second one only where some have never been graded.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.current_grades import STANDING_COLUMNS, STATUS_IS, Standing, standing_join
from okr.db.key_result_facts import measure_of
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.measures import with_done
from okr.domain.errors import NotFound
from okr.domain.measures import composed
from okr.domain.values import Kind, Operand, SubjectKind

# What check-ins named counts as done from the version on that was in force; see okr.db.measures.
_READ = f"""
SELECT k.id, k.objective_id, k.version, k.created_at, k.updated_at, k.title, k.kind, k.revision, k.unit, k.value_class,
       k.indicator, k.owner_id, k.due_on, k.cancelled_at, v.start_value, v.target_value, v.commit_value, v.stretch_value,
       v.band_low, v.band_high, v.milestones, v.zones, v.formula, v.weight, m.key AS metric_key,
       (SELECT c.confidence FROM check_in c
         WHERE c.organization_id = $1 AND c.key_result_id = k.id AND c.confidence IS NOT NULL
         ORDER BY c.observed_at DESC, c.recorded_at DESC LIMIT 1) AS said_confidence,
       CASE WHEN v.kind = 'milestone' THEN ARRAY(
           SELECT DISTINCT c.milestone FROM check_in c
            WHERE c.organization_id = $1 AND c.key_result_id = k.id AND c.milestone IS NOT NULL
              AND (v.revision = 1 OR c.observed_at >= v.valid_from)) END AS done,
       g.inputs ->> 'v' AS read_value, CASE WHEN v.kind = 'composite' THEN g.inputs -> 'o' END AS operands,
       {STANDING_COLUMNS}
  FROM key_result k
  JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
  {standing_join(SubjectKind.KEY_RESULT, "k.id")}"""

_OF_OBJECTIVES = """
 WHERE k.organization_id = $1 AND k.objective_id = ANY($2) AND k.cancelled_at IS NULL
 ORDER BY k.objective_id, k.created_at, k.id"""
_ONE = " WHERE k.organization_id = $1 AND k.id = $2"

_NEWEST_VALUES = """
SELECT k.id, coalesce(p.value, c.value) AS value
  FROM key_result k
  LEFT JOIN LATERAL (
      SELECT value FROM metric_point
       WHERE organization_id = $1 AND metric_id = k.metric_id
       ORDER BY observed_at DESC, recorded_at DESC, revision DESC LIMIT 1) p ON k.metric_id IS NOT NULL
  LEFT JOIN LATERAL (
      SELECT value FROM check_in
       WHERE organization_id = $1 AND key_result_id = k.id AND value IS NOT NULL
       ORDER BY observed_at DESC, recorded_at DESC LIMIT 1) c ON k.metric_id IS NULL
 WHERE k.organization_id = $1 AND k.id = ANY($2)
"""

_VERSIONS = """
SELECT v.revision, v.kind, v.start_value, v.target_value, v.commit_value, v.stretch_value, v.band_low, v.band_high,
       v.milestones, v.zones, v.formula, v.weight, m.key AS metric_key, v.valid_from, v.changed_by, v.reason, v.id
  FROM (SELECT *, key_result_id AS id FROM key_result_version) v
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id"""

KEY_RESULT_SORTS = {
    "created_at": SortColumn("k.created_at", "timestamptz"),
    "updated_at": SortColumn("k.updated_at", "timestamptz"),
    "title": SortColumn("k.title", "text"),
}
VERSION_SORTS = {"revision": SortColumn("v.revision", "integer")}


@dataclass(frozen=True, slots=True)
class MeasureView:
    """How a key result is measured, in the columns of a version. Numbers inside the lists are Decimals."""

    kind: str
    start_value: Decimal | None
    target_value: Decimal | None
    commit_value: Decimal | None
    stretch_value: Decimal | None
    band_low: Decimal | None
    band_high: Decimal | None
    milestones: list[dict[str, Any]] | None
    zones: list[dict[str, Any]] | None
    formula: dict[str, Any] | None
    weight: Decimal
    metric_key: str | None


@dataclass(frozen=True, slots=True)
class KeyResultView:
    """A key result as it is read. `milestones` carry what is done by now; `confidence` is the last one given."""

    id: UUID
    objective_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    title: str
    revision: int
    unit: str | None
    value_class: str | None
    indicator: str | None
    owner_id: UUID | None
    due_on: date | None
    cancelled_at: datetime | None
    measure: MeasureView
    current_value: Decimal | None
    confidence: Decimal | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a key result: the measure, from when on, by whom and why."""

    revision: int
    measure: MeasureView
    valid_from: datetime
    changed_by: str
    reason: str | None


async def key_results_of(
    connection: asyncpg.Connection, organization_id: UUID, objective_ids: Collection[UUID]
) -> dict[UUID, list[KeyResultView]]:
    """The key results of each objective that were not cancelled, as they were made; every objective has an entry."""
    rows = await connection.fetch(_READ + _OF_OBJECTIVES, organization_id, list(objective_ids))
    found: dict[UUID, list[KeyResultView]] = {id: [] for id in objective_ids}
    for view in await _with_values(connection, organization_id, [_view(row) for row in rows]):
        found[view.objective_id].append(view)
    return found


async def list_key_results(
    connection: asyncpg.Connection,
    organization_id: UUID,
    objective_id: UUID,
    *,
    page: Page,
    kind: str | None = None,
    owner_id: UUID | None = None,
    status: str | None = None,
    include_cancelled: bool = False,
) -> Found[KeyResultView]:
    """One page of an objective's key results that match. Raises NotFound without such an objective."""
    where = Where(organization_id, table="k")
    where.add("k.objective_id = {}", objective_id)
    where.add("k.kind = {}", kind)
    where.add("k.owner_id = {}", owner_id)
    where.add(STATUS_IS, status)
    if not include_cancelled:
        where.always("k.cancelled_at IS NULL")
    found = (await fetch_page(connection, _READ, where, page, table="k")).map(_view)
    if not found.items:
        await check_objective_exists(connection, organization_id, objective_id)
    return Found(await _with_values(connection, organization_id, found.items), found.last)


async def check_objective_exists(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> None:
    """Raises NotFound: an empty list below an objective says nothing about the objective."""
    query = "SELECT true FROM objective WHERE organization_id = $1 AND id = $2"
    if not await connection.fetchval(query, organization_id, objective_id):
        raise NotFound("There is no such objective.", objective_id=objective_id)


async def read_key_result(connection: asyncpg.Connection, organization_id: UUID, key_result_id: UUID) -> KeyResultView:
    """The key result, cancelled or not. Raises NotFound."""
    row = await connection.fetchrow(_READ + _ONE, organization_id, key_result_id)
    if row is None:
        raise NotFound("There is no such key result.", key_result_id=key_result_id)
    return (await _with_values(connection, organization_id, [_view(row)]))[0]


async def list_versions(
    connection: asyncpg.Connection, organization_id: UUID, key_result_id: UUID, *, page: Page
) -> Found[VersionView]:
    """One page of a key result's versions. Raises NotFound without such a key result."""
    where = Where(organization_id, table="v")
    where.add("v.key_result_id = {}", key_result_id)
    found = await fetch_page(connection, _VERSIONS, where, page, table="v")
    if not found.items and page.after is None:
        raise NotFound("There is no such key result.", key_result_id=key_result_id)
    return found.map(
        lambda row: VersionView(row["revision"], _measure(row), row["valid_from"], row["changed_by"], row["reason"])
    )


async def _with_values(
    connection: asyncpg.Connection, organization_id: UUID, views: list[KeyResultView]
) -> list[KeyResultView]:
    """A grade names the value it was made from; for what has never been graded, look for the newest one."""
    ungraded = [view.id for view in views if view.standing.grade is None]
    if not ungraded:
        return views
    rows = await connection.fetch(_NEWEST_VALUES, organization_id, ungraded)
    newest = {row["id"]: row["value"] for row in rows}
    return [replace(view, current_value=newest.get(view.id, view.current_value)) for view in views]


def _view(row: asyncpg.Record) -> KeyResultView:
    measure = _measure(row)
    if row["done"] is not None:
        measure = replace(measure, milestones=with_done(measure.milestones, set(row["done"])))
    return KeyResultView(
        id=row["id"],
        objective_id=row["objective_id"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        title=row["title"],
        revision=row["revision"],
        unit=row["unit"],
        value_class=row["value_class"],
        indicator=row["indicator"],
        owner_id=row["owner_id"],
        due_on=row["due_on"],
        cancelled_at=row["cancelled_at"],
        measure=measure,
        current_value=_current_value(row, measure),
        confidence=row["said_confidence"],
        standing=Standing.of_row(row),
    )


def _current_value(row: asyncpg.Record, measure: MeasureView) -> Decimal | None:
    """The value that the grade was made from; a composite's is what its formula makes of the operands."""
    if row["read_value"] is not None:
        return Decimal(row["read_value"])
    if row["operands"] is None:
        return None
    operands = tuple(
        Operand(id, None if value is None else Decimal(value), Decimal(weight))
        for id, value, weight in _json(row["operands"])
    )
    return composed(measure_of(asdict(measure)), operands)[0]


def _measure(row: asyncpg.Record) -> MeasureView:
    return MeasureView(
        kind=Kind(row["kind"]),
        start_value=row["start_value"],
        target_value=row["target_value"],
        commit_value=row["commit_value"],
        stretch_value=row["stretch_value"],
        band_low=row["band_low"],
        band_high=row["band_high"],
        milestones=_json(row["milestones"]),
        zones=_json(row["zones"]),
        formula=_json(row["formula"]),
        weight=row["weight"],
        metric_key=row["metric_key"],
    )


def _json(stored: Any) -> Any:
    """jsonb as the driver gives it, as text, or as a session's connection does, decoded."""
    return orjson.loads(stored) if isinstance(stored, str) else stored
