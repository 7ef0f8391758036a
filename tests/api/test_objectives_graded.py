"""Goals made over HTTP and graded by a real worker: what is read is what the rules make of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api_company import Company
from goal_builders import Goals

from company import insert
from okr.ids import new_id
from workers import scoring_workers, until_nothing_is_stale


@pytest.fixture
async def goals(company: Company, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Goals]:
    """The goals of `company`, with a worker that grades them."""
    async with scoring_workers(environment, tmp_path / "workers"):
        yield await Goals.of(company)


async def check_in(goals: Goals, key_result: Any, value: int) -> None:
    """A value, put in directly; the demand comes with the next change."""
    now = datetime.now(UTC)
    row = {"id": new_id(), "key_result_id": key_result["id"], "value": value, "observed_at": now, "recorded_at": now}
    await insert(goals.connection, "check_in", organization_id=goals.company.id, **row)


async def test_from_key_results_over_composites_and_alignments_to_the_company(goals: Goals) -> None:
    cycle = await goals.cycle()
    parent = await goals.objective(cycle, active=True, commitment="committed")
    child = await goals.objective(cycle, active=True, commitment="committed")
    ways = [await goals.key_result(parent, kind="reach", start_value=0, target_value=10) for _ in range(2)]
    formula = {"op": "sum", "of": [one["id"] for one in ways]}
    composite = await goals.key_result(
        parent, kind="composite", formula=formula, start_value=0, target_value=20, weight=2
    )
    below = await goals.key_result(child, kind="count_ratio", target_value=4)
    alignment = await goals.align(child, parent_objective_id=parent["id"], weight=4)
    for key_result, value in ((ways[0], 5), (ways[1], 7), (below, 1)):
        await check_in(goals, key_result, value)
        answer = await goals.client.patch(
            f"/v1/key-results/{key_result['id']}",
            json={"confidence": 0.5},
            headers={"If-Match": "*", "Prefer": "wait=20"},
        )
        shown = answer.json()
        assert (shown["current_value"], shown["grade"]["stale"]) == (value, False), shown
    await until_nothing_is_stale(goals.connection)
    read = await goals.get(f"objectives/{parent['id']}")
    grades = {one["id"]: (one["grade"]["grade"], one["current_value"]) for one in read["key_results"]}
    assert grades == {ways[0]["id"]: (0.5, 5), ways[1]["id"]: (0.7, 7), composite["id"]: (0.6, 12)}
    # (0.5 + 0.7 + 2 × 0.6 + 4 × 0.25) ÷ 8
    assert read["grade"]["grade"] == 0.425
    assert (await goals.get(f"cycles/{cycle['id']}"))["grade"]["grade"] == 0.425
    ended = await goals.client.delete(
        f"/v1/alignments/{alignment['id']}", headers={"If-Match": "*", "Prefer": "wait=20"}
    )
    assert ended.status_code == 200
    assert (await goals.get(f"objectives/{parent['id']}"))["grade"]["grade"] == 0.6
    await until_nothing_is_stale(goals.connection)
    assert (await goals.get(f"cycles/{cycle['id']}"))["grade"]["grade"] == 0.425  # (0.6 + 0.25) ÷ 2


async def test_an_alignment_turned_round_leaves_no_ring_in_the_past_to_grade(goals: Goals) -> None:
    cycle = await goals.cycle()
    one, two = [await goals.objective(cycle, active=True, commitment="committed") for _ in range(2)]
    for objective, value in ((one, 1), (two, 3)):
        key_result = await goals.key_result(objective, kind="count_ratio", target_value=4)
        await check_in(goals, key_result, value)
        await goals.patch(f"key-results/{key_result['id']}", {"confidence": 0.5})
    first = await goals.align(one, parent_objective_id=two["id"])
    await until_nothing_is_stale(goals.connection)
    assert (await goals.get(f"objectives/{two['id']}"))["grade"]["grade"] == 0.5
    await goals.delete(f"alignments/{first['id']}")
    await goals.align(two, parent_objective_id=one["id"])
    await until_nothing_is_stale(goals.connection)
    grades = [(await goals.get(f"objectives/{objective['id']}"))["grade"]["grade"] for objective in (one, two)]
    assert grades == [0.5, 0.75]
    assert (await goals.get(f"cycles/{cycle['id']}"))["grade"]["grade"] == 0.5
