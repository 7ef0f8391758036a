"""The catalogue of metrics over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest
from goal_builders import Goals

from okr.keys import Scope


async def made(client: httpx.AsyncClient, path: str, /, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_metric_is_made_and_read(company: Any) -> None:
    answer = await company.client.post(
        "/v1/metrics", json={"key": "sales.new-users_2", "unit": "users", "is_core": True}
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/metrics/sales.new-users_2"
    read = await company.client.get(answer.headers["location"])
    assert read.json() == answer.json()
    fields = {
        name: read.json()[name] for name in ("key", "name", "unit", "direction", "is_core", "source", "frequency")
    }
    assert fields == {
        "key": "sales.new-users_2",
        "name": "sales.new-users_2",
        "unit": "users",
        "direction": "up",
        "is_core": True,
        "source": None,
        "frequency": "weekly",
    }
    assert read.headers["etag"] == '"1.0.0"'
    unchanged = await company.client.get(answer.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert unchanged.status_code == 304


@pytest.mark.parametrize("key", ["", ".hidden", "with space", "a/b", "ü", "k" * 101, 7, None])
async def test_a_key_that_no_address_can_hold_is_refused(company: Any, key: Any) -> None:
    answer = await company.client.post("/v1/metrics", json={"key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/key"


async def test_a_key_is_taken_once_per_company(company: Any, other: Any) -> None:
    await made(company.client, "/v1/metrics", key="signups")
    again = await company.client.post("/v1/metrics", json={"key": "signups"})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    await made(other.client, "/v1/metrics", key="signups")


async def test_another_companys_metric_is_not_there(company: Any, other: Any) -> None:
    await made(company.client, "/v1/metrics", key="signups")
    for answer in [
        await other.client.get("/v1/metrics/signups"),
        await other.client.patch("/v1/metrics/signups", json={"name": "x"}, headers={"If-Match": "*"}),
        await other.client.get("/v1/metrics/signups/points"),
        await other.client.get("/v1/metrics/signups/key-results"),
        await other.client.post("/v1/metrics/signups/points", json={"value": 1}),
    ]:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await other.client.get("/v1/metrics")).json()["items"] == []


async def test_put_makes_and_then_replaces_all_of_it(company: Any) -> None:
    made = await company.client.put("/v1/metrics/churn", json={"name": "Churn", "direction": "down", "unit": "%"})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/metrics/churn")
    replaced = await company.client.put("/v1/metrics/churn", json={"key": "churn", "name": "Leavers"})
    assert replaced.status_code == 200
    assert replaced.json() | {"updated_at": None} == made.json() | {
        "name": "Leavers",
        "direction": "up",
        "unit": None,
        "version": 2,
        "updated_at": None,
    }
    same = await company.client.put("/v1/metrics/churn", json={"name": "Leavers"})
    assert same.json() == replaced.json()


async def test_put_under_another_version_replaces_nothing(company: Any) -> None:
    missing = await company.client.put("/v1/metrics/churn", json={}, headers={"If-Match": '"1.0.0"'})
    assert missing.status_code == 404
    await company.client.put("/v1/metrics/churn", json={})
    refused = await company.client.put("/v1/metrics/churn", json={"name": "x"}, headers={"If-Match": '"2.0.0"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    taken = await company.client.put("/v1/metrics/churn", json={"name": "x"}, headers={"If-Match": '"1.0.0"'})
    assert taken.status_code == 200


async def test_a_body_that_names_another_metric_is_refused(company: Any) -> None:
    answer = await company.client.put("/v1/metrics/churn", json={"key": "signups"})
    assert (answer.status_code, answer.json()["code"]) == (422, "key_mismatch")


async def test_many_puts_at_once_make_one_metric(company: Any) -> None:
    answers = await asyncio.gather(*(company.client.put("/v1/metrics/churn", json={"name": str(n)}) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert (await company.client.get("/v1/metrics/churn")).json()["version"] == 8


async def test_a_patch_changes_what_it_names(company: Any) -> None:
    before = await made(company.client, "/v1/metrics", key="churn", unit="%", source="crm")
    patch = {"unit": None, "is_core": True}
    answer = await company.client.patch("/v1/metrics/churn", json=patch, headers={"If-Match": '"1.0.0"'})
    assert answer.status_code == 200
    assert answer.json() | {"updated_at": None} == before | {**patch, "version": 2, "updated_at": None}
    late = await company.client.patch("/v1/metrics/churn", json={"unit": "x"}, headers={"If-Match": '"1.0.0"'})
    assert late.status_code == 412
    renamed = await company.client.patch("/v1/metrics/churn", json={"key": "other"}, headers={"If-Match": "*"})
    assert renamed.status_code == 422


async def test_metrics_are_listed_by_what_they_are(company: Any) -> None:
    await made(company.client, "/v1/metrics", key="b.signups", name="New users", is_core=True)
    await made(company.client, "/v1/metrics", key="a.churn", name="Leavers", direction="down")
    await made(company.client, "/v1/metrics", key="c.cash", name="Cash", frequency="monthly")

    async def keys(query: str) -> list[str]:
        answer = await company.client.get("/v1/metrics" + query)
        assert answer.status_code == 200, answer.text
        return [item["key"] for item in answer.json()["items"]]

    assert await keys("") == ["b.signups", "a.churn", "c.cash"]
    assert await keys("?sort=key") == ["a.churn", "b.signups", "c.cash"]
    assert await keys("?sort=-name") == ["b.signups", "a.churn", "c.cash"]
    assert await keys("?q=USERS") == await keys("?q=signup") == await keys("?is_core=true") == ["b.signups"]
    assert await keys("?direction=down") == ["a.churn"]
    assert await keys("?frequency=monthly") == ["c.cash"]


async def test_changes_of_the_catalogue_are_told(company: Any) -> None:
    metric = await made(company.client, "/v1/metrics", key="churn", name="Churn")
    await company.client.put("/v1/metrics/churn", json={"name": "Leavers"})
    await company.client.put("/v1/metrics/churn", json={"name": "Leavers"})
    rows = await company.connection.fetch(
        "SELECT type, subject, (data->>'version')::int FROM outbox_event ORDER BY written"
    )
    subject = f"metric:{metric['id']}"
    assert [tuple(row) for row in rows] == [
        ("okr.metric.added.v1", subject, 1),
        ("okr.metric.revised.v1", subject, 2),
    ]


async def test_the_key_results_that_a_metric_feeds_are_listed(company: Any) -> None:
    await made(company.client, "/v1/metrics", key="churn")
    await made(company.client, "/v1/metrics", key="signups")
    goals = await Goals.of(company)
    objective = await goals.objective(await goals.cycle(), active=True)
    fed = [(await goals.key_result(objective, metric_key="signups", title=title))["id"] for title in ("b", "a")]
    cancelled = await goals.key_result(objective, metric_key="signups")
    await goals.delete(f"key-results/{cancelled['id']}")
    await goals.key_result(objective, metric_key="churn")
    answer = await company.client.get("/v1/metrics/signups/key-results")
    assert [item["id"] for item in answer.json()["items"]] == fed
    assert answer.json()["items"][0] == (await company.client.get(f"/v1/key-results/{fed[0]}")).json()
    first = (await company.client.get("/v1/metrics/signups/key-results?sort=title&limit=1")).json()
    assert [item["id"] for item in first["items"]] == [fed[1]]
    path = f"/v1/metrics/signups/key-results?sort=title&limit=1&cursor={first['next_cursor']}"
    assert [item["id"] for item in (await company.client.get(path)).json()["items"]] == [fed[0]]


async def test_a_new_frequency_has_what_the_metric_feeds_graded_again(company: Any) -> None:
    await made(company.client, "/v1/metrics", key="churn")
    goals = await Goals.of(company)
    objective = await goals.objective(await goals.cycle(), active=True)
    fed = await goals.key_result(objective, metric_key="churn")
    async with goals.raising() as raised:
        await goals.patch("metrics/churn", {"name": "Leavers"})
    assert raised.since == {}
    async with goals.raising() as raised:
        await goals.patch("metrics/churn", {"frequency": "daily"})
    assert list(raised.since) == [f"key_result:{fed['id']}", f"objective:{objective['id']}"]


async def test_the_catalogue_needs_scopes(company: Any, clients: Any) -> None:
    reader = await clients(company.id, scopes=[Scope.OKR_READ])
    writer = await clients(company.id, scopes=[Scope.METRICS_WRITE])
    assert (await reader.put("/v1/metrics/churn", json={})).status_code == 403
    assert (await writer.put("/v1/metrics/churn", json={})).status_code == 201
    assert (await writer.get("/v1/metrics/churn")).status_code == 403
    assert (await reader.get("/v1/metrics/churn")).status_code == 200
