"""Every refusal that is declared exists, every one that exists is declared, and the page about them says what is so."""

import asyncio
import importlib
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api_company import Company
from fastapi import FastAPI
from goal_builders import STARTS_ON, Goals
from starlette.requests import Request
from starlette.responses import Response

import okr
import okr_api
from okr.domain.errors import Conflict, DomainError, Invalid
from okr.domain.validation import ZoneGradeInvalid
from okr.ids import new_id
from okr.keys import Scope
from okr_api import refusals
from okr_api.errors import Gone
from okr_api.findings import ITEM_CODES
from okr_api.routing import Route

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"
# Families, which nobody raises, and what the form of a body keeps from being asked.
NEVER_ANSWERED = {Conflict, Invalid, Gone, ZoneGradeInvalid}
ANY = {"If-Match": "*"}
NOBODY = str(new_id())


def test_the_page_is_made_from_what_is_declared() -> None:
    assert PAGE.read_text() == refusals.written(), "make docs writes it anew"


def test_every_refusal_says_what_it_means_and_what_to_do() -> None:
    for refusal in refusals.declared():
        meaning, remedy = refusals.told(refusal)
        assert meaning.endswith("."), refusal
        assert len(remedy.split()) > 2, refusal
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", refusal.code), refusal


def test_a_code_belongs_to_one_refusal_and_every_refusal_to_an_operation() -> None:
    for package in (okr, okr_api):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    existing = [one for one in _below(DomainError) if one.__module__.startswith(("okr.", "okr_api."))]
    codes = [one.code for one in existing]
    assert len(codes) == len(set(codes))
    assert set(existing) - set(refusals.declared()) == NEVER_ANSWERED


def _below(parent: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


class Provoking:
    """A company in which each refusal is provoked once; `codes` are those that were seen, of problems and of their items."""

    def __init__(self, app: FastAPI, goals: Goals, clients: Any) -> None:
        self.app = app
        self.goals = goals
        self.client = goals.client
        self.clients = clients
        self.codes: set[str] = set()
        self.items: set[str] = set()

    async def ask(self, method: str, path: str, **sent: Any) -> Any:
        """A request that is refused."""
        headers = {**ANY, **sent.pop("headers", {})}
        answer = await self.client.request(method, f"/v1/{path}", headers=headers, **sent)
        return self.note(answer)

    def note(self, answer: Any) -> Any:
        """See its codes."""
        assert answer.status_code >= 400, answer.text
        problem = answer.json()
        self.codes.add(problem["code"])
        self.items |= {item["code"] for item in problem["errors"]}
        return problem

    async def post(self, path: str, body: Any = None) -> Any:
        """POST what is refused."""
        return await self.ask("POST", path, json=body)

    async def patch(self, path: str, body: Any) -> Any:
        """PATCH what is refused."""
        return await self.ask("PATCH", path, json=body)


async def requests_that_no_operation_takes(one: Provoking) -> None:
    json_type = {"Content-Type": "application/json"}
    await one.ask("GET", "nothing")
    await one.ask("PUT", "me")
    await one.ask("GET", "me", headers={"Authorization": "Bearer no"})
    reader = await one.clients(one.goals.company.id, scopes=[Scope.OKR_READ])
    one.note(await reader.post("/v1/teams", json={"name": "A"}))
    await one.ask("GET", "teams/%00")
    await one.ask("GET", "teams?kind=%ff")
    await one.ask("GET", "me?x=1")
    await one.ask("GET", "me", headers={"X": "a" * 40_000})
    await one.ask("POST", "teams", content=b"{", headers=json_type)
    await one.ask("POST", "teams", content=b"{}", headers={"Content-Type": "text/plain"})
    await one.ask("POST", "teams", content=b" " * (2 * 1024 * 1024 + 1), headers=json_type)
    await one.ask("GET", "people?limit=0")
    await one.ask("GET", "people?cursor=x")
    await one.ask("GET", "people?sort=x")
    await one.ask("GET", "events?type=x")
    await one.ask("GET", "history?subject=organization&format=csv&limit=1")
    await one.ask("PATCH", f"teams/{NOBODY}", json={}, headers={"If-Match": "x"})
    bodies: list[Any] = [{}, {"name": 1}, {"name": ""}, {"name": "a", "x": 1}, {"name": "a", "kind": "x"}]
    for body in [*bodies, {"name": "a", "lead_id": "x"}]:
        await one.post("teams", body)
    await one.post(f"key-results/{NOBODY}/check-ins", {"confidence": 2})
    preflight = {"Origin": "https://nobody.example", "Access-Control-Request-Method": "GET"}
    await one.ask("OPTIONS", "me", headers=preflight)


async def what_is_there_already(one: Provoking) -> None:
    await one.goals.post("people", {"name": "Bo", "email": "bo@example.com"})
    await one.post("people", {"name": "Bo", "email": "bo@example.com"})
    await one.goals.post("metrics", {"key": "revenue"})
    await one.ask("PUT", "metrics/revenue", json={"key": "sales"})
    point = {"value": 1, "observed_at": f"{STARTS_ON}T00:00:00Z"}
    await one.goals.post("metrics/revenue/points", point)
    await one.post("metrics/revenue/points", {**point, "value": 2})
    ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    await one.post("metrics/revenue/points", {"value": 1, "observed_at": ahead})
    await one.post("api-keys", {"name": "A", "scopes": ["okr:read"], "expires_at": "2020-01-01T00:00:00Z"})


async def versions_and_keys(one: Provoking) -> None:
    path = f"teams/{(await one.goals.team())['id']}"
    await one.ask("PATCH", path, json={"name": "B"}, headers={"If-Match": '"9.0.0"'})
    one.note(await one.client.patch(f"/v1/{path}", json={"name": "B"}))
    key = {"Idempotency-Key": "key"}
    await one.client.post("/v1/teams", json={"name": "A"}, headers=key)
    await one.ask("POST", "teams", json={"name": "B"}, headers=key)
    # The parent's row is held by somebody else, so that the first request with the key stays at work.
    company = one.goals.company
    child = {"name": "Child", "parent_id": path.removeprefix("teams/")}
    async with company.connection.transaction():
        await company.connection.execute("SELECT 1 FROM team FOR UPDATE")
        sent = {"json": child, "headers": {"Idempotency-Key": "other"}}
        first = asyncio.create_task(one.client.post("/v1/teams", **sent))
        await company.somebody_waits_for_a_lock()
        await one.ask("POST", "teams", **sent)
    assert (await first).status_code == 201


async def rings(one: Provoking) -> None:
    goals = one.goals
    team, cycle = await goals.team(), await goals.cycle()
    await one.patch(f"teams/{team['id']}", {"parent_id": team["id"]})
    await one.patch(f"cycles/{cycle['id']}", {"parent_id": cycle["id"]})
    child, parent = await goals.objective(cycle), await goals.objective(cycle)
    alignment = await goals.align(child, parent_objective_id=parent["id"])
    path = f"objectives/{parent['id']}/alignments"
    await one.post(path, {"parent_objective_id": child["id"]})
    await one.post(f"objectives/{child['id']}/alignments", {"parent_objective_id": parent["id"]})
    await one.post(path, {})
    key_result = await goals.key_result(child)
    await one.post(path, {"parent_key_result_id": key_result["id"], "mode": "contribute"})
    await goals.delete(f"alignments/{alignment['id']}")
    await one.patch(f"alignments/{alignment['id']}", {"weight": 2})


async def cycles_and_objectives_at_the_wrong_time(one: Provoking) -> None:
    goals = one.goals
    days = {"name": "C", "starts_on": "2026-03-01", "ends_on": "2026-02-01"}
    await one.post("cycles", days)
    await one.post("cycles", {**days, "ends_on": "2036-01-01"})
    cycle, draft = await goals.cycle(), await goals.cycle(active=False)
    await one.post(f"cycles/{cycle['id']}/activate")
    await one.post(f"cycles/{draft['id']}/close")
    objective = await goals.objective(cycle)
    await one.post(f"objectives/{objective['id']}/close")
    await goals.post(f"objectives/{objective['id']}/activate", expect=200)
    await one.post(f"objectives/{objective['id']}/activate")
    path = f"objectives/{objective['id']}/key-results"
    await one.post(path, {"title": "K", "kind": "binary", "due_on": "2020-01-01"})
    await goals.key_result(objective, due_on=cycle["ends_on"])
    shorter = (datetime.fromisoformat(cycle["ends_on"]) - timedelta(days=1)).date().isoformat()
    await one.patch(f"cycles/{cycle['id']}", {"ends_on": shorter})
    cancelled = await goals.objective(cycle)
    await goals.post(f"objectives/{cancelled['id']}/cancel", expect=200)
    await one.post(f"objectives/{cancelled['id']}/activate")
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    await one.post(path, {"title": "K", "kind": "binary"})
    late = {"title": "O", "cycle_id": cycle["id"], "owner_id": goals.person_id}
    await one.post("objectives", late)
    await one.post("objectives", {**late, "owner_id": NOBODY, "cycle_id": draft["id"]})
    gone = await goals.post("people", {"name": "Gone", "is_active": False})
    await one.post("objectives", {**late, "owner_id": gone["id"], "cycle_id": draft["id"]})


async def key_results_that_make_no_sense(one: Provoking) -> None:
    goals = one.goals
    objective = await goals.objective(await goals.cycle())
    way = {"kind": "increase", "start_value": 0, "target_value": 10}
    for measure in (
        {"kind": "increase"},
        {**way, "band_low": 1},
        {**way, "target_value": 0},
        {**way, "target_value": -1},
        {**way, "commit_value": 11},
        {"kind": "band", "band_low": 1, "band_high": 1},
        {"kind": "count_ratio", "target_value": 0},
        {"kind": "milestone", "milestones": [{"title": "A"}, {"title": "A"}]},
        {"kind": "milestone", "milestones": [{"title": "A", "weight": 0}]},
    ):
        await one.post(f"objectives/{objective['id']}/key-results", {"title": "K", **measure})
    ordinal = await goals.key_result(objective, kind="ordinal")
    formula = {"formula": {"op": "sum", "of": [ordinal["id"]]}, "start_value": 0, "target_value": 1}
    await one.post(f"objectives/{objective['id']}/key-results", {"title": "K", "kind": "composite", **formula})
    binary = await goals.key_result(objective, kind="binary")
    await one.patch(f"key-results/{binary['id']}", {"kind": "increase"})
    await one.post(f"key-results/{binary['id']}/check-ins", {})
    await one.post(f"key-results/{binary['id']}/check-ins", {"value": 2})
    await one.post(f"key-results/{ordinal['id']}/check-ins", {"zone": "superb"})
    milestone = await goals.key_result(objective, kind="milestone")
    await one.post(f"key-results/{milestone['id']}/check-ins", {"milestone": "superb"})
    await goals.metric("churn")
    fed = await goals.key_result(objective, metric_key="churn")
    await one.post(f"key-results/{fed['id']}/check-ins", {"value": 1})
    await goals.key_result(objective, kind="composite", formula={"op": "sum", "of": [fed["id"]]})
    await one.ask("DELETE", f"key-results/{fed['id']}")
    await goals.delete(f"key-results/{binary['id']}")
    await one.post(f"key-results/{binary['id']}/check-ins", {"value": 1})


async def final_grades_out_of_turn(one: Provoking) -> None:
    goals = one.goals
    cycle, bo = await goals.cycle(), str(await goals.company.add_person("Bo"))
    objective = await goals.objective(cycle, active=True)
    word = {"grade": 1.5, "reason": "More than all", "person_id": goals.person_id}
    one.note(await one.client.put(f"/v1/objectives/{objective['id']}/override", json=word))
    path = f"objectives/{objective['id']}/final-grade"
    await one.post(path, {"step": "owner"})
    await one.post(f"cycles/{cycle['id']}/reopen", {"reason": "It is open"})
    await goals.post(f"cycles/{cycle['id']}/start-grading", expect=200)
    await one.post(f"cycles/{cycle['id']}/start-grading")
    await one.post(f"cycles/{cycle['id']}/close")
    await one.post(path, {"step": "reviewer", "person_id": bo})
    await one.post(path, {"step": "owner", "person_id": bo})
    await one.post(path, {"step": "owner", "grade": 1})
    await goals.post(path, {"step": "owner"}, expect=200)
    await one.post(path, {"step": "reviewer"})
    await one.post(path, {"step": "reviewer", "person_id": goals.person_id})


async def what_others_do_meanwhile(one: Provoking) -> None:
    goals, company = one.goals, one.goals.company
    here, there = await goals.cycle(), await goals.cycle()
    objective = await goals.objective(here)
    async with company.connection.transaction():
        move = "UPDATE objective SET cycle_id = $1 WHERE id = $2"
        await company.connection.execute(move, there["id"], objective["id"])
        closing = asyncio.create_task(one.post(f"objectives/{objective['id']}/cancel"))
        await company.somebody_waits_for_a_lock()
    await closing
    leaving = await company.add_person("Leaving")
    async with company.connection.transaction():
        await company.connection.execute("DELETE FROM person WHERE id = $1", leaving)
        adding = asyncio.create_task(one.post("teams", {"name": "T", "lead_id": str(leaving)}))
        await company.somebody_waits_for_a_lock()
    await adding


async def rules_that_do_not_do(one: Provoking) -> None:
    goals = one.goals
    await goals.post("rulesets", {"key": "house"})
    await one.post("rulesets", {"key": "b", "scope_kind": "team"})
    await one.post("rulesets/house/versions", {})
    await one.post("rulesets/house/versions", {"document": {"bounds": {"sets": {"cap": "high"}}}})
    for _ in range(2):
        await goals.post("rulesets/house/versions", {"document": {}})
    why = {"reason": "Agreed."}
    await one.post("rulesets/house/versions/1/activate", {**why, "effective_from": "2020-01-01T00:00:00Z"})
    await one.post("rulesets/house/versions/1/retire", why)
    await goals.post("rulesets/house/versions/1/activate", why, expect=200)
    await one.post("rulesets/house/versions/1/activate", why)
    await one.ask("DELETE", "rulesets/house")
    run_id = (await goals.get("rulesets/house/versions/1"))["run_id"]
    await goals.post(f"runs/{run_id}/cancel", expect=200)
    await one.post(f"runs/{run_id}/cancel")
    await goals.company.connection.execute("UPDATE ruleset_version SET document = '{\"no\": 1}' WHERE number = 2")
    await one.ask("GET", "rulesets/house/versions/2", headers={"Accept": "application/yaml"})


async def events_that_are_gone(one: Provoking) -> None:
    cursor = (await one.goals.get("events?from=now"))["next_cursor"]
    await one.goals.company.connection.execute("UPDATE event_relay SET position = position + 2, pruned = position + 1")
    await one.ask("GET", f"events?cursor={cursor}")


async def faults_of_our_own(one: Provoking) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("the reactor leaks")

    one.app.router.routes.insert(0, Route("/v1/broken", broken, is_public=True, methods=["GET"]))
    await one.ask("GET", "broken")
    await one.app.state.ports.readers.close()
    await one.ask("GET", "teams")


SITUATIONS: list[Callable[[Provoking], Awaitable[None]]] = [
    requests_that_no_operation_takes,
    what_is_there_already,
    versions_and_keys,
    rings,
    cycles_and_objectives_at_the_wrong_time,
    key_results_that_make_no_sense,
    final_grades_out_of_turn,
    what_others_do_meanwhile,
    rules_that_do_not_do,
    events_that_are_gone,
    faults_of_our_own,
]
# A broken connection is no request: test_broken_http.py has many.
ELSEWHERE = {"broken_http"}


async def test_every_code_can_be_provoked_and_no_other(app: FastAPI, company: Company, clients: Any) -> None:
    one = Provoking(app, await Goals.of(company), clients)
    for situation in SITUATIONS:
        await situation(one)
    declared = {refusal.code for refusal in refusals.declared()}
    assert one.codes == declared - ELSEWHERE
    assert set(ITEM_CODES) <= one.items <= declared | set(ITEM_CODES)


async def test_every_code_of_a_batch_can_be_provoked(company: Company) -> None:
    await company.client.post("/v1/metrics", json={"key": "revenue"})
    at = f"{STARTS_ON}T00:00:00Z"
    point = {"metric": "revenue", "value": 1, "observed_at": at}
    points = [
        point,
        {**point, "value": 2},
        {**point, "metric": "nobody"},
        {**point, "observed_at": "2900-01-01T00:00:00Z"},
    ]
    results = (await company.client.post("/v1/metric-points", json={"points": points})).json()["results"]
    assert [one["code"] for one in results] == [None, "point_conflict", "unknown_metric", "observed_in_future"]
    assert {one["code"] for one in results[1:]} == {code for code, _ in refusals.IN_BATCHES}
