"""Points coming in, by one or by thousands, and points as they are read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from okr.db import metrics
from okr.db.demand import Subject
from okr.db.listing import Found, Page
from okr.db.points import CREATED, DUPLICATE, UNKNOWN_METRIC, Outcome, PointStatus, record_points
from okr_api.schemas.point_items import ReadItems
from okr_api.schemas.points import PointRead, point_read

_UNKNOWN = "There is no such metric; add it to the catalogue first."
CONFLICT = "Another value is stored for this instant, source and key; send `corrects` to replace it."


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
