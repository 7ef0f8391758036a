"""`rescore_bulk`: key results a second that one worker process regrades when a ruleset's version comes into force for all.

Ours is the run as it is in production, from its start until the last key result and objective is graded under the new version:
it asks for a part at a time and regrades it. The sets above follow at their distance in time, and are not waited for.

The floor is one statement that knows one way to grade: it reads the same rows, makes the same numbers, and writes the same rows:
demand, grade, snapshot and event of each key result and each objective. Both sides' rows are counted and their numbers compared
in the run.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import asyncpg

from bench.estate import Estate, build
from bench.figures import Figure, compared, cpu_seconds
from bench.rescore import FLOOR, expected_now
from bench.stage import Stage
from okr.db.regrades import open_regrade
from okr.domain.rulebook import EVERYTHING
from okr.ids import new_id
from okr.rulesets.spelling import parse_document, to_json
from workers import scoring_workers

# Everything there is instead of what waits, all at one instant ($3), under a version ($4).
_FLOOR = (
    FLOOR.replace("requested_seq AS seq FROM", "requested_seq + 1 AS seq FROM")
    .replace("organization_id = $1 AND dirty AND subject_kind <= 2", "organization_id = $1 AND subject_kind <= 2")
    .replace("SET computed_seq = s.seq,", "SET requested_seq = s.seq, computed_seq = s.seq,")
    .replace("i.seq, i.observed_at, i.raw,", "i.seq, $3::timestamptz AS observed_at, i.raw,")
    .replace("'standard' AS ruleset_key, 1 AS ruleset_version", "'house' AS ruleset_key, $4::int AS ruleset_version")
)

_RULESET = """
INSERT INTO ruleset (organization_id, id, version, created_at, updated_at, key, name, scope_kind)
VALUES ($1, $2, 1, now(), now(), 'house', 'House', 'organization')
"""
_END_FORMER = "UPDATE ruleset_version SET effective_until = $2 WHERE organization_id = $1 AND effective_until IS NULL"
_VERSION = """
INSERT INTO ruleset_version (organization_id, id, version, created_at, updated_at, ruleset_id, number, document, created_by,
                             activated_at, activated_by, activation_reason, effective_from)
VALUES ($1, uuidv7(), 1, $5, $5, $2, $3, $4, 'bench', $5, 'bench', 'a round', $5)
"""

# Right is what says the same as the value: on the way from start to target, between 0 and 1, and for an objective their mean.
_OUTCOME = """
WITH k AS (
    SELECT n.key_result_id, n.objective_id,
           round((p.value - n.start_value) / (n.target_value - n.start_value), 12) AS raw
      FROM bench_key_result n CROSS JOIN LATERAL (
           SELECT value FROM metric_point WHERE organization_id = $1 AND metric_id = n.metric_id
            ORDER BY observed_at DESC LIMIT 1) AS p),
w AS (
    SELECT 1 AS kind, key_result_id AS id, least(greatest(raw, 0), 1) AS grade FROM k
    UNION ALL
    SELECT 2, objective_id, round(avg(least(greatest(raw, 0), 1)), 12) FROM k GROUP BY objective_id)
SELECT (SELECT count(*) FROM w JOIN grade g ON g.organization_id = $1 AND g.subject_kind = w.kind AND g.subject_id = w.id
         WHERE g.grade = w.grade AND g.observed_at = $2 AND g.ruleset_key = 'house' AND g.ruleset_version = $3),
       (SELECT count(*) FROM w JOIN score_snapshot s ON s.organization_id = $1 AND s.subject_kind = w.kind AND s.subject_id = w.id
         WHERE s.grade = w.grade AND s.observed_at = $2 AND s.ruleset_key = 'house' AND s.ruleset_version = $3),
       (SELECT count(*) FROM outbox_event WHERE organization_id = $1 AND created_at >= $2 AND type = 'okr.grade.changed.v1'
           AND split_part(subject, ':', 1) IN ('key_result', 'objective'))
"""


class _Rules:
    """A ruleset of the whole company, of which each round has another version."""

    def __init__(self, connection: asyncpg.Connection, estate: Estate) -> None:
        self._connection, self._estate = connection, estate
        self.id = new_id()
        self.number = 0

    async def prepare(self) -> None:
        """Make the ruleset."""
        await self._connection.execute(_RULESET, self._estate.organization_id, self.id)

    async def next_version(self) -> datetime:
        """Bring another version into force now; answers the instant."""
        self.number += 1
        document = to_json(parse_document({"title": f"Round {self.number}"}))
        now: datetime = await self._connection.fetchval("SELECT clock_timestamp()")
        organization_id = self._estate.organization_id
        await self._connection.execute(_END_FORMER, organization_id, now)
        await self._connection.execute(_VERSION, organization_id, self.id, self.number, document, now)
        return now


async def rescore_bulk(stage: Stage, *, objectives: int, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure on a company of `objectives` times five key results, ours and the floor in turn."""
    ours: list[float] = []
    floor: list[float] = []
    ours_cpu = 0.0
    async with stage.owner() as owner, stage.app() as app:
        say(f"rescore_bulk: building {objectives * 5} key results")
        estate = await build(owner, objectives=objectives, key_results_each=5)
        rules = _Rules(app, estate)
        await rules.prepare()
        async with scoring_workers(stage.environment, stage.folder / "workers", log_level="WARNING") as (worker,):
            say("rescore_bulk: first grades")
            await estate.graded()
            for number in range(rounds):
                say(f"rescore_bulk: round {number + 1} of {rounds}")
                used = cpu_seconds(worker.pid)
                ours.append(await _ours(app, estate, rules))
                ours_cpu += cpu_seconds(worker.pid) - used
                floor.append(await _floor(app, estate, rules, worker))
    graded = estate.key_results * rounds
    note = (
        f"{estate.key_results} key results and {estate.objectives} objectives a round, each with a snapshot; worker's CPU "
        f"{ours_cpu / graded * 1e6:.0f} us a key result, the sets included"
    )
    return [compared("rescore_bulk", ours, floor, unit="key results/s", note=note)]


async def _ours(app: asyncpg.Connection, estate: Estate, rules: _Rules) -> float:
    """Key results a second of a run, from its start to the last grade of a key result or objective."""
    await estate.tidy()
    async with app.transaction():
        at = await rules.next_version()
        run_id = await open_regrade(
            app,
            estate.organization_id,
            scope=EVERYTHING,
            ruleset_id=rules.id,
            ruleset="house",
            number=rules.number,
            because="activated",
            since=at,
            by="bench",
            now=at,
        )
    started_at = await _ended(app, estate.organization_id, run_id)
    done: datetime = await app.fetchval("SELECT max(computed_at) FROM grade WHERE subject_kind <= 2")
    await estate.graded()
    await _check("the run", estate, rules, at)
    return estate.key_results / (done - started_at).total_seconds()


async def _ended(app: asyncpg.Connection, organization_id: UUID, run_id: UUID) -> datetime:
    """When the run began, once it has ended well."""
    read = "SELECT state, started_at FROM run WHERE organization_id = $1 AND id = $2"
    async with asyncio.timeout(240):
        while (row := await app.fetchrow(read, organization_id, run_id))["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
    assert row["state"] == "succeeded", row
    started_at: datetime = row["started_at"]
    return started_at


async def _floor(app: asyncpg.Connection, estate: Estate, rules: _Rules, worker: asyncio.subprocess.Process) -> float:
    """Key results a second of the statement, while the worker is frozen."""
    await estate.tidy()
    worker.send_signal(signal.SIGSTOP)
    try:
        at = await rules.next_version()
        expected = await expected_now(app)
        begun = time.perf_counter()
        written = await app.fetchval(_FLOOR, estate.organization_id, str(expected), at, rules.number)
        took = time.perf_counter() - begun
    finally:
        worker.send_signal(signal.SIGCONT)
    assert written == estate.key_results + estate.objectives
    await _check("the floor", estate, rules, at)
    return estate.key_results / took


async def _check(who: str, estate: Estate, rules: _Rules, at: datetime) -> None:
    """Both sides must have written a grade, a snapshot and an event of each subject, with the same numbers."""
    every = estate.key_results + estate.objectives
    outcome = tuple(await estate.connection.fetchrow(_OUTCOME, estate.organization_id, at, rules.number))
    if outcome != (every, every, every):
        raise AssertionError(f"{who} wrote (grades, snapshots, events) {outcome} instead of {every} each")
