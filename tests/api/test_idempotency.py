"""Idempotency-Key: one effect, one answer."""

import asyncio
from collections import Counter
from typing import Any

import httpx
from api_problems import refused


async def post(client: httpx.AsyncClient, key: str, name: str = "Sales", path: str = "/v1/teams") -> httpx.Response:
    """A new team or person under a key."""
    return await client.post(path, json={"name": name}, headers={"Idempotency-Key": key})


async def names(company: Any) -> list[str]:
    """The company's teams."""
    rows = await company.connection.fetch("SELECT name FROM team WHERE organization_id = $1", company.id)
    return sorted(row["name"] for row in rows)


async def test_the_same_request_again_gets_the_first_answer_again(company: Any, bell: Any) -> None:
    first = await post(company.client, "key-1")
    path = first.headers["Location"]
    await company.client.patch(path, json={"name": "Marketing"}, headers={"If-Match": "*"})
    rung = len(bell.rung)
    again = await post(company.client, "key-1")
    kept = ("ETag", "Location", "Content-Type")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    assert (again.status_code, again.json()) == (201, first.json())
    assert (first.headers.get("Idempotent-Replayed"), again.headers.get("Idempotent-Replayed")) == (None, "true")
    assert await names(company) == ["Marketing"]
    assert len(bell.rung) == rung
    events = await company.connection.fetchval("SELECT count(*) FROM outbox_event WHERE type = 'okr.team.added.v1'")
    assert events == 1


async def test_twenty_at_once_have_one_effect(company: Any) -> None:
    answers = await asyncio.gather(*(post(company.client, "key-1") for _ in range(20)))
    assert await names(company) == ["Sales"]
    kinds = Counter(
        "replayed" if "Idempotent-Replayed" in answer.headers else answer.json().get("code", "made")
        for answer in answers
    )
    assert kinds["made"] == 1
    assert set(kinds) <= {"made", "replayed", "idempotency_key_in_flight"}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1


async def test_a_request_in_flight_holds_its_key(company: Any) -> None:
    # The parent's row is locked by somebody else, so the first request stays in its transaction until we let it go.
    parent = (await company.client.post("/v1/teams", json={"name": "Parent"})).json()["id"]
    body = {"name": "Child", "parent_id": parent}
    headers = {"Idempotency-Key": "key-1"}
    async with company.connection.transaction():
        await company.connection.execute("SELECT 1 FROM team WHERE id = $1 FOR UPDATE", parent)
        first = asyncio.create_task(company.client.post("/v1/teams", json=body, headers=headers))
        await company.somebody_waits_for_a_lock()
        second = await company.client.post("/v1/teams", json=body, headers=headers)
        assert refused(second) == (409, "idempotency_key_in_flight")
    assert (await first).status_code == 201
    assert (await company.client.post("/v1/teams", json=body, headers=headers)).text == (await first).text


async def test_a_key_is_for_one_request(company: Any) -> None:
    await post(company.client, "key-1")
    assert refused(await post(company.client, "key-1", name="Marketing")) == (422, "idempotency_key_reused")
    assert await names(company) == ["Sales"]


async def test_a_key_belongs_to_its_operation_its_caller_and_its_organization(
    company: Any, other: Any, clients: Any
) -> None:
    colleague = await clients(company.id)
    answers = [
        await post(company.client, "key-1"),
        await post(company.client, "key-1", path="/v1/people"),
        await post(colleague, "key-1"),
        await post(other.client, "key-1"),
    ]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


async def test_a_failure_keeps_nothing(company: Any) -> None:
    person = {"name": "Ada", "email": "ada@example.com"}
    headers = {"Idempotency-Key": "key-1"}
    taken = (await company.client.post("/v1/people", json=person)).json()
    assert refused(await company.client.post("/v1/people", json=person, headers=headers)) == (409, "already_exists")
    gone = {"email": None}
    await company.client.patch(f"/v1/people/{taken['id']}", json=gone, headers={"If-Match": "*"})
    assert (await company.client.post("/v1/people", json=person, headers=headers)).status_code == 201


async def test_an_answer_is_kept_for_a_day(company: Any) -> None:
    await post(company.client, "key-1")
    await company.connection.execute("UPDATE idempotency_key SET created_at = created_at - interval '24 hours'")
    assert "Idempotent-Replayed" not in (await post(company.client, "key-1", name="Marketing")).headers
    assert await names(company) == ["Marketing", "Sales"]
    assert (await post(company.client, "key-1", name="Marketing")).headers["Idempotent-Replayed"] == "true"


async def test_what_a_key_may_look_like(company: Any) -> None:
    keys = {'"quoted-key"': 201, "x" * 255: 201, "x" * 256: 422, "with space": 422, "": 422}
    found = {key: (await post(company.client, key)).status_code for key in keys}
    assert found == keys
    assert (await post(company.client, "quoted-key")).headers["Idempotent-Replayed"] == "true"
