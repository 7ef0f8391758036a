"""Lists: a WHERE that grows by typed filters, and pages cut by (sort column, id) instead of by offset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A column that a list may be sorted by. It must not be null. `sql_type` reads it back from the text in a cursor."""

    sql: str
    sql_type: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most `limit` things after `after` = (the sort column as text, id)."""

    column: SortColumn
    limit: int
    descending: bool = False
    after: tuple[str, UUID] | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One page. `last` is where it ends, (sort key, id); None if nothing comes after it."""

    items: list[T]
    last: tuple[str, UUID] | None

    def map(self, change: Callable[[T], V]) -> "Found[V]":
        """The same page of other things."""
        return Found([change(item) for item in self.items], self.last)


class Where:
    """Conditions and their arguments. The SQL in them is the program's own; what callers send goes into arguments only."""

    def __init__(self, organization_id: UUID, *, table: str) -> None:
        self.arguments: list[Any] = [organization_id]
        self._conditions = [f"{table}.organization_id = $1"]

    def add(self, condition: str, value: object) -> None:
        """Add a condition in which `{}` stands for `value`, as in `team.kind = {}`; a value of None adds nothing."""
        if value is not None:
            self._conditions.append(condition.format(self.argument(value)))

    def always(self, condition: str) -> None:
        """Add a condition without a value."""
        self._conditions.append(condition)

    def contains(self, words: str | None, *columns: str) -> None:
        """Add: one of the columns contains these words, in upper or lower case."""
        if words is not None:
            escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            number = self.argument(f"%{escaped}%")
            self._conditions.append("(" + " OR ".join(f"{column} ILIKE {number}" for column in columns) + ")")

    def argument(self, value: object) -> str:
        """The placeholder of a new argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def __str__(self) -> str:
        return " AND ".join(self._conditions)


async def fetch_page(
    connection: asyncpg.Connection, select: str, where: Where, page: Page, *, table: str
) -> Found[asyncpg.Record]:
    """The rows of one page of `select`, a statement up to its WHERE that selects `id`; `table` is the list's name in it."""
    comparison, direction = ("<", "DESC") if page.descending else (">", "ASC")
    if page.after is not None:
        key, id = (where.argument(part) for part in page.after)
        where.always(f"({page.column.sql}, {table}.id) {comparison} ({key}::text::{page.column.sql_type}, {id})")
    select = select.replace("SELECT ", f"SELECT {page.column.sql}::text AS sort_key, ", 1)
    # One more than asked for tells whether there is a next page.
    rows = await connection.fetch(
        f"{select} WHERE {where} ORDER BY {page.column.sql} {direction}, {table}.id {direction}"
        f" LIMIT {where.argument(page.limit + 1)}",
        *where.arguments,
    )
    if len(rows) <= page.limit:
        return Found(rows, None)
    last = rows[page.limit - 1]
    return Found(rows[: page.limit], (last["sort_key"], last["id"]))
