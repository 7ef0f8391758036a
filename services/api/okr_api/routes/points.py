"""Metric points over HTTP."""

from typing import Annotated

import asyncpg
import orjson
from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.demand import Subject
from okr.db.metrics import POINT_SORTS
from okr.db.points import UNKNOWN_METRIC, PointStatus, make_months, record_points
from okr.db.tables.columns import utc_now
from okr.domain.errors import Conflict, NotFound
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.errors import problem, status_of
from okr_api.lists import Paging, paging
from okr_api.routes.metrics import MetricKey
from okr_api.routing import Routes, another
from okr_api.schemas.fields import Instant
from okr_api.schemas.point_items import read_items
from okr_api.schemas.points import (
    BatchAnswer,
    PointAnswer,
    PointBatch,
    PointCreate,
    PointList,
    check_observed,
    point_answer,
)
from okr_api.use_cases.points import CONFLICT, find_points, take_points

routes = Routes("/v1", tag="metrics")

PointPaging = Annotated[Paging, Depends(paging(POINT_SORTS, default="-observed_at"))]


@routes.post("/metric-points", scope=Scope.METRICS_WRITE, answers=BatchAnswer, status=207)
async def add_points(body: PointBatch, edge: CurrentEdge) -> Response:
    """Push a batch of points.

    Always answers 207, with a result for each point: `created`, `duplicate`, or `rejected` with a code. Sending a batch
    again is safe: what was recorded is a duplicate then. A batch has at most 5,000 points and 2 MiB.
    """
    now = utc_now()
    items = read_items(body.points, now=now)
    await make_months(edge.ports.writers, edge.ports.partitions, edge.organization_id, items.points)

    async def change(connection: asyncpg.Connection) -> tuple[Response, dict[Subject, int]]:
        taken = await take_points(connection, edge.organization_id, items, now=now)
        counts = {status.value: taken.count(status) for status in PointStatus}
        content = orjson.dumps({"results": taken.results, **counts})
        return Response(content, 207, media_type="application/json"), taken.wanted

    return await edge.write_fast(change)


@routes.post(
    "/metrics/{key}/points",
    scope=Scope.METRICS_WRITE,
    answers=PointAnswer,
    also={200: another(PointAnswer, "The point was there already.")},
)
async def add_point(key: MetricKey, body: PointCreate, edge: CurrentEdge) -> Response:
    """Push a point.

    Answers 201, 200 if this very point was there already, and 409 with `stored_value` if another value was.
    """
    now = utc_now()
    point = body.new_point(key, now=now)
    check_observed(point.observed_at, now=now)
    await make_months(edge.ports.writers, edge.ports.partitions, edge.organization_id, [point])

    async def change(connection: asyncpg.Connection) -> tuple[Response, dict[Subject, int]]:
        recorded = await record_points(connection, edge.organization_id, [point], now=now)
        [outcome] = recorded.outcomes
        if outcome is UNKNOWN_METRIC:
            raise NotFound("There is no such metric; add it to the catalogue first.")
        if outcome.stored_value is not None:
            stored: dict[str, object] = {"stored_value": float(outcome.stored_value)}
            refused = problem(
                edge.request.scope, status_of(Conflict), code="point_conflict", detail=CONFLICT, more=stored
            )
            return refused, {}
        status = 201 if outcome.status is PointStatus.CREATED else 200
        return answer(point_answer(outcome.status, point), status), recorded.wanted

    return await edge.write_fast(change)


@routes.get("/metrics/{key}/points", scope=Scope.OKR_READ, answers=PointList)
async def list_points(
    key: MetricKey,
    edge: CurrentEdge,
    paging: PointPaging,
    first: Annotated[Instant | None, Query(alias="from", description="The first instant.")] = None,
    before: Annotated[Instant | None, Query(alias="to", description="The instant after the last one.")] = None,
    known_at: Annotated[Instant | None, Query(description="Leave out what was recorded later.")] = None,
) -> Response:
    """List the points of a metric, newest first; of a corrected point the newest value."""
    async with edge.reading() as connection:
        found = await find_points(
            connection,
            edge.organization_id,
            key,
            page=paging.page,
            first=first,
            before=before,
            known_at=known_at,
        )
    return answer(PointList.of(found.items, paging.cursor_after(found.last)))
