"""Lists: pages, sorts, filters, cursors."""

from typing import Any

import httpx
import pytest
from api_problems import blamed, refused


async def add_teams(company: Any, *names: str) -> list[str]:
    """Ids of new teams, in the order of the names."""
    return [(await company.client.post("/v1/teams", json={"name": name})).json()["id"] for name in names]


async def walk(client: httpx.AsyncClient, path: str, **query: Any) -> list[list[str]]:
    """The names on each page, first to last."""
    pages, cursor = [], None
    while True:
        answer = await client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        pages.append([item["name"] for item in answer.json()["items"]])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return pages


async def test_pages_hold_everything_once_in_order_though_many_are_equal(company: Any) -> None:
    names = ["B", "A", "B", "C", "B", "B", "A"]
    ids = await add_teams(company, *names)
    # All made in the same instant: only the id is left to tell them apart.
    await company.connection.execute("UPDATE team SET created_at = '2026-01-01T00:00:00.123456Z'")
    assert await walk(company.client, "/v1/teams", limit=3) == [names[:3], names[3:6], names[6:]]
    assert await walk(company.client, "/v1/teams", limit=2, sort="name") == [["A", "A"], ["B", "B"], ["B", "B"], ["C"]]
    assert await walk(company.client, "/v1/teams", limit=7, sort="-name") == [sorted(names, reverse=True)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "sort": "-created_at"}
    while True:
        page = (await company.client.get("/v1/teams", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == ids[::-1]


async def test_what_comes_while_walking_neither_doubles_nor_hides_the_rest(company: Any) -> None:
    await add_teams(company, "B", "D", "F")
    first = (await company.client.get("/v1/teams", params={"limit": 2, "sort": "name"})).json()
    await add_teams(company, "A", "E")
    query = {"limit": 2, "sort": "name", "cursor": first["next_cursor"]}
    second = (await company.client.get("/v1/teams", params=query)).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["B", "D", "E", "F"]


async def test_a_cursor_is_good_for_its_own_list_only(company: Any, other: Any) -> None:
    await add_teams(company, "A", "B", "C")
    cursor = (await company.client.get("/v1/teams", params={"limit": 1})).json()["next_cursor"]
    changed = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    middle = len(cursor) // 2
    swapped = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    tries: list[tuple[httpx.AsyncClient, str, dict[str, Any]]] = [
        (company.client, "/v1/teams", {"cursor": changed}),
        (company.client, "/v1/teams", {"cursor": swapped}),
        (company.client, "/v1/teams", {"cursor": cursor[:-4]}),
        (company.client, "/v1/teams", {"cursor": "e30"}),
        (company.client, "/v1/teams", {"cursor": "not base64!"}),
        (company.client, "/v1/teams", {"cursor": ""}),
        (company.client, "/v1/teams", {"cursor": cursor, "sort": "name"}),
        (company.client, "/v1/teams", {"cursor": cursor, "sort": "-created_at"}),
        (company.client, "/v1/teams", {"cursor": cursor, "kind": "team"}),
        (company.client, "/v1/people", {"cursor": cursor}),
        (other.client, "/v1/teams", {"cursor": cursor}),
    ]
    for client, path, query in tries:
        assert refused(await client.get(path, params=query)) == (422, "invalid_cursor"), (path, query)
    # The size of the next page is the caller's to choose.
    again = await company.client.get("/v1/teams", params={"cursor": cursor, "limit": 200})
    assert [item["name"] for item in again.json()["items"]] == ["B", "C"]


@pytest.mark.parametrize("name", ["/v1/teams", "/v1/people", "/v1/api-keys"])
async def test_queries_are_refused_unless_they_are_right(company: Any, name: str) -> None:
    expected = {
        "limit=0": ("out_of_range", "limit"),
        "limit=201": ("out_of_range", "limit"),
        "limit=": ("wrong_form", "limit"),
        "limit=1.0": ("wrong_form", "limit"),
        "limit=%2B5": ("wrong_form", "limit"),
        "limit=1_0": ("wrong_form", "limit"),
        "limit=%D9%A1": ("wrong_form", "limit"),
        "limit=ten": ("wrong_form", "limit"),
    }
    found = {query: blamed(await company.client.get(f"{name}?{query}")) for query in expected}
    assert found == {query: {item} for query, item in expected.items()}
    codes = {
        "limits=5": "unknown_parameter",
        "Limit=5": "unknown_parameter",
        "limit=5&limit=6": "unknown_parameter",
        "sort=version": "unknown_sort",
        "sort=": "unknown_sort",
        "sort=--name": "unknown_sort",
        "sort=name;drop": "unknown_sort",
        "limit=5%00": "nul_character",
    }
    refusals = {query: refused(await company.client.get(f"{name}?{query}")) for query in codes}
    assert refusals == {query: (422, code) for query, code in codes.items()}
    assert (await company.client.get(f"{name}?limit=200&sort=-created_at")).status_code == 200


async def test_an_operation_without_a_query_takes_none(company: Any) -> None:
    (team,) = await add_teams(company, "A")
    assert refused(await company.client.get(f"/v1/teams/{team}?expand=all")) == (422, "unknown_parameter")
    assert refused(await company.client.post("/v1/teams?x=1", json={"name": "A"})) == (422, "unknown_parameter")


async def test_teams_by_parent_and_kind(company: Any) -> None:
    async def add(name: str, **fields: Any) -> str:
        return str((await company.client.post("/v1/teams", json={"name": name, **fields})).json()["id"])

    top = await add("Top", kind="company")
    await add("Sales", parent_id=top)
    await add("Europe", parent_id=top, kind="division")
    await add("Loose")
    assert await walk(company.client, "/v1/teams", parent_id=top) == [["Sales", "Europe"]]
    assert await walk(company.client, "/v1/teams", kind="team", sort="name") == [["Loose", "Sales"]]
    assert await walk(company.client, "/v1/teams", parent_id=top, kind="division") == [["Europe"]]
    assert blamed(await company.client.get("/v1/teams?kind=squad&parent_id=1")) == {
        ("not_one_of", "kind"),
        ("wrong_form", "parent_id"),
    }


async def test_people_by_all_their_filters(company: Any) -> None:
    await company.add_person("Ada Lovelace", email="ada@example.com", external_id="e-1")
    await company.add_person("Grace Hopper", email="grace_h@example.com", external_id="e-2", is_active=False)
    await company.add_person("100% Grace")
    people = "/v1/people"
    assert await walk(company.client, people, is_active="true") == [["Ada Lovelace", "100% Grace"]]
    assert await walk(company.client, people, is_active="false") == [["Grace Hopper"]]
    assert await walk(company.client, people, external_id="e-1") == [["Ada Lovelace"]]
    assert await walk(company.client, people, email="grace_h@example.com") == [["Grace Hopper"]]
    assert await walk(company.client, people, q="grace") == [["Grace Hopper", "100% Grace"]]
    # Signs that a LIKE pattern would take for placeholders are themselves here.
    assert await walk(company.client, people, q="%") == [["100% Grace"]]
    assert await walk(company.client, people, q="e_h@") == [["Grace Hopper"]]
    assert await walk(company.client, people, q="\\") == [[]]
    assert blamed(await company.client.get(people, params={"is_active": "yes"})) == {("wrong_form", "is_active")}
