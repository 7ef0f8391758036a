"""All that a version reaches is regraded by a run: in parts, once each, whoever dies meanwhile, and pushes go first."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from company import Company, a_key_result, a_metric, a_team, a_version, an_objective, push
from okr.db import demand, regrades, runs
from okr.db.demand import subject
from okr.db.engine import connection_of
from okr.db.points import NewPoint
from okr.db.regrades import RunNotCancellable, advance, cancel_regrade
from okr.db.runs import RunView
from okr.db.tables.runs import RunState
from okr.domain.errors import NotFound
from okr.domain.values import SubjectKind
from okr.ids import new_id
from okr_scoring.drain import Drainer
from okr_scoring.regrading import regrade
from okr_scoring.rescore import serve
from okr_scoring.schedule import pass_days
from rules import regrade_from, rules_in_force, team
from workers import Drain, scoring_workers

NOW = datetime.now(UTC)
SINCE = NOW - timedelta(hours=1)


async def goals(company: Company, count: int, *, team_id: UUID | None = None, name: str = "m") -> list[UUID]:
    """Objectives with a key result each, all on one metric that stands at 80 of 100; graded before the rules changed."""
    metric = await a_metric(company, name)
    objectives = [await an_objective(company, team_id=team_id) for _ in range(count)]
    for objective in objectives:
        await a_key_result(company, objective, metric_id=metric)
    await push(company, NewPoint(name, Decimal(80), NOW - timedelta(days=5)))
    return objectives


async def the_run(company: Company, id: UUID) -> RunView:
    return await runs.read_run(company.connection, company.id, id)


async def versions(company: Company) -> dict[str, int]:
    """How many current grades were made under each ruleset."""
    rows = await company.connection.fetch("SELECT ruleset_key, count(*) FROM grade GROUP BY 1")
    return dict(rows)


async def graded_under_house(company: Company) -> list[tuple[int, UUID, datetime]]:
    """Every snapshot of a key result or an objective under the new rules: (kind, id, instant)."""
    rows = await company.connection.fetch(
        """
        SELECT subject_kind, subject_id, observed_at FROM score_snapshot
         WHERE ruleset_key = 'house' AND subject_kind <= 2 ORDER BY 1, 2, 3
        """
    )
    return [tuple(row) for row in rows]


async def asked(company: Company, run_id: UUID) -> list[int]:
    """What the run's steps ask for until it waits."""
    steps = []
    while (step := await advance(company.connection, company.id, run_id)).asked_for or not steps:
        steps.append(step.asked_for)
    return steps


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two objectives with their key results at a time, and no more before all of that is served."""
    monkeypatch.setattr(regrades, "OBJECTIVES_AT_ONCE", 2)
    monkeypatch.setattr(regrades, "LEFT_BEFORE_MORE", 0)


async def driven(pool: "asyncpg.Pool[asyncpg.Record]", company: Company, *run_ids: UUID) -> None:
    """Drive the runs, all at once, until they are over."""
    drainers = [Drainer(pool, roll_up_distance_seconds=0) for _ in run_ids]
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(regrade(pool, drainer, company.id, id) for drainer, id in zip(drainers, run_ids, strict=True))
        )
    for drainer in drainers:
        await drainer.close()


async def test_a_run_regrades_all_that_the_version_reaches(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain, small_parts: None
) -> None:
    await goals(company, 5)
    await drain()
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    assert (await the_run(company, run_id)).state is RunState.QUEUED
    await driven(pool, company, run_id)
    run = await the_run(company, run_id)
    assert (run.state, run.done, run.total, run.unit, run.error) == (RunState.SUCCEEDED, 12, 12, "grades", None)
    assert run.started_at is not None
    assert run.finished_at is not None
    assert await versions(company) == {"house": 12}
    snapshots = await graded_under_house(company)
    assert len(snapshots) == len({(kind, id) for kind, id, _ in snapshots}) == 10
    assert {at for *_, at in snapshots} == {SINCE}


async def test_the_next_part_is_asked_for_when_the_last_one_is_served(
    company: Company, drain: Drain, small_parts: None
) -> None:
    await goals(company, 5)
    await drain()
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    seen, done, waiting = [], [], "SELECT count(*) FROM rescore_demand WHERE dirty"
    while (run := await the_run(company, run_id)).finished_at is None:
        steps = await asked(company, run_id)
        seen.append((sum(steps), await company.connection.fetchval(waiting)))
        done.append(run.done)
        await drain()
    # Two objectives and their key results, twice; the last one; cycle and organization; the end.
    assert seen == [(4, 4), (4, 4), (2, 2), (2, 2), (0, 0)]
    assert done == [0, 0, 4, 8, 10], "told with the part after"


async def test_a_push_that_comes_meanwhile_waits_for_one_part_only(
    company: Company, drain: Drain, small_parts: None
) -> None:
    await goals(company, 5)
    await a_key_result(company, await an_objective(company), metric_id=await a_metric(company, "pushed"))
    await drain()
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    await asked(company, run_id)
    await push(company, NewPoint("pushed", Decimal(30), NOW))
    assert await asked(company, run_id) == [0], "while the first part waits there is no second one"
    claims = await demand.claim(company.connection, company.id, lease_seconds=60, limit=6)
    await serve(company.connection, company.id, claims, now=datetime.now(UTC), partitions=company.partitions)
    pushed = "SELECT grade FROM grade JOIN key_result k ON k.id = subject_id JOIN metric m ON m.id = metric_id WHERE key = $1"
    assert await company.connection.fetchval(pushed, "pushed") == Decimal("0.3")


async def test_workers_that_drive_one_run_together_do_nothing_twice(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain, small_parts: None
) -> None:
    await goals(company, 6)
    await drain()
    before = await company.connection.fetchval("SELECT sum(requested_seq) FROM rescore_demand WHERE subject_kind = 1")
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    await driven(pool, company, run_id, run_id, run_id)
    assert (await the_run(company, run_id)).state is RunState.SUCCEEDED
    after = await company.connection.fetchval("SELECT sum(requested_seq) FROM rescore_demand WHERE subject_kind = 1")
    assert after - before == 6
    assert len(await graded_under_house(company)) == 12


async def test_a_run_of_a_team_leaves_the_others_alone(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain
) -> None:
    division = await a_team(company)
    below = await a_team(company, parent_id=division)
    await goals(company, 2, team_id=below, name="ours")
    await goals(company, 3, team_id=await a_team(company), name="theirs")
    await drain()
    before = dict(
        await company.connection.fetch("SELECT subject_id, requested_seq FROM rescore_demand WHERE subject_kind <= 2")
    )
    await rules_in_force(company, "house", since=SINCE, scope=team(division), cap=0.5)
    run_id = await regrade_from(company, SINCE, scope=team(division))
    await driven(pool, company, run_id)
    after = dict(
        await company.connection.fetch("SELECT subject_id, requested_seq FROM rescore_demand WHERE subject_kind <= 2")
    )
    assert sum(after.values()) - sum(before.values()) == 4
    run = await the_run(company, run_id)
    assert (run.state, run.done) == (RunState.SUCCEEDED, 6)
    assert (await versions(company))["house"] == 6


async def test_a_cancelled_run_asks_for_no_more(company: Company, drain: Drain, small_parts: None) -> None:
    await goals(company, 5)
    await drain()
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    await asked(company, run_id)
    await cancel_regrade(company.connection, company.id, run_id, by="somebody", now=NOW)
    await drain()
    assert (await advance(company.connection, company.id, run_id)).is_over
    run = await the_run(company, run_id)
    assert (run.state, run.detail["cancelled_by"]) == (RunState.CANCELLED, "somebody")
    assert len(await graded_under_house(company)) == 4
    assert await regrades.next_regrades(company.connection) == []
    with pytest.raises(RunNotCancellable):
        await cancel_regrade(company.connection, company.id, run_id, by="somebody", now=NOW)
    with pytest.raises(NotFound):
        await cancel_regrade(company.connection, company.id, new_id(), by="somebody", now=NOW)


async def test_a_planned_run_waits_for_its_instant_and_tells_when_it_has_come(company: Company, drain: Drain) -> None:
    await goals(company, 1)
    later = await regrade_from(company, NOW + timedelta(days=1), because="scheduled")
    assert await regrades.next_regrades(company.connection) == []
    due = await regrade_from(company, SINCE, because="scheduled")
    assert await regrades.next_regrades(company.connection) == [(company.id, due)]
    await advance(company.connection, company.id, due)
    await advance(company.connection, company.id, due)
    event = "SELECT count(*) FROM outbox_event WHERE type = 'okr.ruleset.came_into_force.v1'"
    assert await company.connection.fetchval(event) == 1
    assert (await the_run(company, later)).state is RunState.QUEUED


async def test_runs_of_one_organization_are_driven_one_after_the_other(company: Company) -> None:
    first, second = [await regrade_from(company, SINCE + timedelta(seconds=n)) for n in range(2)]
    assert await regrades.next_regrades(company.connection) == [(company.id, first)]
    await cancel_regrade(company.connection, company.id, first, by="somebody", now=NOW)
    assert await regrades.next_regrades(company.connection) == [(company.id, second)]


async def test_what_cannot_be_graded_is_named_and_holds_nobody_up(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain, small_parts: None
) -> None:
    objectives = await goals(company, 5)
    await drain()
    broken = await company.connection.fetchval("SELECT id FROM key_result WHERE objective_id = $1", objectives[0])
    await a_version(company, broken, revision=2, kind="milestone", milestones=[{"what is": "this"}])
    await company.connection.execute("UPDATE key_result SET revision = 2 WHERE id = $1", broken)
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    await driven(pool, company, run_id)
    run = await the_run(company, run_id)
    assert run.state is RunState.FAILED
    assert run.detail["ungradable"] == [str(subject(SubjectKind.KEY_RESULT, broken))]
    assert run.error is not None
    assert run.error.startswith("1 could not be graded")
    assert (run.done, run.total) == (11, 12)
    assert (await versions(company))["house"] == 11


async def grades_of(company: Company, states: Sequence[RunState], run_id: UUID) -> RunView:
    """The run once it is in one of the states."""
    async with asyncio.timeout(60):
        while (run := await the_run(company, run_id)).state not in states:
            await asyncio.sleep(0.005)
    return run


async def test_a_killed_worker_s_run_goes_on_and_does_nothing_twice(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain, environment: dict[str, str], tmp_path: Path
) -> None:
    await goals(company, 900)
    await pass_days(company.connection, company.id, now=NOW)  # or the worker would, and ask for all of it too
    await drain()
    before = dict(
        await company.connection.fetch("SELECT subject_id, requested_seq FROM rescore_demand WHERE subject_kind = 1")
    )
    await rules_in_force(company, "house", since=SINCE, cap=0.5)
    run_id = await regrade_from(company, SINCE)
    async with scoring_workers(environment, tmp_path) as (worker,):
        async with asyncio.timeout(60):
            while not await graded_under_house(company):
                await asyncio.sleep(0.005)
        worker.kill()
        await worker.wait()
    killed = await the_run(company, run_id)
    assert killed.state is RunState.RUNNING, "it was killed too late to show anything"
    async with scoring_workers(environment, tmp_path / "second", count=2):
        ended = await grades_of(company, (RunState.SUCCEEDED, RunState.FAILED), run_id)
    assert (ended.state, ended.done, ended.total) == (RunState.SUCCEEDED, 1802, 1802)
    snapshots = await graded_under_house(company)
    assert len(snapshots) == len(set(snapshots)) == 1800
    after = dict(
        await company.connection.fetch("SELECT subject_id, requested_seq FROM rescore_demand WHERE subject_kind = 1")
    )
    assert {after[id] - before[id] for id in before} == {1}, "each key result was asked for once"
    async with connection_of(pool) as connection:
        assert await regrades.next_regrades(connection) == []
