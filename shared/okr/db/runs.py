"""Runs: how long work is opened, told, ended and read. The work itself is nobody's here; a run only says how far it has come.

A regrade's run is bound to its subject's demand, which is the truth about what is left: a worker that is killed anywhere in
between leaves the demand, whoever goes on from there tells the same run, and `settle` ends it when the demand says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.demand import Subject
from okr.db.effect import Scored
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.tables.runs import RunKind, RunState
from okr.domain.errors import NotFound

RUN_SORTS = {
    "created_at": SortColumn("r.created_at", "timestamptz"),
    "updated_at": SortColumn("r.updated_at", "timestamptz"),
}

_UNGRADABLE = "This could not be graded. It is tried again every half minute; the worker's log says what is wrong."


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is read; `subject` is None where the run is not about one."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    kind: RunKind
    state: RunState
    subject: Subject | None
    done: int
    total: int | None
    unit: str
    detail: dict[str, Any]
    error: str | None
    created_by: str | None
    started_at: datetime | None
    finished_at: datetime | None


_PLAIN = tuple(name for name in RunView.__dataclass_fields__ if name not in {"kind", "state", "subject", "detail"})
_READ = f"""
SELECT r.kind, r.state, r.subject_kind, r.subject_id, r.detail::text AS detail, {", ".join(f"r.{name}" for name in _PLAIN)}
  FROM run r"""

# Sorted, so that workers that meet at several runs lock them in one order. Progress is counted in the seconds of history that
# lie behind: told again after a worker's death, it is the same. `from` can only move back, when something earlier is touched.
_FOLLOW = """
WITH s AS (
    SELECT kind, id, least(since, next_from) AS since, next_from, greatest(until, next_from) AS until
      FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
           AS s (kind, id, since, next_from, until)
     ORDER BY kind, id),
m AS (SELECT clock_timestamp() AS now)
INSERT INTO run AS r (organization_id, id, version, created_at, updated_at, kind, state, subject_kind, subject_id, done, total,
                      unit, detail, started_at)
SELECT $1, uuidv7(), 1, m.now, m.now, $7, $8, s.kind, s.id, floor(extract(epoch FROM s.next_from - s.since)),
       ceil(extract(epoch FROM s.until - s.since)), 'seconds of history',
       jsonb_build_object('from', s.since, 'next_from', s.next_from, 'until', s.until), m.now
  FROM s, m
ON CONFLICT (organization_id, kind, subject_kind, subject_id) WHERE finished_at IS NULL DO UPDATE SET
    (done, total, detail, updated_at, version) = (
        SELECT floor(extract(epoch FROM t.next_from - t.since)), ceil(extract(epoch FROM t.until - t.since)),
               jsonb_build_object('from', t.since, 'next_from', t.next_from, 'until', t.until), excluded.updated_at,
               r.version + 1
          FROM (SELECT least((r.detail ->> 'from')::timestamptz, (excluded.detail ->> 'from')::timestamptz) AS since,
                       (excluded.detail ->> 'next_from')::timestamptz AS next_from,
                       (excluded.detail ->> 'until')::timestamptz AS until) t)
"""

# While a part is being done or waits, the demand was touched or claimed from where the run goes on, or earlier.
_SETTLE = """
WITH ended AS MATERIALIZED (
    SELECT r.organization_id, r.id
      FROM run r JOIN rescore_demand d USING (organization_id, subject_kind, subject_id)
     WHERE r.finished_at IS NULL AND r.kind = $1
       AND least(d.touched_from, d.claimed_from) > (r.detail ->> 'next_from')::timestamptz
       FOR UPDATE OF r SKIP LOCKED)
UPDATE run r
   SET state = $2, done = r.total, finished_at = clock_timestamp(), updated_at = clock_timestamp(), version = r.version + 1
  FROM ended WHERE r.organization_id = ended.organization_id AND r.id = ended.id
"""


async def follow(connection: asyncpg.Connection, organization_id: UUID, scored: Iterable[Scored]) -> None:
    """Tell the runs of what is graded in parts, and open those that are not there. What is graded at once costs nothing.

    Call it before the parts' effect is written. A run that is ahead of the demand waits for it; one that is behind would look
    finished.
    """
    parts = [(one, one.next_from) for one in scored if one.next_from is not None]
    if not parts:
        return
    await connection.execute(
        _FOLLOW,
        organization_id,
        [one.claim.subject.number for one, _ in parts],
        [one.claim.subject.id for one, _ in parts],
        [one.claim.since for one, _ in parts],
        [next_from for _, next_from in parts],
        [one.current.observed_at for one, _ in parts],
        RunKind.REGRADE.value,
        RunState.RUNNING.value,
    )


async def settle(connection: asyncpg.Connection) -> int:
    """End the regrades, of all organizations, whose demand has no part left; answers how many there were."""
    done = await connection.execute(_SETTLE, RunKind.REGRADE.value, RunState.SUCCEEDED.value)
    return int(done.rsplit(" ", 1)[1])


async def fail(connection: asyncpg.Connection, organization_id: UUID, subject: Subject) -> None:
    """End the subject's regrade, if one is open, for it cannot be graded; a later try opens another."""
    await connection.execute(
        """
        UPDATE run SET state = $5, error = $6, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
                       version = version + 1
         WHERE organization_id = $1 AND kind = $2 AND subject_kind = $3 AND subject_id = $4 AND finished_at IS NULL
        """,
        organization_id,
        RunKind.REGRADE.value,
        subject.number,
        subject.id,
        RunState.FAILED.value,
        _UNGRADABLE,
    )


async def read_run(connection: asyncpg.Connection, organization_id: UUID, run_id: UUID) -> RunView:
    """The run. Raises NotFound."""
    row = await connection.fetchrow(f"{_READ} WHERE r.organization_id = $1 AND r.id = $2", organization_id, run_id)
    if row is None:
        raise NotFound("There is no such run; those that ended a month ago are gone.", run_id=run_id)
    return _view(row)


async def list_runs(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    state: RunState | None = None,
    kind: RunKind | None = None,
    subject: Subject | None = None,
) -> Found[RunView]:
    """One page of the runs that match."""
    where = Where(organization_id, table="r")
    where.add("r.state = {}", state)
    where.add("r.kind = {}", kind)
    if subject is not None:
        where.add("r.subject_kind = {}", subject.number)
        where.add("r.subject_id = {}", subject.id)
    return (await fetch_page(connection, _READ, where, page, table="r")).map(_view)


def _view(row: asyncpg.Record) -> RunView:
    return RunView(
        **{name: row[name] for name in _PLAIN},
        kind=RunKind(row["kind"]),
        state=RunState(row["state"]),
        subject=None if row["subject_id"] is None else Subject(row["subject_kind"], row["subject_id"]),
        detail={name: _told(value) for name, value in orjson.loads(row["detail"]).items()},
    )


def _told(value: Any) -> Any:
    """PostgreSQL writes instants into JSON with an offset of zeros; everybody else here says Z."""
    return value.removesuffix("+00:00") + "Z" if isinstance(value, str) and value.endswith("+00:00") else value
