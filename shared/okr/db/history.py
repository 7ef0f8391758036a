"""Reading grades: the current ones, those of any instant as known at any other, whole histories, and why each is what it is.

Two times: a snapshot's `observed_at` is the instant from which it holds, `recorded_at` when we learned it. What was in force
at an instant, as known at another, is the snapshot with the greatest `observed_at` not after the one, then the greatest
`computed_seq`, among those recorded not after the other.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson

from okr.db.as_of import FOREVER, then, time_zone_of
from okr.db.demand import Subject
from okr.db.key_result_facts import measure_of
from okr.db.packing import unpack_key_result, unpack_roll_up
from okr.db.roll_up_facts import load_sets
from okr.db.rulebooks import rules_at, rules_named
from okr.db.stored_grades import STORED_COLUMNS, StoredGrade, stored_grade, subject_of
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.words import told_in_full
from okr.domain.grading import graded
from okr.domain.timeline import Timeline
from okr.domain.values import Graded, Inputs, SubjectKind

PAGE = 1000
_KEY_RESULT = KIND_NUMBERS[SubjectKind.KEY_RESULT]

_CURRENT = f"""
SELECT d.subject_kind, d.subject_id, d.requested_seq, d.dirty AS stale, g.computed_at AS recorded_at,
       {", ".join("g." + column.strip() for column in STORED_COLUMNS.split(","))}
  FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id)
  JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = w.kind AND d.subject_id = w.id
  JOIN grade g ON g.organization_id = $1 AND g.subject_kind = w.kind AND g.subject_id = w.id
"""

_AS_OF = f"""
SELECT w.kind AS subject_kind, w.id AS subject_id, d.requested_seq, d.dirty AS stale, g.inputs ->> 'w' AS window_now, s.*
  FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id)
  JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = w.kind AND d.subject_id = w.id
  LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = w.kind AND g.subject_id = w.id
 CROSS JOIN LATERAL (
    SELECT recorded_at, {STORED_COLUMNS} FROM score_snapshot
     WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at <= $4 AND recorded_at <= $5
     ORDER BY observed_at DESC, computed_seq DESC LIMIT 1) AS s
"""

_HISTORY = f"""
SELECT DISTINCT ON (observed_at) subject_kind, subject_id, recorded_at, {STORED_COLUMNS} FROM score_snapshot
 WHERE organization_id = $1 AND subject_kind = $2 AND subject_id = $3
   AND observed_at > $4 AND observed_at <= $5 AND recorded_at <= $6
 ORDER BY observed_at, computed_seq DESC LIMIT $7
"""


@dataclass(frozen=True, slots=True)
class Explained:
    """A grade made again from its inputs: what went in, and every step."""

    inputs: Inputs
    graded: Graded


async def current_grades(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, StoredGrade]:
    """The newest grades; a subject that was never graded is missing."""
    rows = await connection.fetch(_CURRENT, organization_id, *_arrays(subjects))
    return {subject_of(row): stored_grade(row) for row in rows}


async def grades_as_of(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subjects: Collection[Subject],
    *,
    as_of: datetime,
    known_at: datetime | None = None,
) -> dict[Subject, StoredGrade]:
    """The grades in force at `as_of` as known at `known_at` (None: now), with pace and freshness as they stood at that instant.

    A subject of which nothing was known is missing.
    """
    rows = await connection.fetch(_AS_OF, organization_id, *_arrays(subjects), as_of, known_at or FOREVER)
    stored = {subject_of(row): stored_grade(row) for row in rows}
    instant = await then(connection, organization_id, stored.values(), as_of=as_of, known_at=known_at)
    windows = {} if known_at else {subject_of(row): orjson.loads(row["window_now"] or "null") for row in rows}
    return {one: instant.applied_to(grade, windows.get(one)) for one, grade in stored.items()}


async def history(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subject: Subject,
    *,
    after: datetime | None = None,
    until: datetime | None = None,
    known_at: datetime | None = None,
) -> AsyncIterator[StoredGrade]:
    """The subject's snapshots with after < observed_at <= until, oldest first, one per instant: the newest known at `known_at`.

    Reads in pages, so that a history of any length passes through little memory.
    """
    position = after or datetime(1, 1, 1, tzinfo=UTC)
    while True:
        rows = await connection.fetch(
            _HISTORY,
            organization_id,
            subject.number,
            subject.id,
            position,
            until or FOREVER,
            known_at or FOREVER,
            PAGE,
        )
        for row in rows:
            yield stored_grade(row)
        if len(rows) < PAGE:
            return
        position = rows[-1]["observed_at"]


async def explain(connection: asyncpg.Connection, organization_id: UUID, stored: StoredGrade) -> Explained:
    """Make the stored grade again from its inputs, with its steps. The same function made it the first time.

    Raises RulesUnreadable where the rules that it was made under cannot be read any more.
    """
    rules = await rules_named(connection, organization_id, stored.grade.ruleset)
    packed = stored.inputs
    inputs: Inputs
    if stored.subject.number == _KEY_RESULT:
        version = await connection.fetchrow(
            "SELECT * FROM key_result_version WHERE organization_id = $1 AND key_result_id = $2 AND revision = $3",
            organization_id,
            stored.subject.id,
            packed["r"],
        )
        assert version is not None, "versions are never deleted"
        inputs = unpack_key_result(packed, measure=measure_of(version), instant=stored.observed_at)
    else:
        inputs = unpack_roll_up(packed, instant=stored.observed_at)
    inputs = await told_in_full(connection, organization_id, inputs)
    return Explained(inputs, graded(inputs, rules))


async def grade_within_cycle(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subject: Subject,
    cycle_id: UUID,
    *,
    as_of: datetime,
    known_at: datetime | None = None,
) -> Explained:
    """The grade of a team (or of the organization) over one cycle's objectives only, made on the spot from their grades.

    The rules are those in force for the subject at `as_of`.
    """
    zone = await time_zone_of(connection, organization_id)
    since = datetime(1970, 1, 3, tzinfo=UTC)
    grounds = await load_sets(connection, organization_id, [subject], since=since, zone=zone, within_cycle=cycle_id)
    ground = grounds[subject]
    children = ground.children
    stored = await grades_as_of(connection, organization_id, children, as_of=as_of, known_at=known_at)
    timelines = {
        child: Timeline((stored[child].observed_at,), (stored[child].grade,)) if child in stored else Timeline()
        for child in children
    }
    rules = await rules_at(connection, organization_id, subject, as_of)
    inputs = ground.with_timelines(timelines).inputs_at(as_of, rules)
    return Explained(inputs, graded(inputs, rules))


def _arrays(subjects: Collection[Subject]) -> tuple[Sequence[int], Sequence[UUID]]:
    return [one.number for one in subjects], [one.id for one in subjects]
