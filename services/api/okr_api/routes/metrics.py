"""The catalogue of metrics over HTTP."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query
from starlette.responses import Response

from okr.db.metrics import KEY_RESULT_SORTS, METRIC_SORTS
from okr.db.work import Work
from okr.domain.errors import NotFound
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.errors import AlreadyExists, PreconditionFailed
from okr_api.etag import Precondition
from okr_api.header import header
from okr_api.lists import Items, Paging, paging
from okr_api.routing import Routes, another
from okr_api.schemas.fields import Id, Key, QueryFlag, ShortText, Words
from okr_api.schemas.key_results import KeyResultRead
from okr_api.schemas.metrics import Direction, Frequency, MetricCreate, MetricList, MetricPatch, MetricPut, MetricRead
from okr_api.use_cases.metrics import (
    KeyMismatch,
    create_metric,
    find_key_results,
    find_metrics,
    put_metric,
    revise_metric,
    show_metric,
    show_metric_of_key,
)

routes = Routes("/v1/metrics", tag="metrics")

MetricKey = Annotated[Key, Path(description="The metric's key.")]
MetricPaging = Annotated[Paging, Depends(paging(METRIC_SORTS))]
KeyResultPaging = Annotated[Paging, Depends(paging(KEY_RESULT_SORTS))]


class FedKeyResultList(Items[KeyResultRead]):
    """One page of key results."""


@routes.post("", scope=Scope.METRICS_WRITE, answers=MetricRead, refuses=(AlreadyExists,))
async def add_metric(body: MetricCreate, edge: CurrentEdge) -> Response:
    """Add a metric to the catalogue."""
    location = f"/v1/metrics/{body.key}"
    return await edge.write(partial(create_metric, body=body), show_metric, status=201, location=location)


@routes.get("", scope=Scope.OKR_READ, answers=MetricList)
async def list_metrics(
    edge: CurrentEdge,
    paging: MetricPaging,
    q: Annotated[Words | None, Query(description="Words in the key or the name.")] = None,
    is_core: QueryFlag | None = None,
    direction: Direction | None = None,
    frequency: Frequency | None = None,
    source: ShortText | None = None,
) -> Response:
    """List metrics."""
    async with edge.reading() as connection:
        found = await find_metrics(
            connection,
            edge.organization_id,
            page=paging.page,
            words=q,
            is_core=is_core,
            direction=direction,
            frequency=frequency,
            source=source,
        )
    return answer(MetricList.of(found.items, paging.cursor_after(found.last)))


@routes.get("/{key}", scope=Scope.OKR_READ, answers=MetricRead)
async def get_metric(key: MetricKey, edge: CurrentEdge) -> Response:
    """Read a metric."""
    return await edge.show(partial(show_metric_of_key, key=key), edge.organization_id)


@routes.put(
    "/{key}",
    scope=Scope.METRICS_WRITE,
    answers=MetricRead,
    also={201: another(MetricRead, "The metric is new.")},
    refuses=(PreconditionFailed, NotFound, KeyMismatch),
)
async def replace_metric(key: MetricKey, body: MetricPut, edge: CurrentEdge) -> Response:
    """Make a metric, or replace all of it.

    Answers 201 if it is new. With `If-Match` a metric of another version is not replaced, and none is made.
    """
    if_match = header(edge.request.headers, "if-match")
    precondition = None if if_match is None else Precondition.of_header(if_match)
    added: list[bool] = []

    async def change(work: Work) -> UUID:
        id, is_new = await put_metric(work, key, body, precondition)
        added.append(is_new)
        return id

    given = await edge.write(change, show_metric)
    if any(added):
        given.status_code = 201
        given.headers["Location"] = f"/v1/metrics/{key}"
    return given


@routes.patch("/{key}", scope=Scope.METRICS_WRITE, answers=MetricRead)
async def patch_metric(key: MetricKey, body: MetricPatch, edge: CurrentEdge) -> Response:
    """Change a metric."""
    change = partial(revise_metric, key=key, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, show_metric)


@routes.get("/{key}/key-results", scope=Scope.OKR_READ, answers=FedKeyResultList)
async def list_key_results_of_metric(
    key: MetricKey, edge: CurrentEdge, paging: KeyResultPaging, cycle_id: Id | None = None
) -> Response:
    """List the key results that the metric feeds."""
    async with edge.reading() as connection:
        found = await find_key_results(connection, edge.organization_id, key, page=paging.page, cycle_id=cycle_id)
    return answer(FedKeyResultList.of(found.items, paging.cursor_after(found.last)))
