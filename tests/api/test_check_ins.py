"""Check-ins over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from goal_builders import KINDS, Goals


@pytest.fixture
async def goals(company: Any) -> Goals:
    return await Goals.of(company)


async def a_running_objective(goals: Goals) -> Any:
    return await goals.objective(await goals.cycle(), active=True)


async def test_a_check_in_is_recorded_and_read(goals: Goals) -> None:
    key_result = await goals.key_result(await a_running_objective(goals))
    said = {
        "value": 12.5,
        "confidence": 0.7,
        "comment": "On our way.",
        "blockers": "Hiring.",
        "observed_at": "2026-11-18T12:00:00Z",
        "person_id": goals.person_id,
    }
    answer = await goals.client.post(f"/v1/key-results/{key_result['id']}/check-ins", json=said)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert found == {
        **said,
        "id": found["id"],
        "key_result_id": key_result["id"],
        "zone": None,
        "milestone": None,
        "recorded_at": found["recorded_at"],
    }
    assert (await goals.client.get(answer.headers["location"])).json() == found
    assert (await goals.get(f"key-results/{key_result['id']}"))["confidence"] == 0.7


async def test_it_holds_for_now_unless_it_says_when(goals: Goals) -> None:
    key_result = await goals.key_result(await a_running_objective(goals))
    path = f"key-results/{key_result['id']}/check-ins"
    before = datetime.now(UTC)
    found = await goals.post(path, {"value": 1})
    assert before <= datetime.fromisoformat(found["observed_at"]) <= datetime.now(UTC)
    late = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    refused = await goals.refused("POST", path, {"value": 1, "observed_at": late})
    assert refused == (422, "observed_in_future", "/observed_at")


SAID = {
    "increase": {"value": 11},
    "binary": {"value": 1},
    "band": {"value": -3},
    "guardrail": {"value": 4},
    "milestone": {"milestone": "Ship"},
    "ordinal": {"zone": "good"},
}


async def test_each_kind_takes_its_own_word(goals: Goals) -> None:
    objective = await a_running_objective(goals)
    for kind, said in SAID.items():
        key_result = await goals.key_result(objective, kind=kind)
        path = f"key-results/{key_result['id']}/check-ins"
        for other in ({"value": 1}, {"zone": "good"}, {"milestone": "Ship"}):
            if other.keys() == said.keys():
                await goals.post(path, said)
            else:
                [field] = other
                assert await goals.refused("POST", path, other) == (422, "field_not_for_kind", f"/{field}")
        await goals.post(path, {"comment": "Still here."})


async def test_a_word_that_the_key_result_does_not_know_is_refused(goals: Goals) -> None:
    objective = await a_running_objective(goals)
    ordinal, milestone, binary = [
        f"key-results/{(await goals.key_result(objective, kind=kind))['id']}/check-ins"
        for kind in ("ordinal", "milestone", "binary")
    ]
    assert await goals.refused("POST", ordinal, {"zone": "great"}) == (422, "unknown_zone", "/zone")
    assert await goals.refused("POST", milestone, {"milestone": "Rest"}) == (422, "unknown_milestone", "/milestone")
    assert await goals.refused("POST", binary, {"value": 0.5}) == (422, "not_binary", "/value")
    assert await goals.refused("POST", binary, {}) == (422, "empty_check_in", None)
    assert await goals.refused("POST", binary, {"person_id": goals.person_id}) == (422, "empty_check_in", None)
    assert (await goals.refused("POST", binary, {"confidence": 1.5}))[0] == 422


async def test_a_value_that_a_metric_brings_is_not_said(goals: Goals) -> None:
    await goals.metric("signups")
    key_result = await goals.key_result(await a_running_objective(goals), metric_key="signups")
    path = f"key-results/{key_result['id']}/check-ins"
    assert await goals.refused("POST", path, {"value": 1}) == (422, "value_comes_from_metric", "/value")
    await goals.post(path, {"confidence": 0.2, "comment": "Looks bad."})


async def test_what_is_over_hears_nothing_more(goals: Goals) -> None:
    cycle = await goals.cycle()
    objective = await goals.objective(cycle, active=True)
    cancelled, closed = [await goals.key_result(objective) for _ in range(2)]
    await goals.delete(f"key-results/{cancelled['id']}")
    path = f"key-results/{cancelled['id']}/check-ins"
    assert (await goals.refused("POST", path, {"value": 1}))[:2] == (409, "key_result_cancelled")
    path = f"key-results/{closed['id']}/check-ins"
    await goals.post(f"objectives/{objective['id']}/close", expect=200)
    assert (await goals.refused("POST", path, {"value": 1}))[:2] == (409, "objective_closed")
    draft = await goals.key_result(await goals.objective(cycle))
    path = f"key-results/{draft['id']}/check-ins"
    await goals.post(path, {"value": 1})
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    assert (await goals.refused("POST", path, {"value": 1}))[:2] == (409, "cycle_closed")


async def test_a_check_in_has_what_it_changes_graded_again_from_its_instant_on(goals: Goals) -> None:
    objective = await a_running_objective(goals)
    key_result, beside = [await goals.key_result(objective) for _ in range(2)]
    formula = {"op": "sum", "of": [beside["id"]]}
    composite = await goals.key_result(objective, kind="composite", formula=formula)
    async with goals.raising() as raised:
        said = await goals.post(
            f"key-results/{key_result['id']}/check-ins", {"value": 1, "observed_at": "2026-11-18T12:00:00Z"}
        )
    at = datetime(2026, 11, 18, 12, tzinfo=UTC)
    assert raised.since == {
        f"key_result:{key_result['id']}": at,
        f"key_result:{composite['id']}": at,
        f"objective:{objective['id']}": at,
    }
    assert await goals.events(f"check_in:{said['id']}") == [("okr.check_in.recorded.v1", None)]


async def test_check_ins_are_listed_newest_first(goals: Goals, other: Any) -> None:
    key_result = await goals.key_result(await a_running_objective(goals))
    path = f"key-results/{key_result['id']}/check-ins"
    for day, person_id in ((17, None), (19, goals.person_id), (18, None)):
        await goals.post(path, {"value": day, "observed_at": f"2026-11-{day}T00:00:00Z", "person_id": person_id})

    async def values(query: str) -> list[float]:
        return [item["value"] for item in (await goals.get(path + query))["items"]]

    assert await values("") == [19, 18, 17]
    assert await values("?sort=recorded_at") == [17, 19, 18]
    assert await values("?from=2026-11-18T00:00:00Z&to=2026-11-19T00:00:00Z") == [18]
    assert await values(f"?person_id={goals.person_id}") == [19]
    page = await goals.get(path + "?limit=2")
    assert [item["value"] for item in (await goals.get(f"{path}?limit=2&cursor={page['next_cursor']}"))["items"]] == [
        17
    ]
    assert (await other.client.get(f"/v1/{path}")).status_code == 404


async def test_another_companys_key_results_and_people_are_unknown(goals: Goals, other: Any) -> None:
    key_result = await goals.key_result(await a_running_objective(goals))
    path = f"/v1/key-results/{key_result['id']}/check-ins"
    said = await goals.post(path.removeprefix("/v1/"), {"value": 1})
    assert (await other.client.post(path, json={"value": 1})).status_code == 404
    assert (await other.client.get(f"/v1/check-ins/{said['id']}")).status_code == 404
    stranger = {"value": 1, "person_id": str(await other.add_person())}
    assert await goals.refused("POST", path.removeprefix("/v1/"), stranger) == (422, "unknown_reference", "/person_id")


def test_every_kind_that_takes_a_word_is_tried() -> None:
    """The others are measured like one of these, or take none (a composite)."""
    assert SAID.keys() <= KINDS.keys()
