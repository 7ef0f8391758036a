"""Metric points coming in: thousands at a time, none lost, none counted twice.

A point's key is (metric, observed_at, source, dedupe_key). The rows of a key are its revisions: 0 is what was measured, each
later one a correction; the newest counts.

Locks, in this order, so that no two writers can wait for each other in a ring: the organization's points (shared by all
pushes), first revisions in the order of their keys, the organization's corrections, rescore demand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import asyncpg

from okr.db.demand import Subject, raise_demand
from okr.db.metrics import fed_by
from okr.db.outbox import announce
from okr.db.partitions import Partitions
from okr.db.tables import MetricPoint
from okr.db.writers import Writers
from okr.events import Event, EventType


class NewPoint(NamedTuple):
    """A value as it was sent: `metric` is the metric's key, `observed_at` aware; `corrects` replaces what is there."""

    metric: str
    value: Decimal
    observed_at: datetime
    source: str = ""
    dedupe_key: str = ""
    corrects: bool = False


class PointStatus(StrEnum):
    """What became of a point."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a point; `code` says why it was rejected, `stored_value` what a conflict found in its place."""

    status: PointStatus
    code: str | None = None
    stored_value: Decimal | None = None


CREATED = Outcome(PointStatus.CREATED)
DUPLICATE = Outcome(PointStatus.DUPLICATE)
UNKNOWN_METRIC = Outcome(PointStatus.REJECTED, "unknown_metric")


def point_conflict(stored_value: Decimal) -> Outcome:
    """The key is taken by another value, and the point does not say that it corrects it."""
    return Outcome(PointStatus.REJECTED, "point_conflict", stored_value)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcomes in the order of the points, and the sequence numbers that the grades must reach to include them."""

    outcomes: list[Outcome]
    wanted: dict[Subject, int]


# What makes two points the same one: metric's id, observed_at, source, dedupe_key. A plain tuple: there are very many.
PointKey = tuple[UUID, datetime, str, str]


class _Row(NamedTuple):
    """A point to write."""

    key: PointKey
    value: Decimal
    recorded_at: datetime
    revision: int = 0


@dataclass(frozen=True, slots=True)
class _Batch:
    """The points of a request with where each key appears among them, when each is recorded, and what became of each."""

    points: Sequence[NewPoint]
    places: dict[PointKey, list[int]]
    recorded_at: list[datetime]
    outcomes: list[Outcome]


async def record_points(
    connection: asyncpg.Connection, organization_id: UUID, points: Sequence[NewPoint], *, now: datetime
) -> Recorded:
    """Record what is new of `points`, have the key results that they feed graded again, and tell of each metric once.

    Points are taken in their order, as if each came alone: a later one may repeat, contradict or correct an earlier one. A
    refused point refuses no other. Needs a transaction, in which nothing follows, and the points' months (see make_months).
    """
    metric_ids = await _metric_ids(connection, organization_id, {point.metric for point in points})
    batch = _batch(points, metric_ids, now=now)
    if not batch.places:
        return Recorded(batch.outcomes, {})
    firsts = [_Row(key, points[at[0]].value, batch.recorded_at[at[0]]) for key, at in batch.places.items()]
    taken = await _insert(connection, organization_id, firsts)
    for key, at in batch.places.items():
        if key not in taken:
            batch.outcomes[at[0]] = CREATED
    corrections = await _settle(connection, organization_id, batch, taken=taken)
    new = [row for row in firsts if row.key not in taken] + corrections
    return Recorded(batch.outcomes, await _follow_up(connection, organization_id, new, metric_ids))


def _batch(points: Sequence[NewPoint], metric_ids: dict[str, UUID], *, now: datetime) -> _Batch:
    batch = _Batch(points, {}, [now] * len(points), [UNKNOWN_METRIC] * len(points))
    at_moment: dict[tuple[UUID, datetime], int] = {}
    for place, point in enumerate(points):
        metric_id = metric_ids.get(point.metric)
        if metric_id is None:
            continue
        key = (metric_id, point.observed_at, point.source, point.dedupe_key)
        batch.places.setdefault(key, []).append(place)
        earlier = at_moment.get(moment := (metric_id, point.observed_at), 0)
        at_moment[moment] = earlier + 1
        if earlier:
            # Of points with the same observed_at the one recorded last counts: keep their order, a microsecond apart.
            batch.recorded_at[place] = now + timedelta(microseconds=earlier)
    return batch


async def make_months(
    writers: Writers, partitions: Partitions, organization_id: UUID, points: Sequence[NewPoint]
) -> None:
    """Make the months of `points` that this process does not know yet, outside of any transaction.

    Points of unknown metrics will be refused and get none: a month, once made, is everybody's to carry.
    """
    table = MetricPoint.__tablename__
    # Months are cut in UTC; there one instant can stand for all of its month's.
    different = {
        (point.observed_at.year, point.observed_at.month)
        if point.observed_at.tzinfo is UTC
        else point.observed_at: point
        for point in points
    }
    if not partitions.missing(table, (point.observed_at for point in different.values())):
        return
    async with writers.connection() as connection:
        keys = list({point.metric for point in points})
        rows = await connection.fetch(
            "SELECT key FROM metric WHERE organization_id = $1 AND key = ANY($2)", organization_id, keys
        )
        known = {row["key"] for row in rows}
        instants = (point.observed_at for point in points if point.metric in known)
        await partitions.make(connection, table, partitions.missing(table, instants))


async def hold_points(connection: asyncpg.Connection, organization_id: UUID) -> None:
    """Let the pushes under way commit, and new ones wait until this transaction ends.

    For changes to what a metric feeds (a key result added, revised or reopened): a push that looked for its key results before
    the change commits, and itself commits after the changed key result was graded, would be missed by that grade for ever.
    """
    await _lock(connection, f"points:{organization_id}")


async def _lock(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)


async def _metric_ids(connection: asyncpg.Connection, organization_id: UUID, keys: Iterable[str]) -> dict[str, UUID]:
    """The ids of the metrics that there are; takes the shared lock that `hold_points` waits for."""
    rows = await connection.fetch(
        """
        WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended($3, 0)))
        SELECT m.key, m.id FROM held, metric m WHERE m.organization_id = $1 AND m.key = ANY($2::text[])
        """,
        organization_id,
        list(keys),
        f"points:{organization_id}",
    )
    return {row["key"]: row["id"] for row in rows}


# Values as text: asyncpg encodes a Decimal more slowly than Python and PostgreSQL write and read its digits. Of the arrays,
# those for recorded_at and revision may be empty; the missing elements are `$9` and 0.
_INSERT = """
WITH p AS MATERIALIZED (
    SELECT metric_id, observed_at, source, dedupe_key, value::numeric AS value,
           coalesce(recorded_at, $9) AS recorded_at, coalesce(revision, 0) AS revision, place
      FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::int[])
           WITH ORDINALITY AS p (metric_id, observed_at, source, dedupe_key, value, recorded_at, revision, place)
     ORDER BY metric_id, observed_at, source, dedupe_key, revision),
i AS (
    INSERT INTO metric_point (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
    SELECT $1, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at FROM p
    ON CONFLICT DO NOTHING
    RETURNING metric_id, observed_at, source, dedupe_key, revision)
SELECT place FROM p
 WHERE NOT EXISTS (SELECT FROM i WHERE (i.metric_id, i.observed_at, i.source, i.dedupe_key, i.revision)
                                     = (p.metric_id, p.observed_at, p.source, p.dedupe_key, p.revision))
"""


async def _insert(connection: asyncpg.Connection, organization_id: UUID, rows: Sequence[_Row]) -> set[PointKey]:
    """Insert `rows`, no two of one key and revision; answers the keys of those that were there already."""
    keys, values, recorded_at, revisions = zip(*rows, strict=True)
    usual = min(recorded_at)
    taken = await connection.fetch(
        _INSERT,
        organization_id,
        *zip(*keys, strict=True),
        [str(value) for value in values],
        recorded_at if max(recorded_at) > usual else [],
        revisions if any(revisions) else [],
        usual,
    )
    return {keys[record["place"] - 1] for record in taken}


async def _settle(
    connection: asyncpg.Connection, organization_id: UUID, batch: _Batch, *, taken: set[PointKey]
) -> list[_Row]:
    """Fill in the outcomes of the points whose key was or became taken; writes and answers the corrections among them."""
    open_places = {
        key: at if key in taken else at[1:] for key, at in batch.places.items() if len(at) > 1 or key in taken
    }
    if not open_places:
        return []
    if any(batch.points[place].corrects for at in open_places.values() for place in at):
        # One transaction at a time makes revisions, so that their numbers have neither gaps nor collisions.
        await _lock(connection, f"corrections:{organization_id}")
    newest = await _newest(connection, organization_id, list(open_places))
    corrections: list[_Row] = []
    for key, at in open_places.items():
        row = newest[key]
        for place in at:
            point = batch.points[place]
            if point.value == row.value:
                batch.outcomes[place] = DUPLICATE
            elif point.corrects:
                row = _Row(key, point.value, max(batch.recorded_at[place], row.recorded_at), row.revision + 1)
                corrections.append(row)
                batch.outcomes[place] = CREATED
            else:
                batch.outcomes[place] = point_conflict(row.value)
    if corrections:
        await _insert(connection, organization_id, corrections)
    return corrections


async def _newest(
    connection: asyncpg.Connection, organization_id: UUID, keys: Sequence[PointKey]
) -> dict[PointKey, _Row]:
    """The newest revision of each of `keys`, all of which have one."""
    rows = await connection.fetch(
        """
        SELECT s.value, s.recorded_at, s.revision
          FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[])
               WITH ORDINALITY AS k (metric_id, observed_at, source, dedupe_key, place),
               LATERAL (SELECT value, recorded_at, revision FROM metric_point p
                         WHERE p.organization_id = $1 AND p.metric_id = k.metric_id AND p.observed_at = k.observed_at
                           AND p.source = k.source AND p.dedupe_key = k.dedupe_key
                         ORDER BY p.revision DESC LIMIT 1) s
         ORDER BY k.place
        """,
        organization_id,
        *zip(*keys, strict=True),
    )
    return {
        key: _Row(key, row["value"], row["recorded_at"], row["revision"]) for key, row in zip(keys, rows, strict=True)
    }


async def _follow_up(
    connection: asyncpg.Connection,
    organization_id: UUID,
    new: Sequence[_Row],
    metric_ids: dict[str, UUID],
) -> dict[Subject, int]:
    """Tell of each metric with new points, and have what it feeds graded again from its earliest new point on."""
    by_metric: dict[UUID, list[_Row]] = {}
    for row in new:
        by_metric.setdefault(row.key[0], []).append(row)
    if not by_metric:
        return {}
    keys = {metric_id: key for key, metric_id in metric_ids.items()}
    events = []
    since: dict[UUID, datetime] = {}
    for metric_id, rows in by_metric.items():
        since[metric_id] = min(row.key[1] for row in rows)
        events.append(_points_recorded(keys[metric_id], rows, since=since[metric_id]))
    fed = await fed_by(connection, organization_id, list(by_metric))
    wanted = await raise_demand(connection, organization_id, [(one, since[metric_id]) for metric_id, one in fed])
    # Last, under the locks of the demand: of two that wait for each other the later one then also tells later.
    await announce(connection, organization_id, events)
    return wanted


def _points_recorded(metric_key: str, rows: Sequence[_Row], *, since: datetime) -> Event:
    # Of equals the last: corrections come after what they correct.
    newest = max(reversed(rows), key=lambda row: (row.key[1], row.recorded_at))
    metric_id, last_observed_at, *_ = newest.key
    return Event(
        EventType.METRIC_POINTS_RECORDED,
        subject=f"metric:{metric_id}",
        data={
            "key": metric_key,
            "count": len(rows),
            "first_observed_at": since.astimezone(UTC),
            "last_observed_at": last_observed_at.astimezone(UTC),
            "value": float(newest.value),
        },
    )
