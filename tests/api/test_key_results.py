"""Key results over HTTP: every kind, what is refused, versions, and what each change has graded again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from api_company import Company
from goal_builders import BEGIN, ENDS_ON, KINDS, STARTS_ON, Goals

from company import insert
from okr.db.partitions import Partitions
from okr.ids import new_id
from okr_api.schemas.key_results import KeyResultRead, KeyResultVersionRead


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


@pytest.fixture
async def objective(goals: Goals) -> Any:
    """An active objective in a running cycle."""
    return await goals.objective(await goals.cycle(), active=True)


async def check_in(goals: Goals, key_result: Any, **said: Any) -> None:
    """What a person says of a key result, put in directly; `observed_at` is now unless said otherwise."""
    now = datetime.now(UTC)
    row = {"id": new_id(), "key_result_id": key_result["id"], "observed_at": now, "recorded_at": now, **said}
    await insert(goals.connection, "check_in", organization_id=goals.company.id, **row)


async def test_every_kind_can_be_made_and_reads_as_it_was_sent(goals: Goals, objective: Any) -> None:
    operand = await goals.key_result(objective)
    bodies = {kind: {"title": f"A {kind}", "kind": kind, **fields} for kind, fields in KINDS.items()}
    bodies["composite"]["formula"] = {"op": "sum", "of": [operand["id"]]}
    empty = dict.fromkeys(
        ("start_value", "target_value", "commit_value", "stretch_value", "band_low", "band_high", "milestones", "zones")
    ) | dict.fromkeys(
        ("formula", "unit", "metric_key", "current_value", "confidence", "value_class", "indicator", "owner_id")
    )
    for kind, body in bodies.items():
        answer = await goals.client.post(f"/v1/objectives/{objective['id']}/key-results", json=body)
        made = answer.json()
        assert answer.status_code == 201, made
        assert answer.headers["Location"] == f"/v1/key-results/{made['id']}"
        assert made == await goals.get(f"key-results/{made['id']}")
        # The answer has the fields that the schema declares, all of them and no others.
        KeyResultRead.model_validate(made)
        expected = empty | body | {"weight": 1.0, "revision": 1, "version": 1, "objective_id": objective["id"]}
        if kind == "milestone":
            expected["milestones"] = [
                {"title": "Plan", "weight": 1.0, "done": True},
                {"title": "Ship", "weight": 3.0, "done": False},
            ]
        assert {name: made[name] for name in expected} == expected
        assert (made["due_on"], made["cancelled_at"], made["grade"]["status"]) == (None, None, "pending")
    listed = (await goals.get(f"objectives/{objective['id']}/key-results"))["items"]
    assert [one["kind"] for one in listed] == ["increase", *bodies]
    assert listed == (await goals.get(f"objectives/{objective['id']}"))["key_results"]


async def test_what_a_kind_cannot_measure_is_refused(goals: Goals, objective: Any) -> None:
    path = f"objectives/{objective['id']}/key-results"
    milestone = {"title": "Plan"}
    for kind, fields, code, pointer in (
        ("increase", {"target_value": 10}, "start_equals_target", "/target_value"),
        ("increase", {"start_value": 30}, "wrong_direction", "/target_value"),
        ("increase", {"start_value": None}, "field_required", "/start_value"),
        ("increase", {"commit_value": 25}, "out_of_order", "/commit_value"),
        ("increase", {"band_low": 1}, "field_not_for_kind", "/band_low"),
        ("decrease", {"target_value": 30}, "wrong_direction", "/target_value"),
        ("decrease", {"stretch_value": 12}, "out_of_order", "/stretch_value"),
        ("reach", {"target_value": -5}, "start_equals_target", "/target_value"),
        ("at_least", {"target_value": None}, "field_required", "/target_value"),
        ("at_most", {"start_value": 1}, "wrong_direction", "/target_value"),
        ("band", {"band_high": 40}, "band_empty", "/band_high"),
        ("band", {"band_low": None}, "field_required", "/band_low"),
        ("binary", {"target_value": 2}, "field_not_for_kind", "/target_value"),
        ("milestone", {"milestones": []}, "field_required", "/milestones"),
        ("milestone", {"milestones": [milestone, milestone]}, "duplicate", "/milestones/1/title"),
        ("milestone", {"milestones": [milestone | {"weight": 0}]}, "weight_invalid", "/milestones"),
        ("milestone", {"metric_key": "nps"}, "field_not_for_kind", "/metric_key"),
        ("ordinal", {"zones": None}, "field_required", "/zones"),
        ("ordinal", {"zones": [{"name": "good", "grade": 1.5}]}, "invalid_request", "/zones/0/grade"),
        ("count_ratio", {"target_value": 0}, "target_not_positive", "/target_value"),
        ("composite", {}, "field_required", "/formula"),
        ("composite", {"formula": {"op": "median", "of": []}}, "invalid_request", "/formula/op"),
        ("guardrail", {"band_high": None}, "field_required", "/band_low"),
        ("increase", {"metric_key": "nps"}, "unknown_reference", "/metric_key"),
        ("increase", {"weight": -1}, "invalid_request", "/weight"),
        ("increase", {"current_value": 1}, "invalid_request", "/current_value"),
        ("increase", {"owner_id": str(uuid4())}, "unknown_reference", "/owner_id"),
        ("increase", {"due_on": (STARTS_ON - timedelta(days=1)).isoformat()}, "due_outside_cycle", "/due_on"),
        ("increase", {"due_on": (ENDS_ON + timedelta(days=1)).isoformat()}, "due_outside_cycle", "/due_on"),
        ("wish", {}, "invalid_request", "/kind"),
    ):
        body = {"title": "KR", "kind": kind, **KINDS.get(kind, {}), **fields}
        assert await goals.refused("POST", path, body) == (422, code, pointer), (kind, fields)
    for due_on in (STARTS_ON, ENDS_ON):
        await goals.key_result(objective, due_on=due_on.isoformat())


async def test_a_formula_stands_on_measured_key_results_of_its_own_objective(goals: Goals, objective: Any) -> None:
    path = f"objectives/{objective['id']}/key-results"
    elsewhere = await goals.key_result(await goals.objective({"id": objective["cycle_id"]}))
    good = [await goals.key_result(objective, kind=kind) for kind in ("reach", "band", "binary", "count_ratio")]
    composite = await goals.key_result(objective, kind="composite", formula={"op": "max", "of": [good[0]["id"]]})
    cancelled = await goals.key_result(objective)
    await goals.delete(f"key-results/{cancelled['id']}")
    wrong = [await goals.key_result(objective, kind=kind) for kind in ("guardrail", "ordinal", "milestone")]

    def body(*operands: Any) -> dict[str, Any]:
        formula = {"op": "sum", "of": [one["id"] for one in operands]}
        return {"title": "All of it", "kind": "composite", "formula": formula, "start_value": 0, "target_value": 1}

    for operand in (composite, cancelled, *wrong):
        expected = (422, "operand_not_allowed", "/formula/of/1")
        assert await goals.refused("POST", path, body(good[0], operand)) == expected
    for operand in (elsewhere, {"id": str(uuid4())}):
        assert await goals.refused("POST", path, body(operand)) == (422, "unknown_reference", "/formula/of/0")
    assert await goals.refused("POST", path, body(good[0], good[0])) == (422, "duplicate", "/formula/of/1")
    itself = {"formula": {"op": "sum", "of": [composite["id"]]}}
    refused = await goals.refused("PATCH", f"key-results/{composite['id']}", itself)
    assert refused == (422, "operand_not_allowed", "/formula/of/0")
    made = await goals.post(path, body(*good))
    assert made["formula"] == body(*good)["formula"]
    # As long as a formula names it, it stays.
    assert await goals.refused("DELETE", f"key-results/{good[1]['id']}") == (409, "key_result_in_use", None)
    await goals.patch(f"key-results/{made['id']}", {"formula": {"op": "min", "of": []}})
    await goals.delete(f"key-results/{good[1]['id']}")


async def test_a_change_of_the_measure_makes_a_version_that_says_who_and_why(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective)
    await goals.metric("nps")
    path = f"key-results/{key_result['id']}"
    before = datetime.now(UTC)
    changes: list[dict[str, Any]] = [
        {"target_value": 25},
        {"start_value": 12, "commit_value": None},
        {"weight": 3},
        {"metric_key": "nps"},
        {"stretch_value": 40},
    ]
    for number, change in enumerate(changes, start=2):
        revised = await goals.patch(path, change | {"reason": f"because {number}"})
        assert (revised["revision"], revised["version"]) == (number, number)
        assert {name: revised[name] for name in change} == change
    versions = (await goals.get(f"{path}/versions"))["items"]
    assert [KeyResultVersionRead.model_validate(one).revision for one in versions] == [1, 2, 3, 4, 5, 6]
    assert [one["reason"] for one in versions] == [None, *(f"because {number}" for number in range(2, 7))]
    assert len({one["changed_by"] for one in versions}) == 1
    assert versions[0]["changed_by"].startswith("api_key:")
    assert [one["target_value"] for one in versions] == [20, 25, 25, 25, 25, 25]
    assert [one["metric_key"] for one in versions] == [None] * 4 + ["nps"] * 2
    starts = [datetime.fromisoformat(one["valid_from"]) for one in versions]
    assert starts == sorted(set(starts))
    assert starts[0] < before < starts[1]
    newest = await goals.connection.fetchrow("SELECT kind, metric_id, revision FROM key_result")
    assert (newest["kind"], newest["metric_id"] is not None, newest["revision"]) == ("increase", True, 6)
    assert (await goals.get(f"{path}/versions?sort=-revision&limit=1"))["items"] == [versions[-1]]


async def test_what_changes_nothing_measured_makes_no_version(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective, kind="milestone", confidence=0.5)
    path = f"key-results/{key_result['id']}"
    same = {name: key_result[name] for name in ("title", "kind", "milestones", "weight", "zones", "confidence", "unit")}
    async with goals.raising() as raised:
        assert (await goals.patch(path, same | {"reason": "none"})) | {"grade": None} == key_result | {"grade": None}
    assert raised.since == {}
    own = {"title": "Other", "unit": "€", "value_class": "outcome", "indicator": "leading", "owner_id": goals.person_id}
    async with goals.raising() as raised:
        renamed = await goals.patch(path, own)
    assert (renamed["version"], renamed["revision"]) == (2, 1)
    assert {name: renamed[name] for name in own} == own
    # No grade changes; the objective shows its key results, so its entity tag has to.
    assert list(raised.since) == [f"objective:{objective['id']}"]
    assert len((await goals.get(f"{path}/versions"))["items"]) == 1


async def test_a_revision_is_checked_as_a_whole(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective)
    path = f"key-results/{key_result['id']}"
    for change, code, pointer in (
        ({"kind": "decrease"}, "kind_fixed", "/kind"),
        ({"target_value": None}, "field_required", "/target_value"),
        ({"start_value": 20}, "start_equals_target", "/target_value"),
        ({"stretch_value": 18}, "out_of_order", "/stretch_value"),
        ({"zones": [{"name": "a", "grade": 1}]}, "field_not_for_kind", "/zones"),
        ({"weight": None}, "invalid_request", "/weight"),
        ({"metric_key": "gone"}, "unknown_reference", "/metric_key"),
        ({"due_on": "2020-01-01"}, "due_outside_cycle", "/due_on"),
        ({"confidence": None}, "invalid_request", "/confidence"),
        ({"objective_id": objective["id"]}, "invalid_request", "/objective_id"),
    ):
        assert await goals.refused("PATCH", path, change) == (422, code, pointer), change
    unchanged = await goals.get(path)
    assert (unchanged["version"], unchanged["revision"]) == (1, 1)
    await goals.patch(path, {"title": "x"}, match='"7.1.0"', expect=412)


async def test_two_revisions_at_once_both_count(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective)
    path = f"key-results/{key_result['id']}"
    await asyncio.gather(*(goals.patch(path, {"target_value": 21 + number}) for number in range(6)))
    versions = (await goals.get(f"{path}/versions"))["items"]
    assert [one["revision"] for one in versions] == list(range(1, 8))
    assert sorted(one["target_value"] for one in versions) == [20, 21, 22, 23, 24, 25, 26]


async def test_milestones_are_done_by_check_ins_or_by_whoever_says_so_last(goals: Goals, objective: Any) -> None:
    titles = ["Plan", "Build", "Ship"]
    milestones = [{"title": title, "weight": 1.0, "done": title == "Plan"} for title in titles]
    key_result = await goals.key_result(objective, kind="milestone", milestones=milestones)
    path = f"key-results/{key_result['id']}"

    async def done() -> list[str]:
        return [one["title"] for one in (await goals.get(path))["milestones"] if one["done"]]

    # The first version holds for what was before it, too.
    await check_in(goals, key_result, milestone="Build", observed_at=datetime.now(UTC) - timedelta(days=3))
    assert await done() == ["Plan", "Build"]
    # A version for another reason keeps what check-ins have said.
    await goals.patch(path, {"weight": 2})
    assert await done() == ["Plan", "Build"]
    stored = (await goals.get(f"{path}/versions"))["items"][-1]["milestones"]
    assert [one["done"] for one in stored] == [True, True, False]
    await goals.patch(path, {"milestones": [one | {"done": one["title"] == "Ship"} for one in milestones]})
    assert await done() == ["Ship"]
    await check_in(goals, key_result, milestone="Plan")
    assert await done() == ["Plan", "Ship"]
    same = (await goals.get(path))["milestones"]
    assert (await goals.patch(path, {"milestones": same}))["revision"] == 3


async def test_confidence_is_what_was_said_last(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective, confidence=0.4)
    path = f"key-results/{key_result['id']}"
    assert key_result["confidence"] == 0.4
    await check_in(goals, key_result, confidence=None, value=13)
    async with goals.raising() as raised:
        revised = await goals.patch(path, {"confidence": 0.75})
    assert (revised["confidence"], revised["version"], revised["revision"]) == (0.75, 2, 1)
    assert raised.kinds() == ["key_result", "objective"]
    assert (await goals.patch(path, {"confidence": 0.75}))["version"] == 2
    said = await goals.connection.fetch("SELECT confidence FROM check_in ORDER BY observed_at")
    assert [float(row["confidence"]) if row["confidence"] else None for row in said] == [0.4, None, 0.75]


async def test_the_current_value_is_the_newest_reading(goals: Goals, objective: Any) -> None:
    metric_id = await goals.metric("nps")
    fed = await goals.key_result(objective, metric_key="nps")
    said = await goals.key_result(objective)
    assert (fed["current_value"], said["current_value"]) == (None, None)
    now = datetime.now(UTC)
    await Partitions().make(goals.connection, "metric_point", [now.date().replace(day=1)])
    # Of one instant the one recorded last counts: a correction, then what another source says.
    points = [("b", 0, 11), ("b", 1, 12), ("a", 0, 13)]
    for seconds, (source, revision, value) in enumerate(points):
        await insert(
            goals.connection,
            "metric_point",
            organization_id=goals.company.id,
            metric_id=metric_id,
            observed_at=now,
            source=source,
            dedupe_key="",
            revision=revision,
            value=value,
            recorded_at=now + timedelta(seconds=seconds),
        )
    await check_in(goals, said, value=14, observed_at=now - timedelta(days=1))
    await check_in(goals, said, value=15, observed_at=now)
    await check_in(goals, fed, confidence=0.5, value=99)
    values = {
        one["id"]: one["current_value"] for one in (await goals.get(f"objectives/{objective['id']}"))["key_results"]
    }
    assert values == {fed["id"]: 13.0, said["id"]: 15.0}


async def test_once_graded_the_current_value_is_the_one_that_the_grade_was_made_from(
    goals: Goals, objective: Any
) -> None:
    operand = await goals.key_result(objective)
    composite = await goals.key_result(objective, kind="composite", formula={"op": "sum", "of": [operand["id"]]})
    for key_result, inputs in (
        (operand, '{"v": "12.5"}'),
        (composite, f'{{"o": [["{operand["id"]}", "12.5", "1"], ["{uuid4()}", "30", "1"]]}}'),
    ):
        await goals.connection.execute(
            """
            INSERT INTO grade (organization_id, subject_kind, subject_id, observed_at, computed_seq, status, freshness,
                               coverage, success_line, provenance, ruleset_key, ruleset_version, reasons, inputs, computed_at)
            VALUES ($1, 1, $2, now(), 1, 'on_track', 'fresh', 1, 0.7, 'computed', 'standard', 1, '{}', $3, now())
            """,
            goals.company.id,
            UUID(key_result["id"]),
            inputs,
        )
    shown = (await goals.get(f"objectives/{objective['id']}"))["key_results"]
    assert [one["current_value"] for one in shown] == [12.5, 42.5]


async def test_a_cancelled_key_result_stays_and_changes_no_more(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective)
    path = f"key-results/{key_result['id']}"
    async with goals.raising() as raised:
        cancelled = await goals.delete(path)
    assert (cancelled["version"], cancelled["cancelled_at"]) == (2, cancelled["updated_at"])
    at = datetime.fromisoformat(cancelled["cancelled_at"])
    assert raised.since == {path.replace("key-results/", "key_result:"): at, f"objective:{objective['id']}": at}
    assert await goals.get(path) == cancelled
    refused = (409, "key_result_cancelled", None)
    assert await goals.refused("DELETE", path) == refused
    assert await goals.refused("PATCH", path, {"title": "Again"}) == refused
    assert (await goals.get(f"objectives/{objective['id']}"))["key_results"] == []
    listing = f"objectives/{objective['id']}/key-results"
    assert (await goals.get(listing))["items"] == []
    assert (await goals.get(f"{listing}?include_cancelled=true"))["items"] == [cancelled]
    assert await goals.events(f"key_result:{key_result['id']}") == [
        ("okr.key_result.added.v1", 1),
        ("okr.key_result.cancelled.v1", 2),
    ]


async def test_what_others_are_aligned_to_is_not_cancelled(goals: Goals, objective: Any) -> None:
    key_result = await goals.key_result(objective)
    child = await goals.objective({"id": objective["cycle_id"]})
    alignment = await goals.align(child, parent_key_result_id=key_result["id"])
    path = f"key-results/{key_result['id']}"
    assert await goals.refused("DELETE", path) == (409, "key_result_in_use", None)
    await goals.delete(f"alignments/{alignment['id']}")
    await goals.delete(path)


async def test_key_results_of_what_has_ended_do_not_change(goals: Goals) -> None:
    cycle = await goals.cycle()
    closed, in_cycle = [await goals.objective(cycle, active=index == 0) for index in range(2)]
    key_results = [await goals.key_result(one) for one in (closed, in_cycle)]
    await goals.post(f"objectives/{closed['id']}/close", expect=200)
    await goals.post(f"cycles/{cycle['id']}/close", expect=200)
    for key_result, code in zip(key_results, ("objective_closed", "cycle_closed"), strict=True):
        path = f"key-results/{key_result['id']}"
        assert await goals.refused("PATCH", path, {"title": "Other"}) == (409, code, None)
        assert await goals.refused("PATCH", path, {"target_value": 90}) == (409, code, None)
        assert await goals.refused("DELETE", path) == (409, code, None)


async def test_what_each_change_has_graded_again(goals: Goals, objective: Any) -> None:
    async with goals.raising() as raised:
        key_result = await goals.key_result(objective)
    own, above = f"key_result:{key_result['id']}", f"objective:{objective['id']}"
    assert raised.since == {own: BEGIN, above: BEGIN}
    composite = await goals.key_result(objective, kind="composite", formula={"op": "sum", "of": [key_result["id"]]})
    given_up = await goals.key_result(objective, kind="composite", formula={"op": "sum", "of": []})
    await goals.delete(f"key-results/{given_up['id']}")
    path = f"key-results/{key_result['id']}"
    async with goals.raising() as raised:
        revised = await goals.patch(path, {"target_value": 25})
    at = datetime.fromisoformat(revised["updated_at"])
    expected = {own: at, f"key_result:{composite['id']}": at, above: at}
    assert raised.since == dict(sorted(expected.items()))
    assert datetime.fromisoformat((await goals.get(f"{path}/versions"))["items"][-1]["valid_from"]) == at
    async with goals.raising() as raised:
        await goals.patch(path, {"due_on": ENDS_ON.isoformat()})
    assert raised.since == {own: BEGIN, above: BEGIN}


async def test_a_key_result_of_a_later_cycle_is_graded_from_now_on(goals: Goals) -> None:
    cycle = await goals.cycle(active=False, starts_on=(ENDS_ON - timedelta(days=1)).isoformat())
    objective = await goals.objective(cycle)
    before = datetime.now(UTC)
    async with goals.raising() as raised:
        await goals.key_result(objective)
    assert len(raised.since) == 2
    assert all(before <= since <= datetime.now(UTC) for since in raised.since.values())


async def test_another_companys_key_results_do_not_exist(goals: Goals, other: Company, objective: Any) -> None:
    their_goals = await Goals.of(other)
    their_objective = await their_goals.objective(await their_goals.cycle())
    theirs = await their_goals.key_result(their_objective)
    await their_goals.metric("theirs")
    not_found = (404, "not_found", None)
    path = f"key-results/{theirs['id']}"
    for method, target, body in (
        ("GET", path, None),
        ("PATCH", path, {"title": "Mine"}),
        ("DELETE", path, None),
        ("GET", f"{path}/versions", None),
        ("GET", f"objectives/{their_objective['id']}/key-results", None),
        ("POST", f"objectives/{their_objective['id']}/key-results", {"title": "Mine", "kind": "binary"}),
    ):
        assert await goals.refused(method, target, body) == not_found, (method, target)
    mine = f"objectives/{objective['id']}/key-results"
    body = {"title": "Mine", "kind": "increase", **KINDS["increase"]}
    composite = {"title": "All", "kind": "composite", "start_value": 0, "target_value": 1}
    for fields, pointer in (
        (body | {"metric_key": "theirs"}, "/metric_key"),
        (body | {"owner_id": their_goals.person_id}, "/owner_id"),
        (composite | {"formula": {"op": "sum", "of": [theirs["id"]]}}, "/formula/of/0"),
    ):
        assert await goals.refused("POST", mine, fields) == (422, "unknown_reference", pointer)
