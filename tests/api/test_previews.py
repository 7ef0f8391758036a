"""Previews of rulesets over HTTP: what would move, by how much and why, and that nothing does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from goal_builders import Goals
from past import Past, days_ago

from okr.ids import new_id
from okr_api.schemas.previews import PreviewRead

CAPPED = {"bounds": {"key_results": {"cap": 0.4}}, "labels": {"bands": [{"key": "any", "label": "Fine", "from": 0}]}}


@pytest.fixture
async def past(company: Any, app_url: str) -> AsyncIterator[Past]:
    async with Past.of(company, app_url) as past:
        yield past


async def preview(past: Past, path: str = "ruleset-previews", **body: Any) -> Any:
    answer = await past.goals.client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    PreviewRead.model_validate_json(answer.content)
    return answer.json()


RELAYED = {"event_relay", "event_sequence", "outbox_event"}
"""What the relay, which runs beside the requests, writes to."""


async def everything(past: Past) -> dict[str, Any]:
    """All rows of all tables, as one hash for each table; of events their number."""
    connection = past.goals.connection
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = "SELECT md5(string_agg(t::text || xmin, ',' ORDER BY t::text)) FROM {} t"
    found = {name: await connection.fetchval(rows.format(name)) for (name,) in tables if name not in RELAYED}
    return found | {"events": await connection.fetchval("SELECT count(*) FROM outbox_event")}


async def test_a_preview_tells_who_moves_and_why(past: Past) -> None:
    team = await past.goals.team(name="North")
    other = await past.goals.objective(past.cycle, active=True, commitment="committed", team_id=team["id"], title="Low")
    way = {"start_value": 0, "target_value": 100, "commit_value": None, "stretch_value": None}
    low = await past.goals.key_result(other, title="A low one", **way)
    await past.goals.post(f"key-results/{low['id']}/check-ins", {"value": 30})
    await past.push(d10=25, d5=50)
    found = await preview(past, document=CAPPED)
    assert {name: found[name] for name in ("ruleset", "scope_kind", "scope_id", "cycle_id")} == {
        "ruleset": None,
        "scope_kind": "organization",
        "scope_id": None,
        "cycle_id": None,
    }
    counts = {name: found["objectives"][name] for name in ("regraded", "moved", "up", "down", "gained", "lost")}
    assert counts == {"regraded": 2, "moved": 1, "up": 0, "down": 1, "gained": 0, "lost": 0}
    means = [found["objectives"][when]["mean"] for when in ("before", "after")]
    assert means == [0.4, 0.35]
    assert found["key_results"]["labels"] == [
        {"before": "Making progress", "after": "Fine", "count": 2},
    ]
    assert sum(count for row in found["objectives"]["statuses"].values() for count in row.values()) == 2
    north, nobody = found["teams"]
    assert (north["name"], north["drift_before"]["mean"], north["drift_after"]["mean"]) == ("North", -0.1, -0.05)
    assert (nobody["team_id"], nobody["before"]["mean"], nobody["after"]["mean"]) == (None, 0.5, 0.4)
    (mover,) = found["key_result_movers"]
    assert (mover["subject"], mover["difference"]) == (f"key_result:{past.key_result['id']}", -0.1)
    assert (mover["title"], mover["objective_id"]) == ("A increase", past.objective["id"])
    assert [mover[when]["grade"]["grade"] for when in ("before", "after")] == [0.5, 0.4]
    assert "0.5, no lower than 0, no higher than 1: 0.5" in [step["text"] for step in mover["before"]["steps"]]
    assert "0.5, no lower than 0, no higher than 0.4: 0.4" in [step["text"] for step in mover["after"]["steps"]]
    (objective,) = found["objective_movers"]
    assert (objective["subject"], objective["title"]) == (f"objective:{past.objective['id']}", "Delight")


async def test_a_preview_writes_nothing(past: Past) -> None:
    await past.push(d10=25, d5=50)
    before = await everything(past)
    assert before["grade"]
    await preview(past, document=CAPPED)
    await preview(past, preset="standard", cycle_id=past.cycle["id"])
    assert await everything(past) == before


async def test_a_version_is_previewed_in_its_scope(past: Past) -> None:
    team = await past.goals.team()
    theirs = await past.goals.objective(past.cycle, active=True, team_id=team["id"])
    key_result = await past.goals.key_result(theirs, kind="binary")
    await past.goals.post(f"key-results/{key_result['id']}/check-ins", {"value": 1})
    await past.push(d5=50)
    await past.goals.post("rulesets", {"key": "mild", "scope_kind": "team", "scope_id": team["id"]})
    await past.goals.post("rulesets/mild/versions", {"document": CAPPED})
    found = await preview(past, "rulesets/mild/versions/1/preview", movers=1)
    assert (found["ruleset"], found["scope_kind"], found["scope_id"]) == (
        {"key": "mild", "version": 1},
        "team",
        team["id"],
    )
    assert [found[level]["regraded"] for level in ("objectives", "key_results")] == [1, 1]
    assert [one["subject"] for one in found["objective_movers"]] == [f"objective:{theirs['id']}"]
    assert found["objectives"]["before"]["count"] == 2
    for number in (2, 3):
        assert (await past.goals.refused("POST", f"rulesets/mild/versions/{number}/preview", {}))[0] == 404


async def test_no_movers_are_told_if_none_are_asked_for(past: Past) -> None:
    await past.push(d5=50)
    found = await preview(past, document=CAPPED, movers=0)
    assert (found["objectives"]["moved"], found["objective_movers"], found["key_result_movers"]) == (1, [], [])


async def test_how_a_closed_cycle_would_have_looked(past: Past) -> None:
    await past.push(d10=25, d5=50)
    await past.goals.post(f"cycles/{past.cycle['id']}/close", expect=200)
    await past.serve()
    assert (await preview(past, document=CAPPED))["objectives"]["before"]["count"] == 0
    found = await preview(past, document=CAPPED, cycle_id=past.cycle["id"])
    assert (found["cycle_id"], found["objectives"]["down"]) == (past.cycle["id"], 1)
    (mover,) = found["objective_movers"]
    assert [mover[when]["grade"]["grade"] for when in ("before", "after")] == [0.5, 0.4]
    assert [mover[when]["grade"]["status"] for when in ("before", "after")] == ["missed", "missed"]
    assert await past.grade(f"objectives/{past.objective['id']}", f"?as_of={days_ago(0)}") == 0.5


async def test_what_waits_to_be_graded_is_previewed_as_it_will_be(past: Past) -> None:
    await past.push(d10=25)
    body = {"value": 30, "observed_at": f"{days_ago(2)}T12:00:00Z"}
    await past.goals.post("metrics/signups/points", body)
    found = await preview(past, document={"bounds": {"key_results": {"cap": 0.9}}})
    (mover,) = found["key_result_movers"]
    assert [mover[when]["grade"]["grade"] for when in ("before", "after")] == [0.25, 0.3]


async def test_what_was_never_graded_has_no_grade_before(past: Past) -> None:
    found = await preview(past, document={"measure": {"missing": "zero"}})
    assert (found["key_results"]["gained"], found["objectives"]["gained"]) == (1, 1)
    (mover,) = found["key_result_movers"]
    assert (mover["before"], mover["difference"], mover["after"]["grade"]["grade"]) == (None, None, 0)


async def test_refusals(past: Past, other: Any) -> None:
    refused = past.goals.refused
    nobody = str(new_id())
    assert (await refused("POST", "ruleset-previews", {}))[:2] == (422, "document_or_preset")
    assert await refused("POST", "ruleset-previews", {"preset": "nobody"}) == (422, "unknown_reference", "/preset")
    incomplete = {"preset": "standard", "scope_kind": "team"}
    assert await refused("POST", "ruleset-previews", incomplete) == (422, "scope_incomplete", "/scope_id")
    for name, body in {
        "scope_id": {"scope_kind": "team", "scope_id": nobody},
        "cycle_id": {"cycle_id": nobody},
    }.items():
        found = await refused("POST", "ruleset-previews", {"preset": "standard", **body})
        assert found == (422, "unknown_reference", f"/{name}")
    wrong = {"document": {"measure": {"zones": {"commit": 7}}}}
    assert (await refused("POST", "ruleset-previews", wrong))[:2] == (422, "invalid_request")
    assert (await refused("POST", "ruleset-previews", {"preset": "standard", "movers": 51}))[2] == "/movers"
    theirs = await Goals.of(other)
    body = {"preset": "standard", "cycle_id": past.cycle["id"]}
    assert (await theirs.refused("POST", "ruleset-previews", body))[:2] == (422, "unknown_reference")
