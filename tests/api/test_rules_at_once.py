"""Rules that change while something else goes on: other rules, the run before, values, teams, the end of a cycle."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from house import House, served

from company import push
from okr.db.engine import connection_of
from okr.db.points import NewPoint
from okr.db.tables.columns import utc_now
from okr.settings import Settings
from okr_scoring.drain import Drainer

REASON = {"reason": "Agreed."}


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """A grown company in which everything is graded."""
    async with served(settings) as service, connection_of(service.pool) as connection:
        yield await House.of(service, connection)


async def activate(house: House, place: str, number: int, *, ahead: timedelta | None = None) -> Any:
    """Bring a version into force, and wait for nothing."""
    body = REASON | ({} if ahead is None else {"effective_from": (utc_now() + ahead).isoformat()})
    return await house.ask("POST", f"rulesets/{place}/versions/{number}/activate", body)


async def graded(house: House) -> None:
    """Serve what is asked for now, and leave the runs alone."""
    drainer = Drainer(house.served.pool, roll_up_distance_seconds=0)
    await drainer.drain(house.company.id)
    await drainer.close()


async def test_of_activations_at_once_one_holds_and_all_are_accounted_for(house: House) -> None:
    numbers = [await house.draft("organization", name) for name in ("thirds", "other bounds", "conditions", "thirds")]
    await asyncio.gather(*(activate(house, "organization", number) for number in numbers), graded(house))
    assert len(await house.versions("active")) == 1
    assert len(await house.versions("retired")) == 3
    await house.settle()
    await house.check_current()
    await house.check_history()


async def test_rules_that_change_again_before_their_run_is_over(house: House) -> None:
    for place, name in (("organization", "thirds"), ("top", "conditions"), ("organization", "other bounds")):
        await activate(house, place, await house.draft(place, name))
        await push(house.company, NewPoint("arr", Decimal(61), utc_now()))
        await graded(house)
    await house.ask("POST", "rulesets/top/versions/1/retire", REASON)
    await house.ask("PATCH", f"teams/{house.made['leaf']}", {"parent_id": None})
    await house.settle()
    await house.check_current()
    await house.check_history()


async def test_a_plan_given_up_as_it_comes_leaves_no_grade_behind(house: House) -> None:
    planned = await activate(
        house, "organization", await house.draft("organization", "thirds"), ahead=timedelta(seconds=0.5)
    )
    await push(house.company, NewPoint("arr", Decimal(61), utc_now()))
    await graded(house)
    given_up = await house.ask("POST", "rulesets/organization/versions/1/retire", REASON)
    assert given_up["effective_until"] == given_up["effective_from"]
    while utc_now() <= datetime.fromisoformat(planned["effective_from"]):
        await asyncio.sleep(0.02)
    await house.settle()
    await house.check_current()
    await house.check_history()


@pytest.mark.parametrize("place", ["organization", "cycle", "top", "leaf"])
async def test_what_waits_to_be_graded_is_previewed_as_activation_writes_it(house: House, place: str) -> None:
    number = await house.draft(place, "other bounds")
    await push(house.company, NewPoint("arr", Decimal(61), utc_now() - timedelta(days=1)))
    grades, _ = await house.previewed(place, number)
    await activate(house, place, number)
    await house.settle()
    after = await house.current()
    assert {id: after[id] for id in grades} == grades


async def test_rules_that_change_while_a_cycle_is_graded_and_after_it_is_reopened(house: House) -> None:
    cycle, company = f"cycles/{house.company.cycle_id}", house.company
    await company.connection.execute(
        "UPDATE cycle SET ends_on = $2 WHERE id = $1", company.cycle_id, utc_now().date() - timedelta(days=3)
    )
    await house.ask("POST", f"{cycle}/start-grading")
    await house.activate("organization", "thirds")
    await house.speak("child", 0.25)
    await house.ask("POST", f"{cycle}/close", {"accept_prefilled": True})
    await house.settle()
    await house.activate("organization", "other bounds")
    await house.check_history()
    await house.ask("POST", f"{cycle}/reopen", {"reason": "Again."})
    await house.settle()
    await house.check_current()
    await house.activate("cycle", "conditions")
    await house.check_current()
    await house.check_history()


async def test_a_number_that_no_version_has_is_refused(house: House) -> None:
    await house.draft("organization", "thirds")
    for number in ("0", "-1", "1e3", "1.5", "2", "99999999999999999999", "1%00", "%D9%A1"):
        for method, rest, body in (("GET", "", None), ("POST", "/preview", {}), ("POST", "/activate", REASON)):
            await house.ask(method, f"rulesets/organization/versions/{number}{rest}", body, expect=(404, 422))


async def test_a_key_is_refused_or_names_its_ruleset(house: House) -> None:
    for key in ("", " ", "a/b", "..", "a" * 1000, "é", "\0", "?", "A b", "a\n"):
        await house.ask("POST", "rulesets", {"key": key}, expect=(422,))
    for key in ("-", "_", "0", "a.b"):
        made = await house.ask("POST", "rulesets", {"key": key}, expect=(201, 422))
        if "id" in made:
            assert (await house.ask("GET", f"rulesets/{key}"))["id"] == made["id"]
