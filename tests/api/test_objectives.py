"""Objectives over HTTP: what they may refer to, their life, lists, and what each change has graded again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from api_company import Company
from goal_builders import BEGIN, ENDS_ON, KINDS, STARTS_ON, Goals, begin_of

from okr.db.listing import Page
from okr.db.objective_reads import OBJECTIVE_SORTS, ObjectiveFilters, list_objectives
from okr_api.schemas.objectives import ObjectiveItem, ObjectiveRead


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


def everything(goals: Goals, objective: Any, *others: str) -> list[str]:
    """An objective, its cycle and the company as subjects, with others, in the order of grading."""
    order = ["key_result", "objective", "team", "cycle", "organization"]
    named = [f"objective:{objective['id']}", f"cycle:{objective['cycle_id']}", f"organization:{goals.company.id}"]
    return sorted([*named, *others], key=lambda one: (order.index(one.partition(":")[0]), one))


async def test_an_objective_is_made_whole_and_read_back(goals: Goals) -> None:
    cycle, team = await goals.cycle(), await goals.team()
    sponsor, contributor = [str(await goals.company.add_person(name)) for name in ("Grace", "Linus")]
    body = {
        "title": "Delight our customers",
        "description": "Long",
        "insight": "They told us",
        "perspective": "customer",
        "horizon": "long_term",
        "source": "cascaded",
        "commitment": "committed",
        "cycle_id": cycle["id"],
        "team_id": team["id"],
        "owner_id": goals.person_id,
        "sponsor_id": sponsor,
        "contributor_ids": [contributor, sponsor, contributor],
        "weight": 2.5,
        "visibility": "private",
        "tags": ["growth", "q4", "growth"],
    }
    answer = await goals.client.post("/v1/objectives", json=body)
    made = answer.json()
    assert answer.status_code == 201, made
    assert answer.headers["Location"] == f"/v1/objectives/{made['id']}"
    assert answer.headers["ETag"] == '"1.1.0"'
    assert made == await goals.get(f"objectives/{made['id']}")
    # The answer has the fields that the schema declares, all of them and no others.
    ObjectiveRead.model_validate(made)
    stays = {name: made[name] for name in body}
    assert stays == body | {"contributor_ids": [contributor, sponsor], "tags": ["growth", "q4"]}
    assert (made["state"], made["version"], made["key_results"]) == ("draft", 1, [])
    assert made["grade"]["reasons"] == ["not_graded_yet"]
    assert await goals.events(f"objective:{made['id']}") == [("okr.objective.added.v1", 1)]


async def test_what_an_objective_names_has_to_be_there(goals: Goals) -> None:
    cycle = await goals.cycle()
    gone = str(await goals.company.add_person("Gone", is_active=False))
    nobody = str(uuid4())
    body = {"title": "Delight", "cycle_id": cycle["id"], "owner_id": goals.person_id}
    objective = await goals.post("objectives", body)
    for field, pointer in {
        "cycle_id": "/cycle_id",
        "team_id": "/team_id",
        "owner_id": "/owner_id",
        "sponsor_id": "/sponsor_id",
        "contributor_ids": "/contributor_ids/1",
    }.items():
        value: Any = [goals.person_id, nobody] if field == "contributor_ids" else nobody
        expected = (422, "unknown_reference", pointer)
        assert await goals.refused("POST", "objectives", body | {field: value}) == expected
        assert await goals.refused("PATCH", f"objectives/{objective['id']}", {field: value}) == expected
    inactive = (422, "person_inactive", "/owner_id")
    assert await goals.refused("POST", "objectives", body | {"owner_id": gone}) == inactive
    assert await goals.refused("PATCH", f"objectives/{objective['id']}", {"owner_id": gone}) == inactive
    # Somebody who left may still be named for what they did.
    await goals.patch(f"objectives/{objective['id']}", {"contributor_ids": [gone]})
    assert (await goals.get("objectives"))["items"][0]["version"] == 2


async def test_an_objective_can_be_made_with_its_key_results_or_not_at_all(goals: Goals) -> None:
    cycle = await goals.cycle()
    key_results = [
        {"title": title, "kind": "increase", "start_value": 0, "target_value": 10} for title in ("b", "a", "c")
    ]
    body = {"title": "Delight", "cycle_id": cycle["id"], "owner_id": goals.person_id, "key_results": key_results}
    async with goals.raising() as raised:
        made = await goals.post("objectives", body)
    assert [one["title"] for one in made["key_results"]] == ["b", "a", "c"]
    # Their instants alone keep them in order: ids made in one millisecond may not.
    assert len({one["created_at"] for one in made["key_results"]}) == 3
    assert raised.kinds() == ["key_result"] * 3 + ["objective"]
    assert set(raised.since.values()) == {BEGIN}
    key_results[1]["target_value"] = 0
    assert await goals.refused("POST", "objectives", body) == (
        422,
        "start_equals_target",
        "/key_results/1/target_value",
    )
    assert len((await goals.get("objectives"))["items"]) == 1


async def test_no_objective_begins_in_a_closed_cycle(goals: Goals) -> None:
    cycle = await goals.cycle()
    draft = await goals.objective(cycle)
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    body = {"title": "Late", "cycle_id": cycle["id"], "owner_id": goals.person_id}
    assert await goals.refused("POST", "objectives", body) == (409, "cycle_closed", None)
    path = f"objectives/{draft['id']}"
    assert await goals.refused("POST", f"{path}/activate") == (409, "cycle_not_active", None)
    assert await goals.refused("PATCH", path, {"weight": 2}) == (409, "cycle_closed", None)
    # What never ran may go on elsewhere, and not come back.
    open_cycle = await goals.cycle()
    moved = await goals.patch(path, {"cycle_id": open_cycle["id"]})
    assert moved["cycle_id"] == open_cycle["id"]
    assert await goals.refused("PATCH", path, {"cycle_id": cycle["id"]}) == (409, "cycle_closed", None)


async def test_the_life_of_an_objective(goals: Goals) -> None:
    cycle = await goals.cycle(active=False)
    objective = await goals.objective(cycle)
    path = f"objectives/{objective['id']}"
    assert await goals.refused("POST", f"{path}/activate") == (409, "cycle_not_active", None)
    assert await goals.refused("POST", f"{path}/close") == (409, "objective_not_active", None)
    await goals.post(f"cycles/{cycle['id']}/activate", expect=200)
    active = await goals.post(f"{path}/activate", expect=200)
    assert (active["state"], active["activated_at"]) == ("active", active["updated_at"])
    assert await goals.refused("POST", f"{path}/activate") == (409, "objective_already_active", None)
    draft_cycle = await goals.cycle(active=False)
    assert await goals.refused("PATCH", path, {"cycle_id": draft_cycle["id"]}) == (409, "cycle_not_active", None)
    closed = await goals.post(f"{path}/close", expect=200)
    assert (closed["state"], closed["closed_at"]) == ("closed", closed["updated_at"])
    for action in ("activate", "close", "cancel"):
        assert await goals.refused("POST", f"{path}/{action}") == (409, "objective_closed", None)
    cancelled = await goals.objective(cycle)
    ended = await goals.post(f"objectives/{cancelled['id']}/cancel", expect=200)
    assert (ended["state"], ended["cancelled_at"]) == ("cancelled", ended["updated_at"])
    refused = await goals.refused("POST", f"objectives/{cancelled['id']}/activate")
    assert refused == (409, "objective_cancelled", None)
    left_behind = await goals.objective(cycle)
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    assert (await goals.post(f"objectives/{left_behind['id']}/cancel", expect=200))["state"] == "cancelled"


@pytest.mark.parametrize(("action", "code"), [("close", "objective_closed"), ("cancel", "objective_cancelled")])
async def test_what_has_ended_keeps_all_that_its_grade_was_made_from(goals: Goals, action: str, code: str) -> None:
    cycle, elsewhere = await goals.cycle(), await goals.cycle()
    team = await goals.team()
    objective = await goals.objective(cycle, active=True)
    await goals.post(f"objectives/{objective['id']}/{action}", expect=200)
    path = f"objectives/{objective['id']}"
    for field, value in {
        "commitment": "learning",
        "weight": 3,
        "team_id": team["id"],
        "cycle_id": elsewhere["id"],
    }.items():
        assert await goals.refused("PATCH", path, {field: value}) == (409, code, None)
    body = {"title": "Late", "kind": "binary"}
    assert await goals.refused("POST", f"{path}/key-results", body) == (409, code, None)
    async with goals.raising() as raised:
        renamed = await goals.patch(path, {"title": "Said better", "weight": 1})
    assert (renamed["title"], raised.since) == ("Said better", {})


async def test_a_change_that_holds_for_life_has_all_of_it_graded_again(goals: Goals) -> None:
    company_team = await goals.team()
    old_team, new_team = [await goals.team(parent_id=company_team["id"]) for _ in range(2)]
    later = STARTS_ON + timedelta(days=10)
    cycle, other_cycle = await goals.cycle(), await goals.cycle(starts_on=later.isoformat())
    parent = await goals.objective(cycle, active=True)
    objective = await goals.objective(other_cycle, active=True, team_id=old_team["id"])
    key_result = await goals.key_result(objective)
    await goals.align(objective, parent_objective_id=parent["id"])
    path = f"objectives/{objective['id']}"
    above = [
        f"key_result:{key_result['id']}",
        f"objective:{parent['id']}",
        f"team:{company_team['id']}",
        f"team:{old_team['id']}",
    ]
    for change in ({"commitment": "committed"}, {"weight": 7}):
        async with goals.raising() as raised:
            await goals.patch(path, change)
        assert raised.since == dict.fromkeys(everything(goals, objective, *above), begin_of(later))
    async with goals.raising() as raised:
        await goals.patch(path, {"team_id": new_team["id"]})
    assert raised.since == dict.fromkeys(
        everything(goals, objective, *above, f"team:{new_team['id']}"), begin_of(later)
    )
    async with goals.raising() as raised:
        await goals.patch(path, {"cycle_id": cycle["id"], "team_id": None})
    subjects = [*above[:3], f"team:{new_team['id']}", f"cycle:{cycle['id']}"]
    assert raised.since == dict.fromkeys(everything(goals, objective, *subjects), BEGIN)


async def test_other_changes_have_nothing_graded_again(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle(), active=True)
    path = f"objectives/{objective['id']}"
    async with goals.raising() as raised:
        renamed = await goals.patch(
            path, {"title": "Other", "tags": ["x"], "perspective": "financial", "insight": None}
        )
        same = await goals.patch(path, {"title": "Other", "weight": 1.0, "commitment": "aspirational"})
    assert raised.since == {}
    assert (renamed["version"], same["version"]) == (3, 3)
    assert await goals.events(f"objective:{objective['id']}") == [
        ("okr.objective.added.v1", 1),
        ("okr.objective.activated.v1", 2),
        ("okr.objective.revised.v1", 3),
    ]


async def test_an_objective_is_graded_from_the_start_of_its_cycle_and_touches_nothing_above(goals: Goals) -> None:
    cycle = await goals.cycle()
    async with goals.raising() as raised:
        objective = await goals.objective(cycle)
    assert raised.since == {f"objective:{objective['id']}": BEGIN}
    assert objective["grade"]["stale"]


async def test_activating_counts_for_the_past_and_ending_only_from_now_on(goals: Goals) -> None:
    team = await goals.team()
    cycle = await goals.cycle()
    parent = await goals.objective(cycle, active=True)
    composite = await goals.key_result(parent, kind="composite", formula={"op": "mean", "of": []})
    objective = await goals.objective(cycle, team_id=team["id"])
    key_result = await goals.key_result(objective)
    await goals.align(objective, parent_key_result_id=composite["id"])
    expected = everything(
        goals,
        objective,
        f"key_result:{key_result['id']}",
        f"key_result:{composite['id']}",
        f"objective:{parent['id']}",
        f"team:{team['id']}",
    )
    path = f"objectives/{objective['id']}"
    async with goals.raising() as raised:
        await goals.post(f"{path}/activate", expect=200)
    assert raised.since == dict.fromkeys(expected, BEGIN)
    async with goals.raising() as raised:
        closed = await goals.post(f"{path}/close", expect=200)
    assert raised.since == dict.fromkeys(expected, datetime.fromisoformat(closed["closed_at"]))
    second = await goals.objective(cycle, team_id=team["id"], active=True)
    async with goals.raising() as raised:
        cancelled = await goals.post(f"objectives/{second['id']}/cancel", expect=200)
    at = datetime.fromisoformat(cancelled["cancelled_at"])
    assert raised.since == dict.fromkeys(everything(goals, second, f"team:{team['id']}"), at)


async def test_before_its_cycle_begins_an_objective_is_graded_from_now_on(goals: Goals) -> None:
    cycle = await goals.cycle(starts_on=ENDS_ON.isoformat())
    objective = await goals.objective(cycle)
    async with goals.raising() as raised:
        active = await goals.post(f"objectives/{objective['id']}/activate", expect=200)
    now = datetime.fromisoformat(active["activated_at"])
    assert raised.since == dict.fromkeys(everything(goals, objective), now)


async def test_a_move_keeps_due_days_inside_the_cycle(goals: Goals) -> None:
    cycle = await goals.cycle()
    shorter = await goals.cycle(ends_on=(ENDS_ON - timedelta(days=5)).isoformat())
    objective = await goals.objective(cycle)
    key_result = await goals.key_result(objective, due_on=ENDS_ON.isoformat())
    path, move = f"objectives/{objective['id']}", {"cycle_id": shorter["id"]}
    assert await goals.refused("PATCH", path, move) == (409, "key_results_due_outside_cycle", "/cycle_id")
    await goals.patch(f"key-results/{key_result['id']}", {"due_on": STARTS_ON.isoformat()})
    await goals.patch(path, move)


async def test_objectives_are_filtered_by_everything_that_they_are(goals: Goals) -> None:
    cycle, other_cycle = await goals.cycle(), await goals.cycle()
    team = await goals.team()
    person = str(await goals.company.add_person("Grace"))
    one = await goals.objective(
        cycle, title="Save 100%_of it", team_id=team["id"], perspective="financial", tags=["money"], active=True
    )
    two = await goals.objective(other_cycle, title="Then SAVE more", owner_id=person, sponsor_id=goals.person_id)
    expected = {
        f"cycle_id={cycle['id']}": [one],
        f"team_id={team['id']}": [one],
        f"owner_id={person}": [two],
        f"sponsor_id={goals.person_id}": [two],
        "perspective=financial": [one],
        "state=active": [one],
        "state=draft&q=save": [two],
        "status=pending": [one, two],
        "status=achieved": [],
        "tag=money": [one],
        "q=save": [one, two],
        "q=0%25_o": [one],
        "q=0_": [],
        "sort=-title": [two, one],
        "sort=-created_at": [two, one],
        "limit=1": [one],
    }
    found = {query: [item["id"] for item in (await goals.get(f"objectives?{query}"))["items"]] for query in expected}
    assert found == {query: [objective["id"] for objective in wanted] for query, wanted in expected.items()}
    for query in ("sort=insight", "state=gone", "unknown=1", "expand=owner", "team_id=7"):
        assert (await goals.client.get(f"/v1/objectives?{query}")).status_code == 422, query


async def test_the_status_filter_reads_the_current_grade(goals: Goals) -> None:
    cycle = await goals.cycle()
    graded, _ = [await goals.objective(cycle, active=True) for _ in range(2)]
    await goals.connection.execute(
        """
        INSERT INTO grade (organization_id, subject_kind, subject_id, observed_at, computed_seq, raw, progress, grade, status,
                           label, band, expected, freshness, confidence, coverage, success_line, provenance, ruleset_key,
                           ruleset_version, reasons, inputs, computed_at)
        VALUES ($1, 2, $2, $3, 2, 1.25, 1, 0.123456789012, 'achieved', 'Delivered', 'green', 0.5, 'fresh', NULL, 1, 0.7,
                'computed', 'standard', 1, '{}', '{}', $3)
        """,
        goals.company.id,
        graded["id"],
        datetime(2026, 11, 1, tzinfo=UTC),
    )
    found = (await goals.get("objectives?status=achieved"))["items"]
    assert [item["id"] for item in found] == [graded["id"]]
    assert found[0]["grade"] | {"stale": None, "requested_seq": None, "computed_seq": None} == {
        "raw": 1.25,
        "progress": 1.0,
        "grade": 0.123456789012,
        "status": "achieved",
        "label": "Delivered",
        "band": "green",
        "expected": 0.5,
        "freshness": "fresh",
        "confidence": None,
        "coverage": 1.0,
        "success_line": 0.7,
        "provenance": "computed",
        "computed_grade": None,
        "ruleset": {"key": "standard", "version": 1},
        "observed_at": "2026-11-01T00:00:00Z",
        "computed_at": "2026-11-01T00:00:00Z",
        "requested_seq": None,
        "computed_seq": None,
        "stale": None,
        "reasons": [],
    }


async def test_a_list_embeds_key_results_when_asked_to(goals: Goals) -> None:
    cycle = await goals.cycle()
    objectives = [await goals.objective(cycle) for _ in range(3)]
    for objective in objectives[:2]:
        for kind in ("increase", "milestone"):
            await goals.key_result(objective, kind=kind)
    plain = (await goals.get("objectives"))["items"]
    assert [ObjectiveItem.model_validate(item).title for item in plain] == ["Delight"] * 3
    expanded = (await goals.get("objectives?expand=key_results"))["items"]
    assert expanded == [await goals.get(f"objectives/{objective['id']}") for objective in objectives]
    assert [len(item["key_results"]) for item in expanded] == [2, 2, 0]


async def test_a_list_takes_as_many_queries_for_many_as_for_one(goals: Goals) -> None:
    cycle = await goals.cycle()
    for kind in KINDS:
        if kind != "composite":
            await goals.key_result(await goals.objective(cycle), kind=kind)

    async def queries(limit: int) -> int:
        page, seen = Page(OBJECTIVE_SORTS["created_at"], limit), []
        with goals.connection.query_logger(seen.append):
            found = await list_objectives(
                goals.connection, goals.company.id, page=page, filters=ObjectiveFilters(), with_key_results=True
            )
        assert len(found.items) == limit
        return len(seen)

    assert await queries(1) == await queries(11) <= 3


async def test_another_companys_objectives_do_not_exist(goals: Goals, other: Company) -> None:
    their_goals = await Goals.of(other)
    their_cycle = await their_goals.cycle()
    theirs = await their_goals.objective(their_cycle)
    path = f"objectives/{theirs['id']}"
    not_found = (404, "not_found", None)
    assert await goals.refused("GET", path) == not_found
    assert await goals.refused("PATCH", path, {"title": "Mine", "cycle_id": their_cycle["id"]}) == not_found
    for action in ("activate", "close", "cancel"):
        assert await goals.refused("POST", f"{path}/{action}") == not_found
    cycle = await goals.cycle()
    body = {"title": "Delight", "cycle_id": cycle["id"], "owner_id": goals.person_id}
    their_team = await their_goals.team()
    for field, theirs_id in {
        "cycle_id": their_cycle["id"],
        "owner_id": their_goals.person_id,
        "team_id": their_team["id"],
    }.items():
        refused = await goals.refused("POST", "objectives", body | {field: theirs_id})
        assert refused == (422, "unknown_reference", f"/{field}")
    assert (await goals.get(f"objectives?cycle_id={their_cycle['id']}"))["items"] == []


async def test_a_new_time_zone_has_whatever_is_not_closed_graded_again(goals: Goals) -> None:
    cycle, over = await goals.cycle(), await goals.cycle(name="Over")
    objective, closed = await goals.objective(cycle, active=True), await goals.objective(over, active=True)
    key_result = await goals.key_result(objective)
    await goals.post(f"cycles/{over['id']}/close", expect=200)
    async with goals.raising() as raised:
        await goals.patch("organization", {"time_zone": "Pacific/Auckland"})
    assert {f"objective:{objective['id']}", f"key_result:{key_result['id']}", f"cycle:{cycle['id']}"} <= set(
        raised.since
    )
    assert not {f"objective:{closed['id']}", f"cycle:{over['id']}"} & set(raised.since)
