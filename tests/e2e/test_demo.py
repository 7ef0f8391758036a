"""The demo company on a running service: loaded over HTTP, complete, and safe to load again."""

import itertools
from datetime import date, timedelta

import httpx
import pytest
from demo_service import DemoCompany, Service

from okr_cli import demo
from okr_cli.client import Client, Json
from okr_cli.demo import closed, company, running_commercial, running_company, running_guests, story
from okr_cli.demo.loading import today_at_the_company
from okr_cli.demo.metrics import METRICS
from okr_cli.demo.plan import Plan, make_plan, quarter_of
from okr_cli.errors import CommandFailed

RUNNING_KEY_RESULTS = sum(len(objective.key_results) for objective in story.RUNNING)
CLOSED_KEY_RESULTS = sum(len(objective.key_results) for objective in closed.OBJECTIVES)


def unheard(line: str) -> None:
    """Progress that nobody listens to."""


def cycles(client: Client) -> dict[str, Json]:
    return {cycle["name"]: cycle for cycle in client.items("/v1/cycles")}


def objectives(client: Client, cycle: Json) -> dict[str, Json]:
    listed = client.items("/v1/objectives", cycle_id=cycle["id"], expand="key_results")
    return {objective["title"]: objective for objective in listed}


def running_key_result(one: DemoCompany, objective: str, title: str) -> Json:
    there = objectives(one.client, cycles(one.client)[one.plan.running.name])
    return next(key_result for key_result in there[objective]["key_results"] if key_result["title"] == title)


def everything(client: Client) -> dict[str, list[Json]]:
    """What a loading leaves behind, versions and numbers of requests included: nothing may differ after a second one.

    Time passes between two looks, and with it what is expected by now.
    """
    paths = ["/v1/people", "/v1/teams", "/v1/metrics", "/v1/cycles"]
    seen = {path: list(client.items(path)) for path in paths}
    seen["organization"] = [client.get("/v1/organization")]
    seen["objectives"] = list(client.items("/v1/objectives", expand="key_results"))
    for objective in seen["objectives"]:
        path = f"/v1/objectives/{objective['id']}/alignments"
        seen[path] = list(client.items(path))
        for key_result in objective["key_results"]:
            path = f"/v1/key-results/{key_result['id']}/check-ins"
            seen[path] = list(client.items(path))
    for metric in METRICS:
        path = f"/v1/metrics/{metric.key}/points"
        seen[path] = list(client.items(path))
    return seen


def test_a_whole_company_is_there(demo_company: DemoCompany) -> None:
    client, plan = demo_company.client, demo_company.plan
    organization = client.get("/v1/organization")
    assert (organization["name"], organization["time_zone"]) == (company.NAME, company.TIME_ZONE)
    assert len(list(client.items("/v1/people"))) == len(company.PEOPLE)
    assert len(list(client.items("/v1/metrics"))) == len(METRICS)
    teams = {team["name"]: team for team in client.items("/v1/teams")}
    assert {name: teams[team["name"]]["kind"] for name, team in teams.items()} == {
        team.name: team.kind for team in company.TEAMS
    }
    assert teams[company.GROWTH]["parent_id"] == teams[company.COMMERCIAL]["id"]
    found = cycles(client)
    running, before = objectives(client, found[plan.running.name]), objectives(client, found[plan.closed.name])
    assert (len(running), len(before)) == (len(story.RUNNING), len(closed.OBJECTIVES))
    assert sum(len(objective["key_results"]) for objective in running.values()) == RUNNING_KEY_RESULTS
    assert sum(len(objective["key_results"]) for objective in before.values()) == CLOSED_KEY_RESULTS


def test_the_past_is_closed_and_the_present_runs(demo_company: DemoCompany) -> None:
    client, plan = demo_company.client, demo_company.plan
    found = cycles(client)
    assert (found[plan.closed.name]["state"], found[plan.running.name]["state"]) == ("closed", "active")
    states = {
        name: {objective["state"] for objective in objectives(client, cycle).values()} for name, cycle in found.items()
    }
    assert states == {plan.closed.name: {"closed"}, plan.running.name: {"active"}}


def test_the_closed_quarter_ended_as_it_stood_on_its_last_day(demo_company: DemoCompany) -> None:
    """The values that came in since then belong to the next quarter."""
    cycle = cycles(demo_company.client)[demo_company.plan.closed.name]
    ended = objectives(demo_company.client, cycle)
    assert {title: objective["grade"]["status"] for title, objective in ended.items()} == {
        closed.FACE: "missed",
        closed.MORE_BEDS_SOLD: "achieved",
        closed.REGULARS: "achieved",
        closed.SPARE_PARTS: "missed",
        closed.BEFORE_ANGER: "achieved",
        closed.ROSTER: "achieved",
    }


def test_nothing_is_stale_when_the_loading_is_over(demo_company: DemoCompany) -> None:
    client = demo_company.client
    things = [thing for path in ("teams", "cycles", "objectives") for thing in client.items(f"/v1/{path}")]
    things.append(client.get("/v1/organization"))
    assert [thing for thing in things if thing["grade"]["stale"]] == []
    assert demo_company.lines[-1] == "everything is graded"


def test_every_value_and_every_word_has_arrived(demo_company: DemoCompany) -> None:
    client, plan = demo_company.client, demo_company.plan
    for metric in METRICS:
        planned = {point.observed_at for point in (*plan.points, *plan.late_points) if point.metric == metric.key}
        path = f"/v1/metrics/{metric.key}/points"
        kept = {point["observed_at"] for point in client.items(path) if point["source"] == metric.source}
        assert len(kept) == len(planned)
    found = cycles(client)
    for quarter, planned_objectives in plan.goals():
        there = objectives(client, found[quarter.name])
        for objective in planned_objectives:
            ids = {one["title"]: one["id"] for one in there[objective.title]["key_results"]}
            for key_result in objective.key_results:
                said = [one.said.comment for one in plan.check_ins(objective, key_result, quarter=quarter)]
                heard = client.items(f"/v1/key-results/{ids[key_result.title]}/check-ins")
                assert sorted(one["comment"] for one in heard) == sorted(said)


def test_what_is_special_reads_so(demo_company: DemoCompany) -> None:
    never = running_key_result(
        demo_company, running_company.OBVIOUS_CHOICE, "Travellers who would look for us before a flight"
    )
    late = running_key_result(demo_company, running_company.NIGHT_PEOPLE, "Crew pulse")
    backwards = running_key_result(demo_company, running_commercial.NEW_TRAVELLERS, "Cost of a new guest")
    beyond = running_key_result(demo_company, running_guests.WORTH_TELLING, "Hours until a guest has an answer")
    assert (never["grade"]["freshness"], never["grade"]["status"], never["grade"]["grade"]) == (
        "never",
        "pending",
        None,
    )
    assert late["grade"]["freshness"] == "late"
    assert backwards["grade"]["raw"] < 0 == backwards["grade"]["grade"]
    assert beyond["grade"]["raw"] > 1.5 > beyond["grade"]["grade"] == 1
    running = objectives(demo_company.client, cycles(demo_company.client)[demo_company.plan.running.name])
    capped = running[running_company.PRINTED_PROMISE]["grade"]
    assert "guardrail_breached" in capped["reasons"]
    assert capped["grade"] <= 0.3 < capped["progress"]


def test_a_raised_target_leaves_its_trace(demo_company: DemoCompany) -> None:
    (revision,) = story.REVISIONS
    raised = running_key_result(demo_company, revision.objective, revision.key_result)
    versions = list(demo_company.client.items(f"/v1/key-results/{raised['id']}/versions"))
    assert sorted((one["revision"], one["target_value"]) for one in versions) == [(1, 7.3), (2, 7.4)]
    assert revision.reason in {one["reason"] for one in versions}


def test_the_corrected_value_counts(demo_company: DemoCompany) -> None:
    (right,) = demo_company.plan.corrections
    points = demo_company.client.items(f"/v1/metrics/{right.metric}/points")
    kept = [point["value"] for point in points if point["dedupe_key"] == right.dedupe_key]
    assert kept == [right.value]


class BreakingDown(httpx.BaseTransport):
    """A network that works for so many requests, and then no more."""

    def __init__(self, requests: int) -> None:
        self._real = httpx.HTTPTransport()
        self._numbers = itertools.count(1)
        self._requests = requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._real.handle_request(request)
        if next(self._numbers) > self._requests:
            # The request has arrived; its answer is lost.
            answer.close()
            raise httpx.ReadError("the connection was cut")
        return answer

    def close(self) -> None:
        self._real.close()


def test_a_loading_that_broke_off_is_completed_by_the_next_and_another_changes_nothing(
    demo_service: Service, demo_company: DemoCompany
) -> None:
    plan, api_key = demo_company.plan, demo_service.new_key()
    for requests in (25, 90, 200):
        with (
            Client(demo_service.url, api_key, transport=BreakingDown(requests)) as client,
            pytest.raises(CommandFailed, match="broke off"),
        ):
            demo.load(client, today=plan.today, on_progress=unheard)
    with Client(demo_service.url, api_key) as client:
        demo.load(client, today=plan.today, on_progress=unheard)
        assert shape(client, plan) == shape(demo_company.client, plan)
        before = everything(client)
        demo.load(client, today=plan.today, on_progress=unheard)
        assert everything(client) == before


def shape(client: Client, plan: Plan) -> dict[str, object]:
    """What two loadings of the same day have in common: everything but ids, instants of recording and sequences."""
    found = cycles(client)
    return {
        "people": sorted(person["external_id"] for person in client.items("/v1/people")),
        "teams": sorted(team["name"] for team in client.items("/v1/teams")),
        "metrics": sorted(metric["key"] for metric in client.items("/v1/metrics")),
        "cycles": {name: cycle["state"] for name, cycle in found.items()},
        "key results": {
            (quarter.name, title, one["title"]): (one["kind"], one["target_value"], one["revision"])
            for quarter in (plan.closed, plan.running)
            for title, objective in objectives(client, found[quarter.name]).items()
            for one in objective["key_results"]
        },
        "check-ins": {
            (title, one["title"]): sum(1 for _ in client.items(f"/v1/key-results/{one['id']}/check-ins"))
            for quarter in (plan.closed, plan.running)
            for title, objective in objectives(client, found[quarter.name]).items()
            for one in objective["key_results"]
        },
    }


FIRST_DAY = quarter_of(today_at_the_company()).starts_on
LAST_DAY = FIRST_DAY - timedelta(days=1)
LEAP_DAY = date((LAST_DAY.year - 1) // 4 * 4, 2, 29)


@pytest.mark.parametrize("today", [FIRST_DAY, LAST_DAY], ids=["the first day of a quarter", "the last day"])
def test_it_can_be_loaded_for_any_day(demo_service: Service, today: date) -> None:
    with demo_service.client() as client:
        demo.load(client, today=today, on_progress=unheard)
        assert_graded(client, today)


def test_a_company_loaded_in_an_earlier_quarter_stays_in_it(demo_service: Service) -> None:
    with demo_service.client() as client:
        demo.load(client, today=LEAP_DAY, on_progress=unheard)
        assert_graded(client, LEAP_DAY)
        demo.load(client, today=today_at_the_company(), on_progress=unheard)
        assert cycles(client).keys() == {f"Q4 {LEAP_DAY.year - 1}", f"Q1 {LEAP_DAY.year}"}


def assert_graded(client: Client, today: date) -> None:
    """Every running key result has a grade, but the one that nobody measures."""
    running = objectives(client, cycles(client)[make_plan(today).running.name])
    grades = {one["title"]: one["grade"]["grade"] for objective in running.values() for one in objective["key_results"]}
    ungraded = {title for title, grade in grades.items() if grade is None}
    assert ungraded == {"Travellers who would look for us before a flight"}


def test_an_organization_with_a_life_of_its_own_is_left_alone(demo_service: Service) -> None:
    with demo_service.client() as client:
        client.post("/v1/cycles", {"name": "Ours", "starts_on": "2026-01-01", "ends_on": "2026-12-31"})
        with pytest.raises(CommandFailed, match="cycles of its own"):
            demo.load(client, today=today_at_the_company(), on_progress=unheard)
        assert list(client.items("/v1/people")) == []
