"""Grades and explanations over HTTP, of now and of then, made by the real worker's code."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from goal_builders import Goals, begin_of
from past import Past, days_ago, noon, now

from okr.ids import new_id


@pytest.fixture
async def past(company: Any, app_url: str) -> AsyncIterator[Past]:
    async with Past.of(company, app_url) as past:
        yield past


def things(past: Past) -> list[str]:
    """The paths of all things that have a grade here."""
    return [
        f"key-results/{past.key_result['id']}",
        f"objectives/{past.objective['id']}",
        f"cycles/{past.cycle['id']}",
        "organization",
    ]


async def test_before_the_first_grade_everything_is_pending(past: Past) -> None:
    for thing in things(past):
        grade = await past.goals.get(f"{thing}/grade")
        assert (grade["grade"], grade["status"], grade["reasons"]) == (None, "pending", ["not_graded_yet"])
        assert grade["stale"] is True
        explanation = await past.goals.get(f"{thing}/explanation")
        assert (explanation["steps"], explanation["inputs"]) == ([], None)
        assert explanation["grade"]["reasons"] == ["not_graded_yet"]


async def test_the_newest_grade_is_that_of_the_thing_itself(past: Past) -> None:
    await past.push(d10=25, d5=50)
    for thing in things(past)[:3]:
        grade = await past.goals.get(f"{thing}/grade")
        assert (grade["grade"], grade["stale"]) == (0.5, False)
        assert grade["computed_seq"] == grade["requested_seq"]
        itself = (await past.goals.get(thing))["grade"]
        assert {name: grade[name] for name in itself} == itself
    objective = await past.goals.get(f"{things(past)[1]}/grade")
    assert objective["subject"] == f"objective:{past.objective['id']}"
    assert await past.grade("organization") == 0.5


async def test_the_grade_of_an_instant_is_the_one_in_force_then(past: Past) -> None:
    await past.push(d10=25, d5=50)
    for thing in things(past):
        assert await past.grade(thing, f"?as_of={noon(11)}") is None
        assert await past.grade(thing, f"?as_of={noon(7)}") == 0.25
        assert await past.grade(thing, f"?as_of={noon(3)}") == 0.5
    before = await past.goals.get(f"{things(past)[0]}/grade?as_of=2020-01-01T00:00:00Z")
    assert (before["status"], before["reasons"], before["stale"]) == ("pending", ["not_graded_yet"], False)


async def test_a_day_means_its_end_where_the_company_is(past: Past) -> None:
    await past.push(d10=25, d5=50)
    thing = things(past)[1]
    assert await past.grade(thing, f"?as_of={days_ago(11)}") is None
    assert await past.grade(thing, f"?as_of={days_ago(10)}") == 0.25
    assert await past.grade(thing, f"?as_of={days_ago(6)}") == 0.25
    assert await past.grade(thing, f"?as_of={days_ago(5)}") == 0.5
    asked = await past.goals.get(f"{thing}/grade?as_of={days_ago(10)}")
    assert datetime.fromisoformat(asked["as_of"]) == begin_of(days_ago(9))


async def test_what_was_learned_later_can_be_left_out(past: Past) -> None:
    await past.push(d10=25, d5=50)
    then = now()
    await past.push(d8=40)
    for thing in things(past):
        assert await past.grade(thing, f"?as_of={noon(7)}") == 0.4
        assert await past.grade(thing, f"?as_of={noon(7)}&known_at={then}") == 0.25
        assert await past.grade(thing, f"?known_at={then}") == 0.5
        assert await past.grade(thing, f"?known_at={days_ago(1)}") is None


async def test_pace_and_freshness_are_those_of_the_instant(past: Past) -> None:
    """Nothing happens after day 20, yet the days pass."""
    await past.push(d20=25)
    thing = things(past)[0]
    early = await past.goals.get(f"{thing}/grade?as_of={noon(19)}")
    late = await past.goals.get(f"{thing}/grade?as_of={noon(1)}")
    assert early["expected"] < late["expected"]
    assert (early["freshness"], late["freshness"]) == ("fresh", "late")


async def test_an_explanation_can_be_redone_by_hand(past: Past) -> None:
    await past.push(d10=25, d5=50)
    key_result, objective, *_ = things(past)
    explanation = await past.goals.get(f"{key_result}/explanation?as_of={noon(7)}")
    assert explanation["grade"]["grade"] == 0.25
    assert explanation["grade"]["ruleset"] == {"key": "standard", "version": 1}
    assert explanation["inputs"]["reading"]["value"] == 25
    way = next(step for step in explanation["steps"] if step["name"] == "way")
    assert (way["before"], way["after"], way["facts"]) == (25, 0.25, {"value": 25, "start": 0, "target": 100})
    assert way["text"] == "(25 − 0) ÷ (100 − 0) = 0.25"
    above = await past.goals.get(f"{objective}/explanation")
    mean = next(step for step in above["steps"] if step["name"] == "weighted_mean" and step["number"] == "grade")
    assert [(term["id"], term["weight"], term["grade"]) for term in mean["terms"]] == [(past.key_result["id"], 1, 0.5)]
    assert mean["after"] == above["grade"]["grade"] == 0.5


async def test_a_team_and_the_company_can_be_narrowed_to_a_cycle(past: Past) -> None:
    team = await past.goals.team()
    other = await past.goals.cycle(name="Other")
    for cycle, value in ((past.cycle, 20), (other, 60)):
        objective = await past.goals.objective(cycle, active=True, commitment="committed", team_id=team["id"])
        fields = {"start_value": 0, "target_value": 100, "commit_value": None, "stretch_value": None}
        key_result = await past.goals.key_result(objective, **fields)
        await past.goals.post(f"key-results/{key_result['id']}/check-ins", {"value": value})
    await past.serve()
    thing = f"teams/{team['id']}"
    assert await past.grade(thing) == 0.4
    assert await past.grade(thing, f"?cycle_id={other['id']}") == 0.6
    assert await past.grade(thing, f"?cycle_id={past.cycle['id']}") == 0.2
    assert await past.grade("organization", f"?cycle_id={other['id']}") == 0.6
    assert await past.grade(thing, f"?cycle_id={other['id']}&as_of={noon(5)}") is None
    explanation = await past.goals.get(f"{thing}/explanation?cycle_id={other['id']}")
    assert (explanation["grade"]["grade"], len(explanation["inputs"]["parts"])) == (0.6, 1)
    assert (await past.goals.refused("GET", f"{thing}/grade?cycle_id={new_id()}"))[:2] == (404, "not_found")


async def test_the_entity_tag_moves_with_the_grade(past: Past) -> None:
    await past.push(d10=25)
    path = f"/v1/{things(past)[1]}/grade"
    for query in ("", f"?as_of={noon(7)}"):
        tag = (await past.goals.client.get(path + query)).headers["etag"]
        again = await past.goals.client.get(path + query, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    await past.goals.client.post("/v1/metrics/signups/points", json={"value": 30, "observed_at": noon(8)})
    stale = await past.goals.client.get(path + query, headers={"If-None-Match": tag})
    assert (stale.status_code, stale.json()["stale"]) == (200, True)
    await past.serve()
    served = await past.goals.client.get(path + query, headers={"If-None-Match": stale.headers["etag"]})
    assert (served.status_code, served.json()["stale"], served.json()["grade"]) == (200, False, 0.3)


@pytest.mark.parametrize("question", ["grade", "explanation"])
async def test_another_companys_grades_are_not_there(past: Past, other: Any, question: str) -> None:
    theirs = await Goals.of(other)
    for thing in things(past)[:3]:
        assert (await theirs.refused("GET", f"{thing}/{question}"))[:2] == (404, "not_found")
        assert (await theirs.refused("GET", f"{thing}/{question}?as_of={noon(7)}"))[:2] == (404, "not_found")


@pytest.mark.parametrize("moment", ["yesterday", "2026-02-30", "2026-11-18T12:00:00", "1700000000", ""])
async def test_a_moment_is_an_instant_or_a_day(past: Past, moment: str) -> None:
    for name in ("as_of", "known_at"):
        answer = await past.goals.client.get(f"/v1/{things(past)[0]}/grade?{name}={moment}")
        assert answer.status_code == 422
        assert {error["parameter"] for error in answer.json()["errors"]} == {name}


async def test_the_future_is_the_present_carried_on(past: Past) -> None:
    await past.push(d5=50)
    ahead = (datetime.now(UTC) + timedelta(days=30)).date()
    thing = things(past)[0]
    carried = await past.goals.get(f"{thing}/grade?as_of={ahead}")
    assert (carried["grade"], carried["freshness"]) == (0.5, "late")
    # What will be known then is asked of then.
    known = await past.goals.get(f"{thing}/grade?known_at={ahead}")
    assert (known["grade"], known["expected"]) == (0.5, carried["expected"])


async def test_the_entity_tag_tells_a_stale_grade_from_one_that_was_confirmed(past: Past) -> None:
    """What came in later changes nothing at that instant; but only the worker knows."""
    await past.push(d10=25)
    path = f"/v1/{things(past)[0]}/grade?as_of={noon(7)}"
    await past.goals.client.post("/v1/metrics/signups/points", json={"value": 50, "observed_at": noon(5)})
    stale = await past.goals.client.get(path)
    await past.serve()
    served = await past.goals.client.get(path, headers={"If-None-Match": stale.headers["etag"]})
    assert (stale.json()["stale"], served.status_code) == (True, 200)
    assert served.json() == stale.json() | {"stale": False}
