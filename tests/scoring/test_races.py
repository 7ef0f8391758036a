"""What may happen between two statements of a worker."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import asyncpg
import pytest

import okr_scoring.drain
from company import Company, a_key_result, a_metric, an_alignment, an_objective, push, touch
from okr.db import demand
from okr.db.demand import subject
from okr.db.partitions import Partitions
from okr.db.points import NewPoint
from okr.domain.values import SubjectKind
from okr_scoring.drain import Drainer
from okr_scoring.rescore import serve
from workers import Drain, Interrupted, grade_of


async def test_a_parent_that_comes_while_its_child_is_being_graded_gets_the_new_grade(
    company: Company, drain: Drain, app_url: str
) -> None:
    child, parent = await an_objective(company), await an_objective(company)
    await a_key_result(company, child, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(10), datetime.now(UTC)))
    await drain()
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)))
    claims = await demand.claim(company.connection, company.id, lease_seconds=30)
    other = await asyncpg.connect(app_url)

    async def is_aligned_and_graded_by_another_worker() -> None:
        await an_alignment(company, child, parent_objective_id=parent)
        await touch(company, subject(SubjectKind.OBJECTIVE, parent), since=company.begins_at)
        theirs = await demand.claim(other, company.id, lease_seconds=30)
        await serve(other, company.id, theirs, now=datetime.now(UTC), partitions=Partitions())
        assert await grade_of(company, parent) == Decimal("0.1")

    connection = Interrupted(company.connection, "INSERT INTO score_snapshot", is_aligned_and_graded_by_another_worker)
    await serve(
        cast("asyncpg.Connection", connection), company.id, claims, now=datetime.now(UTC), partitions=Partitions()
    )
    await drain()
    assert await grade_of(company, parent) == Decimal("0.4")
    await other.close()


async def test_a_worker_that_lost_its_lease_writes_nothing_over_the_newer_grade(
    company: Company, drain: Drain, app_url: str
) -> None:
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await drain()
    await push(company, NewPoint("arr", Decimal(10), datetime.now(UTC)))
    claims = await demand.claim(company.connection, company.id, lease_seconds=0)
    other = await asyncpg.connect(app_url)

    async def is_graded_by_another_worker() -> None:
        await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)), connection=other)
        theirs = await demand.claim(other, company.id, lease_seconds=30)
        await serve(other, company.id, theirs, now=datetime.now(UTC), partitions=Partitions())

    connection = Interrupted(company.connection, "INSERT INTO score_snapshot", is_graded_by_another_worker)
    served = await serve(
        cast("asyncpg.Connection", connection), company.id, claims, now=datetime.now(UTC), partitions=Partitions()
    )
    assert served.fenced == len(claims) == 2
    assert await grade_of(company, objective) == Decimal("0.4")
    await drain()
    assert await grade_of(company, objective) == Decimal("0.4")
    await other.close()


async def test_an_objective_waits_for_a_key_result_that_another_worker_holds(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await drain()
    await push(company, NewPoint("arr", Decimal(10), datetime.now(UTC)))
    claims = await demand.claim(company.connection, company.id, lease_seconds=30)
    theirs = [claim for claim in claims if claim.subject.id == key_result]
    ours = [claim for claim in claims if claim.subject.id == objective]
    now = datetime.now(UTC)
    served = await serve(company.connection, company.id, ours, now=now, partitions=Partitions())
    assert (served.deferred, len(served.written)) == (1, 0)
    assert await company.connection.fetchval("SELECT dirty FROM rescore_demand WHERE subject_id = $1", objective)
    await serve(company.connection, company.id, theirs, now=now, partitions=Partitions())
    await drain()
    assert await grade_of(company, objective) == Decimal("0.1")


async def test_an_objective_and_its_key_results_are_claimed_together(company: Company, drain: Drain) -> None:
    families = []
    for name in ("first", "second"):
        objective = await an_objective(company)
        metrics = [await a_metric(company, f"{name}.{number}") for number in (1, 2)]
        families.append({objective, *[await a_key_result(company, objective, metric_id=metric) for metric in metrics]})
    await drain()
    now = datetime.now(UTC)
    for name in ("first.1", "second.1", "first.2", "second.2"):
        await push(company, NewPoint(name, Decimal(10), now))
    claimed = [await demand.claim(company.connection, company.id, lease_seconds=30, limit=1) for _ in families]
    assert [{claim.subject.id for claim in claims} for claims in claimed] == families


async def test_nobody_comes_back_where_nothing_waits(company: Company, drain: Drain) -> None:
    assert await demand.seconds_until_claimable(company.connection, company.id) == 0
    await drain()
    assert await demand.seconds_until_claimable(company.connection, company.id) is None


async def test_much_demand_is_served_in_two_lanes_and_each_subject_once(
    company: Company, pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(okr_scoring.drain, "BATCH", 3)
    for number in range(12):
        await a_key_result(company, await an_objective(company), metric_id=await a_metric(company, f"m{number}"))
    await push(company, *(NewPoint(f"m{number}", Decimal(number), datetime.now(UTC)) for number in range(12)))
    drainer = Drainer(pool, roll_up_distance_seconds=60)
    await drainer.drain(company.id)
    await drainer.close()
    assert pool.get_size() >= 3  # the company's own, and one for each lane
    found = await company.connection.fetch(
        "SELECT requested_seq, computed_seq FROM rescore_demand WHERE subject_kind <= 2"
    )
    assert len(found) == 24
    assert all(row["requested_seq"] == row["computed_seq"] for row in found)
    doubled = await company.connection.fetchval(
        """SELECT count(*) FROM (SELECT 1 FROM score_snapshot WHERE subject_kind <= 2
                                  GROUP BY subject_kind, subject_id, observed_at HAVING count(*) > 1) AS d"""
    )
    assert doubled == 0


async def test_a_dead_workers_claim_is_taken_over_with_what_it_had_to_do(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await drain()
    early = company.begins_at
    await push(company, NewPoint("arr", Decimal(10), early))
    assert len(await demand.claim(company.connection, company.id, lease_seconds=0)) == 2
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)))
    await drain()
    found = await company.connection.fetchval(
        "SELECT grade FROM score_snapshot WHERE subject_id = $1 AND observed_at = $2", key_result, early
    )
    assert found == Decimal("0.1")


async def test_one_broken_key_result_does_not_stop_the_others(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company
) -> None:
    objective = await an_objective(company)
    broken = await a_key_result(company, objective, kind="milestone", milestones=[{"what is": "this"}])
    sound = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)))
    drainer = Drainer(pool, roll_up_distance_seconds=0)
    async with asyncio.timeout(20):
        while await grade_of(company, company.id) is None:
            await drainer.drain(company.id)
    await drainer.close()
    assert [await grade_of(company, id) for id in (sound, objective)] == [Decimal("0.4")] * 2
    dirty = await company.connection.fetch("SELECT subject_id FROM rescore_demand WHERE dirty AND subject_kind <= 2")
    assert [row["subject_id"] for row in dirty] == [broken]
