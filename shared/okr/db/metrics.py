"""The catalogue of metrics: how they are read, found and locked, their points, and what they feed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db.demand import Subject, subject
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.tables import Metric
from okr.domain.errors import NotFound
from okr.domain.values import Kind, SubjectKind

METRIC_SORTS = {
    "created_at": SortColumn("m.created_at", "timestamptz"),
    "key": SortColumn("m.key", "text"),
    "name": SortColumn("m.name", "text"),
}
POINT_SORTS = {"observed_at": SortColumn("p.observed_at", "timestamptz")}


@dataclass(frozen=True, slots=True)
class MetricView:
    """A metric as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    key: str
    name: str
    unit: str | None
    direction: Literal["up", "down"]
    is_core: bool
    source: str | None
    frequency: Literal["daily", "weekly", "monthly", "quarterly"]


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as it is stored; '' stands for no source or no dedupe_key."""

    value: Decimal
    observed_at: datetime
    source: str
    dedupe_key: str
    revision: int
    recorded_at: datetime


_METRIC_COLUMNS = tuple(MetricView.__dataclass_fields__)
_METRICS = f"SELECT {', '.join(f'm.{name}' for name in _METRIC_COLUMNS)} FROM metric m"

_POINT_COLUMNS = tuple(StoredPoint.__dataclass_fields__)
# Source and dedupe_key together, as one value that sorts, make the pages' order complete: points have no id.
_POINTS = f"""SELECT p.id, {", ".join(f"p.{name}" for name in _POINT_COLUMNS)} FROM (
    SELECT *, md5(length(source) || ':' || source || dedupe_key)::uuid AS id FROM metric_point) p"""


def _metric(row: asyncpg.Record) -> MetricView:
    return MetricView(*(row[name] for name in _METRIC_COLUMNS))


def _point(row: asyncpg.Record) -> StoredPoint:
    return StoredPoint(*(row[name] for name in _POINT_COLUMNS))


async def read_metric(connection: asyncpg.Connection, organization_id: UUID, metric_id: UUID) -> MetricView:
    """The metric with this id. Raises NotFound."""
    row = await connection.fetchrow(
        f"{_METRICS} WHERE m.organization_id = $1 AND m.id = $2", organization_id, metric_id
    )
    if row is None:
        raise NotFound("There is no such metric.", metric_id=metric_id)
    return _metric(row)


async def read_metric_of_key(connection: asyncpg.Connection, organization_id: UUID, key: str) -> MetricView:
    """The metric with this key. Raises NotFound."""
    row = await connection.fetchrow(f"{_METRICS} WHERE m.organization_id = $1 AND m.key = $2", organization_id, key)
    if row is None:
        raise NotFound("There is no such metric; add it to the catalogue first.", key=key)
    return _metric(row)


async def list_metrics(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    words: str | None = None,
    is_core: bool | None = None,
    direction: str | None = None,
    frequency: str | None = None,
    source: str | None = None,
) -> Found[MetricView]:
    """One page of the metrics that match; `words` are looked for in key and name."""
    where = Where(organization_id, table="m")
    where.contains(words, "m.key", "m.name")
    where.add("m.is_core = {}", is_core)
    where.add("m.direction = {}", direction)
    where.add("m.frequency = {}", frequency)
    where.add("m.source = {}", source)
    return (await fetch_page(connection, _METRICS, where, page, table="m")).map(_metric)


async def lock_metric(session: AsyncSession, organization_id: UUID, key: str) -> Metric:
    """The metric, held until the transaction ends. Raises NotFound."""
    statement = select(Metric).where(col(Metric.organization_id) == organization_id, col(Metric.key) == key)
    metric = (await session.exec(statement.with_for_update(key_share=True))).first()
    if metric is None:
        raise NotFound("There is no such metric; add it to the catalogue first.", key=key)
    return metric


async def list_points(
    connection: asyncpg.Connection,
    organization_id: UUID,
    metric_id: UUID,
    *,
    page: Page,
    first: datetime | None = None,
    before: datetime | None = None,
    known_at: datetime | None = None,
) -> Found[StoredPoint]:
    """One page of a metric's points with first <= observed_at < before, of each the newest revision, or the one known then."""
    where = Where(organization_id, table="p")
    where.add("p.metric_id = {}", metric_id)
    where.add("p.observed_at >= {}", first)
    where.add("p.observed_at < {}", before)
    if page.after is not None:
        # Says again what the page's own condition says, in a form that leaves out whole months.
        where.add(f"p.observed_at {'<=' if page.descending else '>='} {{}}::text::timestamptz", page.after[0])
    newer = """n.organization_id = p.organization_id AND n.metric_id = p.metric_id AND n.observed_at = p.observed_at
               AND n.source = p.source AND n.dedupe_key = p.dedupe_key AND n.revision > p.revision"""
    if known_at is not None:
        number = where.argument(known_at)
        where.always(f"p.recorded_at <= {number}")
        newer += f" AND n.recorded_at <= {number}"
    where.always(f"NOT EXISTS (SELECT FROM metric_point n WHERE {newer})")
    return (await fetch_page(connection, _POINTS, where, page, table="p")).map(_point)


# By versions: a late value of the metric that fed a key result before its last revision still belongs to its past.
_FED = """
WITH fed AS MATERIALIZED (
    SELECT DISTINCT v.metric_id, k.id, k.objective_id
      FROM key_result_version v
      JOIN key_result k ON k.organization_id = v.organization_id AND k.id = v.key_result_id
      JOIN objective o ON o.organization_id = k.organization_id AND o.id = k.objective_id
      JOIN cycle c ON c.organization_id = o.organization_id AND c.id = o.cycle_id
     WHERE v.organization_id = $1 AND v.metric_id = ANY($2::uuid[]) AND k.cancelled_at IS NULL
       AND o.state IN ('draft', 'proposed', 'approved', 'active') AND c.state <> 'closed')
SELECT metric_id, id, objective_id FROM fed
UNION
SELECT fed.metric_id, k.id, k.objective_id
  FROM fed JOIN key_result k ON k.organization_id = $1 AND k.objective_id = fed.objective_id
 WHERE k.kind = $3 AND k.cancelled_at IS NULL
"""


async def fed_by(
    connection: asyncpg.Connection, organization_id: UUID, metric_ids: Collection[UUID]
) -> set[tuple[UUID, Subject]]:
    """What is graded from the metrics' values and has not ended, each with its metric.

    Key results, the composites beside them, and their objectives; what stands above follows from those.
    """
    rows = await connection.fetch(_FED, organization_id, list(metric_ids), Kind.COMPOSITE.value)
    key_results = {(row["metric_id"], subject(SubjectKind.KEY_RESULT, row["id"])) for row in rows}
    objectives = {(row["metric_id"], subject(SubjectKind.OBJECTIVE, row["objective_id"])) for row in rows}
    return key_results | objectives


_READERS = """
SELECT k.id, k.objective_id
  FROM key_result k JOIN objective o ON o.organization_id = k.organization_id AND o.id = k.objective_id"""


async def key_results_on(
    connection: asyncpg.Connection,
    organization_id: UUID,
    metric_id: UUID,
    *,
    page: Page,
    cycle_id: UUID | None = None,
) -> Found[tuple[UUID, UUID]]:
    """One page of the key results that read this metric now, cancelled ones left out: (id, objective's id)."""
    where = Where(organization_id, table="k")
    where.add("k.metric_id = {}", metric_id)
    where.add("o.cycle_id = {}", cycle_id)
    where.always("k.cancelled_at IS NULL")
    found = await fetch_page(connection, _READERS, where, page, table="k")
    return found.map(lambda row: (row["id"], row["objective_id"]))


KEY_RESULT_SORTS = {"created_at": SortColumn("k.created_at", "timestamptz"), "title": SortColumn("k.title", "text")}
