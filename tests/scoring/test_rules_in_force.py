"""Each grade is made under the rules in force at its own instant, for its own place, and says so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from company import Company, a_key_result, a_metric, a_team, an_objective, push, touch
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, explain, history
from okr.db.points import NewPoint
from okr.domain.rulebook import EVERYTHING
from okr.domain.values import RulesetRef, SubjectKind
from okr.telemetry import OF_WORKER
from rules import a_rules_version, a_ruleset, cycle, rules_in_force, team, with_document
from workers import Drain

NOW = datetime.now(UTC)
STANDARD = ("standard", 1)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


async def a_goal(company: Company, *, key: str = "arr", **objective: Any) -> tuple[Subject, Subject]:
    """An objective with one key result from 0 to 100 on a metric: (key result, objective)."""
    objective_id = await an_objective(company, **objective)
    key_result = await a_key_result(company, objective_id, metric_id=await a_metric(company, key))
    return subject(SubjectKind.KEY_RESULT, key_result), subject(SubjectKind.OBJECTIVE, objective_id)


async def told(company: Company, one: Subject) -> list[tuple[datetime, Decimal | None, tuple[str, int]]]:
    """History: (instant, grade, ruleset)."""
    return [
        (stored.observed_at, stored.grade.grade, (stored.grade.ruleset.key, stored.grade.ruleset.version))
        async for stored in history(company.connection, company.id, one)
    ]


async def rules_now(company: Company, one: Subject) -> str:
    """The ruleset of the current grade."""
    found = await current_grades(company.connection, company.id, [one])
    return found[one].grade.ruleset.key


async def test_a_grade_is_made_under_the_rules_of_its_instant(company: Company, drain: Drain) -> None:
    key_result, objective = await a_goal(company)
    await rules_in_force(company, "house", since=days_ago(20), until=days_ago(10), cap=0.5)
    await push(company, *(NewPoint("arr", Decimal(80), days_ago(days)) for days in (30, 15, 5)))
    await drain()
    assert await told(company, key_result) == [
        (days_ago(30), Decimal("0.8"), STANDARD),
        (days_ago(20), Decimal("0.5"), ("house", 1)),
        (days_ago(10), Decimal("0.8"), STANDARD),
    ]
    assert [row[1:] for row in await told(company, objective)] == [row[1:] for row in await told(company, key_result)]


async def test_a_late_point_is_graded_under_the_rules_of_then(company: Company, drain: Drain) -> None:
    key_result, _ = await a_goal(company)
    await push(company, NewPoint("arr", Decimal(60), days_ago(5)))
    await drain()
    await rules_in_force(company, "house", since=days_ago(20), until=days_ago(10), cap=0.5)
    await push(company, NewPoint("arr", Decimal(90), days_ago(25)))
    await drain()
    assert await told(company, key_result) == [
        (days_ago(25), Decimal("0.9"), STANDARD),
        (days_ago(20), Decimal("0.5"), ("house", 1)),
        (days_ago(10), Decimal("0.9"), STANDARD),
        (days_ago(5), Decimal("0.6"), STANDARD),
    ]


async def test_snapshots_of_before_keep_their_version(company: Company, drain: Drain) -> None:
    key_result, _ = await a_goal(company)
    await push(company, NewPoint("arr", Decimal(80), days_ago(5)))
    await drain()
    await rules_in_force(company, "house", since=days_ago(1), cap=0.5)
    await touch(company, key_result, since=days_ago(30))
    await drain()
    assert [(at, rules) for at, _, rules in await told(company, key_result)] == [
        (days_ago(5), STANDARD),
        (days_ago(1), ("house", 1)),
    ]
    (kept,) = await company.connection.fetch(
        "SELECT ruleset_key, grade FROM score_snapshot WHERE subject_id = $1 AND observed_at = $2",
        key_result.id,
        days_ago(5),
    )
    assert tuple(kept) == ("standard", Decimal("0.8"))


async def test_the_nearest_rules_win(company: Company, drain: Drain) -> None:
    division = await a_team(company)
    field = await a_team(company, parent_id=division)
    scopes = {
        "of-all": EVERYTHING,
        "of-cycle": cycle(company.cycle_id),
        "of-division": team(division),
    }
    for key, scope in scopes.items():
        await rules_in_force(company, key, since=days_ago(30), scope=scope, label=key)
    _, in_field = await a_goal(company, key="a", team_id=field)
    _, of_nobody = await a_goal(company, key="b")
    await push(company, *(NewPoint(key, Decimal(50), days_ago(1)) for key in ("a", "b")))
    await drain()
    expected = {
        in_field: "of-division",
        of_nobody: "of-cycle",
        subject(SubjectKind.TEAM, field): "of-division",
        subject(SubjectKind.CYCLE, company.cycle_id): "of-cycle",
        subject(SubjectKind.ORGANIZATION, company.id): "of-all",
    }
    assert {one: await rules_now(company, one) for one in expected} == expected


async def test_what_is_planned_holds_from_its_instant_whoever_looks(company: Company, drain: Drain) -> None:
    key_result, _ = await a_goal(company)
    await rules_in_force(company, "house", since=NOW + timedelta(days=3), cap=0.5)
    await push(company, NewPoint("arr", Decimal(80), days_ago(5)))
    await drain()
    assert await told(company, key_result) == [(days_ago(5), Decimal("0.8"), STANDARD)]
    assert await rules_now(company, key_result) == "standard"


async def test_a_version_that_ended_as_it_began_never_held(company: Company, drain: Drain) -> None:
    key_result, _ = await a_goal(company)
    await rules_in_force(company, "house", since=days_ago(10), until=days_ago(10), cap=0.5)
    await push(company, NewPoint("arr", Decimal(80), days_ago(15)), NewPoint("arr", Decimal(80), days_ago(5)))
    await drain()
    assert {rules for *_, rules in await told(company, key_result)} == {STANDARD}


async def test_an_explanation_is_made_under_the_rules_that_the_grade_names(company: Company, drain: Drain) -> None:
    key_result, _ = await a_goal(company)
    await rules_in_force(company, "house", since=days_ago(20), until=days_ago(10), cap=0.5)
    await push(company, NewPoint("arr", Decimal(80), days_ago(15)))
    await drain()
    stored = [one async for one in history(company.connection, company.id, key_result)]
    explained = [await explain(company.connection, company.id, one) for one in stored]
    assert [one.graded.grade.ruleset for one in explained] == [RulesetRef("house", 1), RulesetRef("standard", 1)]
    assert [one.graded.grade.grade for one in explained] == [one.grade.grade for one in stored]


async def a_broken_version(company: Company, ruleset_id: UUID, since: datetime) -> None:
    """A version as an older service may have let it through."""
    draft = await a_rules_version(company, ruleset_id)
    await company.connection.execute(
        """
        UPDATE ruleset_version SET document = $2, activated_at = $3, activated_by = 'test', activation_reason = 'a test',
               effective_from = $3 WHERE id = $1
        """,
        draft,
        with_document({"bounds": {"no such field": 1}}),
        since,
    )


async def test_rules_that_cannot_be_read_any_more_give_way(company: Company, drain: Drain) -> None:
    _, objective = await a_goal(company)
    await rules_in_force(company, "of-all", since=days_ago(30))
    await a_broken_version(company, await a_ruleset(company, "broken", scope=cycle(company.cycle_id)), days_ago(20))
    before = OF_WORKER.get_sample_value("okr_broken_rulesets_total")
    await push(company, NewPoint("arr", Decimal(80), days_ago(5)))
    await drain()
    assert await rules_now(company, objective) == "of-all"
    assert OF_WORKER.get_sample_value("okr_broken_rulesets_total") == (before or 0) + 1
    await touch(company, objective, since=days_ago(20))
    await drain()
    assert OF_WORKER.get_sample_value("okr_broken_rulesets_total") == (before or 0) + 1, "told once in a process"
