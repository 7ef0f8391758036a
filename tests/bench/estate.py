"""The company that is measured: thousands of objectives, put into the tables by a few statements."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from okr.db import demand
from okr.db.demand import Subject
from okr.db.partitions import make_ahead
from okr.ids import new_id

_DAYS_BEFORE, _DAYS_AFTER = 30, 60
_OBJECTIVES_PER_TEAM = 50
_SPARE_METRICS = 80
_SUBJECTS_AT_ONCE = 1_200
"""How many subjects are raised by one statement, as a batch of a thousand points raises them."""

# What is where, by number, so that each round can give every key result a value of its own.
_NUMBERED = """
CREATE TABLE bench_key_result (n int PRIMARY KEY, key_result_id uuid, objective_id uuid, metric_id uuid,
                               start_value numeric, target_value numeric)
"""

_METRICS = """
INSERT INTO metric (organization_id, id, key, name, direction, is_core, frequency, version, created_at, updated_at)
SELECT $1, uuidv7(), $2 || n, 'Metric ' || n, 'up', false, 'weekly', 1, now(), now() FROM generate_series(1, $3::int) AS n
"""

_TEAM_ROWS = """
INSERT INTO team (organization_id, id, name, kind, version, created_at, updated_at)
SELECT $1, uuidv7(), 'Team ' || n, 'team', 1, now(), now() FROM generate_series(1, $2::int) AS n
"""

_OBJECTIVES = """
WITH teams AS (SELECT array_agg(id ORDER BY id) AS ids FROM team WHERE organization_id = $1)
INSERT INTO objective (organization_id, id, title, description, insight, perspective, horizon, source, commitment, cycle_id,
                       team_id, owner_id, contributor_ids, weight, visibility, tags, state, activated_at, version,
                       created_at, updated_at)
SELECT $1, uuidv7(), 'Win the customers of market ' || n, 'What this is about, in a sentence or two, for objective ' || n || '.',
       'Interviews say that they would stay.', 'customer', 'short_term', 'cascaded', 'aspirational', $2,
       teams.ids[1 + n % cardinality(teams.ids)], $3, ARRAY[$3::uuid], 1, 'public', ARRAY['growth', 'market'], 'active', $4, 1,
       now(), now()
  FROM teams, generate_series(1, $5::int) AS n
"""

# Every other key result falls: from 40 to 10 instead of from 0 to 100.
_KEY_RESULTS = """
WITH o AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM objective WHERE organization_id = $1),
     m AS (SELECT id, substr(key, 8)::int AS n FROM metric WHERE organization_id = $1 AND key LIKE 'metric-%')
INSERT INTO bench_key_result
SELECT m.n, uuidv7(), o.id, m.id, CASE m.n % 2 WHEN 0 THEN 0 ELSE 40 END, CASE m.n % 2 WHEN 0 THEN 100 ELSE 10 END
  FROM m JOIN o ON o.n = 1 + (m.n - 1) / $2::int
 ORDER BY m.n
"""
_KEY_RESULT_ROWS = """
INSERT INTO key_result (organization_id, id, objective_id, title, kind, metric_id, revision, unit, value_class, indicator,
                        version, created_at, updated_at)
SELECT $1, key_result_id, objective_id, 'Customers who come back, number ' || n,
       CASE n % 2 WHEN 0 THEN 'increase' ELSE 'decrease' END, metric_id, 1, 'percent', 'outcome', 'leading', 1, now(), now()
  FROM bench_key_result
"""
_VERSIONS = """
INSERT INTO key_result_version (organization_id, key_result_id, revision, kind, start_value, target_value, milestones, zones,
                                formula, weight, metric_id, valid_from, changed_by)
SELECT $1, key_result_id, 1, CASE n % 2 WHEN 0 THEN 'increase' ELSE 'decrease' END, start_value, target_value, 'null', 'null',
       'null', 1, metric_id, $2::timestamptz, 'bench'
  FROM bench_key_result
"""

# Their history begins now: a past of its own would only make the first grading long.
_DEMAND = """
INSERT INTO rescore_demand (organization_id, subject_kind, subject_id, requested_seq, computed_seq, dirty, requested_at,
                            touched_from, claimed_from, claimed_until)
SELECT $1, kind, id, 1, 0, true, clock_timestamp(), $2, 'infinity', '-infinity'
  FROM (SELECT 1 AS kind, key_result_id AS id FROM bench_key_result
        UNION ALL SELECT 2, id FROM objective UNION ALL SELECT 3, id FROM team UNION ALL SELECT 4, id FROM cycle
        UNION ALL SELECT 5, organization_id FROM organization) AS s
 ORDER BY kind, id
"""

# In each round another value: 3,571 hundredths of a percent further along the way, around a circle of 119.99 percent. So no
# value repeats the one before it, and neither does a mean of up to seven of them: each grade is news.
_POINTS = """
INSERT INTO metric_point (organization_id, metric_id, observed_at, source, dedupe_key, revision, value, recorded_at)
SELECT $1, metric_id, $2, '', '', 0,
       round(start_value + (target_value - start_value) * ((n::bigint * 7919 + $3::bigint * 3571) % 11999) / 10000, 4),
       clock_timestamp()
  FROM bench_key_result
"""


@dataclass(slots=True)
class Estate:
    """A company with its people, teams, one cycle, objectives, and a metric of its own for each key result."""

    connection: asyncpg.Connection
    organization_id: UUID
    cycle_id: UUID
    objectives: int
    key_results: int
    round: int = 0

    async def new_values(self) -> datetime:
        """Observe another value of every key result now, and have key results and objectives graded again from then on."""
        self.round += 1
        at: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        await self.connection.execute(_POINTS, self.organization_id, at, self.round)
        rows = await self.connection.fetch("SELECT key_result_id, objective_id FROM bench_key_result ORDER BY n")
        for first in range(0, len(rows), _SUBJECTS_AT_ONCE):
            part = rows[first : first + _SUBJECTS_AT_ONCE]
            touched = {Subject(1, row["key_result_id"]) for row in part} | {
                Subject(2, row["objective_id"]) for row in part
            }
            await demand.raise_demand(self.connection, self.organization_id, [(one, at) for one in touched])
        return at

    async def tidy(self) -> None:
        """Let neither side pay for rows that earlier rounds left behind, nor for plans made when the tables were empty."""
        await self.connection.execute("VACUUM (ANALYZE)")

    async def is_waiting(self, *, up_to_kind: int = 5) -> bool:
        """Whether a subject of kind 1 (key results) up to that one (2: objectives, 5: the organization) is not graded yet."""
        waiting: bool = await self.connection.fetchval(
            "SELECT EXISTS (SELECT FROM rescore_demand WHERE organization_id = $1 AND dirty AND subject_kind <= $2)",
            self.organization_id,
            up_to_kind,
        )
        return waiting

    async def graded(self, *, up_to_kind: int = 5, timeout_seconds: float = 240) -> None:
        """Wait until the worker has graded everything, or everything up to that kind."""
        async with asyncio.timeout(timeout_seconds):
            while await self.is_waiting(up_to_kind=up_to_kind):
                await asyncio.sleep(0.05)


async def build(connection: asyncpg.Connection, *, objectives: int, key_results_each: int) -> Estate:
    """The company, with one value of each metric and nothing graded yet. `connection` is the tables' owner's.

    Besides a metric for each key result there are some that feed nothing.
    """
    now = datetime.now(UTC)
    today = now.date()
    organization_id, cycle_id, person_id = new_id(), new_id(), new_id()
    key_results = objectives * key_results_each
    await make_ahead(connection, today)
    await connection.execute(_NUMBERED)
    await connection.execute(
        """
        INSERT INTO organization (organization_id, name, time_zone, paced_through, version, created_at, updated_at)
        VALUES ($1, 'Acme', 'UTC', $2, 1, now(), now())
        """,
        organization_id,
        today - timedelta(days=1),
    )
    await connection.execute(
        """
        INSERT INTO person (organization_id, id, name, is_active, version, created_at, updated_at)
        VALUES ($1, $2, 'Ada', true, 1, now(), now())
        """,
        organization_id,
        person_id,
    )
    await connection.execute(
        """
        INSERT INTO cycle (organization_id, id, name, starts_on, ends_on, cadence, state, activated_at, version, created_at,
                           updated_at)
        VALUES ($1, $2, 'This quarter', $3, $4, 'quarter', 'active', now(), 1, now(), now())
        """,
        organization_id,
        cycle_id,
        today - timedelta(days=_DAYS_BEFORE),
        today + timedelta(days=_DAYS_AFTER),
    )
    await connection.execute(_TEAM_ROWS, organization_id, max(objectives // _OBJECTIVES_PER_TEAM, 1))
    await connection.execute(_OBJECTIVES, organization_id, cycle_id, person_id, now, objectives)
    await connection.execute(_METRICS, organization_id, "metric-", key_results)
    await connection.execute(_METRICS, organization_id, "spare-", _SPARE_METRICS)
    await connection.execute(_KEY_RESULTS, organization_id, key_results_each)
    await connection.execute(_KEY_RESULT_ROWS, organization_id)
    await connection.execute(_VERSIONS, organization_id, now)
    await connection.execute(_POINTS, organization_id, now, 0)
    await connection.execute(_DEMAND, organization_id, now)
    estate = Estate(connection, organization_id, cycle_id, objectives, key_results)
    await estate.tidy()
    return estate
