"""Rulesets over HTTP: made, drafted, activated, retired; who, when and why are kept, and grades are made anew by a run."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
import yaml
from api_company import Company
from api_problems import blamed, refused
from goal_builders import Goals

from okr.db.tables.columns import utc_now
from okr.keys import Scope

ANY = {"If-Match": "*"}
YAML = {"Content-Type": "application/yaml"}
OURS = {"title": "Ours", "success": {"aspirational": 0.75}}


async def a_ruleset(company: Company, key: str = "house", **fields: Any) -> dict[str, Any]:
    """A ruleset, as it is answered."""
    answer = await company.client.post("/v1/rulesets", json={"key": key, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def a_draft(company: Company, key: str = "house", document: Any = None, **fields: Any) -> dict[str, Any]:
    """A version, as it is answered."""
    body = {"document": OURS if document is None else document, **fields}
    answer = await company.client.post(f"/v1/rulesets/{key}/versions", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def said(company: Company, what: str, key: str, number: int, **body: Any) -> dict[str, Any]:
    """The version after it was activated or retired."""
    body = {"reason": "Agreed."} | body
    answer = await company.client.post(f"/v1/rulesets/{key}/versions/{number}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = answer.json()
    return given


async def read(company: Company, key: str, number: int) -> dict[str, Any]:
    """The version as it stands."""
    given: dict[str, Any] = (await company.client.get(f"/v1/rulesets/{key}/versions/{number}")).json()
    return given


async def the_run(company: Company, id: str) -> dict[str, Any]:
    """The run as it stands."""
    given: dict[str, Any] = (await company.client.get(f"/v1/runs/{id}")).json()
    return given


def ahead(days: float) -> str:
    """An instant so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def test_a_ruleset_is_made_read_renamed_and_deleted(company: Company) -> None:
    made = await a_ruleset(company)
    assert {
        name: made[name] for name in ("key", "name", "scope_kind", "scope_id", "active_number", "newest_number")
    } == {
        "key": "house",
        "name": "house",
        "scope_kind": "organization",
        "scope_id": None,
        "active_number": None,
        "newest_number": None,
    }
    answer = await company.client.patch("/v1/rulesets/house", json={"name": "House rules"}, headers=ANY)
    assert (answer.json()["name"], answer.json()["version"]) == ("House rules", 2)
    listed = (await company.client.get("/v1/rulesets?scope_kind=organization&sort=key")).json()
    assert [one["key"] for one in listed["items"]] == ["house"]
    assert (await company.client.get("/v1/rulesets?scope_kind=team")).json()["items"] == []
    await a_draft(company)
    assert (await company.client.delete("/v1/rulesets/house", headers=ANY)).status_code == 204
    assert (await company.client.get("/v1/rulesets/house")).status_code == 404


async def test_a_ruleset_belongs_to_one_place(company: Company) -> None:
    goals = await Goals.of(company)
    team, cycle = await goals.team(), await goals.cycle()
    assert (await a_ruleset(company, "t", scope_kind="team", scope_id=team["id"]))["scope_id"] == team["id"]
    assert (await a_ruleset(company, "c", scope_kind="cycle", scope_id=cycle["id"]))["scope_kind"] == "cycle"
    found = (await company.client.get(f"/v1/rulesets?scope_id={team['id']}")).json()["items"]
    assert [one["key"] for one in found] == ["t"]
    for scope in ({"scope_kind": "team"}, {"scope_id": team["id"]}):
        answer = await company.client.post("/v1/rulesets", json={"key": "x", **scope})
        assert refused(answer) == (422, "scope_incomplete")
    answer = await company.client.post("/v1/rulesets", json={"key": "x", "scope_kind": "cycle", "scope_id": team["id"]})
    assert refused(answer) == (422, "unknown_reference")


async def test_a_key_names_one_ruleset_and_the_built_in_one_has_its_own(company: Company) -> None:
    await a_ruleset(company)
    for key in ("house", "standard"):
        answer = await company.client.post("/v1/rulesets", json={"key": key})
        assert refused(answer) == (409, "already_exists")
        assert blamed(answer) == {("already_exists", "/key")}


async def test_a_draft_is_numbered_changed_and_deleted(company: Company) -> None:
    await a_ruleset(company)
    first = await a_draft(company, note="To begin with.")
    assert (first["number"], first["state"], first["note"]) == (1, "draft", "To begin with.")
    assert first["created_by"].startswith("api_key:")
    assert first["document"]["success"]["aspirational"] == 0.75
    assert first["document"]["success"]["committed"] == 1, "stored whole"
    assert (await a_draft(company))["number"] == 2
    path = "/v1/rulesets/house/versions/1"
    changes = {"document": {"success": {"aspirational": 0.8}}, "note": None}
    changed = (await company.client.patch(path, json=changes, headers=ANY)).json()
    assert (changed["document"]["success"]["aspirational"], changed["note"], changed["version"]) == (0.8, None, 2)
    assert (await company.client.delete(path, headers=ANY)).status_code == 204
    listed = (await company.client.get("/v1/rulesets/house/versions?sort=-number")).json()["items"]
    assert [one["number"] for one in listed] == [2]
    assert "document" not in listed[0]


async def test_a_document_travels_as_yaml_too(company: Company) -> None:
    await a_ruleset(company)
    path = "/v1/rulesets/house/versions"
    answer = await company.client.post(path, content="success: {aspirational: 0.75}  # agreed\n", headers=YAML)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{path}/1")
    assert answer.json()["document"]["success"]["aspirational"] == 0.75
    text = await company.client.get(f"{path}/1", headers={"Accept": "application/yaml"})
    assert text.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(text.text)["success"]["aspirational"] == 0.75
    again = {"Accept": "application/yaml", "If-None-Match": text.headers["ETag"]}
    assert (await company.client.get(f"{path}/1", headers=again)).status_code == 304
    wrong = await company.client.post(path, content="success: {aspirational: [}", headers=YAML)
    assert refused(wrong) == (422, "invalid_request")
    wrong = await company.client.post(path, content=b"title: \xff", headers=YAML)
    assert refused(wrong) == (422, "malformed_json")
    wrong = await company.client.post(path, content="bounds: {key_results: {top: 1}}", headers=YAML)
    assert blamed(wrong) == {("unknown_field", "/bounds/key_results/top")}
    assert refused(await company.client.post("/v1/rulesets", content="key: a", headers=YAML)) == (
        415,
        "unsupported_media_type",
    )


async def test_what_is_wrong_with_a_document_is_told_by_its_path(company: Company) -> None:
    await a_ruleset(company)
    document = {"success": {"committed": "high"}, "labels": {"bandz": []}}
    answer = await company.client.post("/v1/rulesets/house/versions", json={"document": document})
    assert refused(answer) == (422, "invalid_request")
    assert blamed(answer) == {
        ("wrong_rule", "/document/success/committed"),
        ("unknown_field", "/document/labels/bandz"),
    }
    details = [error["detail"] for error in answer.json()["errors"]]
    assert any(detail.startswith("success.committed: ") for detail in details), details
    assert (await company.client.get("/v1/rulesets/house/versions")).json()["items"] == []


async def test_a_version_can_begin_as_a_preset(company: Company) -> None:
    await a_ruleset(company)
    presets = (await company.client.get("/v1/presets")).json()["items"]
    assert "standard" in [one["key"] for one in presets]
    preset = (await company.client.get("/v1/presets/standard")).json()
    assert preset["key"] == "standard"
    answer = await company.client.post("/v1/rulesets/house/versions", json={"preset": "standard"})
    assert answer.status_code == 201, answer.text
    assert (await company.client.get("/v1/presets/nothing")).status_code == 404
    for body in ({}, {"preset": "standard", "document": {}}):
        answer = await company.client.post("/v1/rulesets/house/versions", json=body)
        assert refused(answer) == (422, "document_or_preset")
    answer = await company.client.post("/v1/rulesets/house/versions", json={"preset": "nothing"})
    assert refused(answer) == (422, "unknown_reference")


async def test_activation_keeps_who_when_and_why_and_opens_a_run(company: Company) -> None:
    await a_ruleset(company)
    await a_draft(company)
    before = utc_now()
    active = await said(company, "activate", "house", 1, reason="Agreed in May.")
    assert (active["state"], active["activation_reason"]) == ("active", "Agreed in May.")
    assert active["activated_by"] == active["created_by"]
    assert before <= datetime.fromisoformat(active["effective_from"]) <= utc_now()
    assert (await company.client.get("/v1/rulesets/house")).json()["active_number"] == 1
    run = await the_run(company, active["run_id"])
    assert (run["kind"], run["state"], run["created_by"]) == ("regrade_all", "queued", active["activated_by"])
    assert {name: run["detail"][name] for name in ("ruleset", "number", "because", "scope")} == {
        "ruleset": "house",
        "number": 1,
        "because": "activated",
        "scope": "organization",
    }


async def test_what_was_activated_never_changes(company: Company, owner: asyncpg.Connection) -> None:
    await a_ruleset(company)
    await a_draft(company)
    await said(company, "activate", "house", 1)
    path = "/v1/rulesets/house/versions/1"
    for answer in (
        await company.client.patch(path, json={"note": "Other"}, headers=ANY),
        await company.client.delete(path, headers=ANY),
        await company.client.post(f"{path}/activate", json={"reason": "Again."}),
    ):
        assert refused(answer) == (409, "ruleset_version_not_draft")
    assert refused(await company.client.delete("/v1/rulesets/house", headers=ANY)) == (409, "ruleset_in_use")
    for statement in (
        "UPDATE ruleset_version SET document = '{}'",
        "UPDATE ruleset_version SET effective_from = now()",
        "UPDATE ruleset_version SET activation_reason = 'Another.'",
        "DELETE FROM ruleset_version",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await owner.execute(statement)


async def test_one_version_of_a_scope_is_in_force_at_a_time(company: Company) -> None:
    for key in ("house", "other"):
        await a_ruleset(company, key)
        await a_draft(company, key)
    first = await said(company, "activate", "house", 1)
    second = await said(company, "activate", "other", 1)
    ended = await read(company, "house", 1)
    assert (first["effective_until"], ended["state"], ended["retired_by"]) == (None, "retired", None)
    assert ended["effective_until"] == second["effective_from"]
    assert second["state"] == "active"


async def test_rules_of_another_scope_go_on(company: Company) -> None:
    team = await (await Goals.of(company)).team()
    await a_ruleset(company)
    await a_ruleset(company, "team", scope_kind="team", scope_id=team["id"])
    for key in ("house", "team"):
        await a_draft(company, key)
        await said(company, "activate", key, 1)
    assert [(await read(company, key, 1))["state"] for key in ("house", "team")] == ["active", "active"]


async def test_a_version_can_be_scheduled_and_what_held_until_then_says_so(company: Company) -> None:
    await a_ruleset(company)
    for _ in range(2):
        await a_draft(company)
    await said(company, "activate", "house", 1)
    planned = await said(company, "activate", "house", 2, effective_from=ahead(1))
    assert planned["state"] == "scheduled"
    held = await read(company, "house", 1)
    assert (held["state"], held["effective_until"]) == ("active", planned["effective_from"])
    assert (await the_run(company, planned["run_id"]))["state"] == "queued"
    past = await company.client.post(
        "/v1/rulesets/house/versions/2/activate", json={"reason": "Late.", "effective_from": ahead(-1)}
    )
    assert refused(past) == (422, "effective_in_past")


async def test_a_plan_that_is_given_up_leaves_all_as_it_was(company: Company) -> None:
    await a_ruleset(company)
    for _ in range(2):
        await a_draft(company)
    await said(company, "activate", "house", 1)
    planned = await said(company, "activate", "house", 2, effective_from=ahead(1))
    given_up = await said(company, "retire", "house", 2, reason="Not yet.")
    assert (given_up["state"], given_up["retirement_reason"]) == ("retired", "Not yet.")
    assert given_up["effective_until"] == given_up["effective_from"]
    held = await read(company, "house", 1)
    assert (held["state"], held["effective_until"]) == ("active", None)
    assert (await the_run(company, planned["run_id"]))["state"] == "cancelled"


async def test_another_version_at_the_very_instant_of_a_plan_takes_its_place(company: Company) -> None:
    await a_ruleset(company)
    for _ in range(2):
        await a_draft(company)
    at = ahead(1)
    planned = await said(company, "activate", "house", 1, effective_from=at)
    await said(company, "activate", "house", 2, effective_from=at)
    assert (await read(company, "house", 1))["state"] == "retired"
    assert (await the_run(company, planned["run_id"]))["state"] == "cancelled"


async def test_retiring_ends_a_version_now_and_opens_a_run(company: Company) -> None:
    await a_ruleset(company)
    await a_draft(company)
    active = await said(company, "activate", "house", 1)
    retired = await said(company, "retire", "house", 1, reason="The pilot is over.")
    assert (retired["state"], retired["retirement_reason"], retired["retired_by"]) == (
        "retired",
        "The pilot is over.",
        active["activated_by"],
    )
    run = await the_run(company, retired["run_id"])
    assert run["id"] != active["run_id"]
    assert (run["detail"]["because"], run["detail"]["from"]) == ("retired", retired["effective_until"])
    assert (await company.client.get("/v1/rulesets/house")).json()["active_number"] is None
    for number in (1, (await a_draft(company))["number"]):
        answer = await company.client.post(f"/v1/rulesets/house/versions/{number}/retire", json={"reason": "x"})
        assert refused(answer) == (409, "ruleset_version_not_in_force")


async def test_a_state_that_time_brings_is_a_new_tag(company: Company, owner: asyncpg.Connection) -> None:
    await a_ruleset(company)
    await a_draft(company)
    await said(company, "activate", "house", 1, effective_from=ahead(0.0001))
    before = await company.client.get("/v1/rulesets/house/versions/1")
    assert before.json()["state"] == "scheduled"
    await owner.execute("ALTER TABLE ruleset_version DISABLE TRIGGER okr_keep_ruleset_version")
    await owner.execute("UPDATE ruleset_version SET effective_from = now() - interval '1 second'")
    again = await company.client.get("/v1/rulesets/house/versions/1", headers={"If-None-Match": before.headers["ETag"]})
    assert (again.status_code, again.json()["state"]) == (200, "active")


async def test_a_run_can_be_cancelled_once(company: Company) -> None:
    await a_ruleset(company)
    await a_draft(company)
    run_id = (await said(company, "activate", "house", 1))["run_id"]
    cancelled = await company.client.post(f"/v1/runs/{run_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert "former rules" in cancelled.json()["detail"]["left"]
    assert refused(await company.client.post(f"/v1/runs/{run_id}/cancel")) == (409, "run_not_cancellable")


async def test_a_team_that_moves_below_another_is_regraded_where_teams_have_rules(company: Company) -> None:
    goals = await Goals.of(company)
    team, other = await goals.team(), await goals.team()
    await goals.patch(f"teams/{team['id']}", {"parent_id": other["id"]})
    assert (await company.client.get("/v1/runs")).json()["items"] == []
    await a_ruleset(company, scope_kind="team", scope_id=other["id"])
    await a_draft(company)
    active = await said(company, "activate", "house", 1)
    await goals.patch(f"teams/{team['id']}", {"parent_id": None})
    runs = (await company.client.get("/v1/runs")).json()["items"]
    (moved,) = [run for run in runs if run["id"] != active["run_id"]]
    assert (moved["detail"]["because"], moved["detail"]["scope"]) == ("moved", f"team:{team['id']}")
    assert moved["detail"]["from"] == active["effective_from"]


async def test_events_tell_the_life_of_a_version(company: Company) -> None:
    made = await a_ruleset(company)
    for _ in range(2):
        await a_draft(company)
    await said(company, "activate", "house", 1)
    await said(company, "activate", "house", 2, effective_from=ahead(1))
    await said(company, "retire", "house", 1)
    rows = await company.connection.fetch(
        "SELECT type, subject, data::text AS data FROM outbox_event WHERE type LIKE 'okr.ruleset.%' ORDER BY written"
    )
    told = [(row["type"].split(".")[2], orjson.loads(row["data"]).get("number")) for row in rows]
    assert told == [
        ("added", None),
        ("version_added", 1),
        ("version_added", 2),
        ("came_into_force", 1),
        ("scheduled", 2),
        ("retired", 1),
    ]
    assert {row["subject"] for row in rows} == {f"ruleset:{UUID(made['id'])}"}


async def test_only_an_administrator_of_rules_changes_them(company: Company, clients: Any) -> None:
    await a_ruleset(company)
    writer = await clients(company.id, scopes=[Scope.OKR_READ, Scope.OKR_WRITE])
    assert (await writer.get("/v1/rulesets/house")).status_code == 200
    assert refused(await writer.post("/v1/rulesets", json={"key": "b"})) == (403, "forbidden")


async def test_what_conditions_ask_about_counts_as_soon_as_it_changes(company: Company) -> None:
    goals = await Goals.of(company)
    objective = await goals.objective(await goals.cycle(), active=True)
    key_result = await goals.key_result(objective, kind="binary")

    async def raised(path: str, **change: Any) -> list[str]:
        async with goals.raising() as raised:
            await goals.patch(path, change)
        return sorted(raised.kinds())

    assert await raised(f"objectives/{objective['id']}", tags=["x"]) == []
    assert await raised(f"key-results/{key_result['id']}", value_class="output") == ["objective"]
    when = 'subject.value_class == "output" || "y" in subject.tags'
    adjustment = {"key": "output", "when": when, "then": {"cap": 0.7}, "reason": "Output is no value."}
    await a_ruleset(company)
    await a_draft(company, document={"adjustments": [adjustment]})
    await said(company, "activate", "house", 1)
    assert await raised(f"objectives/{objective['id']}", tags=["y"]) == ["key_result", "objective"]
    assert await raised(f"objectives/{objective['id']}", title="Other") == []
    assert await raised(f"key-results/{key_result['id']}", indicator="leading") == ["key_result", "objective"]
