"""A preview says what activation then writes, to the last digit, and writes nothing itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from company import Company, a_key_result, a_metric, an_objective, override, push, touch
from grown import DOCUMENTS, a_grown_company
from okr.db.demand import Subject, subject
from okr.db.points import NewPoint
from okr.db.preview_cases import Cases
from okr.db.previews import Question, read_material
from okr.db.timelines import load_latest
from okr.domain.rulebook import EVERYTHING, Scope
from okr.domain.ruleset import Ruleset
from okr.domain.values import Grade, Kind, RulesetRef, SubjectKind
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import parse_document, to_mapping
from rules import a_rules_version, a_ruleset, cycle, rules_in_force, team
from workers import Drain

KEY = "house"


def compiled(document: dict[str, Any]) -> Ruleset:
    return compile_ruleset(parse_document(document), key=KEY, version=1)


async def previewed(company: Company, document: dict[str, Any], *, scope: Scope = EVERYTHING, **question: Any) -> Any:
    """The new grades by id, and the cases."""
    asked = Question(compiled(document), scope, **{"now": datetime.now(UTC), **question})
    cases = Cases(await read_material(company.connection, company.id, asked))
    what_if = cases.what_if()
    what_if.regrade()
    return what_if.grades, cases


async def activated(company: Company, document: dict[str, Any], drain: Drain, *, since: datetime, scope: Scope) -> None:
    """Bring the document into force and have everything that it may reach graded again."""
    ruleset_id = await a_ruleset(company, KEY, scope=scope)
    await a_rules_version(company, ruleset_id, since=since, document=document)
    await regraded(company, drain, since=since)


async def regraded(company: Company, drain: Drain, *, since: datetime) -> None:
    """Have everything below the sets graded again from the instant on."""
    rows = await company.connection.fetch("SELECT subject_kind, subject_id FROM rescore_demand WHERE subject_kind <= 2")
    await touch(company, *(Subject(*row) for row in rows), since=since)
    await drain()


async def current(company: Company) -> dict[str, Grade]:
    """Every current grade of key results and objectives, by id."""
    rows = await company.connection.fetch("SELECT subject_kind, subject_id FROM rescore_demand WHERE subject_kind <= 2")
    latest = await load_latest(company.connection, company.id, [Subject(*row) for row in rows])
    return {str(one.id): found.current for one, found in latest.items() if found.current is not None}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("place", ["organization", "cycle", "top", "leaf"])
async def test_a_preview_is_what_activation_writes(company: Company, drain: Drain, name: str, place: str) -> None:
    made = await a_grown_company(company)
    await drain()
    spoken_of = {"parent": SubjectKind.OBJECTIVE, "alone": SubjectKind.OBJECTIVE}
    spoken_of |= {"low": SubjectKind.KEY_RESULT, "composite": SubjectKind.KEY_RESULT}
    for thing, kind in spoken_of.items():
        await override(company, subject(kind, made[thing]), "0.45")
    await drain()
    scope = {"organization": EVERYTHING, "cycle": cycle(company.cycle_id)}.get(place) or team(made[place])
    before, now = await current(company), datetime.now(UTC)
    grades, _ = await previewed(company, DOCUMENTS[name], scope=scope, now=now)
    assert await current(company) == before
    await activated(company, DOCUMENTS[name], drain, since=now, scope=scope)
    after = await current(company)
    assert {id: after[id] for id in grades} == grades
    # What the preview left out is as it was.
    assert {id: one for id, one in after.items() if id not in grades and not one.says_the_same_as(before[id])} == {}
    expected = {"organization": len(after), "cycle": len(after), "top": 10, "leaf": 8}
    assert len(grades) == expected[place]


async def test_a_preview_of_any_preset_is_what_activation_writes(company: Company, drain: Drain) -> None:
    await a_grown_company(company)
    await drain()
    moved = 0
    for key in preset_keys():
        before, now = await current(company), datetime.now(UTC)
        rules = compile_ruleset(preset(key), key=key, version=1)
        if any(rules.reads_periods(kind) for kind in Kind):
            continue
        asked = Question(rules, EVERYTHING, now)
        what_if = Cases(await read_material(company.connection, company.id, asked)).what_if()
        what_if.regrade()
        ruleset_id = await a_ruleset(company, f"our-{key}")
        await company.connection.execute(
            "UPDATE ruleset_version SET effective_until = $1 WHERE effective_until IS NULL", now
        )
        await a_rules_version(company, ruleset_id, since=now, document=to_mapping(preset(key)))
        await regraded(company, drain, since=now)
        after = await current(company)
        renamed = {id: replace(one, ruleset=RulesetRef(f"our-{key}", 1)) for id, one in what_if.grades.items()}
        assert renamed == after, key
        moved += sum(after[id].grade != one.grade for id, one in before.items())
    assert moved > 100


async def test_nearer_rules_stay_but_in_a_cycle_that_is_asked_about(company: Company, drain: Drain) -> None:
    made = await a_grown_company(company)
    await rules_in_force(company, "theirs", since=company.begins_at, scope=team(made["leaf"]), cap=0.3)
    await drain()
    child, parent = str(made["child"]), str(made["parent"])
    document = DOCUMENTS["other bounds"]
    grades, _ = await previewed(company, document)
    assert (child in grades, parent in grades) == (False, True)
    grades, _ = await previewed(company, document, cycle_id=company.cycle_id)
    assert {child, parent} <= grades.keys()
    grades, _ = await previewed(company, document, cycle_id=company.cycle_id, scope=team(made["leaf"]))
    assert {child, parent} <= grades.keys()  # the parent for its child's sake, under its own rules
    assert grades[child].ruleset == RulesetRef(KEY, 1)
    assert grades[parent].ruleset == RulesetRef("standard", 1)
    assert str(made["alone"]) not in grades


async def test_rules_that_look_at_periods_are_given_all_of_them(company: Company, drain: Drain) -> None:
    metric = await a_metric(company, "arr")
    objective = await an_objective(company)
    key_result = str(await a_key_result(company, objective, metric_id=metric))
    days = [company.begins_at + timedelta(days=number) for number in (1, 8, 15)]
    await push(company, *(NewPoint("arr", Decimal(value), at) for value, at in zip((10, 20, 60), days, strict=True)))
    await drain()
    document = {"measure": {"kinds": {"increase": {"method": "linear", "of": "average"}}}}
    grades, _ = await previewed(company, document)
    assert ((await current(company))[key_result].grade, grades[key_result].grade) == (Decimal("0.6"), Decimal("0.3"))


async def test_the_periods_of_a_value_that_comes_by_the_hour_are_whole(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    hours = [company.begins_at + timedelta(hours=3 * number) for number in range(900)]
    await push(company, *(NewPoint("arr", Decimal(number % 97), at) for number, at in enumerate(hours)))
    await drain()
    document, now = {"measure": {"kinds": {"increase": {"method": "linear", "of": "average"}}}}, datetime.now(UTC)
    grades, _ = await previewed(company, document, now=now)
    await activated(company, document, drain, since=now, scope=EVERYTHING)
    assert await current(company) == grades
