"""A history that is too long to be graded at once is a run: it can be watched, it ends, and no killed worker leaves it open."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast
from uuid import UUID

import asyncpg
import pytest

from company import Company, a_key_result, a_metric, a_version, an_objective, push, touch
from okr.db import demand, runs
from okr.db.demand import subject
from okr.db.listing import Page
from okr.db.points import NewPoint
from okr.db.runs import RUN_SORTS, RunView
from okr.db.tables.runs import RunKind, RunState
from okr.domain.values import SubjectKind
from okr_scoring.drain import Drainer
from okr_scoring.rescore import serve
from workers import Drain, Interrupted, scoring_workers, until_nothing_is_stale

POINTS = 1_000
"""Three parts of 400 instants, the last one smaller."""


class KilledHere(Exception):
    """What a test throws where a worker dies."""


async def a_long_history(company: Company, points: int = POINTS) -> UUID:
    """A key result with so many values, evenly from the start of its cycle until now, waiting to be graded."""
    objective_id = await an_objective(company)
    key_result_id = await a_key_result(company, objective_id, metric_id=await a_metric(company, "arr"))
    distance = (datetime.now(UTC) - company.begins_at) / points
    values = [NewPoint("arr", Decimal(n % 97), company.begins_at + distance * n) for n in range(points)]
    await push(company, *values)
    return key_result_id


async def a_part(company: Company, connection: asyncpg.Connection | None = None) -> bool:
    """Serve what may be claimed, once; False when nothing was."""
    connection = connection or company.connection
    claims = await demand.claim(connection, company.id, lease_seconds=60)
    if claims:
        await serve(connection, company.id, claims, now=datetime.now(UTC), partitions=company.partitions)
    return bool(claims)


async def all_runs(company: Company, id: UUID) -> list[RunView]:
    """The runs of a key result, oldest first."""
    page = Page(RUN_SORTS["created_at"], limit=50)
    about = subject(SubjectKind.KEY_RESULT, id)
    return (await runs.list_runs(company.connection, company.id, page=page, subject=about)).items


async def is_dirty(company: Company, id: UUID) -> bool:
    """Whether something of the subject's history still has to be graded."""
    return bool(await company.connection.fetchval("SELECT dirty FROM rescore_demand WHERE subject_id = $1", id))


async def test_a_long_regrade_is_a_run_that_can_be_watched(company: Company) -> None:
    key_result = await a_long_history(company)
    seen = []
    while await is_dirty(company, key_result):
        assert await a_part(company)
        seen += await all_runs(company, key_result)
        if await is_dirty(company, key_result):
            assert await runs.settle(company.connection) == 0
    assert len(seen) == 3
    first, second, _ = seen
    assert (first.kind, first.state, first.error, first.created_by) == (RunKind.REGRADE, RunState.RUNNING, None, None)
    assert first.total is not None
    assert 0.25 * first.total < first.done < 0.45 * first.total < second.done < 0.9 * first.total
    assert {(run.id, run.total, run.started_at, run.finished_at) for run in seen} == {
        (first.id, first.total, first.created_at, None)
    }

    assert await runs.settle(company.connection) == 2  # the objective's history was cut where its key result's was
    (ended,) = await all_runs(company, key_result)
    assert (ended.id, ended.state, ended.done) == (first.id, RunState.SUCCEEDED, first.total)
    assert ended.finished_at is not None
    assert await runs.settle(company.connection) == 0


async def test_what_is_graded_at_once_is_no_run(company: Company, drain: Drain) -> None:
    await a_long_history(company, points=20)
    await drain()
    assert await company.connection.fetchval("SELECT count(*) FROM run") == 0


async def test_a_worker_that_dies_before_its_effect_leaves_one_run_that_goes_on(company: Company, app_url: str) -> None:
    key_result = await a_long_history(company)
    assert await a_part(company)
    (before,) = await all_runs(company, key_result)
    other = await asyncpg.connect(app_url)

    async def dies() -> None:
        raise KilledHere

    interrupted = cast("asyncpg.Connection", Interrupted(other, "INSERT INTO score_snapshot", dies))
    with pytest.raises(KilledHere):
        await a_part(company, interrupted)
    await other.close()
    # It told of a part that was never written; nobody may take that for the end.
    assert await runs.settle(company.connection) == 0
    (told,) = await all_runs(company, key_result)
    assert told.done > before.done
    await company.connection.execute("UPDATE rescore_demand SET claimed_until = '-infinity'")
    while await a_part(company):
        pass
    (again,) = await all_runs(company, key_result)
    assert (again.id, again.total) == (before.id, before.total)
    await runs.settle(company.connection)
    (ended,) = await all_runs(company, key_result)
    assert (ended.id, ended.state) == (before.id, RunState.SUCCEEDED)


async def test_the_run_is_told_before_the_part_is_written(company: Company, app_url: str) -> None:
    key_result = await a_long_history(company)
    other = await asyncpg.connect(app_url)
    found: list[RunView] = []

    async def looks() -> None:
        assert await runs.settle(other) == 0
        found.extend(await all_runs(company, key_result))

    await a_part(
        company, cast("asyncpg.Connection", Interrupted(company.connection, "INSERT INTO score_snapshot", looks))
    )
    assert await runs.settle(other) == 0
    await other.close()
    assert [run.state for run in found] == [RunState.RUNNING]


async def test_a_subject_that_never_rests_still_ends_its_run(company: Company) -> None:
    key_result = await a_long_history(company)
    is_last = False
    while not is_last:
        await a_part(company)
        is_last = not await is_dirty(company, key_result)
        # Something new with each part: whoever looks finds the subject dirty.
        await touch(company, subject(SubjectKind.KEY_RESULT, key_result), since=datetime.now(UTC))
        await runs.settle(company.connection)
        (run,) = await all_runs(company, key_result)
        assert run.state is (RunState.SUCCEEDED if is_last else RunState.RUNNING)
    assert await is_dirty(company, key_result)


async def test_an_earlier_touch_makes_the_run_longer(company: Company) -> None:
    key_result = await a_long_history(company)
    await company.connection.execute(
        "UPDATE rescore_demand SET touched_from = now() - interval '60 days' WHERE subject_id = $1", key_result
    )
    assert await a_part(company)
    (before,) = await all_runs(company, key_result)
    assert before.total is not None
    await touch(company, subject(SubjectKind.KEY_RESULT, key_result), since=company.begins_at)
    assert await a_part(company)
    (after,) = await all_runs(company, key_result)
    assert (after.id, after.state) == (before.id, RunState.RUNNING)
    assert after.total is not None
    assert after.total > before.total + timedelta(days=15).total_seconds()
    assert after.detail["from"] < before.detail["from"]


async def test_the_next_long_regrade_is_another_run(company: Company, drain: Drain) -> None:
    key_result = await a_long_history(company)
    for _ in range(2):
        await drain()
        await runs.settle(company.connection)
        await touch(company, subject(SubjectKind.KEY_RESULT, key_result), since=company.begins_at)
    first, second = await all_runs(company, key_result)
    assert first.id != second.id
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED)


async def test_what_cannot_be_graded_fails(company: Company, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    key_result = await a_long_history(company)
    assert await a_part(company)
    await a_version(company, key_result, revision=2, kind="milestone", milestones=[{"what is": "this"}])
    await company.connection.execute("UPDATE key_result SET revision = 2 WHERE id = $1", key_result)
    drainer = Drainer(pool, roll_up_distance_seconds=0)
    await drainer.drain(company.id)
    await drainer.close()
    (run,) = await all_runs(company, key_result)
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert run.finished_at is not None
    assert run.done < (run.total or 0)
    await runs.settle(company.connection)
    assert await all_runs(company, key_result) == [run]


async def test_a_killed_worker_leaves_no_run_open(
    company: Company, environment: dict[str, str], tmp_path: Path
) -> None:
    key_result = await a_long_history(company, points=4_000)

    async def until(state: RunState) -> RunView:
        async with asyncio.timeout(60):
            while not (found := await all_runs(company, key_result)) or found[-1].state is not state:
                await asyncio.sleep(0.005)
        return found[-1]

    async with scoring_workers(environment, tmp_path) as (worker,):
        killed = await until(RunState.RUNNING)
        worker.kill()
    assert await is_dirty(company, key_result), "it was killed too late to show anything"
    async with scoring_workers(environment, tmp_path / "second"):
        await until_nothing_is_stale(company.connection)
        ended = await until(RunState.SUCCEEDED)
    assert [run.id for run in await all_runs(company, key_result)] == [killed.id]
    assert (ended.id, ended.done) == (killed.id, ended.total)
    graded = "SELECT count(*) FROM score_snapshot WHERE subject_id = $1"
    assert await company.connection.fetchval(graded, key_result) > 3_000
