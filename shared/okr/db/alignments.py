"""The graph of alignments between objectives: rings are looked for here, under a lock that lets one writer at a time add to it.

An alignment to a key result counts as one to that key result's objective.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.key_result_reads import check_objective_exists
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.domain.errors import Conflict, NotFound


class AlignmentRing(Conflict):
    """The parent is, over some steps, aligned to the child already.

    End that alignment first, or choose another parent.
    """

    code = "alignment_ring"


@dataclass(frozen=True, slots=True)
class Tie:
    """An alignment as an arrow between objectives; `ended` ones held in the past."""

    id: UUID
    child_id: UUID
    parent_id: UUID
    ended: bool


@dataclass(frozen=True, slots=True)
class AlignmentView:
    """An alignment as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    objective_id: UUID
    parent_objective_id: UUID | None
    parent_key_result_id: UUID | None
    weight: Decimal
    mode: str
    ended_at: datetime | None


_COLUMNS = ", ".join(f"a.{name}" for name in AlignmentView.__dataclass_fields__)

# Whoever is next reads what this one committed: advisory locks of a transaction are released after it is visible.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('okr.alignment:' || $1::uuid::text, 0))"

_TIES_ABOVE = """
WITH RECURSIVE above (id) AS (
    SELECT $2::uuid
    UNION
    SELECT coalesce(a.parent_objective_id, k.objective_id)
      FROM above
      JOIN alignment a ON a.organization_id = $1 AND a.objective_id = above.id
      LEFT JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id)
SELECT a.id, a.objective_id AS child_id, coalesce(a.parent_objective_id, k.objective_id) AS parent_id,
       a.ended_at IS NOT NULL AS ended
  FROM above
  JOIN alignment a ON a.organization_id = $1 AND a.objective_id = above.id
  LEFT JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id
"""

_READ = f"""
SELECT {_COLUMNS} FROM alignment a
  LEFT JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id"""

ALIGNMENT_SORTS = {"created_at": SortColumn("a.created_at", "timestamptz")}


async def lock_graph(connection: asyncpg.Connection, organization_id: UUID) -> None:
    """Wait until no other transaction adds to the organization's graph, and keep others from it until the commit.

    Take it before any row's lock.
    """
    await connection.execute(_LOCK, organization_id)


async def ties_above(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> list[Tie]:
    """Every tie that can be reached upwards from the objective, over ended ones too."""
    rows = await connection.fetch(_TIES_ABOVE, organization_id, objective_id)
    return [Tie(row["id"], row["child_id"], row["parent_id"], row["ended"]) for row in rows]


def ties_that_would_ring(ties: Iterable[Tie], *, child_id: UUID, parent_id: UUID) -> list[Tie]:
    """The ended ties that would have closed a ring in the past with a new one from child to parent, which holds there too.

    `ties` are those above the parent. Raises AlignmentRing when the ring would be closed by ties that hold today.
    """
    ties = list(ties)
    if child_id in _reached(parent_id, [(tie.child_id, tie.parent_id) for tie in ties if not tie.ended]):
        raise AlignmentRing(
            "The parent is itself aligned to this objective, directly or over others; end that alignment first."
        )
    leading_to_child = _reached(child_id, [(tie.parent_id, tie.child_id) for tie in ties])
    return [tie for tie in ties if tie.ended and tie.parent_id in leading_to_child]


def _reached(start: UUID, arrows: list[tuple[UUID, UUID]]) -> set[UUID]:
    """What can be reached from `start` along the arrows, itself included."""
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        found = {end for begin, end in arrows if begin == here} - reached
        reached |= found
        waiting.extend(found)
    return reached


async def list_alignments(
    connection: asyncpg.Connection,
    organization_id: UUID,
    objective_id: UUID,
    *,
    page: Page,
    to_children: bool,
    include_ended: bool,
    mode: str | None = None,
) -> Found[AlignmentView]:
    """One page of an objective's ties to its parents, or of those of its children to it and its key results.

    Raises NotFound without such an objective.
    """
    where = Where(organization_id, table="a")
    if to_children:
        where.add("coalesce(a.parent_objective_id, k.objective_id) = {}", objective_id)
    else:
        where.add("a.objective_id = {}", objective_id)
    where.add("a.mode = {}", mode)
    if not include_ended:
        where.always("a.ended_at IS NULL")
    found = await fetch_page(connection, _READ, where, page, table="a")
    if not found.items:
        await check_objective_exists(connection, organization_id, objective_id)
    return found.map(_view)


async def read_alignment(connection: asyncpg.Connection, organization_id: UUID, alignment_id: UUID) -> AlignmentView:
    """One alignment, ended or not. Raises NotFound."""
    row = await connection.fetchrow(
        f"{_READ} WHERE a.organization_id = $1 AND a.id = $2", organization_id, alignment_id
    )
    if row is None:
        raise NotFound("There is no such alignment.", alignment_id=alignment_id)
    return _view(row)


def _view(row: asyncpg.Record) -> AlignmentView:
    return AlignmentView(**{name: row[name] for name in AlignmentView.__dataclass_fields__})
