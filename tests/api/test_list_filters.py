"""What lists can be narrowed to: each filter finds what it names and leaves out the rest."""

from typing import Any

import pytest
from api_company import Company
from api_problems import blamed
from goal_builders import ENDS_ON, STARTS_ON, TODAY, Goals


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


async def found(goals: Goals, path: str, queries: Any) -> dict[str, list[str]]:
    """The ids that the list answers to each query."""
    return {query: [item["id"] for item in (await goals.get(f"{path}?{query}"))["items"]] for query in queries}


def ids(expected: dict[str, list[Any]]) -> dict[str, list[str]]:
    """The same with the things' ids."""
    return {query: [one["id"] for one in things] for query, things in expected.items()}


async def grade_as(goals: Goals, kind: int, id: str, status: str) -> None:
    """Give a subject a grade with this status; `kind` is the number of its kind."""
    await goals.connection.execute(
        """
        INSERT INTO grade (organization_id, subject_kind, subject_id, observed_at, computed_seq, status, freshness, coverage,
                           success_line, provenance, ruleset_key, ruleset_version, reasons, inputs, computed_at)
        VALUES ($1, $2, $3, now(), 1, $4, 'fresh', 1, 0.7, 'computed', 'standard', 1, '{}', '{}', now())
        """,
        goals.company.id,
        kind,
        id,
        status,
    )


async def test_objectives_by_what_kind_of_goal_they_are(goals: Goals) -> None:
    cycle = await goals.cycle()
    grace = str(await goals.company.add_person("Grace"))
    one = await goals.objective(cycle, horizon="long_term", source="cascaded", contributor_ids=[grace])
    two = await goals.objective(cycle, horizon="short_term", source="independent", commitment="committed")
    three = await goals.objective(cycle, commitment="learning", contributor_ids=[goals.person_id, grace])
    expected: dict[str, list[Any]] = {
        "horizon=long_term": [one],
        "horizon=short_term": [two],
        "source=cascaded": [one],
        "source=cross_team": [],
        "commitment=aspirational": [one],
        "commitment=committed": [two],
        "commitment=learning": [three],
        f"contributor_id={grace}": [one, three],
        f"contributor_id={goals.person_id}": [three],
        f"contributor_id={grace}&horizon=long_term": [one],
    }
    assert await found(goals, "objectives", expected) == ids(expected)
    wrong = await goals.client.get("/v1/objectives?horizon=soon&source=above&commitment=some&contributor_id=me")
    assert blamed(wrong) == {
        ("not_one_of", "horizon"),
        ("not_one_of", "source"),
        ("not_one_of", "commitment"),
        ("wrong_form", "contributor_id"),
    }


async def test_filters_hold_on_the_pages_after_the_first_and_with_key_results_embedded(goals: Goals) -> None:
    cycle = await goals.cycle()
    wanted = []
    for number in range(5):
        objective = await goals.objective(cycle, horizon="long_term" if number % 2 == 0 else "short_term")
        key_result = await goals.key_result(objective)
        if number % 2 == 0:
            wanted.append((objective["id"], [key_result["id"]]))
    query, listed = "horizon=long_term&limit=2&expand=key_results", []
    page = await goals.get(f"objectives?{query}")
    while True:
        listed += [(item["id"], [one["id"] for one in item["key_results"]]) for item in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await goals.get(f"objectives?{query}&cursor={page['next_cursor']}")
    assert listed == wanted


async def test_cycles_by_cadence_status_and_day(goals: Goals) -> None:
    quarter = await goals.cycle()
    year = await goals.cycle(cadence="year", starts_on="2020-01-01", ends_on="2020-12-31")
    await grade_as(goals, 4, year["id"], "missed")
    expected: dict[str, list[Any]] = {
        "cadence=year": [year],
        "cadence=half": [],
        "status=missed": [year],
        "status=pending": [quarter],
        f"on={TODAY}": [quarter],
        f"on={STARTS_ON}": [quarter],
        f"on={ENDS_ON}": [quarter],
        "on=2020-12-31": [year],
        "on=2019-12-31": [],
        "on=2021-01-01": [],
    }
    assert await found(goals, "cycles", expected) == ids(expected)
    assert blamed(await goals.client.get("/v1/cycles?cadence=week&on=today&status=late")) == {
        ("not_one_of", "cadence"),
        ("wrong_form", "on"),
        ("not_one_of", "status"),
    }


async def test_teams_by_name_lead_and_status(goals: Goals) -> None:
    sales = await goals.team(name="Sales 100%", lead_id=goals.person_id)
    support = await goals.team(name="Support")
    await grade_as(goals, 3, support["id"], "at_risk")
    expected: dict[str, list[Any]] = {
        "q=s": [sales, support],
        "q=SUPP": [support],
        "q=0%25": [sales],
        "q=_": [],
        f"lead_id={goals.person_id}": [sales],
        "status=at_risk": [support],
        "status=pending": [sales],
    }
    assert await found(goals, "teams", expected) == ids(expected)


async def test_key_results_of_an_objective_by_kind_owner_and_status(goals: Goals) -> None:
    objective = await goals.objective(await goals.cycle(), active=True)
    rising = await goals.key_result(objective, owner_id=goals.person_id)
    falling = await goals.key_result(objective, kind="decrease")
    await grade_as(goals, 1, falling["id"], "achieved")
    expected: dict[str, list[Any]] = {
        "kind=increase": [rising],
        "kind=decrease": [falling],
        "kind=composite": [],
        f"owner_id={goals.person_id}": [rising],
        "status=achieved": [falling],
        "status=pending": [rising],
    }
    assert await found(goals, f"objectives/{objective['id']}/key-results", expected) == ids(expected)
    assert (await goals.client.get(f"/v1/objectives/{goals.person_id}/key-results?kind=reach")).status_code == 404


async def test_key_results_that_a_metric_feeds_by_cycle(goals: Goals) -> None:
    await goals.metric("churn")
    last, now = await goals.cycle(name="Last"), await goals.cycle(name="Now")
    before, after = [await goals.key_result(await goals.objective(cycle), metric_key="churn") for cycle in (last, now)]
    expected: dict[str, list[Any]] = {
        "limit=50": [before, after],
        f"cycle_id={last['id']}": [before],
        f"cycle_id={now['id']}": [after],
        f"cycle_id={goals.person_id}": [],
    }
    assert await found(goals, "metrics/churn/key-results", expected) == ids(expected)


async def test_metrics_by_source(goals: Goals) -> None:
    crm = await goals.post("metrics", {"key": "churn", "source": "crm"})
    await goals.post("metrics", {"key": "cash", "source": "erp"})
    await goals.post("metrics", {"key": "mood"})
    expected: dict[str, list[Any]] = {"source=crm": [crm], "source=cr": []}
    assert await found(goals, "metrics", expected) == ids(expected)


async def test_alignments_by_mode(goals: Goals) -> None:
    cycle = await goals.cycle()
    child, first, second = [await goals.objective(cycle) for _ in range(3)]
    counts = await goals.align(child, parent_objective_id=first["id"])
    supports = await goals.align(child, parent_objective_id=second["id"], mode="support")
    expected: dict[str, list[Any]] = {"mode=contribute": [counts], "mode=support": [supports]}
    assert await found(goals, f"objectives/{child['id']}/alignments", expected) == ids(expected)


async def test_keys_that_live(goals: Goals) -> None:
    (mine,) = (await goals.get("api-keys"))["items"]
    scopes = ["okr:read"]
    expired = await goals.post("api-keys", {"name": "short", "scopes": scopes, "expires_at": "2999-01-01T00:00:00Z"})
    revoked = await goals.post("api-keys", {"name": "gone", "scopes": scopes})
    await goals.delete(f"api-keys/{revoked['id']}", expect=204)
    live = {"include_ended=false": [mine, expired], "include_ended=true": [mine, expired, revoked]}
    assert await found(goals, "api-keys", live) == ids(live)
    past = "UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = $1"
    await goals.connection.execute(past, expired["id"])
    assert await found(goals, "api-keys", ["include_ended=false"]) == ids({"include_ended=false": [mine]})
