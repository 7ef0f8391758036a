"""The usual requests take a short way past the framework and the models. It answers, and leaves, what the long way does."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from api_company import Company
from fastapi import FastAPI
from goal_builders import KINDS, Goals

from company import insert
from okr.db.listing import Page, SortColumn
from okr.db.objective_reads import ObjectiveFilters, list_objectives
from okr.db.plain_objectives import read_plain_objective
from okr.db.point_columns import PointColumns, record_columns
from okr.db.points import hold_points
from okr_api.edge import answer
from okr_api.schemas.objectives import ObjectiveList, objective_item
from okr_api.schemas.point_columns import batch_columns, point_columns
from okr_api.use_cases.objectives import show_objective
from workers import scoring_workers, until_nothing_is_stale

NOW = datetime.now(UTC)
LONG_WAY = {"Prefer": "wait=0"}


# Objectives ----------------------------------------------------------------------------------------------------------


async def test_an_objective_reads_the_same_on_both_ways(
    app: FastAPI, company: Company, environment: dict[str, str], tmp_path: Path
) -> None:
    """Before the first grade and after it, with key results of each kind, alone and together, with none, with one cancelled."""
    goals = await Goals.of(company)
    cycle = await goals.cycle()
    await goals.metric("signups")
    objectives = [
        await goals.objective(cycle, active=True, tags=["a", "é"], description="x\n\u2028"),
        await goals.objective(cycle),
    ]
    for kind in KINDS:
        if kind != "composite":
            objectives.append(await goals.objective(cycle, active=True, title=kind))
            await goals.key_result(objectives[-1], kind=kind, confidence=0.25)
    whole = await goals.objective(cycle, active=True, title="Whole", key_results=[])
    parts = [await goals.key_result(whole, kind=kind) for kind in ("increase", "reach", "guardrail")]
    await goals.key_result(whole, kind="composite", formula={"op": "sum", "of": [parts[0]["id"], parts[1]["id"]]})
    fed = await goals.key_result(
        await goals.objective(cycle, active=True, title="Fed"), kind="reach", metric_key="signups"
    )
    for objective in (whole, objectives[0]):
        await goals.delete(f"key-results/{(await goals.key_result(objective))['id']}")
    objectives += [whole, {"id": fed["objective_id"]}]
    await goals.post("metrics/signups/points", {"value": 1.1234, "observed_at": NOW.isoformat()})
    await _check_objectives(app, company, objectives)
    async with scoring_workers(environment, tmp_path / "workers"):
        await until_nothing_is_stale(company.connection)
    graded = await _check_objectives(app, company, objectives)
    async with app.state.ports.readers.connection() as connection:
        closer = [
            objective["title"]
            for objective in graded
            if await read_plain_objective(connection, company.id, objective["id"]) is None
        ]
    assert closer == ["milestone", "ordinal", "Whole"]
    assert graded[-1]["key_results"][0]["current_value"] == 1.1234


async def _check_objectives(app: FastAPI, company: Company, objectives: list[Any]) -> list[Any]:
    async with app.state.ports.readers.connection() as connection:
        for objective in objectives:
            long = answer(await show_objective(connection, company.id, UUID(objective["id"])))
            short = await company.client.get(f"/v1/objectives/{objective['id']}")
            assert (short.content, short.headers["etag"]) == (long.body, long.headers["etag"])
        page = Page(SortColumn("t.created_at", "timestamptz"), 200)
        views = await list_objectives(connection, company.id, page=page, filters=ObjectiveFilters())
        long = answer(ObjectiveList.of([objective_item(view) for view in views.items], None))
    assert (await company.client.get("/v1/objectives?limit=200")).content == long.body
    return [(await company.client.get(f"/v1/objectives/{objective['id']}")).json() for objective in objectives]


async def test_the_short_way_to_an_objective_knows_the_copy_of_the_caller_and_its_own_organization(
    company: Company, other: Company
) -> None:
    goals = await Goals.of(company)
    path = f"/v1/objectives/{(await goals.objective(await goals.cycle()))['id']}"
    etag = (await company.client.get(path)).headers["etag"]
    unchanged = await company.client.get(path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert (await other.client.get(path)).status_code == 404


# Points --------------------------------------------------------------------------------------------------------------


def at(minutes: int) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


BATCHES: list[list[dict[str, Any]]] = [
    [{"metric": metric, "value": 1.5, "observed_at": at(9)} for metric in ("fed", "draft", "over", "idle")],
    [{"metric": "fed", "value": minute, "observed_at": at(minute)} for minute in (7, 5, 9, 6)],
    [{"metric": "idle", "value": 2, "observed_at": at(3), "source": source} for source in ("crm",)],
    [
        {"metric": "fed", "value": 2, "observed_at": at(3)},
        {"metric": "idle", "value": 7, "observed_at": at(3), "source": "crm"},
    ],
    [{"metric": "fed", "value": 3, "observed_at": at(3)}, {"metric": "fed", "value": 2.0, "observed_at": at(4)}],
    [
        {"metric": "fed", "value": 3, "observed_at": at(3), "dedupe_key": "k"},
        {"metric": "idle", "value": 0, "observed_at": at(1)},
    ],
    [{"metric": "both", "value": -0.000000001, "observed_at": at(2)}],
    [{"metric": "both", "value": -0.000000001, "observed_at": at(2)}],
    [
        {"metric": "nobody", "value": 1, "observed_at": at(2)},
        {"metric": "both", "value": 123456789012345, "observed_at": at(1)},
    ],
    [{"metric": "fed", "value": 4, "observed_at": at(3), "corrects": True}],
    [{"metric": "fed", "value": 5, "observed_at": at(3)}, {"metric": "fed", "value": 4.0, "observed_at": at(3)}],
]


async def _goals_on_metrics(company: Company) -> Goals:
    goals = await Goals.of(company)
    cycle = await goals.cycle()
    for metric in ("fed", "draft", "over", "idle", "both"):
        await goals.metric(metric)
    one = await goals.objective(cycle, active=True, title="One")
    part = await goals.key_result(one, title="Part", metric_key="fed", kind="reach")
    await goals.key_result(one, title="Sum", kind="composite", formula={"op": "sum", "of": [part["id"]]})
    await goals.key_result(one, title="Both", metric_key="both")
    two = await goals.objective(cycle, active=True, title="Two")
    await goals.key_result(two, title="Both again", metric_key="both")
    gone = await goals.key_result(two, title="Gone", metric_key="fed")
    await goals.delete(f"key-results/{gone['id']}")
    await goals.key_result(await goals.objective(cycle, title="Draft"), title="Of a draft", metric_key="draft")
    over = await goals.objective(cycle, active=True, title="Over")
    await goals.key_result(over, title="Of what is over", metric_key="over")
    await goals.post(f"objectives/{over['id']}/close", expect=200)
    return goals


async def _left(company: Company) -> dict[str, Any]:
    """What pushes have left, without what differs by itself: ids and instants of recording."""
    queries = {
        "points": """
            SELECT m.key, p.observed_at, p.source, p.dedupe_key, p.revision, p.value FROM metric_point p
              JOIN metric m ON m.organization_id = $1 AND m.id = p.metric_id WHERE p.organization_id = $1 ORDER BY 1, 2, 3, 4, 5
        """,
        "demand": """
            SELECT coalesce(k.title, o.title, d.subject_kind::text), d.requested_seq, d.dirty, d.touched_from
              FROM rescore_demand d
              LEFT JOIN key_result k ON k.organization_id = $1 AND k.id = d.subject_id
              LEFT JOIN objective o ON o.organization_id = $1 AND o.id = d.subject_id
             WHERE d.organization_id = $1 AND d.subject_kind <= 2 ORDER BY 1
        """,
        "events": """
            SELECT type, split_part(subject, ':', 1), data::text FROM outbox_event
             WHERE organization_id = $1 AND type LIKE 'okr.metric.points%' ORDER BY written
        """,
    }
    left = {
        name: [tuple(row) for row in await company.connection.fetch(query, company.id)]
        for name, query in queries.items()
    }
    left["events"] = sorted((*told, sorted(orjson.loads(data).items())) for *told, data in left["events"])
    return left


async def test_batches_are_answered_and_leave_the_same_on_both_ways(company: Company, other: Company) -> None:
    for one in (company, other):
        goals = await _goals_on_metrics(one)
        async with goals.raising():  # the same demand to begin with, all of it served
            pass
        await one.connection.execute("UPDATE rescore_demand SET requested_seq = 10, computed_seq = 10")
    for batch in BATCHES:
        short = await company.client.post("/v1/metric-points", json={"points": batch})
        long = await other.client.post("/v1/metric-points", json={"points": batch}, headers=LONG_WAY)
        assert (short.status_code, short.json()) == (207, long.json())
        assert await _left(company) == await _left(other)


async def test_single_points_are_answered_and_leave_the_same_on_both_ways(company: Company, other: Company) -> None:
    for one in (company, other):
        await _goals_on_metrics(one)
        await one.connection.execute("UPDATE rescore_demand SET requested_seq = 10, touched_from = 'infinity'")
    for point in [point for batch in BATCHES for point in batch]:
        metric, body = point["metric"], {name: value for name, value in point.items() if name != "metric"}
        short = await company.client.post(f"/v1/metrics/{metric}/points", json=body)
        long = await other.client.post(f"/v1/metrics/{metric}/points", json=body, headers=LONG_WAY)
        assert short.status_code == long.status_code
        assert _without_id(short) == _without_id(long)
        assert await _left(company) == await _left(other)


def _without_id(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "request_id"}


async def test_a_push_on_the_short_way_sees_what_its_metric_feeds_since_a_change_it_waited_for(
    app: FastAPI, company: Company
) -> None:
    goals = await Goals.of(company)
    metric_id = await goals.metric("signups")
    key_result = await goals.key_result(await goals.objective(await goals.cycle()), kind="reach")
    columns = PointColumns(["signups"], [NOW.isoformat()], [], [], ["1"], [NOW])
    writers = app.state.ports.writers
    async with asyncio.timeout(30), goals.raising() as raised, writers.connection() as one, writers.connection() as two:
        change = one.transaction()
        await change.start()
        await hold_points(one, company.id)
        push = asyncio.create_task(record_columns(two, company.id, columns, metric_ids=[str(metric_id)], now=NOW))
        await company.somebody_waits_for_a_lock()
        await _feed(one, company.id, key_result["id"], metric_id)
        await change.commit()  # the push's statement began before
        landed = await push
    assert landed.has_demand
    assert raised.kinds() == ["key_result", "objective"]


async def _feed(connection: asyncpg.Connection, organization_id: UUID, key_result_id: str, metric_id: UUID) -> None:
    row = {
        "key_result_id": UUID(key_result_id),
        "revision": 2,
        "kind": "reach",
        "weight": Decimal(1),
        "metric_id": metric_id,
    }
    await insert(
        connection, "key_result_version", organization_id=organization_id, valid_from=NOW, changed_by="test", **row
    )


# What takes the short way, and what does not ------------------------------------------------------------------------------


def test_the_usual_batch_and_the_usual_point_take_the_short_way() -> None:
    points = [
        {"metric": "a.b", "value": value, "observed_at": at(minute)} for minute, value in enumerate((1, 2.5, -3, 0))
    ]
    columns = batch_columns(orjson.dumps({"points": points}), now=NOW)
    assert columns is not None
    assert (columns.amounts, columns.metrics, columns.sources) == (["1", "2.5", "-3", "0"], ["a.b"] * 4, [])
    single = point_columns(
        b'{"value": 0.1, "observed_at": "2026-01-31T23:59:59.5+13:59", "source": "crm"}', metric="a", now=NOW
    )
    assert single is not None
    assert (single.amounts, single.sources, single.moments) == (
        ["0.1"],
        ["crm"],
        {datetime(2026, 1, 31, 10, 0, 59, 500000, tzinfo=UTC)},
    )


@pytest.mark.parametrize(
    "point",
    [
        '{"value": 1}',
        '{"observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1, "value": 2, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1, "\\u0076alue": 2, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z", "color": 1}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z", "corrects": false}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z", "source": null}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z", "source": "é"}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z", "metric": "b"}',
        '{"value": "1", "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": true, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": null, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": NaN, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1e999, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1e22, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": -0.0, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 0.00000001, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 0.1234567891, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1234567.12345678912, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1234567890123456, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 12345678901234567890123, "observed_at": "2026-01-31T10:00:00Z"}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00"}',
        '{"value": 1, "observed_at": "2026-01-31T24:00:00Z"}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00+15:00"}',
        '{"value": 1, "observed_at": "2026-02-30T10:00:00Z"}',
        '{"value": 1, "observed_at": "1969-12-31T23:59:59Z"}',
        '{"value": 1, "observed_at": "0001-01-01T00:00:00+01:00"}',
        '{"value": 1, "observed_at": "2999-01-31T10:00:00Z"}',
        '{"value": 1, "observed_at": 5}',
        '{"value": 1, "observed_at": "2026-01-31T10:00:00Z"',
        '"point"',
        "",
    ],
)
def test_what_needs_a_closer_look_does_not_take_the_short_way(point: str) -> None:
    assert point_columns(point.encode(), metric="a", now=NOW) is None
    in_batch = point.replace("{", '{"metric": "a", ', 1) if '"metric"' not in point else point
    assert batch_columns(b'{"points": [' + in_batch.encode() + b"]}", now=NOW) is None or '"metric": "b"' in point


@pytest.mark.parametrize(
    "body",
    [
        '{"points": []}',
        '{"points": [1]}',
        '{"points": {}}',
        '{"points": [POINT, POINT]}',
        '{"points": [POINT], "points": [POINT]}',
        '{"points": [POINT], "more": 1}',
        "[POINT]",
        '{"points": [POINT, {"metric": "-a", "value": 1, "observed_at": "2026-01-31T10:00:00Z"}]}',
        '{"points": [POINT, {"metric": "a", "value": 1, "observed_at": "2026-01-31T11:00:00+01:00"}]}',
    ],
)
def test_what_a_batch_needs_a_closer_look_for(body: str) -> None:
    point = '{"metric": "a", "value": 1, "observed_at": "2026-01-31T10:00:00Z"}'
    assert batch_columns('{"points": [POINT]}'.replace("POINT", point).encode(), now=NOW) is not None
    assert batch_columns(body.replace("POINT", point).encode(), now=NOW) is None


@pytest.mark.parametrize("metric", ["", "-a", "a b", "a" * 101, "é"])
def test_a_key_that_is_none_does_not_take_the_short_way(metric: str) -> None:
    assert point_columns(b'{"value": 1, "observed_at": "2026-01-31T10:00:00Z"}', metric=metric, now=NOW) is None
