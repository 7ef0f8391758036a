"""The pipeline on a real PostgreSQL: from a pushed value to grades, history and parents."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

import okr_scoring.rescore
from company import Company, a_cycle, a_key_result, a_metric, a_team, an_alignment, an_objective, check_in, push
from okr.db.demand import subject
from okr.db.history import grade_within_cycle, grades_as_of
from okr.db.points import NewPoint
from okr.domain.values import SubjectKind
from okr.ids import new_id
from okr_scoring.drain import Drainer
from workers import Drain


async def grade_of(company: Company, id: object) -> asyncpg.Record:
    row = await company.connection.fetchrow("SELECT * FROM grade WHERE subject_id = $1", id)
    assert row is not None
    return row


async def history_of(company: Company, id: object) -> list[tuple[datetime, Decimal | None]]:
    rows = await company.connection.fetch(
        "SELECT observed_at, grade FROM score_snapshot WHERE subject_id = $1 ORDER BY observed_at, computed_seq", id
    )
    return [(row["observed_at"], row["grade"]) for row in rows]


async def test_a_pushed_value_reaches_key_result_objective_parent_team_cycle_and_organization(
    company: Company, drain: Drain
) -> None:
    parent_team = await a_team(company)
    team = await a_team(company, parent_id=parent_team)
    parent = await an_objective(company)
    child = await an_objective(company, team_id=team)
    await an_alignment(company, child, parent_objective_id=parent)
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, child, metric_id=metric)
    await drain()
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)))
    await drain()
    for id in (key_result, child, parent, team, parent_team, company.cycle_id, company.id):
        assert (await grade_of(company, id))["grade"] == Decimal("0.4"), id
    late = await company.connection.fetchval("SELECT count(*) FROM rescore_demand WHERE requested_seq > computed_seq")
    assert late == 0


async def test_thirteen_weeks_in_one_batch_are_thirteen_weeks_of_history(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, objective, metric_id=metric)
    await drain()
    weeks = [datetime.now(UTC) - timedelta(weeks=back) for back in range(13, 0, -1)]
    await push(company, *(NewPoint("arr", Decimal(5 * n), at) for n, at in enumerate(weeks, start=1)))
    await drain()
    for id in (key_result, objective):
        history = dict(await history_of(company, id))
        assert [history.get(at) for at in weeks] == [Decimal(5 * n) / 100 for n in range(1, 14)], id
    organization = [grade for _, grade in await history_of(company, company.id)]
    assert organization[-1] == Decimal("0.65")
    assert len(set(organization)) == 13


async def test_scoring_twice_changes_nothing(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, objective, metric_id=metric)
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC) - timedelta(days=30)))
    await drain()
    before = await company.connection.fetch("SELECT * FROM score_snapshot ORDER BY 1, 2, 3, 4, 5")
    assert before
    await company.connection.execute(
        "UPDATE rescore_demand SET requested_seq = requested_seq + 1, dirty = true, touched_from = $1",
        company.begins_at,
    )
    await drain()
    assert await company.connection.fetch("SELECT * FROM score_snapshot ORDER BY 1, 2, 3, 4, 5") == before
    assert (await grade_of(company, key_result))["grade"] == Decimal("0.5")


async def test_a_late_point_rewrites_what_is_read_and_keeps_what_was_known(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, objective, metric_id=metric)
    days = [datetime.now(UTC) - timedelta(days=back) for back in (30, 20, 10)]
    await push(company, NewPoint("arr", Decimal(10), days[0]), NewPoint("arr", Decimal(30), days[2]))
    await drain()
    known = await company.connection.fetchval("SELECT clock_timestamp()")
    await push(company, NewPoint("arr", Decimal(20), days[1]))
    await drain()
    read = """
        SELECT grade FROM score_snapshot WHERE subject_id = $1 AND observed_at <= $2 AND recorded_at <= $3
         ORDER BY observed_at DESC, computed_seq DESC LIMIT 1
        """
    for id in (key_result, objective):
        at = days[1] + timedelta(days=1)
        assert await company.connection.fetchval(read, id, at, known) == Decimal("0.1")
        assert await company.connection.fetchval(read, id, at, datetime.now(UTC)) == Decimal("0.2")
        assert await company.connection.fetchval(read, id, datetime.now(UTC), datetime.now(UTC)) == Decimal("0.3")


async def test_more_instants_than_fit_at_once_are_all_graded(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    metric = await a_metric(company, "arr")
    key_result = await a_key_result(company, objective, metric_id=metric)
    await drain()
    start = datetime.now(UTC) - timedelta(days=50)
    points = [NewPoint("arr", Decimal(n), start + timedelta(hours=n)) for n in range(1, 1100)]
    await push(company, *points)
    await drain()
    history = dict(await history_of(company, key_result))
    assert [history.get(point.observed_at) for point in points[:99]] == [Decimal(n) / 100 for n in range(1, 100)]
    # From 100 on the grade stays 1, so only what is beyond the target moves raw: every hour has its snapshot.
    assert set(history) >= {point.observed_at for point in points}
    assert (await grade_of(company, objective))["grade"] == 1


async def test_check_ins_feed_what_people_report(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    manual = await a_key_result(company, objective)
    mood = await a_key_result(
        company, objective, kind="ordinal", zones=[{"name": "calm", "grade": "0.8"}, {"name": "tense", "grade": "0.2"}]
    )
    now = datetime.now(UTC)
    await check_in(company, manual, objective, observed_at=now, value=Decimal(60), confidence=Decimal("0.9"))
    await check_in(company, mood, objective, observed_at=now, zone="calm")
    await drain()
    assert (await grade_of(company, manual))["grade"] == Decimal("0.6")
    assert (await grade_of(company, mood))["grade"] == Decimal("0.8")
    objective_grade = await grade_of(company, objective)
    assert (objective_grade["grade"], objective_grade["confidence"]) == (Decimal("0.7"), Decimal("0.9"))


async def test_a_value_that_is_sent_again_unchanged_is_fresh_in_history_too(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    now = datetime.now(UTC)
    await push(company, NewPoint("arr", Decimal(10), now - timedelta(days=60)))
    await push(company, NewPoint("arr", Decimal(10), now - timedelta(days=30)))
    await drain()
    one = subject(SubjectKind.KEY_RESULT, key_result)

    async def freshness(days_back: int) -> str:
        stored = await grades_as_of(company.connection, company.id, [one], as_of=now - timedelta(days=days_back))
        return stored[one].grade.freshness

    assert [await freshness(days) for days in (59, 40, 29, 10)] == ["fresh", "late", "fresh", "late"]


async def test_a_team_narrowed_to_a_cycle_that_is_over_has_succeeded_or_missed(company: Company, drain: Drain) -> None:
    team = await a_team(company)
    today = datetime.now(company.zone).date()
    over = await a_cycle(company, id=new_id(), starts_on=today - timedelta(days=90), ends_on=today - timedelta(days=5))
    objective = await an_objective(company, team_id=team, cycle_id=over)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC) - timedelta(days=20)))
    await drain()
    one = subject(SubjectKind.TEAM, team)
    narrowed = await grade_within_cycle(company.connection, company.id, one, over, as_of=datetime.now(UTC))
    assert (narrowed.graded.grade.grade, narrowed.graded.grade.status) == (Decimal("0.4"), "missed")
    running = await grade_within_cycle(company.connection, company.id, one, company.cycle_id, as_of=datetime.now(UTC))
    assert (running.graded.grade.grade, running.graded.grade.reasons) == (None, ("no_objectives",))
    assert (await grade_of(company, team))["grade"] is None


async def test_the_more_members_a_set_has_the_longer_it_is_left_alone(
    company: Company, pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(okr_scoring.rescore, "SECONDS_PER_MEMBER", 10)
    for _ in range(3):
        await an_objective(company)
    drainer = Drainer(pool, roll_up_distance_seconds=1)
    await drainer.drain(company.id)
    await drainer.close()
    seconds = await company.connection.fetchval(
        "SELECT extract(epoch FROM claimed_until - clock_timestamp()) FROM rescore_demand WHERE subject_id = $1",
        company.cycle_id,
    )
    assert 20 < seconds <= 30
