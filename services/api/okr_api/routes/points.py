"""Metric points over HTTP."""

from datetime import datetime
from typing import Annotated

import asyncpg
import orjson
from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.demand import Subject
from okr.db.metrics import POINT_SORTS
from okr.db.point_columns import Landed, PointColumns, make_room, record_columns
from okr.db.points import UNKNOWN_METRIC, PointStatus, make_months, record_points
from okr.db.tables.columns import utc_now
from okr.domain.errors import NotFound
from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.errors import refusal
from okr_api.lists import Paging, paging
from okr_api.routes.metrics import MetricKey
from okr_api.routing import Routes, another
from okr_api.schemas.fields import Instant
from okr_api.schemas.point_columns import batch_columns, point_columns
from okr_api.schemas.point_items import read_items
from okr_api.schemas.points import (
    BatchAnswer,
    ObservedInFuture,
    PointAnswer,
    PointBatch,
    PointCreate,
    PointList,
    check_observed,
    point_answer,
)
from okr_api.use_cases.points import CONFLICT, PointConflict, batch_json, created_json, find_points, take_points

routes = Routes("/v1", tag="metrics")

PointPaging = Annotated[Paging, Depends(paging(POINT_SORTS, default="-observed_at"))]


async def record_usual_points(edge: Edge, columns: PointColumns, *, now: datetime) -> Landed | None:
    """Record points of known metrics; None, with nothing recorded, if a metric is not known."""
    metric_ids = await edge.ports.metric_ids.of(edge.organization_id, columns.metrics)
    if metric_ids is None:
        return None
    await make_room(edge.ports.writers, edge.ports.partitions, columns.moments)
    async with edge.ports.writers.connection() as connection:
        landed = await record_columns(connection, edge.organization_id, columns, metric_ids=metric_ids, now=now)
    edge.committed(has_demand=landed.has_demand)
    return landed


async def add_usual_points(edge: Edge) -> Response | None:
    """A batch that can be read in columns and recorded in one round trip."""
    if edge.asks_for_more_than_the_effect:
        return None
    now = utc_now()
    columns = batch_columns(await edge.request.body(), now=now)
    if columns is None or (landed := await record_usual_points(edge, columns, now=now)) is None:
        return None
    return Response(batch_json(columns, landed), 207, media_type="application/json")


@routes.post("/metric-points", scope=Scope.METRICS_WRITE, answers=BatchAnswer, status=207, short_way=add_usual_points)
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


async def add_usual_point(edge: Edge) -> Response | None:
    """A point that can be recorded in one round trip, and was not there."""
    if edge.asks_for_more_than_the_effect:
        return None
    now = utc_now()
    columns = point_columns(await edge.request.body(), metric=edge.request.path_params["key"], now=now)
    if columns is None or (landed := await record_usual_points(edge, columns, now=now)) is None or landed.taken:
        # What is taken was not recorded: the endpoint looks again and says what it is.
        return None
    return Response(created_json(columns), 201, media_type="application/json")


@routes.post(
    "/metrics/{key}/points",
    scope=Scope.METRICS_WRITE,
    answers=PointAnswer,
    also={200: another(PointAnswer, "The point was there already.")},
    short_way=add_usual_point,
    has_address=False,
    refuses=(ObservedInFuture, PointConflict),
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
            return refusal(edge.request.scope, PointConflict(CONFLICT), more=stored), {}
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
