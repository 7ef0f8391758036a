"""Regrading all that a ruleset's version reaches: a run that asks for a few hundred objectives at a time.

Where it stands is in its row, and moves in the transaction that asks for a part: whichever worker takes the next step, none is
taken twice. Who asks for a part claims it in the same moment, and grades it beside the queue, in which pushes that come meanwhile
find nobody before them. Should it die, its leases end and the demand is served like any other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db import demand
from okr.db.demand import Claim, Subject, subject
from okr.db.outbox import announce
from okr.db.tables.runs import RunKind, RunState
from okr.db.tables.scoring import KIND_NUMBERS
from okr.domain.errors import Conflict, NotFound
from okr.domain.rulebook import EVERYTHING, Scope, ScopeKind
from okr.domain.values import SubjectKind
from okr.events import Event, EventType
from okr.ids import new_id

OBJECTIVES_AT_ONCE = 100
"""Objectives, with their key results, that are asked for in one part."""
LEFT_BEFORE_MORE = 1_000
"""How much of what was asked for may still wait when the next part is asked for: enough to keep the workers busy."""
UNGRADABLE_AT_MOST = 1_000
"""Subjects that may fail before the run is given up."""
UNIT = "grades"
_NOBODY = UUID(int=0)


class RunNotCancellable(Conflict):
    """The run is over, or it completes a subject's own history, which nobody can do without.

    Read the run's `state` and `kind`: those of the kind `regrade_all` can be cancelled while they are open.
    """

    code = "run_not_cancellable"


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of a run did: how many subjects it asked for, 0 if it waits for those asked for before; `claims` on them."""

    asked_for: int = 0
    claims: tuple[Claim, ...] = ()
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class _Regrade:
    """An open run, as its row has it. `after` is the last objective that was asked for."""

    organization_id: UUID
    id: UUID
    state: RunState
    total: int | None
    done: int
    scope: Scope
    since: datetime
    after: UUID
    asked_for: int
    asked_at: datetime | None
    has_asked_for_sets: bool
    ungradable: frozenset[Subject]
    detail: dict[str, Any]


_READ = """
SELECT state, total, done, detail::text AS detail, (detail ->> 'from')::timestamptz AS since,
       (detail ->> 'asked_at')::timestamptz AS asked_at
  FROM run
 WHERE organization_id = $1 AND id = $2 AND kind = $3 AND finished_at IS NULL
   FOR NO KEY UPDATE SKIP LOCKED
"""

_NEXT = """
SELECT DISTINCT ON (organization_id) organization_id, id FROM run
 WHERE kind = $1 AND finished_at IS NULL AND (detail ->> 'from')::timestamptz <= clock_timestamp()
 ORDER BY organization_id, started_at NULLS LAST, (detail ->> 'from')::timestamptz, id
"""

# $2 the scope's kind, $3 its id.
_REACHED = """
WITH RECURSIVE below (id) AS (
    SELECT $3::uuid WHERE $2 = 'team'
    UNION
    SELECT t.id FROM below JOIN team t ON t.organization_id = $1 AND t.parent_id = below.id),
reached AS (
    SELECT o.id FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
     WHERE o.organization_id = $1 AND o.state NOT IN ('closed', 'cancelled') AND c.state <> 'closed'
       AND ($2 = 'organization' OR ($2 = 'cycle' AND o.cycle_id = $3) OR o.team_id IN (SELECT id FROM below))),
sets AS (
    SELECT 3::smallint AS kind, id FROM team WHERE organization_id = $1 AND ($2 = 'organization' OR id IN (SELECT id FROM below))
    UNION ALL
    SELECT 4, id FROM cycle
     WHERE organization_id = $1 AND state <> 'closed' AND ($2 = 'organization' OR ($2 = 'cycle' AND id = $3))
    UNION ALL
    SELECT 5, $1 WHERE $2 = 'organization')"""

_COUNT = f"""{_REACHED}
SELECT (SELECT count(*) FROM reached) + (SELECT count(*) FROM sets)
     + (SELECT count(*) FROM key_result k JOIN reached r ON r.id = k.objective_id
         WHERE k.organization_id = $1 AND k.cancelled_at IS NULL)
"""

_PART = f"""{_REACHED},
part AS MATERIALIZED (SELECT id FROM reached WHERE id > $4 ORDER BY id LIMIT $5)
SELECT 1::smallint AS kind, k.id FROM part JOIN key_result k ON k.organization_id = $1 AND k.objective_id = part.id
 WHERE k.cancelled_at IS NULL
UNION ALL SELECT 2, id FROM part
"""

_SETS = f"{_REACHED} SELECT kind, id FROM sets"

# What was asked for is served when it has no demand left from the run's instant on, waiting or claimed. A touch that comes
# after the claim is not the run's.
_WAITING = """
SELECT count(*) FROM rescore_demand
 WHERE organization_id = $1 AND dirty AND requested_at <= $2 AND least(touched_from, claimed_from) <= $3
   AND (subject_kind, subject_id) NOT IN (SELECT * FROM unnest($4::smallint[], $5::uuid[]))
"""

_STILL_WAITING = """
SELECT count(*) FROM rescore_demand
 WHERE organization_id = $1 AND dirty AND (subject_kind, subject_id) IN (SELECT * FROM unnest($2::smallint[], $3::uuid[]))
"""

_MOVE = """
UPDATE run SET detail = detail || $3, done = greatest(done, least($4, total)), state = $5, error = $6,
               started_at = coalesce(started_at, clock_timestamp()), updated_at = clock_timestamp(), version = version + 1,
               total = greatest(coalesce($7, total), done, $4),
               finished_at = CASE WHEN $8 THEN clock_timestamp() END
 WHERE organization_id = $1 AND id = $2
"""


async def open_regrade(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    scope: Scope,
    because: str,
    since: datetime,
    by: str,
    now: datetime,
    ruleset_id: UUID | None = None,
    ruleset: str | None = None,
    number: int | None = None,
) -> UUID:
    """Open the run that regrades the scope from `since` on; it waits until that instant has come. Answers its id.

    `ruleset` and `number` name the version that is the reason, where one is.
    """
    id = new_id()
    detail = {
        "ruleset": ruleset,
        "ruleset_id": None if ruleset_id is None else str(ruleset_id),
        "number": number,
        "because": because,
        "scope": str(scope.kind) if scope.id is None else f"{scope.kind}:{scope.id}",
        "from": since.isoformat(),
    }
    await connection.execute(
        """
        INSERT INTO run (organization_id, id, version, created_at, updated_at, kind, state, done, unit, detail, created_by)
        VALUES ($1, $2, 1, $3, $3, $4, $5, 0, $6, $7, $8)
        """,
        organization_id,
        id,
        now,
        RunKind.REGRADE_ALL.value,
        RunState.QUEUED.value,
        UNIT,
        orjson.dumps(detail).decode(),
        by,
    )
    return id


async def cancel_planned(
    connection: asyncpg.Connection, organization_id: UUID, *, ruleset: str, number: int, now: datetime
) -> None:
    """End the run of a version that now never comes into force."""
    await connection.execute(
        """
        UPDATE run SET state = $5, finished_at = $6, updated_at = $6, version = version + 1
         WHERE organization_id = $1 AND kind = $2 AND state = $7 AND detail ->> 'ruleset' = $3
           AND (detail ->> 'number')::int = $4
        """,
        organization_id,
        RunKind.REGRADE_ALL.value,
        ruleset,
        number,
        RunState.CANCELLED.value,
        now,
        RunState.QUEUED.value,
    )


async def cancel_regrade(
    connection: asyncpg.Connection, organization_id: UUID, run_id: UUID, *, by: str, now: datetime
) -> None:
    """Ask for no more parts. What was asked for is served; the rest keeps its rules' version until it is graded next.

    Raises NotFound, RunNotCancellable.
    """
    row = await connection.fetchrow(
        "SELECT kind, finished_at FROM run WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE",
        organization_id,
        run_id,
    )
    if row is None:
        raise NotFound("There is no such run; those that ended a month ago are gone.", run_id=run_id)
    if row["kind"] != RunKind.REGRADE_ALL or row["finished_at"] is not None:
        raise RunNotCancellable("This run cannot be cancelled: it is over, or completes a history.", run_id=run_id)
    told = {"cancelled_by": by, "left": "What was not reached keeps its former rules until it is graded next."}
    await connection.execute(
        """
        UPDATE run SET state = $3, finished_at = $4, updated_at = $4, version = version + 1, detail = detail || $5
         WHERE organization_id = $1 AND id = $2
        """,
        organization_id,
        run_id,
        RunState.CANCELLED.value,
        now,
        orjson.dumps(told).decode(),
    )


async def note_ungradable(connection: asyncpg.Connection, organization_id: UUID, subject: Subject) -> None:
    """Tell the running regrades that this subject fails, so that they do not wait for it."""
    await connection.execute(
        """
        UPDATE run SET detail = jsonb_set(detail, '{ungradable}', coalesce(detail -> 'ungradable', '[]') || to_jsonb($3::text))
         WHERE organization_id = $1 AND kind = $2 AND state = $4 AND NOT coalesce(detail -> 'ungradable' ? $3, false)
        """,
        organization_id,
        RunKind.REGRADE_ALL.value,
        str(subject),
        RunState.RUNNING.value,
    )


async def next_regrades(connection: asyncpg.Connection) -> list[tuple[UUID, UUID]]:
    """The run that each organization is to go on with, (organization, run): one at a time, oldest first."""
    rows = await connection.fetch(_NEXT, RunKind.REGRADE_ALL.value)
    return [(row["organization_id"], row["id"]) for row in rows]


async def advance(
    connection: asyncpg.Connection, organization_id: UUID, run_id: UUID, *, lease_seconds: float = 0
) -> Step:
    """Take the run's next step, all of it or nothing. Where another worker takes one in this moment, none is taken.

    What it asks for is claimed for so long, but for the sets; without a lease it is left to whoever drains.
    """
    async with connection.transaction():
        row = await connection.fetchrow(_READ, organization_id, run_id, RunKind.REGRADE_ALL.value)
        if row is None:
            return Step(is_over=not await _is_open(connection, organization_id, run_id))
        run = _regrade(organization_id, run_id, row)
        if run.state is RunState.QUEUED:
            return await _start(connection, run)
        waiting = await _waiting(connection, run)
        done = run.asked_for - waiting
        if len(run.ungradable) > UNGRADABLE_AT_MOST:
            return await _end(connection, run, done)
        if not run.has_asked_for_sets and waiting <= LEFT_BEFORE_MORE:
            part = await _part(connection, run)
            if part:
                return await _ask(connection, run, part, done=done, lease_seconds=lease_seconds)
            if not waiting:
                return await _ask_for_sets(connection, run)
        elif not waiting:
            return await _end(connection, run, done)
        if done > run.done:
            await _move(connection, run, done=done)
        return Step()


async def _is_open(connection: asyncpg.Connection, organization_id: UUID, run_id: UUID) -> bool:
    found = await connection.fetchval(
        "SELECT finished_at IS NULL FROM run WHERE organization_id = $1 AND id = $2", organization_id, run_id
    )
    return bool(found)


async def _start(connection: asyncpg.Connection, run: _Regrade) -> Step:
    """Count what there is to do. What was planned is announced now, when it has come."""
    total = await connection.fetchval(_COUNT, run.organization_id, run.scope.kind.value, run.scope.id)
    await _move(connection, run, done=0, total=total)
    if run.detail["because"] == "scheduled":
        data = {"key": run.detail["ruleset"], "number": run.detail["number"], "run_id": str(run.id)}
        event = Event(EventType.RULESET_CAME_INTO_FORCE, f"ruleset:{run.detail['ruleset_id']}", None, data)
        await announce(connection, run.organization_id, [event])
    return Step()


async def _waiting(connection: asyncpg.Connection, run: _Regrade) -> int:
    if run.asked_at is None:
        return 0
    waiting: int = await connection.fetchval(
        _WAITING, run.organization_id, run.asked_at, run.since, *_arrays(run.ungradable)
    )
    return waiting


async def _part(connection: asyncpg.Connection, run: _Regrade) -> list[Subject]:
    rows = await connection.fetch(
        _PART, run.organization_id, run.scope.kind.value, run.scope.id, run.after, OBJECTIVES_AT_ONCE
    )
    return [Subject(kind, id) for kind, id in rows]


async def _ask_for_sets(connection: asyncpg.Connection, run: _Regrade) -> Step:
    """Teams, cycles and the organization, once all that they are made from is regraded."""
    rows = await connection.fetch(_SETS, run.organization_id, run.scope.kind.value, run.scope.id)
    sets = [Subject(kind, id) for kind, id in rows]
    return await _ask(connection, run, sets, done=run.asked_for, sets=True)


async def _ask(
    connection: asyncpg.Connection,
    run: _Regrade,
    subjects: Collection[Subject],
    *,
    done: int,
    sets: bool = False,
    lease_seconds: float = 0,
) -> Step:
    touched = [(one, run.since) for one in subjects]
    claims = await demand.take(connection, run.organization_id, touched, lease_seconds=lease_seconds)
    objective = KIND_NUMBERS[SubjectKind.OBJECTIVE]
    asked_at: datetime = await connection.fetchval("SELECT clock_timestamp()")
    moved = {
        "after": str(max((one.id for one in subjects if one.number == objective), default=run.after)),
        "asked_for": run.asked_for + len(subjects),
        "asked_at": asked_at.isoformat(),
        "sets": sets,
    }
    await _move(connection, run, done=done, total=run.asked_for + len(subjects), detail=moved)
    return Step(len(subjects), tuple(claims) if lease_seconds else ())


async def _end(connection: asyncpg.Connection, run: _Regrade, done: int) -> Step:
    failing = 0
    if run.ungradable:
        failing = await connection.fetchval(_STILL_WAITING, run.organization_id, *_arrays(run.ungradable))
    error = (
        f"{failing} could not be graded; `detail` names them. They are tried again every half minute: the worker's log says "
        "what is wrong."
    )
    if failing:
        await _move(connection, run, done=done - failing, state=RunState.FAILED, error=error)
    else:
        # What was closed or cancelled since the count needs nothing any more.
        await _move(connection, run, done=max(done, run.total or 0), state=RunState.SUCCEEDED)
    return Step(is_over=True)


async def _move(
    connection: asyncpg.Connection,
    run: _Regrade,
    *,
    done: int,
    total: int | None = None,
    state: RunState = RunState.RUNNING,
    error: str | None = None,
    detail: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    await connection.execute(
        _MOVE,
        run.organization_id,
        run.id,
        orjson.dumps(dict(detail)).decode(),
        max(done, 0),
        state.value,
        error,
        None if total is None else max(total, run.total or 0),
        state is not RunState.RUNNING,
    )


def _regrade(organization_id: UUID, id: UUID, row: asyncpg.Record) -> _Regrade:
    detail = orjson.loads(row["detail"])
    kind, _, scope_id = detail["scope"].partition(":")
    return _Regrade(
        organization_id=organization_id,
        id=id,
        state=RunState(row["state"]),
        total=row["total"],
        done=row["done"],
        scope=Scope(ScopeKind(kind), UUID(scope_id)) if scope_id else EVERYTHING,
        since=row["since"],
        after=UUID(detail["after"]) if "after" in detail else _NOBODY,
        asked_for=detail.get("asked_for", 0),
        asked_at=row["asked_at"],
        has_asked_for_sets=detail.get("sets", False),
        ungradable=frozenset(_subject(name) for name in detail.get("ungradable", ())),
        detail=detail,
    )


def _subject(name: str) -> Subject:
    kind, _, id = name.partition(":")
    return subject(SubjectKind(kind), UUID(id))


def _arrays(subjects: Collection[Subject]) -> tuple[list[int], list[UUID]]:
    return [one.number for one in subjects], [one.id for one in subjects]
