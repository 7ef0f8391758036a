"""Rescore demand: the queue of truth. A write raises it in its own transaction; workers claim it by a lease.

A write locks all the rows that it raises in key order, in one statement: two writes can wait for each other, never in a ring.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from okr.db.tables.scoring import KIND_NUMBERS, KINDS_BY_NUMBER
from okr.domain.values import SubjectKind


class Subject(NamedTuple):
    """A thing that has a grade; `number` is its kind's (see KIND_NUMBERS), so that subjects sort in the order of locks.

    A tuple, because batches compare, hash and sort thousands of them.
    """

    number: int
    id: UUID

    @property
    def kind(self) -> SubjectKind:
        """The kind as a word."""
        return KINDS_BY_NUMBER[self.number]

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def subject(kind: SubjectKind, id: UUID) -> Subject:
    """The subject of that kind and id."""
    return Subject(KIND_NUMBERS[kind], id)


class Claim(NamedTuple):
    """A subject that this worker may grade until its lease ends, as it stood when claimed.

    `base_seq` is the computed_seq that the grade will stand on, `token` names the lease.
    """

    subject: Subject
    requested_seq: int
    base_seq: int
    since: datetime
    token: datetime
    requested_at: datetime


_MAKE = """
INSERT INTO rescore_demand (organization_id, subject_kind, subject_id, requested_seq, computed_seq, dirty, requested_at,
                            touched_from, claimed_from, claimed_until)
SELECT $1, s.kind, s.id, 1, 0, true, clock_timestamp(), s.touched_from, 'infinity', '-infinity'
  FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS s (kind, id, touched_from)
 ORDER BY 2, 3
"""

# requested_at moves with the first touch since a claim only: moved by each, it would hide a busy subject from the sweeper.
_RAISE = """
WITH wanted AS MATERIALIZED (
    SELECT kind, id, min(touched_from) AS touched_from
      FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS s (kind, id, touched_from) GROUP BY kind, id),
l AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id, w.touched_from
      FROM rescore_demand d JOIN wanted w ON d.subject_kind = w.kind AND d.subject_id = w.id
     WHERE d.organization_id = $1
     ORDER BY d.organization_id, d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d)
UPDATE rescore_demand d
   SET requested_seq = d.requested_seq + 1, dirty = true,
       requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
       touched_from = least(d.touched_from, l.touched_from)
  FROM l
 WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id
RETURNING d.subject_kind, d.subject_id, d.requested_seq
"""

# Raised and claimed at once, where nobody else holds it: for work that brings its own subjects and is not to queue before others'.
_TAKE = """
WITH wanted AS MATERIALIZED (
    SELECT kind, id, min(touched_from) AS touched_from
      FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS s (kind, id, touched_from) GROUP BY kind, id),
l AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id, w.touched_from, d.claimed_until < clock_timestamp() AS is_free
      FROM rescore_demand d JOIN wanted w ON d.subject_kind = w.kind AND d.subject_id = w.id
     WHERE d.organization_id = $1
     ORDER BY d.organization_id, d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d)
UPDATE rescore_demand d
   SET requested_seq = d.requested_seq + 1, dirty = true,
       requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
       touched_from = CASE WHEN l.is_free THEN 'infinity' ELSE least(d.touched_from, l.touched_from) END,
       claimed_from = CASE WHEN l.is_free THEN least(d.claimed_from, d.touched_from, l.touched_from) ELSE d.claimed_from END,
       claimed_until = CASE WHEN l.is_free THEN clock_timestamp() + $5 * interval '1 second' ELSE d.claimed_until END
  FROM l
 WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id
RETURNING l.is_free, d.subject_kind, d.subject_id, d.requested_seq, d.computed_seq, d.claimed_from, d.claimed_until,
          d.requested_at
"""

# LIMIT has rows looked up by their keys, where the planner would rather read all the organization has for each claim.
# An objective is claimed together with its key results, whichever of them was asked for first, so that it is graded once
# for all of them. What was touched moves over to the claim, so that what is touched meanwhile can be told from it.
_CLAIM = """
WITH x AS MATERIALIZED (
    SELECT subject_kind, subject_id FROM rescore_demand
     WHERE organization_id = $1 AND dirty AND claimed_until < clock_timestamp()
       AND requested_at <= clock_timestamp() - $4 * interval '1 second'
     ORDER BY requested_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
family AS (
    SELECT subject_id AS objective_id FROM x WHERE subject_kind = 2
    UNION
    SELECT k.objective_id
      FROM x, LATERAL (SELECT objective_id FROM key_result WHERE organization_id = $1 AND id = x.subject_id LIMIT 1) k
     WHERE subject_kind = 1),
kin AS (
    SELECT 2::smallint AS subject_kind, objective_id AS subject_id FROM family
    UNION ALL
    SELECT 1, k.id FROM family f, LATERAL (
           SELECT id FROM key_result WHERE organization_id = $1 AND objective_id = f.objective_id LIMIT 10000) k),
y AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id FROM kin, LATERAL (
           SELECT subject_kind, subject_id FROM rescore_demand
            WHERE organization_id = $1 AND subject_kind = kin.subject_kind AND subject_id = kin.subject_id AND dirty
              AND claimed_until < clock_timestamp() LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) d)
UPDATE rescore_demand d
   SET claimed_until = clock_timestamp() + $3 * interval '1 second',
       claimed_from = least(d.claimed_from, d.touched_from), touched_from = 'infinity'
  FROM (SELECT * FROM x UNION SELECT * FROM y) AS z
 WHERE d.organization_id = $1 AND d.subject_kind = z.subject_kind AND d.subject_id = z.subject_id
RETURNING d.subject_kind, d.subject_id, d.requested_seq, d.computed_seq, d.claimed_from, d.claimed_until, d.requested_at
"""


async def make(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Iterable[tuple[Subject, datetime]]
) -> None:
    """Give new subjects their row, dirty from the start; each comes with the instant its history may begin at."""
    rows = sorted(subjects)
    await connection.execute(
        _MAKE, organization_id, [s.number for s, _ in rows], [s.id for s, _ in rows], [touched for _, touched in rows]
    )


async def raise_demand(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Iterable[tuple[Subject, datetime]]
) -> dict[Subject, int]:
    """Ask for each subject to be graded again from its instant on; answers the `requested_seq` to wait for.

    Call it once per transaction, last: it holds the rows until the commit.
    """
    rows = sorted(subjects)
    if not rows:
        return {}
    raised = await connection.fetch(
        _RAISE, organization_id, [s.number for s, _ in rows], [s.id for s, _ in rows], [touched for _, touched in rows]
    )
    return {Subject(row["subject_kind"], row["subject_id"]): row["requested_seq"] for row in raised}


async def claim(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    lease_seconds: float,
    limit: int = 200,
    older_than_seconds: float = 0,
) -> list[Claim]:
    """Take dirty subjects for `lease_seconds`, those that wait longest first; others' leases are left alone.

    Up to `limit`, and besides them what is dirty of the same objectives.
    """
    rows = await connection.fetch(_CLAIM, organization_id, limit, lease_seconds, older_than_seconds)
    return [Claim(Subject(kind, id), *claimed) for kind, id, *claimed in rows]


async def take(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subjects: Iterable[tuple[Subject, datetime]],
    *,
    lease_seconds: float,
) -> list[Claim]:
    """Ask for each subject from its instant on, and claim it in the same moment; what others hold is only asked for.

    Call it once per transaction, last: it holds the rows until the commit.
    """
    rows = sorted(subjects)
    taken = await connection.fetch(
        _TAKE,
        organization_id,
        [s.number for s, _ in rows],
        [s.id for s, _ in rows],
        [touched for _, touched in rows],
        lease_seconds,
    )
    return [Claim(Subject(kind, id), *claimed) for is_free, kind, id, *claimed in taken if is_free]


async def release(
    connection: asyncpg.Connection, organization_id: UUID, claims: Sequence[Claim], *, after_seconds: float = 0
) -> None:
    """Give claims back without a grade, as if they had not been made; others may take them after `after_seconds`.

    A claim whose lease ended and that somebody else has taken over is left to them.
    """
    await connection.execute(
        """
        WITH r AS (
            SELECT * FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $6::timestamptz[])
                       AS r (kind, id, requested_at, token)),
        l AS MATERIALIZED (
            SELECT d.subject_kind, d.subject_id, r.requested_at
              FROM rescore_demand d JOIN r ON r.kind = d.subject_kind AND r.id = d.subject_id
             WHERE d.organization_id = $1 AND d.claimed_until = r.token
             ORDER BY d.organization_id, d.subject_kind, d.subject_id FOR NO KEY UPDATE OF d)
        UPDATE rescore_demand d
           SET claimed_until = clock_timestamp() + $5 * interval '1 second',
               requested_at = least(d.requested_at, l.requested_at),
               touched_from = CASE WHEN d.dirty THEN least(d.touched_from, d.claimed_from) ELSE 'infinity' END,
               claimed_from = 'infinity'
          FROM l WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id
        """,
        organization_id,
        [claim.subject.number for claim in claims],
        [claim.subject.id for claim in claims],
        [claim.requested_at for claim in claims],
        after_seconds,
        [claim.token for claim in claims],
    )


async def organizations_waiting(connection: asyncpg.Connection, *, longer_than_seconds: float) -> list[UUID]:
    """The organizations with demand that nobody has served or is serving for that long."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT organization_id FROM rescore_demand
         WHERE dirty AND requested_at < clock_timestamp() - $1 * interval '1 second' AND claimed_until < clock_timestamp()
        """,
        longer_than_seconds,
    )
    return [row["organization_id"] for row in rows]


async def seconds_until_claimable(connection: asyncpg.Connection, organization_id: UUID) -> float | None:
    """How long until the next dirty subject's lease or distance ends; None when nothing is dirty."""
    seconds = await connection.fetchval(
        """
        SELECT extract(epoch FROM min(greatest(claimed_until, requested_at)) - clock_timestamp())
          FROM rescore_demand WHERE organization_id = $1 AND dirty
        """,
        organization_id,
    )
    # Not `greatest(0, …)` in the statement: that makes a zero of nothing, and the worker would come back for ever.
    return None if seconds is None else max(float(seconds), 0.0)


async def is_computed(connection: asyncpg.Connection, organization_id: UUID, wanted: dict[Subject, int]) -> bool:
    """Whether every subject has a grade that includes the request with that sequence number."""
    late = await connection.fetchval(
        """
        SELECT count(*) FROM rescore_demand d
          JOIN unnest($2::smallint[], $3::uuid[], $4::bigint[]) AS w (kind, id, seq)
            ON d.subject_kind = w.kind AND d.subject_id = w.id
         WHERE d.organization_id = $1 AND d.computed_seq < w.seq
        """,
        organization_id,
        [s.number for s in wanted],
        [s.id for s in wanted],
        list(wanted.values()),
    )
    return not late
