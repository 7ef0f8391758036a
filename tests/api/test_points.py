"""Metric points over HTTP: one by one, in batches, and read back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from goal_builders import Goals

from okr.db.partitions import months_from
from okr.keys import Scope
from okr_api.schemas.points import MOST_POINTS, BatchAnswer

NOON = "2026-11-18T12:00:00Z"


@pytest.fixture
async def metric(company: Any) -> str:
    """The path of a metric's points."""
    await company.client.put("/v1/metrics/signups", json={})
    return "/v1/metrics/signups/points"


async def a_fed_key_result(company: Any) -> None:
    goals = await Goals.of(company)
    await goals.key_result(await goals.objective(await goals.cycle(), active=True), metric_key="signups")


async def push(company: Any, *points: dict[str, Any], **headers: str) -> httpx.Response:
    answer: httpx.Response = await company.client.post("/v1/metric-points", json={"points": points}, headers=headers)
    return answer


async def results(company: Any, *points: Any) -> list[dict[str, Any]]:
    answer = await push(company, *points)
    assert answer.status_code == 207, answer.text
    BatchAnswer.model_validate_json(answer.content)
    found: list[dict[str, Any]] = answer.json()["results"]
    assert [result["index"] for result in found] == list(range(len(points)))
    return found


async def test_a_point_is_created_then_a_duplicate_then_a_conflict(company: Any, metric: str) -> None:
    body = {"value": 5, "observed_at": NOON, "source": "crm", "dedupe_key": "a"}
    created = await company.client.post(metric, json=body)
    assert created.status_code == 201
    assert created.json() == {"status": "created", "metric": "signups", **body}
    again = await company.client.post(metric, json=body)
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    other = await company.client.post(metric, json={**body, "value": 6})
    assert (other.status_code, other.json()["code"]) == (409, "point_conflict")
    assert other.json()["stored_value"] == 5
    corrected = await company.client.post(metric, json={**body, "value": 6, "corrects": True})
    assert (corrected.status_code, corrected.json()["value"]) == (201, 6)
    assert (await company.client.post(metric, json={**body, "value": 6})).status_code == 200


async def test_a_point_without_an_instant_is_observed_now(company: Any, metric: str) -> None:
    before = datetime.now(UTC)
    answer = await company.client.post(metric, json={"value": 1})
    assert answer.status_code == 201
    assert before <= datetime.fromisoformat(answer.json()["observed_at"]) <= datetime.now(UTC)
    assert (answer.json()["source"], answer.json()["dedupe_key"]) == (None, None)


NEARLY_RIGHT = [
    ("value", "5"),
    ("value", True),
    ("value", None),
    ("value", 1.1e15),
    ("value", -1000000000000001),
    ("observed_at", "2026-11-18T12:00:00"),
    ("observed_at", "2026-11-18"),
    ("observed_at", 0),
    ("observed_at", "1969-12-31T23:59:59Z"),
    ("observed_at", "2026-02-30T12:00:00Z"),
    ("source", 7),
    ("source", "s" * 201),
    ("dedupe_key", "a\0b"),
    ("corrects", "true"),
    ("metrics", "signups"),
]


async def test_a_value_that_is_nearly_right_is_refused(company: Any, metric: str) -> None:
    """By itself with 422, in a batch without harm to the others; under the same code."""
    good = {"metric": "signups", "value": 1, "observed_at": NOON}
    for field, value in NEARLY_RIGHT:
        body = {"value": 5, "observed_at": NOON, field: value}
        alone = await company.client.post(metric, json=body)
        assert alone.status_code == 422, (field, value)
        [error] = alone.json()["errors"]
        assert error["pointer"] == f"/{field}"
        refused, taken = await results(company, {"metric": "signups", **body}, good)
        assert refused == {"index": 0, "status": "rejected", **error, "pointer": f"/points/0/{field}"}
        assert taken["status"] in ("created", "duplicate")
    assert await company.connection.fetchval("SELECT count(*) FROM metric_point") == 1


async def test_the_future_is_refused_beyond_what_clocks_differ(company: Any, metric: str) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    late = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    assert (await company.client.post(metric, json={"value": 1, "observed_at": soon})).status_code == 201
    refused = await company.client.post(metric, json={"value": 1, "observed_at": late})
    assert (refused.status_code, refused.json()["code"]) == (422, "observed_in_future")
    points = [{"metric": "signups", "value": 1, "observed_at": at, "source": "batch"} for at in (soon, late)]
    codes = [result["code"] for result in await results(company, *points)]
    assert codes == [None, "observed_in_future"]


async def test_what_is_no_point_at_all_is_rejected_by_itself(company: Any, metric: str) -> None:
    good = {"metric": "signups", "value": 1, "observed_at": NOON}
    bad = [None, 7, "signups", [], {}, {"metric": "signups"}, {"metric": [], "value": 1}]
    found = await results(company, *bad, good)
    assert [result["status"] for result in found] == ["rejected"] * len(bad) + ["created"]
    assert [result["pointer"] for result in found[:4]] == [f"/points/{index}" for index in range(4)]


async def test_a_batch_tells_what_became_of_each_point(company: Any, other: Any, metric: str) -> None:
    await other.client.put("/v1/metrics/theirs", json={})
    a = {"metric": "signups", "value": 1, "observed_at": NOON}
    answer = await push(company, a, a, {**a, "value": 2}, {**a, "metric": "theirs"}, {**a, "source": "crm"})
    assert answer.status_code == 207
    body = answer.json()
    assert [(result["status"], result["code"]) for result in body["results"]] == [
        ("created", None),
        ("duplicate", None),
        ("rejected", "point_conflict"),
        ("rejected", "unknown_metric"),
        ("created", None),
    ]
    assert body["results"][2]["stored_value"] == 1
    assert [body[name] for name in ("created", "duplicate", "rejected")] == [2, 1, 2]
    again = (await push(company, a)).json()
    assert [again[name] for name in ("created", "duplicate", "rejected")] == [0, 1, 0]


async def test_a_malformed_envelope_is_refused_as_a_whole(company: Any, metric: str) -> None:
    headers = {"Content-Type": "application/json"}
    bodies = [b"{}", b'{"points": []}', b'{"points": {}}', b'{"points": [7], "x": 1}', b"[]", b"", b'{"points": [NaN]}']
    for body in bodies:
        answer = await company.client.post("/v1/metric-points", content=body, headers=headers)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_batch_has_bounds(company: Any, metric: str) -> None:
    point = {"metric": "signups", "value": 1, "observed_at": NOON}
    many = await push(company, *[point] * (MOST_POINTS + 1))
    assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/points")
    big = await push(company, *[{**point, "source": "s" * 200, "dedupe_key": "d" * 200}] * 4600)
    assert (big.status_code, big.json()["code"]) == (413, "body_too_large")
    assert (await push(company, *[point] * MOST_POINTS)).json()["duplicate"] == MOST_POINTS - 1


ROUNDED = [
    (b"0.1", 0.1),
    (b"1e15", 1e15),
    (b"-1E+3", -1000),
    (b"0.0000000005", 0),
    (b"0.0000000015", 2e-9),
    (b"0.0000000025", 2e-9),
    (b"0.00000000050000000000000000001", 1e-9),
    (b"123456789012345.5", 123456789012346),
    (b"123456789012344.5", 123456789012344),
    (b"1234567.1234567895", 1234567.12345679),
    (b"-0.0", 0),
    (b"7", 7),
]


async def test_a_value_is_rounded_once_half_even(company: Any, metric: str) -> None:
    headers = {"Content-Type": "application/json"}
    at = b'"observed_at": "2026-11-18T12:00:%02dZ", "source": "%s"'
    items = []
    for second, (sent, _) in enumerate(ROUNDED):
        body = b'{"value": %s, %s}' % (sent, at % (second, b"single"))
        answer = await company.client.post(metric, content=body, headers=headers)
        assert answer.status_code == 201, answer.text
        items.append(b'{"metric": "signups", "value": %s, %s}' % (sent, at % (second, b"batch")))
    await company.client.post("/v1/metric-points", content=b'{"points": [%s]}' % b",".join(items), headers=headers)
    listed = (await company.client.get(f"{metric}?sort=observed_at")).json()["items"]
    assert [item["value"] for item in listed] == [kept for _, kept in ROUNDED for _ in range(2)]


async def test_points_are_listed_newest_first_page_by_page(company: Any, metric: str) -> None:
    days = [f"2026-{month:02}-15T00:00:00Z" for month in (7, 8, 9)]
    await results(
        company,
        *({"metric": "signups", "value": n, "observed_at": at} for n, at in enumerate(days)),
        *({"metric": "signups", "value": 10 + n, "observed_at": days[1], "dedupe_key": str(n)} for n in range(3)),
    )

    async def pages(query: str) -> list[float]:
        found: list[float] = []
        cursor = ""
        while True:
            page = (await company.client.get(f"{metric}?limit=2{query}{cursor}")).json()
            found += [item["value"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    newest_first = await pages("")
    assert (newest_first[0], newest_first[-1]) == (2, 0)
    assert sorted(newest_first[1:-1]) == [1, 10, 11, 12]
    assert await pages("&sort=observed_at") == newest_first[::-1]
    assert await pages(f"&from={days[2]}") == [2]
    assert await pages(f"&to={days[1]}") == [0]
    assert len(await pages(f"&from={days[1]}&to={days[2]}")) == 4


async def test_of_a_corrected_point_the_value_known_then_is_listed(company: Any, metric: str) -> None:
    body = {"value": 1, "observed_at": NOON}
    await company.client.post(metric, json=body)
    between = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await company.client.post(metric, json={**body, "value": 2, "corrects": True})
    await company.client.post(metric, json={"value": 3, "observed_at": "2026-11-17T12:00:00Z"})

    async def seen(query: str = "") -> list[tuple[float, int]]:
        items = (await company.client.get(metric + query)).json()["items"]
        return [(item["value"], item["revision"]) for item in items]

    assert await seen() == [(2, 1), (3, 0)]
    assert await seen(f"?known_at={between}") == [(1, 0)]
    assert await seen("?known_at=2026-01-01T00:00:00Z") == []


async def test_a_push_rings_when_something_is_to_be_graded(company: Any, bell: Any, metric: str) -> None:
    await a_fed_key_result(company)
    bell.rung.clear()
    point = {"metric": "signups", "value": 1, "observed_at": NOON}
    await push(company, point)
    assert bell.rung == [company.id]
    await push(company, point, {**point, "value": 2})
    assert bell.rung == [company.id]


@pytest.mark.parametrize("path", ["/v1/metric-points", "/v1/metrics/signups/points"])
async def test_a_caller_who_prefers_to_wait_is_answered_when_the_grade_is_there(
    company: Any, metric: str, path: str
) -> None:
    """The worker's part is played by hand: it marks the demand as served."""
    await a_fed_key_result(company)
    point: dict[str, Any] = {"value": 1, "observed_at": NOON}
    body = {"points": [{**point, "metric": "signups"}]} if path.endswith("metric-points") else point
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(company.client.post(path, json=body, headers={"Prefer": "wait=15"}))
        while not await company.connection.fetchval("SELECT count(*) FROM metric_point"):
            assert not waiting.done()
        assert not waiting.done()
        await company.connection.execute("UPDATE rescore_demand SET computed_seq = requested_seq, dirty = false")
        answer = await waiting
    assert answer.status_code in (201, 207)
    assert answer.headers["preference-applied"] == "wait=15"


async def test_waiting_ends_with_the_time_and_costs_nothing_without_a_grade(company: Any, metric: str) -> None:
    answer = await company.client.post(metric, json={"value": 1}, headers={"Prefer": "wait=20"})
    assert answer.headers["preference-applied"] == "wait=20"
    await a_fed_key_result(company)
    answer = await company.client.post(metric, json={"value": 2}, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=0")


async def test_the_same_idempotency_key_pushes_once(company: Any, metric: str) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await company.client.post(metric, json={"value": 1}, headers=headers)
    again = await company.client.post(metric, json={"value": 1}, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert await company.connection.fetchval("SELECT count(*) FROM metric_point") == 1
    other = await company.client.post(metric, json={"value": 2}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_refused_point_keeps_no_idempotency_key(company: Any, metric: str) -> None:
    body: dict[str, Any] = {"value": 1, "observed_at": NOON}
    await company.client.post(metric, json=body)
    headers = {"Idempotency-Key": "once"}
    assert (await company.client.post(metric, json={**body, "value": 2}, headers=headers)).status_code == 409
    corrected = await company.client.post(metric, json={**body, "value": 2, "corrects": True}, headers=headers)
    assert corrected.status_code == 201


async def test_pushing_needs_its_scope(company: Any, clients: Any, metric: str) -> None:
    writer = await clients(company.id, scopes=[Scope.OKR_WRITE, Scope.OKR_READ])
    assert (await writer.post(metric, json={"value": 1})).status_code == 403
    assert (await writer.post("/v1/metric-points", json={"points": []})).status_code == 403
    pusher = await clients(company.id, scopes=[Scope.METRICS_WRITE])
    assert (await pusher.post(metric, json={"value": 1})).status_code == 201
    assert (await pusher.get(metric)).status_code == 403


async def test_late_points_of_any_month_are_taken(company: Any, metric: str) -> None:
    months = months_from(datetime(1970, 1, 1, tzinfo=UTC).date(), 30)
    points = [{"metric": "signups", "value": 1, "observed_at": f"{month}T00:00:00Z"} for month in months]
    assert {result["status"] for result in await results(company, *points)} == {"created"}


async def test_the_items_of_a_batch_are_documented(app: Any) -> None:
    document = app.openapi()
    schemas = document["components"]["schemas"]
    batch = schemas["PointBatch"]["properties"]["points"]
    assert (batch["minItems"], batch["maxItems"]) == (1, MOST_POINTS)
    assert batch["items"] == {"$ref": "#/components/schemas/BatchPoint"}
    assert schemas["BatchPoint"]["required"] == ["value", "metric"]


def test_every_answer_is_documented(app: Any) -> None:
    paths = app.openapi()["paths"]
    assert {"200", "201", "409"} <= paths["/v1/metrics/{key}/points"]["post"]["responses"].keys()
    assert "207" in paths["/v1/metric-points"]["post"]["responses"]
    assert {"200", "201", "412"} <= paths["/v1/metrics/{key}"]["put"]["responses"].keys()
    history = paths["/v1/history"]["get"]["responses"]["200"]
    assert history["content"].keys() == {"application/json", "text/csv", "application/x-ndjson"}
    assert {"200", "304", "404"} <= paths["/v1/teams/{team_id}/grade"]["get"]["responses"].keys()
