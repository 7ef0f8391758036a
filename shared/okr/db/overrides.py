"""Overrides as people read them: the word in force on a grade, and all that there ever were."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db.demand import Subject
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.tables import Override
from okr.domain.errors import NotFound

OVERRIDE_SORTS = {"created_at": SortColumn("o.made_at", "timestamptz")}

RULES_SAY = "CASE WHEN g.provenance = 'override' THEN g.computed_grade ELSE g.grade END"
"""What the rules make of a subject, over its current grade `g`, whoever's word stands."""


@dataclass(frozen=True, slots=True)
class OverrideView:
    """An override as it is read. `number` counts those of its subject from 1."""

    id: UUID
    number: int
    subject_kind: int
    subject_id: UUID
    grade: Decimal
    computed_grade: Decimal | None
    reason: str
    person_id: UUID
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return Subject(self.subject_kind, self.subject_id)


_COLUMNS = tuple(OverrideView.__dataclass_fields__)
_OVERRIDES = f"SELECT {', '.join(f'o.{name}' for name in _COLUMNS)} FROM override o"
_OF_SUBJECT = "o.organization_id = $1 AND o.subject_kind = $2 AND o.subject_id = $3"


def _override(row: asyncpg.Record) -> OverrideView:
    return OverrideView(*(row[name] for name in _COLUMNS))


async def read_override(connection: asyncpg.Connection, organization_id: UUID, one: Subject) -> OverrideView:
    """The override in force. Raises NotFound without one, and without the subject."""
    row = await connection.fetchrow(
        f"{_OVERRIDES} WHERE {_OF_SUBJECT} AND o.ended_at IS NULL", organization_id, one.number, one.id
    )
    if row is None:
        raise NotFound("There is nothing of this id whose grade anybody has overridden.", subject_id=one.id)
    return _override(row)


async def read_override_of_id(connection: asyncpg.Connection, organization_id: UUID, override_id: UUID) -> OverrideView:
    """The override, in force or ended. Raises NotFound."""
    row = await connection.fetchrow(
        f"{_OVERRIDES} WHERE o.organization_id = $1 AND o.id = $2", organization_id, override_id
    )
    if row is None:
        raise NotFound("There is no such override.", override_id=override_id)
    return _override(row)


async def list_overrides(
    connection: asyncpg.Connection, organization_id: UUID, one: Subject, *, page: Page
) -> Found[OverrideView]:
    """One page of all that were ever made of the subject's grade. Raises NotFound without the subject."""
    where = Where(organization_id, table="o")
    where.add("o.subject_kind = {}", one.number)
    where.add("o.subject_id = {}", one.id)
    found = await fetch_page(connection, _OVERRIDES, where, page, table="o")
    if not found.items and not await connection.fetchval(
        "SELECT true FROM rescore_demand WHERE organization_id = $1 AND subject_kind = $2 AND subject_id = $3",
        organization_id,
        one.number,
        one.id,
    ):
        raise NotFound(f"There is no such {one.kind.value.replace('_', ' ')}.", subject_id=one.id)
    return found.map(_override)


async def newest_override(session: AsyncSession, organization_id: UUID, one: Subject) -> Override | None:
    """The override that was made last, ended or not. Hold the objective first: it orders all words below it."""
    statement = select(Override).where(
        col(Override.organization_id) == organization_id,
        col(Override.subject_kind) == one.number,
        col(Override.subject_id) == one.id,
    )
    return (await session.exec(statement.order_by(col(Override.number).desc()).limit(1))).first()


async def what_the_rules_say(connection: asyncpg.Connection, organization_id: UUID, one: Subject) -> Decimal | None:
    """The computed grade that is stored now; None before the first, and where nothing was measured."""
    found: Decimal | None = await connection.fetchval(
        f"SELECT {RULES_SAY} FROM grade g WHERE g.organization_id = $1 AND g.subject_kind = $2 AND g.subject_id = $3",
        organization_id,
        one.number,
        one.id,
    )
    return found
