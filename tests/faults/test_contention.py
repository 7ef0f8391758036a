"""Nine writers and three workers on one tree, one of the workers frozen meanwhile: nothing is lost, stuck or counted twice."""

import asyncio
import random
import signal
import time
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg

from company import Company, a_company, a_key_result, a_metric, an_alignment, an_objective
from okr.db.engine import make_pool
from okr.db.points import NewPoint, record_points
from okr.domain.numbers import places12
from okr.jobs import Doorbell
from workers import scoring_workers, until_nothing_is_stale

SECONDS = 10
FROZEN_SECONDS = 3
WRITERS = 9
KEY_RESULTS, OBJECTIVES, PARENTS = 300, 40, 5


async def a_tree(company: Company) -> dict[UUID, list[UUID]]:
    """300 key results with a metric each under 40 objectives, these under 5; answers the children of each objective."""
    parents = [await an_objective(company) for _ in range(PARENTS)]
    children: dict[UUID, list[UUID]] = defaultdict(list)
    objectives = []
    for number in range(OBJECTIVES):
        objective = await an_objective(company)
        await an_alignment(company, objective, parent_objective_id=parents[number % PARENTS])
        children[parents[number % PARENTS]].append(objective)
        objectives.append(objective)
    for number in range(KEY_RESULTS):
        metric = await a_metric(company, f"m{number}")
        children[objectives[number % OBJECTIVES]].append(
            await a_key_result(company, objectives[number % OBJECTIVES], metric_id=metric)
        )
    return children


async def write(
    pool: "asyncpg.Pool[asyncpg.Record]", doorbell: Doorbell, organization_id: UUID, seed: int, until: float
) -> list[float]:
    """Push batches and single points as fast as they are taken, ringing after each; answers each write's seconds."""
    choose = random.Random(seed)
    taken = []
    while time.monotonic() < until:
        metrics = choose.sample(range(KEY_RESULTS), choose.choice((1, 1, 1, 10)))
        began = time.monotonic()
        async with pool.acquire() as connection, connection.transaction():
            now = datetime.now(UTC)
            points = [NewPoint(f"m{n}", Decimal(choose.randrange(100)), now, f"w{seed}") for n in metrics]
            await record_points(connection, organization_id, points, now=now)
        doorbell.ring(organization_id)
        taken.append(time.monotonic() - began)
    return taken


async def from_scratch(connection: asyncpg.Connection, children: dict[UUID, list[UUID]]) -> dict[UUID, Decimal | None]:
    """Every grade, made from the newest points by the definition: (v − 0) / (100 − 0), and plain means above."""
    rows = await connection.fetch(
        """
        SELECT k.id, (SELECT value FROM metric_point p WHERE p.metric_id = k.metric_id
                       ORDER BY observed_at DESC, recorded_at DESC, revision DESC, source DESC, dedupe_key DESC LIMIT 1) AS value
          FROM key_result k
        """
    )
    grades: dict[UUID, Decimal | None] = {
        row["id"]: None if row["value"] is None else row["value"] / 100 for row in rows
    }

    def grade(id: UUID) -> Decimal | None:
        if id not in grades:
            known = [found for child in children[id] if (found := grade(child)) is not None]
            grades[id] = places12(sum(known, Decimal(0)) / len(known)) if known else None
        return grades[id]

    return {id: grade(id) for id in [*children, *grades]}


async def test_nine_writers_three_workers_and_a_frozen_one(
    app_url: str, redis_url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    doorbell = Doorbell(redis_url, interval_seconds=0.03)
    await doorbell.start()
    async with (
        await make_pool(app_url, size=WRITERS + 1) as pool,
        pool.acquire() as connection,
        scoring_workers(environment, tmp_path, count=3) as workers,
    ):
        company = await a_company(connection)
        children = await a_tree(company)
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = await connection.fetchval(deadlocks)
        until = time.monotonic() + SECONDS
        writing = [asyncio.create_task(write(pool, doorbell, company.id, seed, until)) for seed in range(WRITERS)]
        await asyncio.sleep(SECONDS / 3)
        workers[0].send_signal(signal.SIGSTOP)
        await asyncio.sleep(FROZEN_SECONDS)
        workers[0].send_signal(signal.SIGCONT)
        taken = sorted(seconds for each in await asyncio.gather(*writing) for seconds in each)
        drained_from = time.monotonic()
        await until_nothing_is_stale(connection)
        drained = time.monotonic() - drained_from

        snapshots, keys = await connection.fetchrow(
            """
            SELECT count(*), count(DISTINCT (subject_kind, subject_id, observed_at, computed_seq)) FROM score_snapshot
            """
        )
        regrades = await connection.fetchval("SELECT sum(computed_seq) FROM rescore_demand")
        print(
            f"\n{len(taken)} writes, p99 {taken[len(taken) * 99 // 100] * 1000:.0f} ms; {regrades} requests served, "
            f"{snapshots} snapshots; drained in {drained:.2f} s"
        )
        assert await connection.fetchval(deadlocks) == before
        assert snapshots == keys
        expected = await from_scratch(connection, children)
        rows = await connection.fetch("SELECT subject_id, grade FROM grade WHERE subject_kind <= 2")
        assert {row["subject_id"]: row["grade"] for row in rows} == expected
        assert len(rows) == KEY_RESULTS + OBJECTIVES + PARENTS
        tops = [expected[id] for id in expected if id in children and any(child in children for child in children[id])]
        whole = places12(sum((top for top in tops if top is not None), Decimal(0)) / PARENTS)
        above = await connection.fetch("SELECT grade FROM grade WHERE subject_kind > 3")
        assert [row["grade"] for row in above] == [whole, whole]
    await doorbell.close()
