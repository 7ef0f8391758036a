"""Metric points in columns, recorded in one round trip: what nearly all pushes are. Everything else goes through okr.db.points."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from okr.db.partitions import Partitions
from okr.db.readers import Readers
from okr.db.tables import MetricPoint
from okr.db.writers import Writers

_MOST_KNOWN = 100_000


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Points by field, in their order. No two share a metric and an instant, and none corrects another.

    `metrics` are keys; `instants` and `amounts` are spelled in characters that need no quotes: digits, signs, `T` and `Z`.
    `sources` and `dedupe_keys` are empty where no point has one. `moments` are the different instants.
    """

    metrics: Sequence[str]
    instants: Sequence[str]
    sources: Sequence[str]
    dedupe_keys: Sequence[str]
    amounts: Sequence[str]
    moments: Collection[datetime]


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of the points. `taken`: where those stand, from 0, whose place was taken, and the digits of what is stored there.

    `has_demand` says whether something will be graded again.
    """

    taken: dict[int, str]
    has_demand: bool


class MetricIds:
    """The ids of metrics by their keys, as far as this process has met them. Both are for ever, so nothing has to be forgotten."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._known: dict[UUID, dict[str, str]] = {}

    async def of(self, organization_id: UUID, keys: Sequence[str]) -> list[str] | None:
        """The ids of the metrics with these keys, in their order; None if one of them is not in the catalogue."""
        known = self._known.setdefault(organization_id, {})
        try:
            return [known[key] for key in keys]
        except KeyError:
            known = await self._learn(organization_id, known, set(keys) - known.keys())
        return [known[key] for key in keys] if known.keys() >= set(keys) else None

    async def _learn(self, organization_id: UUID, known: dict[str, str], keys: Collection[str]) -> dict[str, str]:
        async with self._readers.connection() as connection:
            rows = await connection.fetch(
                "SELECT key, id::text FROM metric WHERE organization_id = $1 AND key = ANY($2)",
                organization_id,
                list(keys),
            )
        if len(known) > _MOST_KNOWN:
            known = self._known[organization_id] = {}
        known.update({row["key"]: row["id"] for row in rows})
        return known


async def make_room(writers: Writers, partitions: Partitions, moments: Collection[datetime]) -> None:
    """Make the months of points whose metrics are known to exist, outside of any transaction."""
    table = MetricPoint.__tablename__
    # Months are cut in UTC; there one instant can stand for all of its month's.
    different = {(at.year, at.month) if at.tzinfo is UTC else at: at for at in moments}
    months = partitions.missing(table, different.values())
    if months:
        async with writers.connection() as connection:
            await partitions.make(connection, table, months)


# The driver takes longer to encode an array's elements one by one than to send their spelling.
_RECORD = """
SELECT taken, stored, raised
  FROM okr_record_points($1, $2::text::uuid[], $3::text::timestamptz[], $4, $5, $6::text::numeric[], $7)
"""


async def record_columns(
    connection: asyncpg.Connection,
    organization_id: UUID,
    columns: PointColumns,
    *,
    metric_ids: Sequence[str],
    now: datetime,
) -> Landed:
    """Record what is new, have what it feeds graded again, and tell of each metric once, in a transaction of its own.

    The answer means that it is committed. `metric_ids` are those of `columns.metrics`; the months must be there (see make_room).
    """
    row = await connection.fetchrow(
        _RECORD,
        organization_id,
        _spelled(metric_ids),
        _spelled(columns.instants),
        columns.sources or None,
        columns.dedupe_keys or None,
        _spelled(columns.amounts),
        now,
    )
    assert row is not None  # a function without a set answers one row
    taken, stored, raised = row
    return Landed({place - 1: digits for place, digits in zip(taken or (), stored or (), strict=True)}, raised > 0)


def _spelled(elements: Sequence[str]) -> str:
    """The elements, none of which needs quotes, as PostgreSQL writes an array."""
    return "{" + ",".join(elements) + "}"
