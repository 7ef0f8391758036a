"""Nothing slips in while something above it ends: a change waits for the end's transaction, and is then refused."""

import asyncio
from typing import Any

import pytest
from api_company import Company
from goal_builders import KINDS, Goals


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
    """


async def refused_after(goals: Goals, ending: str, id: str, method: str, path: str, body: Any = None) -> Any:
    """What a request is refused with that arrives while `ending`, a statement about the thing with that id, is not committed."""
    async with goals.connection.transaction():
        await goals.connection.execute(ending, id)
        request = asyncio.create_task(goals.refused(method, path, body))
        async with asyncio.timeout(10):
            while not await goals.connection.fetchval(WAITING):
                assert not request.done(), request.result()
                # Within a transaction the first look would be repeated, and who connected after it never be seen.
                await goals.connection.execute("SELECT pg_stat_clear_snapshot()")
    return await request


CLOSE_CYCLE = "UPDATE cycle SET state = 'closed' WHERE id = $1"
CLOSE_OBJECTIVE = "UPDATE objective SET state = 'closed' WHERE id = $1"
CANCEL_KEY_RESULT = "UPDATE key_result SET cancelled_at = now() WHERE id = $1"
CLOSED_CYCLE, CLOSED_OBJECTIVE = (409, "cycle_closed", None), (409, "objective_closed", None)


async def test_into_a_cycle_that_is_being_closed(goals: Goals) -> None:
    cycle = await goals.cycle()
    body = {"title": "Late", "cycle_id": cycle["id"], "owner_id": goals.person_id}
    assert await refused_after(goals, CLOSE_CYCLE, cycle["id"], "POST", "objectives", body) == CLOSED_CYCLE


async def test_from_one_cycle_into_another_that_is_being_closed(goals: Goals) -> None:
    objective, cycle = await goals.objective(await goals.cycle()), await goals.cycle()
    path, body = f"objectives/{objective['id']}", {"cycle_id": cycle["id"]}
    assert await refused_after(goals, CLOSE_CYCLE, cycle["id"], "PATCH", path, body) == CLOSED_CYCLE


async def test_below_an_objective_that_is_being_closed(goals: Goals) -> None:
    cycle = await goals.cycle()
    for method, suffix, body in (
        ("POST", "/key-results", {"title": "Late", "kind": "binary"}),
        ("PATCH", "", {"weight": 5}),
        ("POST", "/activate", None),
    ):
        objective = await goals.objective(cycle)
        path = f"objectives/{objective['id']}{suffix}"
        assert await refused_after(goals, CLOSE_OBJECTIVE, objective["id"], method, path, body) == CLOSED_OBJECTIVE


async def test_to_a_key_result_that_is_being_cancelled(goals: Goals) -> None:
    key_result = await goals.key_result(await goals.objective(await goals.cycle()))
    path, refused = f"key-results/{key_result['id']}", (409, "key_result_cancelled", None)
    revision = {"target_value": KINDS["increase"]["target_value"] + 1}
    assert await refused_after(goals, CANCEL_KEY_RESULT, key_result["id"], "PATCH", path, revision) == refused


async def test_to_a_parent_that_is_being_closed(goals: Goals) -> None:
    cycle = await goals.cycle()
    child, parent = [await goals.objective(cycle) for _ in range(2)]
    path, body = f"objectives/{child['id']}/alignments", {"parent_objective_id": parent["id"]}
    assert await refused_after(goals, CLOSE_OBJECTIVE, parent["id"], "POST", path, body) == CLOSED_OBJECTIVE
