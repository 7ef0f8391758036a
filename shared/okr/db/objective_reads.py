"""Cycles and objectives as they are read: with their grades, in one query for a page of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.current_grades import STANDING_COLUMNS, STATUS_IS, Standing, standing_join
from okr.db.key_result_reads import KeyResultView, key_results_of
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.domain.errors import NotFound
from okr.domain.values import SubjectKind


@dataclass(frozen=True, slots=True)
class CycleView:
    """A cycle as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str
    starts_on: date
    ends_on: date
    cadence: str
    parent_id: UUID | None
    state: str
    activated_at: datetime | None
    grading_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened_reason: str | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class ObjectiveView:
    """An objective as it is read; `key_results` is None where they were not asked for."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    title: str
    description: str | None
    insight: str | None
    perspective: str | None
    horizon: str | None
    source: str | None
    commitment: str
    cycle_id: UUID
    team_id: UUID | None
    owner_id: UUID
    sponsor_id: UUID | None
    contributor_ids: list[UUID]
    weight: Decimal
    visibility: str
    tags: list[str]
    state: str
    activated_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    standing: Standing
    key_results: list[KeyResultView] | None


@dataclass(frozen=True, slots=True)
class ObjectiveFilters:
    """What a list of objectives is narrowed to; None narrows nothing. `q` is contained in the title."""

    cycle_id: UUID | None = None
    team_id: UUID | None = None
    owner_id: UUID | None = None
    sponsor_id: UUID | None = None
    contributor_id: UUID | None = None
    perspective: str | None = None
    horizon: str | None = None
    source: str | None = None
    commitment: str | None = None
    state: str | None = None
    status: str | None = None
    tag: str | None = None
    q: str | None = None


_EQUAL = ("cycle_id", "team_id", "owner_id", "sponsor_id", "perspective", "horizon", "source", "commitment", "state")

_CREATED_AT = SortColumn("t.created_at", "timestamptz")
_UPDATED_AT = SortColumn("t.updated_at", "timestamptz")
CYCLE_SORTS = {
    "created_at": _CREATED_AT,
    "updated_at": _UPDATED_AT,
    "name": SortColumn("t.name", "text"),
    "starts_on": SortColumn("t.starts_on", "date"),
    "ends_on": SortColumn("t.ends_on", "date"),
}
OBJECTIVE_SORTS = {
    "created_at": _CREATED_AT,
    "updated_at": _UPDATED_AT,
    "title": SortColumn("t.title", "text"),
    "weight": SortColumn("t.weight", "numeric"),
}

_CYCLE_COLUMNS = tuple(name for name in CycleView.__dataclass_fields__ if name != "standing")
_OBJECTIVE_COLUMNS = tuple(
    name for name in ObjectiveView.__dataclass_fields__ if name not in {"standing", "key_results"}
)


def _query(table: str, columns: Collection[str], kind: SubjectKind) -> str:
    named = ", ".join(f"t.{name}" for name in columns)
    return f"SELECT {named}, {STANDING_COLUMNS} FROM {table} t {standing_join(kind, 't.id')}"


_CYCLES = _query("cycle", _CYCLE_COLUMNS, SubjectKind.CYCLE)
_OBJECTIVES = _query("objective", _OBJECTIVE_COLUMNS, SubjectKind.OBJECTIVE)
_ONE = " WHERE t.organization_id = $1 AND t.id = $2"


async def read_cycle(connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID) -> CycleView:
    """The cycle with its grade. Raises NotFound."""
    row = await connection.fetchrow(_CYCLES + _ONE, organization_id, cycle_id)
    if row is None:
        raise NotFound("There is no such cycle.", cycle_id=cycle_id)
    return _cycle(row)


async def list_cycles(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    state: str | None = None,
    status: str | None = None,
    cadence: str | None = None,
    parent_id: UUID | None = None,
    on: date | None = None,
    q: str | None = None,
) -> Found[CycleView]:
    """One page of the cycles that match; `on` is a day that belongs to them."""
    where = Where(organization_id, table="t")
    where.add("t.state = {}", state)
    where.add(STATUS_IS, status)
    where.add("t.cadence = {}", cadence)
    where.add("{} BETWEEN t.starts_on AND t.ends_on", on)
    where.add("t.parent_id = {}", parent_id)
    where.contains(q, "t.name")
    return (await fetch_page(connection, _CYCLES, where, page, table="t")).map(_cycle)


async def read_objective(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> ObjectiveView:
    """The objective with its grade and its key results, in two queries. Raises NotFound."""
    row = await connection.fetchrow(_OBJECTIVES + _ONE, organization_id, objective_id)
    if row is None:
        raise NotFound("There is no such objective.", objective_id=objective_id)
    return _objective(row, await key_results_of(connection, organization_id, [objective_id]))


async def list_objectives(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    filters: ObjectiveFilters,
    with_key_results: bool = False,
) -> Found[ObjectiveView]:
    """One page of the objectives that match; their key results come in a second query for all of them."""
    where = objectives_that_match(organization_id, filters)
    found = await fetch_page(connection, _OBJECTIVES, where, page, table="t")
    key_results = None
    if with_key_results:
        key_results = await key_results_of(connection, organization_id, [row["id"] for row in found.items])
    return found.map(lambda row: _objective(row, key_results))


def objectives_that_match(organization_id: UUID, filters: ObjectiveFilters) -> Where:
    """The conditions of a list of objectives `t` joined to their standing."""
    where = Where(organization_id, table="t")
    for name in _EQUAL:
        where.add(f"t.{name} = {{}}", getattr(filters, name))
    where.add("{} = ANY(t.contributor_ids)", filters.contributor_id)
    where.add(STATUS_IS, filters.status)
    where.add("{} = ANY(t.tags)", filters.tag)
    where.contains(filters.q, "t.title")
    return where


def _cycle(row: asyncpg.Record) -> CycleView:
    return CycleView(**{name: row[name] for name in _CYCLE_COLUMNS}, standing=Standing.of_row(row))


def _objective(row: asyncpg.Record, key_results: dict[UUID, list[KeyResultView]] | None) -> ObjectiveView:
    return ObjectiveView(
        **{name: row[name] for name in _OBJECTIVE_COLUMNS},
        standing=Standing.of_row(row),
        key_results=None if key_results is None else key_results[row["id"]],
    )
