"""Overrides over HTTP: people's words are said, replaced and taken back, and none is ever lost."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from api_company import Company
from goal_builders import Goals

from okr.ids import new_id
from okr_api.schemas.overrides import OverrideRead
from workers import scoring_workers, until_nothing_is_stale


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


@pytest.fixture
async def working(goals: Goals, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Goals]:
    """The same, with a worker that grades them."""
    async with scoring_workers(environment, tmp_path / "workers"):
        yield goals


def a_word(goals: Goals, grade: float = 0.7, **fields: Any) -> dict[str, Any]:
    """A body."""
    return {"grade": grade, "reason": "The counter was down.", "person_id": goals.person_id, **fields}


async def a_measured_objective(goals: Goals, value: float = 14) -> tuple[Any, Any]:
    """An active objective, and its key result that goes from 10 to 20."""
    objective = await goals.objective(await goals.cycle(), active=True)
    key_result = await goals.key_result(objective, commit_value=None, stretch_value=None)
    await goals.post(f"key-results/{key_result['id']}/check-ins", {"value": value})
    return objective, key_result


async def graded(goals: Goals, path: str) -> Any:
    """The grade of that thing, once it includes everything."""
    await until_nothing_is_stale(goals.connection)
    return await goals.get(f"{path}/grade")


async def test_a_word_stands_and_is_taken_back(working: Goals) -> None:
    goals = working
    objective, key_result = await a_measured_objective(goals)
    path = f"key-results/{key_result['id']}"
    assert (await graded(goals, path))["grade"] == 0.4
    said = await goals.put(f"{path}/override", a_word(goals))
    OverrideRead.model_validate(said)
    assert said == await goals.get(f"{path}/override")
    assert (said["version"], said["subject"]) == (1, f"key_result:{key_result['id']}")
    assert (said["grade"], said["computed_grade"], said["ended_at"]) == (0.7, 0.4, None)
    grade = await graded(goals, path)
    assert (grade["grade"], grade["computed_grade"], grade["provenance"]) == (0.7, 0.4, "override")
    assert grade["reasons"] == ["overridden"]
    above = await graded(goals, f"objectives/{objective['id']}")
    assert (above["grade"], above["computed_grade"], above["provenance"]) == (0.7, None, "computed")
    embedded = (await goals.get(f"objectives/{objective['id']}"))["key_results"][0]["grade"]
    assert (embedded["grade"], embedded["computed_grade"]) == (0.7, 0.4)
    explained = await goals.get(f"{path}/explanation")
    assert [step["text"] for step in explained["steps"] if step["name"] == "override"] == [
        "Ada said 0.7: «The counter was down.»; the rules say 0.4"
    ]
    await goals.post(f"{path}/check-ins", {"value": 19})
    grade = await graded(goals, path)
    assert (grade["grade"], grade["computed_grade"]) == (0.7, 0.9)
    assert grade["reasons"] == ["overridden", "newer_evidence"]
    ended = await goals.delete(f"{path}/override?reason=Counted%20again")
    assert (ended["id"], ended["ended_reason"]) == (said["id"], "Counted again")
    assert ended["ended_at"] is not None
    grade = await graded(goals, path)
    assert (grade["grade"], grade["computed_grade"], grade["reasons"]) == (0.9, None, [])
    assert (await graded(goals, f"objectives/{objective['id']}"))["grade"] == 0.9
    await goals.get(f"{path}/override", expect=404)
    assert (await goals.get(f"{path}/overrides"))["items"] == [ended]


async def test_a_word_says_what_the_rules_said_when_another_word_stood(working: Goals) -> None:
    goals = working
    objective, _ = await a_measured_objective(goals)
    path = f"objectives/{objective['id']}"
    assert (await graded(goals, path))["grade"] == 0.4
    await goals.put(f"{path}/override", a_word(goals))
    assert (await graded(goals, path))["grade"] == 0.7
    again = await goals.put(f"{path}/override", a_word(goals, 0.5))
    assert (again["version"], again["computed_grade"]) == (2, 0.4)


async def test_one_word_stands_at_a_time_and_all_stay_on_record(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle())
    path = f"objectives/{objective['id']}"
    first = await goals.put(f"{path}/override", a_word(goals))
    assert await goals.put(f"{path}/override", a_word(goals)) == first, "saying the same again changes nothing"
    second = await goals.put(f"{path}/override", a_word(goals, 0.2, reason="It was not."))
    listed = (await goals.get(f"{path}/overrides"))["items"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert listed[1]["ended_at"] == second["created_at"]
    await goals.delete(f"{path}/override")
    third = await goals.put(f"{path}/override", a_word(goals))
    assert third["version"] == 3
    page = await goals.get(f"{path}/overrides?limit=2")
    rest = await goals.get(f"{path}/overrides?cursor={page['next_cursor']}")
    assert [one["version"] for one in page["items"] + rest["items"]] == [3, 2, 1]
    assert await goals.events(f"objective:{objective['id']}") == [
        ("okr.objective.added.v1", 1),
        ("okr.override.made.v1", 1),
        ("okr.override.made.v1", 2),
        ("okr.override.ended.v1", 2),
        ("okr.override.made.v1", 3),
    ]


async def test_a_word_asks_for_grades_from_now_on(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle())
    key_result = await goals.key_result(objective)
    async with goals.raising() as raised:
        said = await goals.put(f"key-results/{key_result['id']}/override", a_word(goals))
    assert list(raised.since) == [f"key_result:{key_result['id']}", f"objective:{objective['id']}"]
    assert {at.isoformat().replace("+00:00", "Z") for at in raised.since.values()} == {said["created_at"]}


async def test_a_change_is_meant_for_the_word_that_was_read(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle())
    path = f"/v1/objectives/{objective['id']}/override"

    async def put(grade: float, match: str) -> int:
        return (await goals.client.put(path, json=a_word(goals, grade), headers={"If-Match": match})).status_code

    assert await put(0.1, "*") == 412, "there is none to replace"
    await goals.put(path.removeprefix("/v1/"), a_word(goals))
    tag = (await goals.client.get(path)).headers["ETag"]
    assert (await goals.client.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert await put(0.2, tag) == 200
    assert await put(0.3, tag) == 412
    assert (await goals.client.delete(path, headers={"If-Match": tag})).status_code == 412
    assert (await goals.client.delete(path)).status_code == 428
    assert (await goals.client.delete(path, headers={"If-Match": '"2.0.0"'})).status_code == 200
    assert (await goals.client.delete(path, headers={"If-Match": "*"})).status_code == 404


async def test_words_that_are_refused(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle(), active=True)
    path = f"objectives/{objective['id']}/override"
    gone = await goals.post("people", {"name": "Gone", "is_active": False})
    refused = {
        (422, "invalid_request", "/reason"): a_word(goals, reason="  "),
        (422, "invalid_request", "/grade"): a_word(goals, -0.1),
        (422, "grade_out_of_bounds", "/grade"): a_word(goals, 1.1),
        (422, "unknown_reference", "/person_id"): a_word(goals, person_id=str(new_id())),
        (422, "person_inactive", "/person_id"): a_word(goals, person_id=gone["id"]),
    }
    for expected, body in refused.items():
        assert await goals.refused("PUT", path, body) == expected
    assert await goals.refused("PUT", f"objectives/{new_id()}/override", a_word(goals)) == (404, "not_found", None)
    assert await goals.refused("GET", f"objectives/{new_id()}/overrides") == (404, "not_found", None)
    assert (await goals.get(f"objectives/{objective['id']}/overrides"))["items"] == []


async def test_a_word_lies_within_the_bounds_of_the_rules_in_force(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle(), active=True)
    path = f"objectives/{objective['id']}/override"
    assert (await goals.refused("PUT", path, a_word(goals, 1.2)))[1] == "grade_out_of_bounds"
    await goals.post("rulesets", {"key": "house"})
    await goals.post("rulesets/house/versions", {"document": {"bounds": {"objectives": {"cap": 1.5}}}})
    await goals.post("rulesets/house/versions/1/activate", {"reason": "Agreed."}, expect=200)
    assert (await goals.put(path, a_word(goals, 1.2)))["grade"] == 1.2
    assert (await goals.refused("PUT", path, a_word(goals, 1.6)))[1] == "grade_out_of_bounds"


async def test_what_has_ended_keeps_its_grade(goals: Goals) -> None:
    cycle = await goals.cycle()
    objective = await goals.objective(cycle, active=True)
    key_result, cancelled = await goals.key_result(objective), await goals.key_result(objective)
    for one in (key_result, cancelled):
        await goals.put(f"key-results/{one['id']}/override", a_word(goals))
    await goals.delete(f"key-results/{cancelled['id']}")
    path = f"key-results/{cancelled['id']}/override"
    for method, body in (("PUT", a_word(goals, 0.1)), ("DELETE", None)):
        assert await goals.refused(method, path, body) == (409, "key_result_cancelled", None)
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    for path in (f"key-results/{key_result['id']}/override", f"objectives/{objective['id']}/override"):
        for method, body in (("PUT", a_word(goals, 0.1)), ("DELETE", None)):
            assert await goals.refused(method, path, body) == (409, "objective_closed", None)
