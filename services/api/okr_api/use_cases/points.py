"""Points coming in, by one or by thousands, and points as they are read."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db import metrics
from okr.db.demand import Subject
from okr.db.listing import Found, Page
from okr.db.point_columns import Landed, PointColumns
from okr.db.points import CREATED, DUPLICATE, UNKNOWN_METRIC, Outcome, PointStatus, point_conflict, record_points
from okr.domain.errors import Conflict
from okr_api.schemas.point_items import ReadItems
from okr_api.schemas.points import PointRead, point_read

_UNKNOWN = "There is no such metric; add it to the catalogue first."
CONFLICT = "Another value is stored for this instant, source and key; send `corrects` to replace it."


class PointConflict(Conflict):
    """Another value is stored for the same metric, instant, source and key; `stored_value` says which.

    If the new value is right, send it with `"corrects": true`; if it is another point, give it a `source` or `dedupe_key`.
    """

    code = "point_conflict"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch came to: results as JSON objects in the order of the points, and the grades that will include them."""

    results: list[dict[str, Any]]
    wanted: dict[Subject, int]

    def count(self, status: PointStatus) -> int:
        """How many points fared so."""
        return sum(result["status"] == status for result in self.results)


async def take_points(
    connection: asyncpg.Connection, organization_id: UUID, items: ReadItems, *, now: datetime
) -> Taken:
    """Record those items of a batch that are points. Each item gets its result, whatever became of the others."""
    results = dict(items.refused)
    recorded = await record_points(connection, organization_id, items.points, now=now)
    for index, outcome in zip(items.indexes, recorded.outcomes, strict=True):
        results[index] = _result(index, outcome)
    return Taken([results[index] for index in range(len(results))], recorded.wanted)


def batch_json(columns: PointColumns, landed: Landed) -> bytes:
    """The answer to a batch of columns, as JSON."""
    if not landed.taken:
        return _all_created(len(columns.amounts))
    results = [_result(index, CREATED) for index in range(len(columns.amounts))]
    for index, digits in landed.taken.items():
        stored = Decimal(digits)
        same = stored == Decimal(columns.amounts[index])
        results[index] = _result(index, DUPLICATE if same else point_conflict(stored))
    return orjson.dumps(_answer(results))


@lru_cache(maxsize=16)
def _all_created(count: int) -> bytes:
    return orjson.dumps(_answer([_result(index, CREATED) for index in range(count)]))


def _answer(results: list[dict[str, Any]]) -> dict[str, Any]:
    fared = Counter(result["status"] for result in results)
    return {"results": results, **{status.value: fared[status.value] for status in PointStatus}}


def created_json(columns: PointColumns) -> bytes:
    """The answer to a single point that was not there, as JSON."""
    told = {
        "status": PointStatus.CREATED.value,
        "metric": columns.metrics[0],
        "value": float(columns.amounts[0]),
        "observed_at": next(iter(columns.moments)).astimezone(UTC),
        "source": (columns.sources or [""])[0] or None,
        "dedupe_key": (columns.dedupe_keys or [""])[0] or None,
    }
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)


def _result(index: int, outcome: Outcome) -> dict[str, Any]:
    # Most are one of these two; what they have no word on is left out.
    if outcome is CREATED:
        return {"index": index, "status": "created", "code": None}
    if outcome is DUPLICATE:
        return {"index": index, "status": "duplicate", "code": None}
    result = {"index": index, "status": "rejected", "code": outcome.code}
    if outcome is UNKNOWN_METRIC:
        return {**result, "detail": _UNKNOWN, "pointer": f"/points/{index}/metric"}
    stored_value = None if outcome.stored_value is None else float(outcome.stored_value)
    return {**result, "detail": CONFLICT, "pointer": f"/points/{index}/value", "stored_value": stored_value}


async def find_points(
    connection: asyncpg.Connection,
    organization_id: UUID,
    key: str,
    *,
    page: Page,
    first: datetime | None,
    before: datetime | None,
    known_at: datetime | None,
) -> Found[PointRead]:
    """One page of a metric's points. Raises NotFound without such a metric."""
    metric = await metrics.read_metric_of_key(connection, organization_id, key)
    found = await metrics.list_points(
        connection, organization_id, metric.id, page=page, first=first, before=before, known_at=known_at
    )
    return found.map(lambda point: point_read(key, point))
