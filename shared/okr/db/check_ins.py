"""Check-ins as they are read: what people said of key results, and of which instant."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.domain.errors import NotFound

CHECK_IN_SORTS = {
    "observed_at": SortColumn("c.observed_at", "timestamptz"),
    "recorded_at": SortColumn("c.recorded_at", "timestamptz"),
}


@dataclass(frozen=True, slots=True)
class CheckInView:
    """A check-in as it is read."""

    id: UUID
    key_result_id: UUID
    value: Decimal | None
    zone: str | None
    milestone: str | None
    confidence: Decimal | None
    comment: str | None
    blockers: str | None
    observed_at: datetime
    recorded_at: datetime
    person_id: UUID | None


_COLUMNS = tuple(CheckInView.__dataclass_fields__)
_CHECK_INS = f"SELECT {', '.join(f'c.{name}' for name in _COLUMNS)} FROM check_in c"


def _check_in(row: asyncpg.Record) -> CheckInView:
    return CheckInView(*(row[name] for name in _COLUMNS))


async def read_check_in(connection: asyncpg.Connection, organization_id: UUID, check_in_id: UUID) -> CheckInView:
    """The check-in. Raises NotFound."""
    row = await connection.fetchrow(
        f"{_CHECK_INS} WHERE c.organization_id = $1 AND c.id = $2", organization_id, check_in_id
    )
    if row is None:
        raise NotFound("There is no such check-in.", check_in_id=check_in_id)
    return _check_in(row)


async def list_check_ins(
    connection: asyncpg.Connection,
    organization_id: UUID,
    key_result_id: UUID,
    *,
    page: Page,
    first: datetime | None = None,
    before: datetime | None = None,
    person_id: UUID | None = None,
) -> Found[CheckInView]:
    """One page of a key result's check-ins with first <= observed_at < before. Raises NotFound without the key result."""
    where = Where(organization_id, table="c")
    where.add("c.key_result_id = {}", key_result_id)
    where.add("c.observed_at >= {}", first)
    where.add("c.observed_at < {}", before)
    where.add("c.person_id = {}", person_id)
    found = await fetch_page(connection, _CHECK_INS, where, page, table="c")
    if not found.items and not await connection.fetchval(
        "SELECT true FROM key_result WHERE organization_id = $1 AND id = $2", organization_id, key_result_id
    ):
        raise NotFound("There is no such key result.", key_result_id=key_result_id)
    return found.map(_check_in)
