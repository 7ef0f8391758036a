"""The catalogue of metrics. A metric is named by its key, for ever; it is never deleted, for history reads its points."""

from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from okr.db import metrics
from okr.db.engine import driver
from okr.db.key_result_reads import key_results_of
from okr.db.listing import Found, Page
from okr.db.tables import Metric
from okr.db.work import Work
from okr.domain.errors import Invalid
from okr.events import Event, EventType
from okr.ids import new_id
from okr_api.errors import AlreadyExists
from okr_api.etag import Precondition
from okr_api.schemas.key_results import KeyResultRead, key_result_read
from okr_api.schemas.metrics import MetricCreate, MetricPut, MetricRead, metric_read
from okr_api.use_cases.changes import apply, differing


class KeyMismatch(Invalid):
    """The body names another metric than the address; a metric keeps its key.

    Leave `key` out of the body.
    """

    code = "key_mismatch"


async def show_metric(connection: asyncpg.Connection, organization_id: UUID, metric_id: UUID) -> MetricRead:
    """The metric as it is answered. Raises NotFound."""
    return metric_read(await metrics.read_metric(connection, organization_id, metric_id))


async def show_metric_of_key(connection: asyncpg.Connection, organization_id: UUID, _: UUID, *, key: str) -> MetricRead:
    """The same for a metric that is named by its key."""
    return metric_read(await metrics.read_metric_of_key(connection, organization_id, key))


async def find_metrics(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    words: str | None,
    is_core: bool | None,
    direction: str | None,
    frequency: str | None,
    source: str | None,
) -> Found[MetricRead]:
    """One page of the metrics that match."""
    found = await metrics.list_metrics(
        connection,
        organization_id,
        page=page,
        words=words,
        is_core=is_core,
        direction=direction,
        frequency=frequency,
        source=source,
    )
    return found.map(metric_read)


async def find_key_results(
    connection: asyncpg.Connection, organization_id: UUID, key: str, *, page: Page, cycle_id: UUID | None = None
) -> Found[KeyResultRead]:
    """One page of the key results that the metric feeds. Raises NotFound."""
    metric = await metrics.read_metric_of_key(connection, organization_id, key)
    found = await metrics.key_results_on(connection, organization_id, metric.id, page=page, cycle_id=cycle_id)
    objective_ids = {objective_id for _, objective_id in found.items}
    by_objective = await key_results_of(connection, organization_id, objective_ids)
    views = {view.id: view for views in by_objective.values() for view in views}
    return Found([key_result_read(views[id]) for id, _ in found.items if id in views], found.last)


async def create_metric(work: Work, body: MetricCreate) -> UUID:
    """Add a metric; answers its id. Raises AlreadyExists."""
    id = await _add(work, body.key, _columns(body))
    if id is None:
        raise AlreadyExists(
            "There is a metric of this key already: change that one, or choose another key.", pointer="/key"
        )
    return id


async def put_metric(work: Work, key: str, body: MetricPut, precondition: Precondition | None) -> tuple[UUID, bool]:
    """Make the metric what the body says, whether it is there or not; answers its id, and whether it is new."""
    if body.key not in (None, key):
        raise KeyMismatch("The body has another key than the address; a metric keeps its key.", pointer="/key")
    columns = _columns(body)
    columns["name"] = columns["name"] or key
    if precondition is None and (id := await _add(work, key, columns)) is not None:
        return id, True
    return await _revise(work, key, columns, precondition), False


async def revise_metric(work: Work, key: str, changes: dict[str, Any], precondition: Precondition) -> UUID:
    """Change a metric; answers its id."""
    return await _revise(work, key, changes, precondition)


def _columns(body: MetricPut) -> dict[str, Any]:
    return {**body.model_dump(exclude={"key"}), "name": body.name or body.key}


async def _add(work: Work, key: str, columns: dict[str, Any]) -> UUID | None:
    """The id of the new metric; None if somebody else was first."""
    row = {"organization_id": work.organization_id, "id": new_id(), "version": 1, "key": key, **columns}
    statement = insert(Metric).values(**row, created_at=work.now, updated_at=work.now)
    statement = statement.on_conflict_do_nothing(index_elements=["organization_id", "key"])
    id: UUID | None = (await work.session.exec(statement.returning(col(Metric.id)))).scalar()
    if id is not None:
        work.announce(Event(EventType.METRIC_ADDED, f"metric:{id}", 1, {"key": key, "name": columns["name"]}))
    return id


async def _revise(work: Work, key: str, changes: dict[str, Any], precondition: Precondition | None) -> UUID:
    metric = await metrics.lock_metric(work.session, work.organization_id, key)
    if precondition is not None:
        precondition.check(metric.version)
    changes = differing(metric, changes)
    if changes:
        apply(metric, changes, now=work.now)
        data = {"key": key, "changed": sorted(changes)}
        work.announce(Event(EventType.METRIC_REVISED, f"metric:{metric.id}", metric.version, data))
    if "frequency" in changes:
        # How often values are expected decides when a value is late.
        connection = await driver(work.session)
        for _, subject in await metrics.fed_by(connection, work.organization_id, [metric.id]):
            work.touch(subject, work.now)
    return metric.id
