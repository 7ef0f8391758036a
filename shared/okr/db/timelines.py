"""Grades as they were stored, as the domain's plain values: current ones, and timelines of history to grade from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db.demand import Subject
from okr.domain.timeline import Timeline
from okr.domain.values import Freshness, Grade, Provenance, RulesetRef, Status

Row = asyncpg.Record | Mapping[str, Any]
_instant = itemgetter(0)

FORWARD_LIMIT = 800
"""Snapshots of one subject that are read at once."""
DAYS_AT_ONCE = 30
"""Days with snapshots of one subject that are read at once, where a day's last one is enough."""

GRADE_COLUMNS = """observed_at, raw, progress, grade, status, label, band, expected, freshness, confidence, coverage,
    success_line, reasons, ruleset_key, ruleset_version, provenance, computed_grade"""

_WANTED = "unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS w (kind, id, since)"

_CURRENT = f"""
SELECT w.kind, w.id, g.* FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id),
       LATERAL (SELECT {GRADE_COLUMNS} FROM grade
                 WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id LIMIT 1) g
"""

# Before `since` only the last snapshot matters.
_HISTORY = f"""
SELECT w.kind, w.id, t.* FROM {_WANTED}
 CROSS JOIN LATERAL (
    (SELECT false AS forward, {GRADE_COLUMNS} FROM score_snapshot
      WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at < w.since
      ORDER BY observed_at DESC, computed_seq DESC LIMIT 1)
    UNION ALL
    (SELECT DISTINCT ON (observed_at) true, {GRADE_COLUMNS} FROM score_snapshot
      WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at >= w.since
      ORDER BY observed_at, computed_seq DESC LIMIT $5)) AS t
 ORDER BY w.kind, w.id, t.observed_at
"""

# The same, with only the last snapshot of each day, for what is graded by the end of days.
_BY_DAY = _HISTORY.replace(
    f"(SELECT DISTINCT ON (observed_at) true, {GRADE_COLUMNS} FROM score_snapshot",
    f"""(SELECT DISTINCT ON (((observed_at - interval '1 microsecond') AT TIME ZONE $6)::date) true, {GRADE_COLUMNS}
       FROM score_snapshot""",
).replace(
    "ORDER BY observed_at, computed_seq DESC LIMIT $5",
    "ORDER BY ((observed_at - interval '1 microsecond') AT TIME ZONE $6)::date, observed_at DESC, computed_seq DESC LIMIT $5",
)


@dataclass(frozen=True, slots=True)
class StoredTimeline:
    """A subject's stored history from a given instant on, with what held just before it.

    `written` is what history holds. `timeline` has the current grade too, which may be ahead of a long history that is still
    being written. `complete_until` is set where there were more snapshots than are read at once: up to there nothing is
    missing. `current` is the current grade, if there is one.
    """

    timeline: Timeline
    written: Timeline
    current: Grade | None = None
    complete_until: datetime | None = None


_NEVER_GRADED = StoredTimeline(Timeline(), Timeline())
_STATUSES = {status.value: status for status in Status}
_FRESHNESS = {freshness.value: freshness for freshness in Freshness}
_PROVENANCES = {provenance.value: provenance for provenance in Provenance}


def grade_of(row: Row) -> Grade:
    """The domain's grade from a row with GRADE_COLUMNS."""
    return Grade(
        raw=row["raw"],
        progress=row["progress"],
        grade=row["grade"],
        status=_STATUSES[row["status"]],
        label=row["label"],
        band=row["band"],
        expected=row["expected"],
        freshness=_FRESHNESS[row["freshness"]],
        confidence=row["confidence"],
        coverage=row["coverage"],
        success_line=row["success_line"],
        reasons=tuple(row["reasons"]),
        ruleset=RulesetRef(row["ruleset_key"], row["ruleset_version"]),
        provenance=_PROVENANCES[row["provenance"]],
        computed_grade=row["computed_grade"],
    )


async def load_timelines(
    connection: asyncpg.Connection,
    organization_id: UUID,
    wanted: Mapping[Subject, datetime],
    *,
    by_day_in: ZoneInfo | None = None,
) -> dict[Subject, StoredTimeline]:
    """The stored timelines of the subjects, each from its instant on; all of them are in the answer.

    With `by_day_in` only the last snapshot of each day of that zone is read. History itself is read only where the current
    grade is not the whole answer.
    """
    found = await load_latest(connection, organization_id, wanted)
    subjects = [one for one, latest in found.items() if not _is_whole(latest, since=wanted[one])]
    if subjects:
        limit = FORWARD_LIMIT if by_day_in is None else DAYS_AT_ONCE
        rows = await connection.fetch(
            _HISTORY if by_day_in is None else _BY_DAY,
            organization_id,
            *_keys(subjects),
            [wanted[subject] for subject in subjects],
            limit,
            *([] if by_day_in is None else [by_day_in.key]),
        )
        history: dict[Subject, list[asyncpg.Record]] = {subject: [] for subject in subjects}
        for row in rows:
            history[Subject(row[0], row[1])].append(row)
        found.update((one, _timeline(history[one], found[one].timeline, limit)) for one in subjects)
    return found


async def load_latest(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Iterable[Subject]
) -> dict[Subject, StoredTimeline]:
    """Each subject's current grade as a timeline of one, or of none; all of them are in the answer."""
    found = dict.fromkeys(subjects, _NEVER_GRADED)
    for row in await connection.fetch(_CURRENT, organization_id, *_keys(sorted(found))):
        grade = grade_of(row)
        alone = Timeline((row[2],), (grade,))
        found[Subject(row[0], row[1])] = StoredTimeline(alone, written=alone, current=grade)
    return found


def _keys(subjects: list[Subject]) -> tuple[list[int], list[UUID]]:
    return [subject.number for subject in subjects], [subject.id for subject in subjects]


def _is_whole(latest: StoredTimeline, *, since: datetime) -> bool:
    """Whether the current grade tells all that history could: it says what the newest snapshot says, from before `since` on.

    At `since` itself it may be ahead of a history that is still being written. A grade that knows nothing may stand on a
    history of nothing at all, which is read differently.
    """
    grade = latest.current
    if grade is None:
        return True
    return latest.timeline.instants[0] < since and (grade.raw is not None or grade.confidence is not None)


def _timeline(rows: list[asyncpg.Record], latest: Timeline, limit: int) -> StoredTimeline:
    grades = {row["observed_at"]: grade_of(row) for row in rows}
    forward = [row["observed_at"] for row in rows if row["forward"]]
    complete_until = forward[-1] if len(forward) == limit else None
    written = Timeline(tuple(grades), tuple(grades.values()))
    grades.update(zip(latest.instants, latest.grades, strict=True))
    ordered = sorted(grades.items(), key=_instant)
    return StoredTimeline(
        Timeline(tuple(at for at, _ in ordered), tuple(grade for _, grade in ordered)),
        written=written,
        current=latest.grades[0],
        complete_until=complete_until,
    )
