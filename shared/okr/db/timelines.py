"""Grades as they were stored, as the domain's plain values: current ones, and timelines of history to grade from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db.demand import Subject
from okr.domain.timeline import Timeline
from okr.domain.values import Freshness, Grade, Status

Row = asyncpg.Record | Mapping[str, Any]

FORWARD_LIMIT = 800
"""Snapshots of one subject that are read at once."""
DAYS_AT_ONCE = 30
"""Days with snapshots of one subject that are read at once, where a day's last one is enough."""

GRADE_COLUMNS = """observed_at, raw, progress, grade, status, label, band, expected, freshness, confidence, coverage,
    success_line, reasons"""

# Before `since` only the last snapshot matters; the current grade closes the timeline where the forward limit cuts it.
_TIMELINES = f"""
SELECT w.kind, w.id, t.* FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS w (kind, id, since)
 CROSS JOIN LATERAL (
    (SELECT 1 AS part, {GRADE_COLUMNS} FROM score_snapshot
      WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at < w.since
      ORDER BY observed_at DESC, computed_seq DESC LIMIT 1)
    UNION ALL
    (SELECT DISTINCT ON (observed_at) 2, {GRADE_COLUMNS} FROM score_snapshot
      WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at >= w.since
      ORDER BY observed_at, computed_seq DESC LIMIT $5)
    UNION ALL
    (SELECT 3, {GRADE_COLUMNS} FROM grade
      WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id)) AS t
 ORDER BY w.kind, w.id, t.part, t.observed_at
"""

# The same, with only the last snapshot of each day, for what is graded by the end of days.
_BY_DAY = _TIMELINES.replace(
    f"(SELECT DISTINCT ON (observed_at) 2, {GRADE_COLUMNS} FROM score_snapshot",
    f"""(SELECT DISTINCT ON (((observed_at - interval '1 microsecond') AT TIME ZONE $6)::date) 2, {GRADE_COLUMNS}
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


def grade_of(row: Row) -> Grade:
    """The domain's grade from a row with GRADE_COLUMNS."""
    return Grade(
        raw=row["raw"],
        progress=row["progress"],
        grade=row["grade"],
        status=Status(row["status"]),
        label=row["label"],
        band=row["band"],
        expected=row["expected"],
        freshness=Freshness(row["freshness"]),
        confidence=row["confidence"],
        coverage=row["coverage"],
        success_line=row["success_line"],
        reasons=tuple(row["reasons"]),
    )


async def load_timelines(
    connection: asyncpg.Connection,
    organization_id: UUID,
    wanted: Mapping[Subject, datetime],
    *,
    by_day_in: ZoneInfo | None = None,
) -> dict[Subject, StoredTimeline]:
    """The stored timelines of the subjects, each from its instant on, in one query; all of them are in the answer.

    With `by_day_in` only the last snapshot of each day of that zone is read.
    """
    subjects = sorted(wanted)
    limit = FORWARD_LIMIT if by_day_in is None else DAYS_AT_ONCE
    rows = await connection.fetch(
        _TIMELINES if by_day_in is None else _BY_DAY,
        organization_id,
        [subject.number for subject in subjects],
        [subject.id for subject in subjects],
        [wanted[subject] for subject in subjects],
        limit,
        *([] if by_day_in is None else [by_day_in.key]),
    )
    found: dict[Subject, list[asyncpg.Record]] = {subject: [] for subject in subjects}
    for row in rows:
        found[Subject(row["kind"], row["id"])].append(row)
    return {subject: _timeline(found[subject], limit) for subject in subjects}


def _timeline(rows: list[asyncpg.Record], limit: int) -> StoredTimeline:
    grades = {row["observed_at"]: grade_of(row) for row in rows if row["part"] != 3}
    current = next((row for row in rows if row["part"] == 3), None)
    forward = [row["observed_at"] for row in rows if row["part"] == 2]
    complete_until = forward[-1] if len(forward) == limit else None
    written = Timeline(tuple(grades), tuple(grades.values()))
    if current is not None:
        grades[current["observed_at"]] = grade_of(current)
    ordered = sorted(grades.items(), key=lambda item: item[0])
    return StoredTimeline(
        Timeline(tuple(at for at, _ in ordered), tuple(grade for _, grade in ordered)),
        written=written,
        current=grade_of(current) if current is not None else None,
        complete_until=complete_until,
    )
