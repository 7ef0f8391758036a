"""The organization, people and teams: what changing them does."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from api_problems import blamed, refused

from company import insert
from okr.ids import new_id

ANY = {"If-Match": "*"}


async def add_team(company: Any, name: str, **fields: Any) -> str:
    """A team's id."""
    answer = await company.client.post("/v1/teams", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def add_cycle(company: Any, starts_on: date) -> None:
    """A cycle of the company that starts on that day."""
    now = datetime.now(UTC)
    times = {"version": 1, "created_at": now, "updated_at": now}
    days = {"starts_on": starts_on, "ends_on": date(2026, 12, 31), "cadence": "custom"}
    await insert(
        company.connection, "cycle", organization_id=company.id, id=new_id(), name="C", state="draft", **days, **times
    )


async def demands(company: Any) -> dict[UUID, tuple[int, datetime]]:
    """Each subject's requested_seq, and the instant from which it is asked for."""
    rows = await company.connection.fetch("SELECT subject_id, requested_seq, touched_from FROM rescore_demand")
    return {row["subject_id"]: (row["requested_seq"], row["touched_from"]) for row in rows}


async def events(company: Any) -> list[tuple[str, str, int, str]]:
    """(type, subject, version, other data) of all that was announced, in order."""
    rows = await company.connection.fetch(
        "SELECT type, subject, (data->>'version')::int, (data - 'version')::text FROM outbox_event ORDER BY written"
    )
    return [tuple(row) for row in rows]


async def test_a_new_team_waits_for_its_grade_from_the_first_cycle_on(company: Any, bell: Any) -> None:
    await add_cycle(company, date(2026, 4, 1))
    await add_cycle(company, date(2026, 7, 1))
    team = await add_team(company, "Sales", kind="division")
    read = (await company.client.get(f"/v1/teams/{team}")).json()
    assert read == {
        "id": team,
        "version": 1,
        "created_at": read["created_at"],
        "updated_at": read["created_at"],
        "name": "Sales",
        "kind": "division",
        "parent_id": None,
        "lead_id": None,
        "grade": {
            **dict.fromkeys(("raw", "progress", "grade", "label", "band", "expected", "confidence", "coverage")),
            **dict.fromkeys(("success_line", "ruleset", "observed_at", "computed_at")),
            "status": "pending",
            "freshness": "never",
            "provenance": "computed",
            "computed_grade": None,
            "requested_seq": 1,
            "computed_seq": 0,
            "stale": True,
            "reasons": ["not_graded_yet"],
        },
    }
    # The first of April begins in Berlin two hours before it does in UTC.
    assert (await demands(company))[UUID(team)] == (1, datetime(2026, 3, 31, 22, tzinfo=UTC))
    assert await events(company) == [("okr.team.added.v1", f"team:{team}", 1, '{"name": "Sales"}')]
    assert bell.rung == [company.id]


async def test_a_moved_team_regrades_those_above_its_old_and_its_new_place(company: Any) -> None:
    await add_cycle(company, date(2026, 4, 1))
    top = await add_team(company, "Top")
    old = await add_team(company, "Old", parent_id=top)
    new = await add_team(company, "New")
    moved = await add_team(company, "Moved", parent_id=old)
    below = await add_team(company, "Below", parent_id=moved)
    before = await demands(company)
    answer = await company.client.patch(f"/v1/teams/{moved}", json={"parent_id": new}, headers=ANY)
    assert answer.json()["parent_id"] == new
    start = datetime(2026, 3, 31, 22, tzinfo=UTC)
    raised = {UUID(id): (2, start) for id in (top, old, new)}
    assert await demands(company) == before | raised
    assert (await events(company))[-1] == ("okr.team.revised.v1", f"team:{moved}", 2, '{"changed": ["parent_id"]}')
    await company.client.patch(f"/v1/teams/{moved}", json={"name": "Same place"}, headers=ANY)
    assert await demands(company) == before | raised
    await company.client.patch(f"/v1/teams/{moved}", json={"parent_id": None}, headers=ANY)
    assert await demands(company) == before | raised | {UUID(new): (3, start)}
    assert (await company.client.get(f"/v1/teams/{below}")).json()["parent_id"] == moved


async def test_no_team_stands_above_itself(company: Any) -> None:
    top = await add_team(company, "Top")
    middle = await add_team(company, "Middle", parent_id=top)
    low = await add_team(company, "Low", parent_id=middle)
    for parent in (top, middle, low):
        answer = await company.client.patch(f"/v1/teams/{top}", json={"parent_id": parent}, headers=ANY)
        assert (refused(answer), blamed(answer)) == ((409, "team_ring"), {("team_ring", "/parent_id")})


async def test_two_moves_at_once_make_no_ring(company: Any) -> None:
    for _ in range(5):
        one, two = await add_team(company, "One"), await add_team(company, "Two")

        async def hang(team: str, parent: str) -> int:
            answer = await company.client.patch(f"/v1/teams/{team}", json={"parent_id": parent}, headers=ANY)
            return int(answer.status_code)

        assert sorted(await asyncio.gather(hang(one, two), hang(two, one))) == [200, 409]


async def test_who_has_left_leads_no_team(company: Any) -> None:
    gone = str(await company.add_person(is_active=False))
    answer = await company.client.post("/v1/teams", json={"name": "A", "lead_id": gone})
    assert refused(answer) == (422, "person_inactive")


async def test_a_person_is_added_changed_and_leaves(company: Any) -> None:
    body = {"name": "Ada", "email": "ada@example.com", "external_id": "e-1"}
    made = await company.client.post("/v1/people", json=body)
    person = made.json()
    times = {"created_at": person["created_at"], "updated_at": person["created_at"]}
    assert person == {**body, "id": person["id"], "version": 1, "is_active": True, **times}
    assert made.headers["ETag"] == '"1.0.0"'
    changes = {"is_active": False, "email": None}
    left = (await company.client.patch(made.headers["Location"], json=changes, headers=ANY)).json()
    assert left == person | changes | {"version": 2, "updated_at": left["updated_at"]}
    assert [event[0] for event in await events(company)] == ["okr.person.added.v1", "okr.person.revised.v1"]


async def test_an_email_and_an_external_id_are_one_persons(company: Any) -> None:
    await company.client.post("/v1/people", json={"name": "A", "email": "a@example.com", "external_id": "1"})
    second = await company.client.post("/v1/people", json={"name": "B", "email": "b@example.com"})
    answers: Mapping[str, Any] = {
        "/email": await company.client.post("/v1/people", json={"name": "C", "email": "a@example.com"}),
        "/external_id": await company.client.patch(second.headers["Location"], json={"external_id": "1"}, headers=ANY),
    }
    for pointer, answer in answers.items():
        assert (refused(answer), blamed(answer)) == ((409, "already_exists"), {("already_exists", pointer)})


@pytest.mark.parametrize("email", ["ada", "ada@", "@example.com", "a b@example.com", "a@b@c", "a@" + "b" * 253])
async def test_what_is_no_email(company: Any, email: str) -> None:
    answer = await company.client.post("/v1/people", json={"name": "Ada", "email": email})
    assert refused(answer) == (422, "invalid_request")


async def test_the_organization_changes_its_name_without_and_its_zone_with_a_new_grade(company: Any) -> None:
    await add_cycle(company, date(2026, 4, 1))
    read = await company.client.get("/v1/organization")
    assert read.headers["ETag"] == '"1.1.0"'
    patch = {"path": "/v1/organization", "headers": ANY}
    named = await company.client.patch(patch["path"], json={"name": "New"}, headers=ANY)
    assert (named.json()["name"], named.headers["ETag"]) == ("New", '"2.1.0"')
    zoned = await company.client.patch(patch["path"], json={"time_zone": "Pacific/Auckland"}, headers=ANY)
    assert (zoned.json()["time_zone"], zoned.headers["ETag"]) == ("Pacific/Auckland", '"3.2.0"')
    # In Auckland the day begins earlier: from there on days may have other ends.
    assert await demands(company) == {company.id: (2, datetime(2026, 3, 31, 11, tzinfo=UTC))}
    unchanged = await company.client.get("/v1/organization", headers={"If-None-Match": '"3.2.0"'})
    assert unchanged.status_code == 304


@pytest.mark.parametrize(
    "zone", ["Europe/Nowhere", "europe/berlin", "../etc/passwd", "", "UTC+1", "localtime", "Factory", None]
)
async def test_what_is_no_time_zone(company: Any, zone: str | None) -> None:
    answer = await company.client.patch("/v1/organization", json={"time_zone": zone}, headers=ANY)
    assert refused(answer) == (422, "invalid_request")
    assert {pointer for _, pointer in blamed(answer)} == {"/time_zone"}
