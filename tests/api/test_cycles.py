"""Cycles over HTTP: their days, their tree, their life, and what each change has graded again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from api_company import Company
from goal_builders import BEGIN, ENDS_ON, STARTS_ON, Goals, begin_of

from okr_api.schemas.cycles import CycleRead


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


async def test_a_cycle_is_made_as_a_draft_and_read_back(goals: Goals) -> None:
    year = await goals.cycle(active=False, name="2026", cadence="year")
    body = {"name": "Q4", "starts_on": "2026-10-01", "ends_on": "2026-12-31", "parent_id": year["id"]}
    made = await goals.post("cycles", body)
    assert made == await goals.get(f"cycles/{made['id']}")
    CycleRead.model_validate(made)
    grade = made.pop("grade")
    assert {name: made[name] for name in made.keys() - {"id", "created_at", "updated_at"}} == body | {
        "version": 1,
        "cadence": "quarter",
        "state": "draft",
        "activated_at": None,
        "grading_at": None,
        "closed_at": None,
        "reopened_at": None,
        "reopened_reason": None,
    }
    assert grade == {
        "raw": None,
        "progress": None,
        "grade": None,
        "status": "pending",
        "label": None,
        "band": None,
        "expected": None,
        "freshness": "never",
        "confidence": None,
        "coverage": None,
        "success_line": None,
        "provenance": "computed",
        "computed_grade": None,
        "ruleset": None,
        "observed_at": None,
        "computed_at": None,
        "requested_seq": 1,
        "computed_seq": 0,
        "stale": True,
        "reasons": ["not_graded_yet"],
    }


async def test_days_that_make_no_cycle_are_refused(goals: Goals) -> None:
    def days(starts_on: str, ends_on: str) -> dict[str, str]:
        return {"name": "Q", "starts_on": starts_on, "ends_on": ends_on}

    refused = [await goals.refused("POST", "cycles", days("2026-12-31", "2026-10-01"))]
    refused.append(await goals.refused("POST", "cycles", days("2026-01-01", "2031-02-01")))
    assert refused == [(422, "ends_before_start", "/ends_on"), (422, "cycle_too_long", "/ends_on")]
    one_day = await goals.post("cycles", days("2026-12-31", "2026-12-31"))
    later = {"starts_on": "2027-01-01"}
    assert await goals.refused("PATCH", f"cycles/{one_day['id']}", later) == (422, "ends_before_start", "/ends_on")
    await goals.patch(f"cycles/{one_day['id']}", later | {"ends_on": "2027-01-01"})


async def test_a_cycle_never_stands_above_itself(goals: Goals) -> None:
    top = await goals.cycle(active=False)
    middle = await goals.cycle(active=False, parent_id=top["id"])
    bottom = await goals.cycle(active=False, parent_id=middle["id"])
    for parent in (top, middle, bottom):
        refused = await goals.refused("PATCH", f"cycles/{top['id']}", {"parent_id": parent["id"]})
        assert refused == (409, "cycle_ring", "/parent_id")
    moved = await goals.patch(f"cycles/{bottom['id']}", {"parent_id": None})
    assert moved["parent_id"] is None
    await goals.patch(f"cycles/{top['id']}", {"parent_id": bottom["id"]})


async def test_two_moves_at_once_cannot_close_a_ring(goals: Goals) -> None:
    cycles = [await goals.cycle(active=False) for _ in range(2)]

    async def move(child: int, parent: int) -> int:
        answer = await goals.client.patch(
            f"/v1/cycles/{cycles[child]['id']}", json={"parent_id": cycles[parent]["id"]}, headers={"If-Match": "*"}
        )
        return answer.status_code

    assert sorted(await asyncio.gather(move(0, 1), move(1, 0))) == [200, 409]


async def test_the_life_of_a_cycle(goals: Goals) -> None:
    cycle = await goals.cycle(active=False)
    path = f"cycles/{cycle['id']}"
    assert await goals.refused("POST", f"{path}/close") == (409, "cycle_not_active", None)
    active = await goals.post(f"{path}/activate", expect=200)
    assert (active["state"], active["version"]) == ("active", 2)
    assert active["activated_at"] is not None
    assert await goals.refused("POST", f"{path}/activate") == (409, "cycle_already_active", None)
    closed = await goals.post(f"{path}/close", expect=200)
    assert (closed["state"], closed["version"]) == ("closed", 3)
    assert closed["closed_at"] is not None
    for action in ("activate", "close"):
        assert await goals.refused("POST", f"{path}/{action}") == (409, "cycle_closed", None)
    assert await goals.refused("PATCH", path, {"ends_on": "2030-01-01"}) == (409, "cycle_closed", None)
    assert (await goals.patch(path, {"name": "Renamed"}))["name"] == "Renamed"
    assert await goals.events(f"cycle:{cycle['id']}") == [
        ("okr.cycle.added.v1", 1),
        ("okr.cycle.activated.v1", 2),
        ("okr.cycle.closed.v1", 3),
        ("okr.cycle.revised.v1", 4),
    ]


async def test_a_change_needs_the_version_that_was_read(goals: Goals) -> None:
    cycle = await goals.cycle(active=False)
    path = f"cycles/{cycle['id']}"
    tag = (await goals.client.get(f"/v1/{path}")).headers["ETag"]
    assert tag == '"1.1.0"'
    await goals.patch(path, {"name": "New"}, match=tag)
    await goals.patch(path, {"name": "Newer"}, match=tag, expect=412)
    same = await goals.patch(path, {"name": "New"})
    assert same["version"] == 2


async def test_a_new_cycle_asks_for_a_grade_from_its_first_day_on(goals: Goals) -> None:
    async with goals.raising() as raised:
        cycle = await goals.cycle(active=False)
    assert raised.since == {f"cycle:{cycle['id']}": BEGIN}
    before = datetime.now(UTC)
    async with goals.raising() as raised:
        later = await goals.cycle(active=False, starts_on=ENDS_ON.isoformat())
    assert before <= raised.since[f"cycle:{later['id']}"] <= datetime.now(UTC)


async def test_activating_a_cycle_has_its_teams_graded_again_from_its_first_day_on(goals: Goals) -> None:
    above = await goals.team()
    team = await goals.team(parent_id=above["id"])
    await goals.team()
    cycle = await goals.cycle(active=False)
    await goals.objective(cycle, team_id=team["id"])
    async with goals.raising() as raised:
        await goals.post(f"cycles/{cycle['id']}/activate", expect=200)
    expected = (f"team:{team['id']}", f"team:{above['id']}", f"cycle:{cycle['id']}")
    assert raised.since == dict.fromkeys((*expected, f"organization:{goals.company.id}"), BEGIN)


async def test_new_days_have_everything_in_the_cycle_graded_again(goals: Goals) -> None:
    team = await goals.team()
    cycle = await goals.cycle()
    objective = await goals.objective(cycle, team_id=team["id"], active=True)
    key_result = await goals.key_result(objective)
    path = f"cycles/{cycle['id']}"
    subjects = [
        f"key_result:{key_result['id']}",
        f"objective:{objective['id']}",
        f"team:{team['id']}",
        f"cycle:{cycle['id']}",
        f"organization:{goals.company.id}",
    ]
    earlier = STARTS_ON - timedelta(days=7)
    async with goals.raising() as raised:
        await goals.patch(path, {"starts_on": earlier.isoformat()})
    assert raised.since == dict.fromkeys(subjects, begin_of(earlier))
    async with goals.raising() as raised:
        await goals.patch(path, {"starts_on": STARTS_ON.isoformat()})
    assert raised.since == dict.fromkeys(subjects, begin_of(earlier))
    async with goals.raising() as raised:
        await goals.patch(path, {"name": "Other", "ends_on": ENDS_ON.isoformat()})
    assert raised.since == {}


async def test_new_days_leave_no_key_result_due_outside(goals: Goals) -> None:
    cycle = await goals.cycle()
    objective = await goals.objective(cycle)
    key_result = await goals.key_result(objective, due_on=ENDS_ON.isoformat())
    shorter = {"ends_on": (ENDS_ON - timedelta(days=1)).isoformat()}
    assert await goals.refused("PATCH", f"cycles/{cycle['id']}", shorter) == (
        409,
        "key_results_due_outside_cycle",
        None,
    )
    await goals.delete(f"key-results/{key_result['id']}")
    await goals.patch(f"cycles/{cycle['id']}", shorter)


async def test_closing_a_cycle_closes_its_active_objectives_in_the_same_instant(goals: Goals) -> None:
    cycle = await goals.cycle()
    active = await goals.objective(cycle, active=True)
    draft = await goals.objective(cycle)
    key_result = await goals.key_result(active)
    async with goals.raising() as raised:
        closed = await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    now_closed, still_draft = [await goals.get(f"objectives/{one['id']}") for one in (active, draft)]
    assert (now_closed["state"], now_closed["closed_at"]) == ("closed", closed["closed_at"])
    assert (still_draft["state"], still_draft["closed_at"]) == ("draft", None)
    assert (await goals.events(f"objective:{active['id']}"))[-1] == ("okr.objective.closed.v1", 3)
    at = datetime.fromisoformat(closed["closed_at"])
    assert raised.since == dict.fromkeys(
        sorted(
            [
                f"key_result:{key_result['id']}",
                f"objective:{active['id']}",
                f"objective:{draft['id']}",
                f"cycle:{cycle['id']}",
                f"organization:{goals.company.id}",
            ]
        ),
        at,
    )


async def test_cycles_are_listed_filtered_and_sorted(goals: Goals) -> None:
    names = ["Winter 100%", "Autumn", "Spring"]
    made = [
        await goals.cycle(active=name == "Autumn", name=name, starts_on=f"2026-0{number}-01")
        for number, name in enumerate(names, start=1)
    ]

    async def found(query: str) -> list[str]:
        return [item["name"] for item in (await goals.get(f"cycles?{query}"))["items"]]

    assert await found("") == names
    assert await found("sort=-starts_on") == names[::-1]
    assert await found("sort=name") == sorted(names)
    assert await found("state=active") == ["Autumn"]
    assert await found("q=0%25") == ["Winter 100%"]
    assert await found("q=_") == []
    first = await goals.get("cycles?limit=2")
    rest = await goals.get(f"cycles?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"] + rest["items"]] == [cycle["id"] for cycle in made]
    assert rest["next_cursor"] is None


async def test_another_companys_cycles_do_not_exist(goals: Goals, other: Company) -> None:
    theirs = await (await Goals.of(other)).cycle(active=False)
    path = f"cycles/{theirs['id']}"
    not_found = (404, "not_found", None)
    assert await goals.refused("GET", path) == not_found
    assert await goals.refused("PATCH", path, {"name": "Mine"}) == not_found
    assert await goals.refused("POST", f"{path}/activate") == not_found
    assert await goals.refused("POST", f"{path}/close") == not_found
    body = {"name": "Q", "starts_on": "2026-01-01", "ends_on": "2026-01-31", "parent_id": theirs["id"]}
    assert await goals.refused("POST", "cycles", body) == (422, "unknown_reference", "/parent_id")
    mine = await goals.cycle(active=False)
    moved = await goals.refused("PATCH", f"cycles/{mine['id']}", {"parent_id": theirs["id"]})
    assert moved == (422, "unknown_reference", "/parent_id")
    assert [item["id"] for item in (await goals.get("cycles"))["items"]] == [mine["id"]]
