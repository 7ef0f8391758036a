"""`rescore`: key results a second that one worker process regrades, beside one SQL statement that writes the same rows.

Every key result has a new value; it and its objective wait to be graded. Ours is the worker as it runs in production, woken by
a job, from then until the last key result and objective is graded. The teams, the cycle and the organization above them are
graded by it meanwhile, at their distance in time, and are not waited for.

The floor is what a database could do at best that knew one way to grade: it reads the same rows (demand, key result, version,
metric, newest point, objective, cycle, grade before), makes the same numbers, and writes the same rows with the same columns:
demand, grade, snapshot and event of each key result and each objective. It claims nothing, keeps no fence, looks at no earlier
history and grades no set above. Both sides' rows are counted and their numbers compared in the run.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from bench.estate import Estate, build
from bench.figures import Figure, compared, cpu_seconds
from bench.stage import Stage
from okr.domain.pace import expected_by
from okr.domain.ruleset import STANDARD
from okr.domain.values import Window
from workers import scoring_workers

_STATUS = """CASE WHEN {grade} >= 0.7 THEN 'achieved' WHEN {ahead} >= -0.10 THEN 'on_track' WHEN {ahead} >= -0.25 THEN 'at_risk'
                  ELSE 'off_track' END"""
_BAND = "CASE WHEN {grade} >= 0.7 THEN 'green' WHEN {grade} >= 0.3 THEN 'amber' ELSE 'red' END"
_LABEL = "CASE {band} WHEN 'green' THEN 'Delivered' WHEN 'amber' THEN 'Making progress' ELSE 'Needs attention' END"
_COLUMNS = """observed_at, raw, progress, grade, status, label, band, expected, freshness, confidence, coverage, success_line,
              provenance, ruleset_key, ruleset_version, reasons, inputs"""

# $1 organization, $2 expected by the cycle's days: every key result here has the cycle's.
FLOOR = f"""
WITH d AS MATERIALIZED (
    SELECT subject_kind, subject_id, requested_seq AS seq FROM rescore_demand
     WHERE organization_id = $1 AND dirty AND subject_kind <= 2),
k AS MATERIALIZED (
    SELECT d.subject_id AS id, d.seq, k.objective_id, v.weight, v.revision, o.commitment, c.starts_on, c.ends_on, m.frequency,
           p.value, p.observed_at, round((p.value - v.start_value) / (v.target_value - v.start_value), 12) AS raw
      FROM d
      JOIN key_result k ON k.organization_id = $1 AND k.id = d.subject_id
      JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
      JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
      JOIN objective o ON o.organization_id = $1 AND o.id = k.objective_id
      JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
     CROSS JOIN LATERAL (
           SELECT value, observed_at FROM metric_point WHERE organization_id = $1 AND metric_id = m.id
            ORDER BY observed_at DESC, recorded_at DESC, revision DESC LIMIT 1) AS p
     WHERE d.subject_kind = 1),
kg AS MATERIALIZED (SELECT *, least(greatest(raw, 0), 1) AS grade FROM k),
og AS MATERIALIZED (
    SELECT kg.objective_id AS id, d.seq, kg.commitment, kg.starts_on, kg.ends_on, max(kg.observed_at) AS observed_at,
           round(sum(weight * raw) / sum(weight), 12) AS raw, round(sum(weight * grade) / sum(weight), 12) AS grade,
           jsonb_agg(jsonb_build_array(1, replace(kg.id::text, '-', ''), weight::text, raw::text, grade::text, grade::text,
                                       $2::text, NULL, '1', 'fresh') ORDER BY kg.id) AS parts
      FROM kg JOIN d ON d.subject_kind = 2 AND d.subject_id = kg.objective_id
     GROUP BY kg.objective_id, d.seq, kg.commitment, kg.starts_on, kg.ends_on),
i AS (
    SELECT 1 AS kind, id, seq, observed_at, raw, grade,
           jsonb_build_object('r', revision, 'c', commitment, 'w', jsonb_build_array(starts_on, ends_on, current_date - 1),
                              'p', 7, 'v', value::text, 'at', observed_at) AS inputs
      FROM kg
    UNION ALL
    SELECT 2, id, seq, observed_at, raw, grade,
           jsonb_build_object('c', commitment, 'w', jsonb_build_array(starts_on, ends_on, current_date - 1), 'parts', parts)
      FROM og),
s AS MATERIALIZED (
    SELECT i.kind, i.id, i.seq, i.observed_at, i.raw, i.grade AS progress, i.grade,
           {_STATUS.format(grade="i.grade", ahead="(i.grade - $2::text::numeric)")} AS status,
           {_LABEL.format(band=f"({_BAND.format(grade='i.grade')})")} AS label, {_BAND.format(grade="i.grade")} AS band,
           $2::text::numeric AS expected, 'fresh' AS freshness, NULL::numeric AS confidence, 1::numeric AS coverage,
           0.7 AS success_line, 'computed' AS provenance, 'standard' AS ruleset_key, 1 AS ruleset_version,
           CASE WHEN i.kind = 1 AND i.raw > 1 THEN '{{beyond_target}}' ELSE '{{}}' END::text[] AS reasons,
           i.inputs, b.grade AS grade_before, b.status AS status_before
      FROM i LEFT JOIN grade b ON b.organization_id = $1 AND b.subject_kind = i.kind AND b.subject_id = i.id),
u AS (
    UPDATE rescore_demand d SET computed_seq = s.seq, dirty = false, touched_from = 'infinity', claimed_from = 'infinity',
           claimed_until = '-infinity'
      FROM s WHERE d.organization_id = $1 AND d.subject_kind = s.kind AND d.subject_id = s.id),
g AS (
    INSERT INTO grade (organization_id, subject_kind, subject_id, computed_seq, computed_at, {_COLUMNS})
    SELECT $1, kind, id, seq, clock_timestamp(), {_COLUMNS} FROM s
    ON CONFLICT (organization_id, subject_kind, subject_id) DO UPDATE SET
        (computed_seq, computed_at, {_COLUMNS})
      = (excluded.computed_seq, excluded.computed_at, {", ".join("excluded." + name.strip() for name in _COLUMNS.split(","))})),
h AS (
    INSERT INTO score_snapshot (organization_id, subject_kind, subject_id, computed_seq, recorded_at, {_COLUMNS})
    SELECT $1, kind, id, seq, clock_timestamp(), {_COLUMNS} FROM s),
e AS (
    INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
    SELECT $1, uuidv7(), 'okr.grade.changed.v1', name || id,
           jsonb_build_object('subject', name || id, 'grade', grade, 'status', status, 'grade_before', grade_before,
                              'status_before', status_before, 'observed_at', observed_at), clock_timestamp()
      FROM (SELECT *, CASE kind WHEN 1 THEN 'key_result:' ELSE 'objective:' END AS name FROM s) AS s)
SELECT count(*) FROM s
"""

# The rows of the last round, and how many of its numbers are right: computed again from the points, on their own.
_OUTCOME = """
WITH k AS (
    SELECT n.key_result_id, n.objective_id,
           round((p.value - n.start_value) / (n.target_value - n.start_value), 12) AS raw
      FROM bench_key_result n JOIN metric_point p ON p.organization_id = $1 AND p.metric_id = n.metric_id AND p.observed_at = $2),
w AS (
    SELECT 1 AS kind, key_result_id AS id, raw, least(greatest(raw, 0), 1) AS grade FROM k
    UNION ALL
    SELECT 2, objective_id, round(avg(raw), 12), round(avg(least(greatest(raw, 0), 1)), 12) FROM k GROUP BY objective_id)
SELECT (SELECT count(*) FROM w JOIN grade g ON g.organization_id = $1 AND g.subject_kind = w.kind AND g.subject_id = w.id
                        JOIN rescore_demand d USING (organization_id, subject_kind, subject_id)
         WHERE g.raw = w.raw AND g.grade = w.grade AND g.progress = w.grade AND g.observed_at = $2
           AND g.computed_seq = d.requested_seq AND g.computed_seq = d.computed_seq AND NOT d.dirty) AS grades,
       (SELECT count(*) FROM w JOIN score_snapshot s ON s.organization_id = $1 AND s.subject_kind = w.kind AND s.subject_id = w.id
                                                    AND s.observed_at = $2
         WHERE s.raw = w.raw AND s.grade = w.grade) AS snapshots,
       (SELECT count(*) FROM outbox_event WHERE organization_id = $1 AND created_at >= $2 AND type = 'okr.grade.changed.v1'
           AND split_part(subject, ':', 1) IN ('key_result', 'objective')) AS events
"""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a round wrote of key results and objectives: rows with the right numbers."""

    grades: int
    snapshots: int
    events: int


async def rescore(stage: Stage, *, objectives: int, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure on a company of `objectives` times five key results, ours and the floor in turn."""
    ours: list[float] = []
    floor: list[float] = []
    ours_cpu = database_cpu = 0.0
    async with stage.owner() as owner, stage.app() as app:
        say(f"rescore: building {objectives * 5} key results")
        estate = await build(owner, objectives=objectives, key_results_each=5)
        async with scoring_workers(stage.environment, stage.folder / "workers", log_level="WARNING") as (worker,):
            say("rescore: first grades")
            await estate.graded()
            for number in range(rounds):
                say(f"rescore: round {number + 1} of {rounds}")
                used, used_by_database = cpu_seconds(worker.pid), stage.database_cpu_seconds()
                ours.append(await _ours(stage, estate, worker))
                ours_cpu += cpu_seconds(worker.pid) - used
                database_cpu += stage.database_cpu_seconds() - used_by_database
                await estate.graded()
                floor.append(await _floor(app, estate, worker))
    graded = estate.key_results * rounds
    note = (
        f"{estate.key_results} key results and {estate.objectives} objectives a round; worker's CPU "
        f"{ours_cpu / graded * 1e6:.0f} us a key result"
    )
    return [compared("rescore", ours, floor, unit="key results/s", note=note)]


async def _ours(stage: Stage, estate: Estate, worker: asyncio.subprocess.Process) -> float:
    """Key results a second of the worker, from the ring of the bell to the last grade of a key result or objective."""
    worker.send_signal(signal.SIGSTOP)  # it finds the whole of the demand, not the first of it
    at = await estate.new_values()
    await estate.tidy()
    worker.send_signal(signal.SIGCONT)
    begun: datetime = await estate.connection.fetchval("SELECT clock_timestamp()")
    await stage.ring(estate.organization_id)
    await estate.graded(up_to_kind=2)
    done: datetime = await estate.connection.fetchval("SELECT max(computed_at) FROM grade WHERE subject_kind <= 2")
    await _check("the worker", estate, at)
    return estate.key_results / (done - begun).total_seconds()


async def _floor(app: asyncpg.Connection, estate: Estate, worker: asyncio.subprocess.Process) -> float:
    """Key results a second of the statement, while the worker is frozen: it must not take the demand."""
    worker.send_signal(signal.SIGSTOP)
    try:
        at = await estate.new_values()
        await estate.tidy()
        expected = await expected_now(app)
        begun = time.perf_counter()
        written = await app.fetchval(FLOOR, estate.organization_id, str(expected))
        took = time.perf_counter() - begun
    finally:
        worker.send_signal(signal.SIGCONT)
    assert written == estate.key_results + estate.objectives
    await _check("the floor", estate, at)
    return estate.key_results / took


async def expected_now(app: asyncpg.Connection) -> Decimal:
    """Where the company's one cycle should be by today."""
    cycle = await app.fetchrow("SELECT starts_on, ends_on, current_date - 1 AS ended FROM cycle")
    return expected_by(Window(cycle["starts_on"], cycle["ends_on"], cycle["ended"]), STANDARD.pace)


async def _check(who: str, estate: Estate, at: datetime) -> None:
    """Both sides must have written a grade, a snapshot and an event of each subject, with the same numbers."""
    every = estate.key_results + estate.objectives
    outcome = _Outcome(**dict(await estate.connection.fetchrow(_OUTCOME, estate.organization_id, at)))
    if outcome != _Outcome(every, every, every):
        raise AssertionError(f"{who} wrote {outcome} instead of {every} of each")
