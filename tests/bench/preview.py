"""`preview`: seconds from asking what other rules would make of all grades until the answer is there, beside one SQL statement.

Ours is a request to the API as it runs in production: nothing is cached, each round asks about another document. Meanwhile
another connection asks whether the service is alive, a hundredth of a second after each answer: the longest wait is told.

The floor is what a database could do at best that knew one way to grade: one read-only statement that reads the same rows (key
result, version, demand, the grade with what it was made from, objective, cycle), makes the new grades of key results and
objectives linearly, and compares them: how many move, and how they are spread before and after, over all and by team. It
explains nothing and checks no rules. The numbers of both sides are compared in the run.
"""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from bench.estate import Estate, build
from bench.figures import Figure, compared, cpu_seconds
from bench.service import a_token, ours
from bench.stage import Stage
from workers import scoring_workers

KEY_RESULTS_EACH = 4
_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.01

# $1 organization, $2 the cap of progress under the new rules.
_FLOOR = """
WITH k AS MATERIALIZED (
    SELECT k.id, k.objective_id, v.weight, g.grade AS before, g.status,
           least(greatest(round(((g.inputs ->> 'v')::numeric - v.start_value) / (v.target_value - v.start_value), 12), 0), $2)
             AS after
      FROM objective o
      JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
      JOIN key_result k ON k.organization_id = $1 AND k.objective_id = o.id AND k.cancelled_at IS NULL
      JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
      JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = 1 AND d.subject_id = k.id AND NOT d.dirty
      JOIN grade g ON g.organization_id = $1 AND g.subject_kind = 1 AND g.subject_id = k.id
     WHERE o.organization_id = $1 AND o.state = 'active' AND c.state = 'active'),
o AS MATERIALIZED (
    SELECT o.id, o.team_id, g.grade AS before, r.after
      FROM (SELECT objective_id, round(sum(weight * after) / sum(weight), 12) AS after FROM k GROUP BY objective_id) r
      JOIN objective o ON o.organization_id = $1 AND o.id = r.objective_id
      JOIN grade g ON g.organization_id = $1 AND g.subject_kind = 2 AND g.subject_id = o.id),
teams AS (
    SELECT team_id, count(*), avg(before) AS mean_before, stddev_pop(before) AS spread_before,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY before) AS quartiles_before,
           avg(after) AS mean_after, stddev_pop(after) AS spread_after,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY after) AS quartiles_after
      FROM o GROUP BY ROLLUP (team_id))
SELECT (SELECT count(*) FROM k WHERE before <> after) AS key_results_moved,
       (SELECT count(*) FROM o WHERE before <> after) AS objectives_moved,
       (SELECT count(*) FROM teams) AS groups,
       (SELECT mean_before FROM teams WHERE team_id IS NULL) AS mean_before,
       (SELECT mean_after FROM teams WHERE team_id IS NULL) AS mean_after
"""


async def preview(stage: Stage, *, objectives: int, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure on a company of so many objectives, ours and the floor in turn."""
    mine: list[float] = []
    floor: list[float] = []
    waits: list[float] = []
    async with stage.owner() as owner, stage.app() as app:
        say(f"preview: building {objectives * KEY_RESULTS_EACH} key results, and grading them")
        estate = await build(owner, objectives=objectives, key_results_each=KEY_RESULTS_EACH)
        async with scoring_workers(stage.environment, stage.folder / "workers", log_level="WARNING"):
            await estate.graded()
        await estate.tidy()
        token = await a_token(owner, estate)
        async with ours(stage) as server:
            address = f"http://127.0.0.1:{server.port}"
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=_PATIENCE_SECONDS) as client:
                await _ours(client, cap=Decimal(1))
                used = cpu_seconds(server.pid)
                for number in range(rounds):
                    say(f"preview: round {number + 1} of {rounds}")
                    cap = Decimal("1.05") + Decimal(number) / 100
                    took, found, longest = await _ours(client, cap=cap)
                    mine.append(took)
                    waits.append(longest)
                    took, row = await _floor(app, estate, cap=cap)
                    floor.append(took)
                    _check(found, row, estate)
                used = cpu_seconds(server.pid) - used
    note = (
        f"lower is better; {objectives} objectives, {estate.key_results} key results; the API's CPU {used / rounds:.2f} s; "
        f"longest wait of another request meanwhile {max(waits) * 1000:.0f} ms"
    )
    return [compared("preview", mine, floor, unit="s", note=note)]


async def _ours(client: httpx.AsyncClient, *, cap: Decimal) -> tuple[float, Any, float]:
    """How many seconds it took, the answer, and the longest that another request waited meanwhile."""
    waits: list[float] = []
    asking = asyncio.create_task(_ask_whether_alive(client, waits))
    begun = time.perf_counter()
    answer = await client.post(
        "/v1/ruleset-previews", json={"document": {"bounds": {"key_results": {"cap": float(cap)}}}}
    )
    took = time.perf_counter() - begun
    asking.cancel()
    answer.raise_for_status()
    return took, answer.json(), max(waits, default=0.0)


async def _ask_whether_alive(client: httpx.AsyncClient, waits: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await client.get("/livez")
        waits.append(time.perf_counter() - begun)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _floor(app: asyncpg.Connection, estate: Estate, *, cap: Decimal) -> tuple[float, asyncpg.Record]:
    begun = time.perf_counter()
    async with app.transaction(readonly=True):
        row = await app.fetchrow(_FLOOR, estate.organization_id, cap)
    assert row is not None
    return time.perf_counter() - begun, row


def _check(found: Any, row: asyncpg.Record, estate: Estate) -> None:
    """Both must have found the same."""
    seen = (
        found["key_results"]["moved"],
        found["objectives"]["moved"],
        len(found["teams"]) + 1,
        found["objectives"]["before"]["mean"],
        found["objectives"]["after"]["mean"],
    )
    expected = (
        row["key_results_moved"],
        row["objectives_moved"],
        row["groups"],
        round(float(row["mean_before"]), 9),
        round(float(row["mean_after"]), 9),
    )
    rounded = (*seen[:3], *(round(mean, 9) for mean in seen[3:]))
    if rounded != expected or found["objectives"]["regraded"] != estate.objectives:
        raise AssertionError(f"ours found {rounded}, the floor {expected}")
