"""Rules that ask for more than the latest value: periods, and conditions about the team, the cycle and the metric."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from company import Company, a_key_result, a_metric, a_team, an_objective, push, touch
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, explain, history
from okr.db.points import NewPoint
from okr.domain.explain import sentence
from okr.domain.values import SubjectKind
from okr.telemetry import OF_WORKER
from rules import a_rules_version, a_ruleset
from workers import Drain, grade_of

NOW = datetime.now(UTC)
KEPT = {"measure": {"kinds": {"at_least": {"method": "threshold", "of": "share_of_ended_periods"}}}}


async def test_a_share_of_periods_is_graded_from_all_of_them(company: Company, drain: Drain) -> None:
    await a_rules_version(company, await a_ruleset(company, "kept"), since=company.begins_at, document=KEPT)
    objective = await an_objective(company)
    uptime = await a_metric(company, "uptime")
    key_result = await a_key_result(company, objective, kind="at_least", metric_id=uptime, target_value=Decimal(99))
    week = timedelta(days=7)
    first = company.begins_at + timedelta(hours=5)
    values = (100, 98, 99, None, 99.5)
    points = [
        NewPoint("uptime", Decimal(str(value)), first + number * week)
        for number, value in enumerate(values)
        if value is not None
    ]
    await push(company, *points[:2])
    await drain()
    await push(company, *points[2:])
    await drain()
    one = subject(SubjectKind.KEY_RESULT, key_result)
    told = [(stored.observed_at, stored.grade.grade) async for stored in history(company.connection, company.id, one)]

    def at(instant: datetime) -> Decimal | None:
        return next(grade for since, grade in reversed(told) if since <= instant)

    assert [at(first + number * week) for number in (0, 1, 2, 4)] == [
        Decimal(1),
        Decimal("0.5"),
        Decimal("0.666666666667"),
        Decimal("0.6"),
    ]
    # Weeks that pass without a value are not kept; the ends of days bring them in.
    assert at(first + 4 * week - timedelta(hours=1)) == Decimal("0.4")
    weeks = (datetime.now(UTC) - company.begins_at) // week + 1
    assert await grade_of(company, key_result) == (Decimal(3) / weeks).quantize(Decimal("1e-12"))


async def test_an_explanation_makes_a_share_of_periods_again(company: Company, drain: Drain) -> None:
    await a_rules_version(company, await a_ruleset(company, "kept"), since=company.begins_at, document=KEPT)
    uptime = await a_metric(company, "uptime")
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, kind="at_least", metric_id=uptime, target_value=Decimal(99))
    await push(company, NewPoint("uptime", Decimal(100), NOW))
    await drain()
    one = subject(SubjectKind.KEY_RESULT, key_result)
    stored = (await current_grades(company.connection, company.id, [one]))[one]
    explained = await explain(company.connection, company.id, stored)
    assert explained.graded.grade == stored.grade
    assert any(step.name == "kept_periods" for step in explained.graded.steps)


def a_condition(when: str, *, level: str = "key_result") -> dict[str, object]:
    adjustment = {"key": "one", "levels": [level], "when": when, "then": {"scale": 0.5}, "reason": "We learned"}
    return {"adjustments": [adjustment]}


async def graded_where(
    company: Company, drain: Drain, when: str, *, level: str = "key_result"
) -> tuple[Subject, Decimal | None]:
    """The objective's or key result's grade under one condition: 0.8, or half of it where the condition holds."""
    await a_rules_version(
        company, await a_ruleset(company, "house"), since=company.begins_at, document=a_condition(when, level=level)
    )
    objective = await an_objective(company, team_id=await a_team(company), tags=["growth"])
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, objective, metric_id=metric)
    await push(company, NewPoint("arr", Decimal(80), NOW))
    await drain()
    one = (
        subject(SubjectKind.KEY_RESULT, key_result)
        if level == "key_result"
        else subject(SubjectKind.OBJECTIVE, objective)
    )
    found = (await current_grades(company.connection, company.id, [one]))[one]
    return one, found.grade.grade


async def test_a_condition_knows_team_cycle_metric_and_tags(company: Company, drain: Drain) -> None:
    when = (
        'team != null && team.name == "Team" && cycle != null && cycle.cadence == "custom" && metric != null '
        '&& metric.key == "arr" && "growth" in subject.tags && subject.measure == "increase"'
    )
    one, grade = await graded_where(company, drain, when)
    assert grade == Decimal("0.4")
    stored = (await current_grades(company.connection, company.id, [one]))[one]
    explained = await explain(company.connection, company.id, stored)
    assert explained.graded.grade == stored.grade
    assert "We learned" in " ".join(sentence(step) for step in explained.graded.steps)


async def test_a_condition_may_be_about_objectives(company: Company, drain: Drain) -> None:
    _, grade = await graded_where(
        company, drain, 'subject.kind == "objective" && counts.graded == 1.0', level="objective"
    )
    assert grade == Decimal("0.4")


async def test_a_condition_that_does_not_hold_changes_nothing(company: Company, drain: Drain) -> None:
    _, grade = await graded_where(company, drain, 'metric != null && metric.key == "other"')
    assert grade == Decimal("0.8")


async def test_sets_are_adjusted_too_and_read_again_when_asked(company: Company, drain: Drain) -> None:
    await graded_where(company, drain, 'subject.kind == "organization" && team == null', level="set")
    one = subject(SubjectKind.ORGANIZATION, company.id)
    assert (await current_grades(company.connection, company.id, [one]))[one].grade.grade == Decimal("0.4")
    await touch(company, one, since=NOW)
    await drain()
    assert (await current_grades(company.connection, company.id, [one]))[one].grade.reasons == ("adjusted",)


async def test_a_condition_that_fails_is_left_out_told_and_counted(company: Company, drain: Drain) -> None:
    before = OF_WORKER.get_sample_value("okr_failed_conditions_total")
    # A key result has no parts, and nothing divided by nothing cannot be compared.
    one, grade = await graded_where(company, drain, "counts.guardrails_broken / counts.parts >= 0.5")
    assert grade == Decimal("0.8")
    stored = (await current_grades(company.connection, company.id, [one]))[one]
    assert stored.grade.reasons == ("adjustment_failed",)
    explained = await explain(company.connection, company.id, stored)
    assert "skipped, for the condition" in " ".join(sentence(step) for step in explained.graded.steps)
    assert OF_WORKER.get_sample_value("okr_failed_conditions_total") > before
