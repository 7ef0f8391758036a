"""Events pulled over HTTP: each once, in order, from where the caller stands, and nobody else's."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from api_problems import blamed, refused

from okr.db.outbox import prune
from okr.keys import Scope
from okr_api.schemas.events import EventList

EVENTS = "/v1/events"


async def page(company: Any, **query: Any) -> dict[str, Any]:
    """One page, which keeps to its own schema."""
    answer = await company.client.get(EVENTS, params=query)
    assert answer.status_code == 200, answer.text
    EventList.model_validate_json(answer.content)
    return dict(answer.json())


async def pulled(company: Any, count: int, **query: Any) -> tuple[list[dict[str, Any]], str]:
    """The first `count` events, which may still have to be numbered, and the cursor behind them."""
    items: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while len(items) < count:
            found = await page(company, **query)
            items += found["items"]
            query["cursor"] = found["next_cursor"]
            if not found["has_more"]:
                await asyncio.sleep(0.01)
    return items, query["cursor"]


async def add_team(company: Any, name: str = "Sales") -> str:
    return str((await company.client.post("/v1/teams", json={"name": name})).json()["id"])


async def rename(company: Any, team: str, name: str) -> None:
    answer = await company.client.patch(f"/v1/teams/{team}", json={"name": name}, headers={"If-Match": "*"})
    assert answer.status_code == 200


@pytest.fixture
async def teams(company: Any) -> list[str]:
    """Three teams, whose events are numbered 1 to 3."""
    teams = [await add_team(company, name) for name in ("A", "B", "C")]
    await pulled(company, 3)
    return teams


async def test_an_event_is_a_cloud_event(company: Any) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    team = await add_team(company)
    (event,), _ = await pulled(company, 1)
    (row,) = await company.connection.fetch("SELECT id, created_at FROM outbox_event")
    assert before < row["created_at"] < datetime.now(UTC) + timedelta(minutes=1)
    assert datetime.fromisoformat(event.pop("time")) == row["created_at"]
    assert event == {
        "specversion": "1.0",
        "id": str(row["id"]),
        "source": "/okr",
        "type": "okr.team.added.v1",
        "subject": f"team:{team}",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000001",
        "organizationid": str(company.id),
        "data": {"version": 1, "name": "Sales"},
    }


async def test_a_cursor_goes_on_where_the_page_before_ended(company: Any) -> None:
    team = await add_team(company)
    for number in range(2, 8):
        await rename(company, team, f"Name {number}")
    events, end = await pulled(company, 7, limit=3)
    assert [event["data"]["version"] for event in events] == list(range(1, 8))
    assert [int(event["sequence"]) for event in events] == list(range(1, 8))
    first = await page(company, limit=6)
    assert (len(first["items"]), first["has_more"]) == (6, True)
    last = await page(company, limit=6, cursor=first["next_cursor"])
    assert (last["items"], last["has_more"]) == (events[6:], False)
    exact = await page(company, limit=7)
    assert (exact["items"], exact["has_more"]) == (events, False)
    nothing = await page(company, cursor=end)
    assert (nothing["items"], nothing["has_more"]) == ([], False)
    await rename(company, team, "Later")
    (later,), _ = await pulled(company, 1, cursor=nothing["next_cursor"])
    assert later["data"]["version"] == 8


async def test_who_begins_now_gets_what_comes(company: Any, teams: list[str]) -> None:
    now = await page(company, **{"from": "now"})
    assert (now["items"], now["has_more"]) == ([], False)
    await rename(company, teams[0], "Later")
    (later,), cursor = await pulled(company, 1, cursor=now["next_cursor"])
    assert later["type"] == "okr.team.revised.v1"
    # A reader may leave the word in its address: it is for those without a cursor.
    assert (await page(company, cursor=now["next_cursor"], **{"from": "now"}))["items"] == [later]
    assert [event["subject"] for event in (await page(company, **{"from": "oldest"}))["items"]] == [
        f"team:{team}" for team in (*teams, teams[0])
    ]
    assert (await page(company, cursor=cursor))["items"] == []


async def test_events_by_subject_and_by_type(company: Any, teams: list[str]) -> None:
    await company.client.post("/v1/people", json={"name": "Ada"})
    await rename(company, teams[1], "Renamed")
    everything, _ = await pulled(company, 5)
    added, revised, person = "okr.team.added.v1", "okr.team.revised.v1", "okr.person.added.v1"
    subject = f"team:{teams[1]}"

    async def types(**query: str) -> list[str]:
        found = await page(company, **query)
        assert not found["has_more"]
        # Behind what is left out, too, the cursor is at the end.
        assert (await page(company, **query, cursor=found["next_cursor"]))["items"] == []
        return [event["type"] for event in found["items"]]

    assert [event["type"] for event in everything] == [added, added, added, person, revised]
    assert await types(subject=subject) == [added, revised]
    assert await types(subject=subject.upper().replace("TEAM", "team")) == [added, revised]
    assert await types(type=added) == [added, added, added]
    assert await types(type="okr.team.*") == [added, added, added, revised]
    assert await types(type="okr.person.*", subject=subject) == []
    assert await types(type=revised, subject=subject) == [revised]
    assert (await page(company, type="okr.team.*", limit=3))["has_more"]


async def test_a_cursor_is_good_for_its_own_events_only(company: Any, other: Any, teams: list[str]) -> None:
    cursor = (await page(company))["next_cursor"]
    narrow = (await page(company, type="okr.team.*"))["next_cursor"]
    (await other.client.get(EVENTS)).raise_for_status()
    tries = [
        (other, {"cursor": cursor}),
        (company, {"cursor": cursor, "type": "okr.team.*"}),
        (company, {"cursor": cursor, "subject": f"team:{teams[0]}"}),
        (company, {"cursor": narrow}),
        (company, {"cursor": narrow, "type": "okr.team.added.v1"}),
        (company, {"cursor": cursor[:-2]}),
        (company, {"cursor": ""}),
    ]
    for one, query in tries:
        assert refused(await one.client.get(EVENTS, params=query)) == (422, "invalid_cursor"), query
    # How many the next page holds is the caller's to choose.
    assert (await page(company, cursor=cursor, limit=200))["items"] == []


async def test_queries_for_events_are_refused_unless_they_are_right(company: Any) -> None:
    assert refused(await company.client.get(EVENTS, params={"type": "okr.teams.*"})) == (422, "unknown_event_type")
    assert refused(await company.client.get(EVENTS, params={"type": "*"})) == (422, "unknown_event_type")
    assert refused(await company.client.get(EVENTS, params={"sort": "time"})) == (422, "unknown_parameter")
    for query, blame in {
        "limit=201": ("out_of_range", "limit"),
        "from=yesterday": ("not_one_of", "from"),
        "subject=team": ("wrong_form", "subject"),
        "subject=team:1": ("wrong_form", "subject"),
    }.items():
        assert blamed(await company.client.get(f"{EVENTS}?{query}")) == {blame}, query


async def test_nobody_reads_anothers_events(company: Any, other: Any, teams: list[str]) -> None:
    theirs = await add_team(other, "Theirs")
    (event,), cursor = await pulled(other, 1)
    assert event["subject"] == f"team:{theirs}"
    # Counted by their own subject, not by what others do.
    assert event["sequence"] == "00000000000000000001"
    assert (await page(other, subject=f"team:{teams[0]}"))["items"] == []
    await rename(company, teams[0], "Ours")
    await pulled(company, 1, subject=f"team:{teams[0]}", type="okr.team.revised.v1")
    assert (await page(other, cursor=cursor))["items"] == []


async def test_a_key_without_okr_read_gets_no_events(company: Any, clients: Any) -> None:
    client = await clients(company.id, scopes=[Scope.METRICS_WRITE])
    assert refused(await client.get(EVENTS)) == (403, "forbidden")


async def prune_all(company: Any) -> None:
    """Have every numbered event pruned."""
    assert await prune(company.connection, older_than=datetime.now(UTC) + timedelta(days=1), limit=1000)


async def test_a_cursor_from_before_what_is_kept_is_gone(company: Any, other: Any, teams: list[str]) -> None:
    beginning = (await page(company, limit=1))["next_cursor"]
    rare = {"type": "okr.cycle.*"}
    narrow = (await page(company, limit=1, **rare))["next_cursor"]
    at_the_end = (await page(company))["next_cursor"]
    idle = (await page(other))["next_cursor"]
    await prune_all(company)
    assert refused(await company.client.get(EVENTS, params={"cursor": beginning})) == (410, "events_pruned")
    # Who had seen all that was pruned misses nothing, be it that nothing of it was wanted.
    for one, query in (
        (company, {"cursor": at_the_end}),
        (company, {"cursor": narrow, **rare}),
        (other, {"cursor": idle}),
    ):
        assert (await page(one, **query))["items"] == []
    await rename(company, teams[0], "Later")
    (later,), _ = await pulled(company, 1)
    assert (later["type"], later["sequence"]) == ("okr.team.revised.v1", "00000000000000000002")
    assert (await page(company, cursor=at_the_end))["items"] == [later]


async def test_a_cursor_from_a_life_before_a_backup_was_restored_is_gone(company: Any, teams: list[str]) -> None:
    cursor = (await page(company))["next_cursor"]
    # The relay counts on from the restored state; it must not have looked in between.
    async with company.connection.transaction():
        await company.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('okr_number_events', 0))")
        await company.connection.execute("DELETE FROM outbox_event WHERE position = 3")
        await company.connection.execute("UPDATE event_relay SET position = 2, published = 2")
    assert refused(await company.client.get(EVENTS, params={"cursor": cursor})) == (410, "events_pruned")


async def test_what_rolled_back_is_never_told(company: Any, teams: list[str]) -> None:
    cursor = (await page(company))["next_cursor"]
    body = {"name": "X", "lead_id": str(UUID(int=1))}
    assert refused(await company.client.post("/v1/teams", json=body)) == (422, "unknown_reference")
    await add_team(company, "D")
    (event,), _ = await pulled(company, 1, cursor=cursor)
    assert event["data"]["name"] == "D"
    assert await company.connection.fetchval("SELECT count(*) FROM outbox_event") == 4
