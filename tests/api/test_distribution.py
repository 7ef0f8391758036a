"""The report on how grades are spread, over HTTP: of now and of then, of objectives and of key results."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from goal_builders import Goals
from past import Past, days_ago

from okr_api.schemas.distribution import DistributionReport


@pytest.fixture
async def past(company: Any, app_url: str) -> AsyncIterator[Past]:
    async with Past.of(company, app_url) as past:
        yield past


async def report(past: Past, query: str = "") -> Any:
    answer = await past.goals.client.get(f"/v1/reports/distribution{query}")
    assert answer.status_code == 200, answer.text
    DistributionReport.model_validate_json(answer.content)
    return answer.json()


def by_name(found: Any) -> dict[str | None, tuple[int, float | None, float | None]]:
    """(count, mean, mean above the whole's) by the team's name."""
    return {
        one["name"]: (one["distribution"]["count"], one["distribution"]["mean"], one["drift"]["mean"])
        for one in found["teams"]
    }


async def an_objective(past: Past, value: float | None, **fields: Any) -> Any:
    """An active objective whose one key result a person says is so far done, in percent."""
    objective = await past.goals.objective(past.cycle, active=True, commitment="committed", **fields)
    way = {"start_value": 0, "target_value": 100, "commit_value": None, "stretch_value": None}
    key_result = await past.goals.key_result(objective, **way)
    if value is not None:
        await past.goals.post(f"key-results/{key_result['id']}/check-ins", {"value": value})
    return objective


async def test_teams_lie_beside_the_company_with_those_below_them(past: Past) -> None:
    north = await past.goals.team(name="North")
    fjord = await past.goals.team(name="Fjord", parent_id=north["id"])
    south = await past.goals.team(name="South")
    await past.goals.team(name="Idle")
    for team, value in ((north, 20), (fjord, 60), (south, 100), (south, None)):
        await an_objective(past, value, team_id=team["id"])
    await past.push(d10=25)
    found = await report(past)
    assert {name: found[name] for name in ("cycle_id", "level")} == {"cycle_id": None, "level": "objective"}
    assert found["whole"] == {
        "count": 5,
        "graded": 4,
        "missing": 1,
        "coverage": 0.8,
        "mean": 0.5125,
        "median": 0.425,
        "lower_quartile": 0.2375,
        "upper_quartile": 0.7,
        "spread": 0.320887441325,
        "high_share": 0.25,
        "tenths": [0, 0, 2, 0, 0, 0, 1, 0, 0, 1],
        "below": 0,
        "above": 0,
        "is_small": True,
    }
    assert by_name(found) == {
        "Fjord": (1, 0.6, 0.0875),
        "North": (2, 0.4, -0.1125),
        "South": (2, 1, 0.4875),
        None: (1, 0.25, -0.2625),
    }
    assert found["teams"][2]["drift"] == {"mean": 0.4875, "high_share": 0.75, "spread": -0.320887441325}


async def test_key_results_count_one_by_one_and_guardrails_not_at_all(past: Past) -> None:
    await past.push(d10=25)
    guardrail = await past.goals.key_result(past.objective, kind="guardrail")
    await past.goals.post(f"key-results/{guardrail['id']}/check-ins", {"value": 1})
    binary = await past.goals.key_result(past.objective, kind="binary")
    await past.goals.post(f"key-results/{binary['id']}/check-ins", {"value": 1})
    given_up = await past.goals.key_result(past.objective, kind="binary")
    await past.goals.delete(f"key-results/{given_up['id']}")
    await past.serve()
    found = await report(past, "?level=key_result")
    assert (found["level"], found["whole"]["count"], found["whole"]["mean"]) == ("key_result", 2, 0.625)


async def test_it_tells_of_any_day(past: Past) -> None:
    await past.push(d10=25, d5=50)
    assert (await report(past))["whole"]["mean"] == 0.5
    then = await report(past, f"?as_of={days_ago(7)}")
    assert (then["whole"]["mean"], then["whole"]["count"]) == (0.25, 1)
    assert (await report(past, f"?as_of={days_ago(20)}"))["whole"]["missing"] == 1
    assert (await report(past, f"?as_of={days_ago(40)}"))["whole"]["count"] == 0  # the cycle had not begun


async def test_a_cycle_counts_by_itself_also_when_it_is_over(past: Past) -> None:
    await past.push(d10=25)
    await past.goals.objective(past.cycle, title="A draft")
    cancelled = await past.goals.objective(past.cycle, active=True)
    await past.goals.post(f"objectives/{cancelled['id']}/cancel", expect=200)
    over = {"starts_on": str(days_ago(200)), "ends_on": str(days_ago(100))}
    before = await past.goals.cycle(name="Before", **over)
    await past.goals.objective(before, active=True)
    assert (await report(past))["whole"]["count"] == 1
    await past.serve()
    await past.goals.post(f"cycles/{before['id']}/close", expect=200)
    found = await report(past, f"?cycle_id={before['id']}")
    assert (found["cycle_id"], found["whole"]["count"], found["whole"]["graded"]) == (before["id"], 1, 0)
    assert (await report(past, f"?cycle_id={past.cycle['id']}"))["whole"]["count"] == 1


async def test_nobody_sees_the_grades_of_others(past: Past, other: Any) -> None:
    assert (await report(past))["whole"]["count"] == 1
    theirs = await Goals.of(other)
    assert (await theirs.get("reports/distribution"))["whole"]["count"] == 0
    path = f"reports/distribution?cycle_id={past.cycle['id']}"
    assert (await theirs.refused("GET", path))[:2] == (404, "not_found")
