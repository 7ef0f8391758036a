"""Reading grades: the current ones, those of any instant as known at any other, whole histories, and why each is what it is.

Two times: a snapshot's `observed_at` is the instant from which it holds, `recorded_at` when we learned it. What was in force
at an instant, as known at another, is the snapshot with the greatest `observed_at` not after the one, then the greatest
`computed_seq`, among those recorded not after the other.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from okr.db.demand import Subject
from okr.db.key_result_facts import measure_of
from okr.db.packing import Packed, unpack_key_result, unpack_roll_up, unpack_window
from okr.db.roll_up_facts import load_sets
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.timelines import GRADE_COLUMNS, Row, grade_of
from okr.domain import pace
from okr.domain.calendar import last_ended_day
from okr.domain.grading import grade
from okr.domain.ruleset import STANDARD
from okr.domain.timeline import Timeline
from okr.domain.values import Freshness, Grade, Graded, Inputs, SubjectKind

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
PAGE = 1000
_KEY_RESULT = KIND_NUMBERS[SubjectKind.KEY_RESULT]
_STORED = f"{GRADE_COLUMNS}, computed_seq, provenance, ruleset_key, ruleset_version, inputs"

_CURRENT = f"""
SELECT d.subject_kind, d.subject_id, d.requested_seq, d.dirty AS stale, g.computed_at AS recorded_at,
       {", ".join("g." + column.strip() for column in _STORED.split(","))}
  FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id)
  JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = w.kind AND d.subject_id = w.id
  JOIN grade g ON g.organization_id = $1 AND g.subject_kind = w.kind AND g.subject_id = w.id
"""

_AS_OF = f"""
SELECT w.kind AS subject_kind, w.id AS subject_id, d.requested_seq, d.dirty AS stale, s.*
  FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id)
  JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = w.kind AND d.subject_id = w.id
 CROSS JOIN LATERAL (
    SELECT recorded_at, {_STORED} FROM score_snapshot
     WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at <= $4 AND recorded_at <= $5
     ORDER BY observed_at DESC, computed_seq DESC LIMIT 1) AS s
"""

# When a key result's value was last observed, under the version in force: a value that is sent again unchanged makes no
# snapshot, and yet is fresh. Composites have no values of their own and answer null.
_LAST_SEEN = """
SELECT k.id, coalesce(
    (SELECT p.observed_at FROM metric_point p
      WHERE p.organization_id = $1 AND p.metric_id = v.metric_id AND p.observed_at <= $3 AND p.recorded_at <= $4
      ORDER BY p.observed_at DESC LIMIT 1),
    (SELECT max(c.observed_at) FROM check_in c
      WHERE v.metric_id IS NULL AND c.organization_id = $1 AND c.key_result_id = k.id AND c.observed_at <= $3
        AND c.recorded_at <= $4 AND num_nonnulls(c.value, c.zone, c.milestone) > 0)) AS observed_at
  FROM unnest($2::uuid[]) AS k (id)
 CROSS JOIN LATERAL (
    SELECT metric_id FROM key_result_version
     WHERE organization_id = $1 AND key_result_id = k.id AND (valid_from <= $3 OR revision = 1)
     ORDER BY revision DESC LIMIT 1) AS v
"""

_HISTORY = f"""
SELECT DISTINCT ON (observed_at) subject_kind, subject_id, recorded_at, {_STORED} FROM score_snapshot
 WHERE organization_id = $1 AND subject_kind = $2 AND subject_id = $3
   AND observed_at > $4 AND observed_at <= $5 AND recorded_at <= $6
 ORDER BY observed_at, computed_seq DESC LIMIT $7
"""


@dataclass(frozen=True, slots=True)
class StoredGrade:
    """A grade as it was written, with where it comes from. `packed` is what it was made from (see okr.db.packing).

    `recorded_at` is when it was written. `requested_seq` and `stale` are today's; None and False in histories.
    """

    subject: Subject
    grade: Grade
    observed_at: datetime
    recorded_at: datetime
    computed_seq: int
    provenance: str
    ruleset_key: str
    ruleset_version: int
    packed: str
    requested_seq: int | None = None
    stale: bool = False

    @property
    def inputs(self) -> Packed:
        """The packed inputs, decoded."""
        return dict(orjson.loads(self.packed))


@dataclass(frozen=True, slots=True)
class Explained:
    """A grade made again from its inputs: what went in, and every step."""

    inputs: Inputs
    graded: Graded


async def time_zone_of(connection: asyncpg.Connection, organization_id: UUID) -> ZoneInfo:
    """The zone in which the organization's days end."""
    name = await connection.fetchval("SELECT time_zone FROM organization WHERE organization_id = $1", organization_id)
    return ZoneInfo(name)


async def current_grades(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, StoredGrade]:
    """The newest grades; a subject that was never graded is missing."""
    rows = await connection.fetch(_CURRENT, organization_id, *_arrays(subjects))
    return {_subject(row): _stored(row) for row in rows}


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
    zone = await time_zone_of(connection, organization_id)
    key_results = [row["subject_id"] for row in rows if row["subject_kind"] == _KEY_RESULT]
    seen = await connection.fetch(_LAST_SEEN, organization_id, key_results, as_of, known_at or FOREVER)
    last_seen = {row["id"]: row["observed_at"] for row in seen}
    return {
        _subject(row): _at_instant(_stored(row), as_of, zone=zone, last_seen=last_seen.get(row["subject_id"]))
        for row in rows
    }


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
            yield _stored(row)
        if len(rows) < PAGE:
            return
        position = rows[-1]["observed_at"]


async def explain(connection: asyncpg.Connection, organization_id: UUID, stored: StoredGrade) -> Explained:
    """Make the stored grade again from its inputs, with its steps. The same function made it the first time."""
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
    return Explained(inputs, grade(inputs, STANDARD))


async def grade_within_cycle(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subject: Subject,
    cycle_id: UUID,
    *,
    as_of: datetime,
    known_at: datetime | None = None,
) -> Explained:
    """The grade of a team (or of the organization) over one cycle's objectives only, made on the spot from their grades."""
    zone = await time_zone_of(connection, organization_id)
    since = datetime(1970, 1, 3, tzinfo=UTC)
    grounds = await load_sets(connection, organization_id, [subject], since=since, zone=zone, within_cycle=cycle_id)
    ground = grounds[subject]
    children = ground.children()
    stored = await grades_as_of(connection, organization_id, children, as_of=as_of, known_at=known_at)
    timelines = {
        child: Timeline((stored[child].observed_at,), (stored[child].grade,)) if child in stored else Timeline()
        for child in children
    }
    inputs = ground.with_timelines(timelines).inputs_at(as_of)
    return Explained(inputs, grade(inputs, STANDARD))


def _at_instant(stored: StoredGrade, instant: datetime, *, zone: ZoneInfo, last_seen: datetime | None) -> StoredGrade:
    """`expected` moves with the days and freshness with the hours, and neither alone makes a snapshot: bring them up to date."""
    packed = stored.inputs
    was = stored.grade
    if "w" in packed:
        window = replace(unpack_window(packed["w"]), ended_on=last_ended_day(instant, zone))
        was = replace(was, expected=pace.expected_step(window)[0])
    if last_seen is not None:
        is_late = instant - last_seen > timedelta(days=STANDARD.late_after_periods * packed["p"])
        was = replace(was, freshness=Freshness.LATE if is_late else Freshness.FRESH)
    return replace(stored, grade=was)


def _arrays(subjects: Collection[Subject]) -> tuple[Sequence[int], Sequence[UUID]]:
    return [one.number for one in subjects], [one.id for one in subjects]


def _subject(row: Row) -> Subject:
    return Subject(row["subject_kind"], row["subject_id"])


def _stored(row: Row) -> StoredGrade:
    return StoredGrade(
        subject=_subject(row),
        grade=grade_of(row),
        observed_at=row["observed_at"],
        recorded_at=row["recorded_at"],
        computed_seq=row["computed_seq"],
        provenance=row["provenance"],
        ruleset_key=row["ruleset_key"],
        ruleset_version=row["ruleset_version"],
        packed=row["inputs"],
        requested_seq=row.get("requested_seq"),
        stale=bool(row.get("stale")),
    )
