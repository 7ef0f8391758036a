"""The scoreboard of a cycle over HTTP, of now and of then."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from goal_builders import Goals
from past import Past, days_ago, noon, now

from okr_api.schemas.scoreboard import ScoreboardRead


@pytest.fixture
async def past(company: Any, app_url: str) -> AsyncIterator[Past]:
    async with Past.of(company, app_url) as past:
        yield past


async def board(past: Past, query: str = "") -> Any:
    answer = await past.goals.client.get(f"/v1/cycles/{past.cycle['id']}/scoreboard{query}")
    assert answer.status_code == 200, answer.text
    ScoreboardRead.model_validate_json(answer.content)
    return answer.json()


def told(board: Any) -> dict[str, tuple[float | None, dict[str, float | None]]]:
    """Titles with grades: of the objectives, and of each one's key results."""
    return {
        item["objective"]["title"]: (
            item["grade"]["grade"],
            {one["title"]: one["grade"]["grade"] for one in item["key_results"]},
        )
        for item in board["items"]
    }


async def test_a_board_shows_everything_with_its_grade(past: Past) -> None:
    await past.push(d10=25, d5=50)
    await past.goals.objective(past.cycle, title="A draft")
    await past.goals.objective(await past.goals.cycle(name="Another"), title="Elsewhere")
    found = await board(past)
    assert told(found) == {"Delight": (0.5, {"A increase": 0.5}), "A draft": (None, {})}
    assert {name: found["cycle"][name] for name in ("id", "name", "state")} == {
        "id": past.cycle["id"],
        "name": "Cycle",
        "state": "active",
    }
    totals = found["totals"]
    assert (totals["objectives"], totals["key_results"], totals["counting"]) == (2, 1, 1)
    assert sum(totals["status"].values()) == 1
    assert totals["grade"]["grade"] == 0.5
    key_result = found["items"][0]["key_results"][0]
    assert (key_result["metric_key"], key_result["weight"], key_result["kind"]) == ("signups", 1, "increase")
    assert (found["as_of"] <= datetime.now(UTC).isoformat(), found["known_at"]) == (True, None)


async def test_a_board_of_then_shows_the_grades_in_force_then(past: Past) -> None:
    await past.push(d10=25, d5=50)
    assert told(await board(past, f"?as_of={days_ago(7)}")) == {"Delight": (0.25, {"A increase": 0.25})}
    assert told(await board(past, f"?as_of={days_ago(7)}&known_at={days_ago(1)}")) == {}
    then = now()
    await past.push(d8=40)
    found = await board(past, f"?as_of={noon(7)}")
    assert told(found) == {"Delight": (0.4, {"A increase": 0.4})}
    assert found["totals"]["grade"]["grade"] == 0.4
    known = await board(past, f"?as_of={noon(7)}&known_at={then}")
    assert told(known) == {"Delight": (0.25, {"A increase": 0.25})}


async def test_a_board_shows_the_value_and_the_target_in_force(past: Past) -> None:
    await past.push(d10=25, d5=50)
    before = now()
    await past.goals.patch(f"key-results/{past.key_result['id']}", {"target_value": 200})
    await past.serve()

    def shown(found: Any) -> tuple[float, float, float]:
        one = found["items"][0]["key_results"][0]
        return one["current_value"], one["target_value"], one["grade"]["grade"]

    assert shown(await board(past)) == (50, 200, 0.25)
    assert shown(await board(past, f"?as_of={before}")) == (50, 100, 0.5)
    assert shown(await board(past, f"?as_of={days_ago(7)}")) == (25, 100, 0.25)


async def test_what_was_given_up_shows_until_then(past: Past) -> None:
    await past.push(d10=25)
    before = now()
    await past.goals.delete(f"key-results/{past.key_result['id']}")
    given_up = await past.goals.objective(past.cycle, title="Given up", active=True)
    between = now()
    await past.goals.post(f"objectives/{given_up['id']}/cancel", expect=200)
    assert told(await board(past, f"?as_of={before}"))["Delight"][1] == {"A increase": 0.25}
    assert told(await board(past, f"?as_of={before}&known_at={before}")).keys() == {"Delight"}
    assert told(await board(past, f"?as_of={between}")).keys() == {"Delight", "Given up"}
    assert told(await board(past)).keys() == {"Delight"}
    assert told(await board(past))["Delight"][1] == {}


async def test_an_empty_board_still_is_one(past: Past, other: Any) -> None:
    cycle = await past.goals.cycle(name="Empty", active=False)
    found = await past.goals.get(f"cycles/{cycle['id']}/scoreboard")
    assert (found["items"], found["totals"]["status"], found["totals"]["grade"]["status"]) == ([], {}, "pending")
    theirs = await Goals.of(other)
    assert (await theirs.refused("GET", f"cycles/{cycle['id']}/scoreboard"))[:2] == (404, "not_found")
