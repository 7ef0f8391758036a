"""Lists on the wire: `limit`, `sort` and `cursor` in, `items` and `next_cursor` out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import orjson
from fastapi import Query, Request
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from okr.db.listing import Page, SortColumn
from okr.domain.errors import Invalid
from okr_api.cursors import Cursors
from okr_api.edge import edge_of
from okr_api.schemas.models import Representation, Schema

T = TypeVar("T", bound=Schema)

LARGEST_LIMIT = 200
LONGEST_CURSOR = 2000
CREATED_AT = "created_at"


class UnknownSort(Invalid):
    """The list cannot be sorted by that.

    Sort by one of those that the answer names; `-` before one turns it round.
    """

    code = "unknown_sort"


class Items(Representation, Generic[T]):
    """One page. `next_cursor` brings the next one; null: this is the last."""

    items: Annotated[list[T], Field(json_schema_extra={"maxItems": LARGEST_LIMIT})]
    next_cursor: Annotated[str | None, Field(json_schema_extra={"maxLength": LONGEST_CURSOR})]

    @classmethod
    def of(cls, items: list[Any], next_cursor: str | None) -> Self:
        """The page with these things."""
        return cls(items=items, next_cursor=next_cursor)


def _written_as_digits(value: object) -> object:
    # Otherwise "1.0", " 1" and "1_0" would be numbers too.
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("wrong_form", "must be a whole number")
    return value


Limit = Annotated[int, Field(ge=1, le=LARGEST_LIMIT), BeforeValidator(_written_as_digits)]


@dataclass(frozen=True, slots=True)
class Paging:
    """The page that a request asks for; hand `page` to the store and what it found last to `cursor_after`."""

    page: Page
    cursors: Cursors
    binding: bytes

    def cursor_after(self, last: tuple[str, UUID] | None) -> str | None:
        """The cursor of the next page; None without one."""
        return None if last is None else self.cursors.write(self.binding, last)


def paging(sorts: Mapping[str, SortColumn], *, default: str = CREATED_AT) -> Callable[..., Awaitable[Paging]]:
    """A dependency that reads the page asked for, in a list that may be sorted by these columns."""
    names = [sign + name for name in sorts for sign in ("", "-")]

    async def read(
        request: Request,
        limit: Annotated[Limit, Query(description="How many items a page has at most.")] = 50,
        sort: Annotated[
            str,
            Query(
                max_length=100, description="What to sort by; `-` turns it round.", json_schema_extra={"enum": names}
            ),
        ] = default,
        cursor: Annotated[
            str | None,
            Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before, with the same filters."),
        ] = None,
    ) -> Paging:
        if sort not in names:
            raise UnknownSort(f"This list is sorted by {', '.join(names)}.")
        edge = edge_of(request)
        binding = _binding(request, edge.organization_id, sort)
        cursors = edge.ports.cursors
        after = None if cursor is None else cursors.read(binding, cursor)
        page = Page(sorts[sort.removeprefix("-")], limit, descending=sort.startswith("-"), after=after)
        return Paging(page, cursors, binding)

    return read


def _binding(request: Request, organization_id: UUID, sort: str) -> bytes:
    """The list, as bytes: everything in the address that decides what is in it, and in which order."""
    filters: list[Any] = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "limit", "sort")
    )
    return orjson.dumps([str(organization_id), request.url.path, sort, filters])
