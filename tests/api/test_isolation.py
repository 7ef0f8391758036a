"""Another organization's things are not there: the answers are those for ids that nobody has."""

from typing import Any
from uuid import uuid4

import httpx

ANY = {"If-Match": "*"}


def same_but_for_the_id(answer: httpx.Response, id: str) -> tuple[int, dict[str, Any]]:
    """Status and problem, without what differs between any two requests."""
    problem = answer.json()
    problem.pop("request_id")
    problem["instance"] = problem["instance"].replace(id, "{id}")
    return answer.status_code, problem


async def test_another_organizations_ids_are_unknown_ids(company: Any, other: Any) -> None:
    person = str(await company.add_person())
    team = (await company.client.post("/v1/teams", json={"name": "A"})).json()["id"]
    key = (await company.client.post("/v1/api-keys", json={"name": "A", "scopes": ["okr:read"]})).json()["id"]
    mine = (await other.client.post("/v1/teams", json={"name": "B"})).json()["id"]

    async def tries(team: str, person: str, key: str) -> list[tuple[int, dict[str, Any]]]:
        client = other.client
        return [
            same_but_for_the_id(await client.get(f"/v1/teams/{team}"), team),
            same_but_for_the_id(await client.get(f"/v1/teams/{team}", headers={"If-None-Match": "*"}), team),
            same_but_for_the_id(await client.patch(f"/v1/teams/{team}", json={"name": "X"}, headers=ANY), team),
            same_but_for_the_id(await client.get(f"/v1/people/{person}"), person),
            same_but_for_the_id(await client.patch(f"/v1/people/{person}", json={"name": "X"}, headers=ANY), person),
            same_but_for_the_id(await client.get(f"/v1/api-keys/{key}"), key),
            same_but_for_the_id(await client.delete(f"/v1/api-keys/{key}", headers=ANY), key),
            same_but_for_the_id(await client.post("/v1/teams", json={"name": "X", "parent_id": team}), team),
            same_but_for_the_id(await client.post("/v1/teams", json={"name": "X", "lead_id": person}), person),
            same_but_for_the_id(await client.patch(f"/v1/teams/{mine}", json={"parent_id": team}, headers=ANY), team),
            same_but_for_the_id(await client.patch(f"/v1/teams/{mine}", json={"lead_id": person}, headers=ANY), person),
        ]

    known, unknown = await tries(team, person, key), await tries(str(uuid4()), str(uuid4()), str(uuid4()))
    assert known == unknown
    assert [status for status, _ in known] == [404] * 7 + [422] * 4
    assert {problem["code"] for _, problem in known} == {"not_found", "unknown_reference"}
    assert (await other.client.get("/v1/teams", params={"parent_id": team})).json()["items"] == []
    assert (await company.client.get(f"/v1/teams/{team}")).json()["name"] == "A"


async def test_lists_hold_ones_own_things_only(company: Any, other: Any) -> None:
    await company.add_person("Theirs")
    await company.client.post("/v1/teams", json={"name": "Theirs"})
    await other.add_person("Ours")
    await other.client.post("/v1/teams", json={"name": "Ours"})
    found = {}
    for path in ("/v1/people", "/v1/teams", "/v1/api-keys"):
        found[path] = [item["name"] for item in (await other.client.get(path)).json()["items"]]
    assert found == {"/v1/people": ["Ours"], "/v1/teams": ["Ours"], "/v1/api-keys": ["test"]}
    assert (await other.client.get("/v1/organization")).json()["id"] == str(other.id)


async def test_the_same_email_may_be_in_two_organizations(company: Any, other: Any) -> None:
    body = {"name": "Ada", "email": "ada@example.com", "external_id": "1"}
    assert [(await one.client.post("/v1/people", json=body)).status_code for one in (company, other)] == [201, 201]
