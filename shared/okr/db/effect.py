"""The effect of grading: one autocommitted statement, so that a frozen or killed worker holds no lock and half-does nothing.

It locks own and parents' demand in key order, moves `computed_seq` forward where nobody wrote since the claim (the fence), and
from the rows that this let through writes grades, snapshots and events, and raises the parents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.demand import Claim, Subject
from okr.db.packing import Packed
from okr.domain.values import Grade
from okr.events import EventType


@dataclass(frozen=True, slots=True)
class Moment:
    """A grade at an instant, and what it was made from."""

    observed_at: datetime
    grade: Grade
    inputs: Packed


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of a claim: the grade now, the snapshots that history lacks, and where to go on if not all was done.

    `before` is the grade that was current until now; the event tells both.
    """

    claim: Claim
    current: Moment
    snapshots: tuple[Moment, ...]
    before: Grade | None
    next_from: datetime | None = None

    @property
    def is_news(self) -> bool:
        """Whether the current grade says something else than before."""
        return not self.current.grade.says_the_same_as(self.before)


# The columns of a grade, each with the type of its array and what makes the column of it: numbers travel as text, which the
# driver writes ten times as fast as decimals, and JSON is parsed once.
_GRADE_TYPES = {
    "observed_at": ("timestamptz", "observed_at"),
    "raw": ("text", "raw::numeric"),
    "progress": ("text", "progress::numeric"),
    "grade": ("text", "grade::numeric"),
    "status": ("text", "status"),
    "label": ("text", "label"),
    "band": ("text", "band"),
    "expected": ("text", "expected::numeric"),
    "freshness": ("text", "freshness"),
    "confidence": ("text", "confidence::numeric"),
    "coverage": ("text", "coverage::numeric"),
    "success_line": ("text", "success_line::numeric"),
    "reasons": ("text", "string_to_array(reasons, ',')"),
    "ruleset_key": ("text", "ruleset_key"),
    "ruleset_version": ("int", "ruleset_version"),
    "provenance": ("text", "provenance"),
    "computed_grade": ("text", "computed_grade::numeric"),
    "inputs": ("text", "inputs::jsonb"),
}
_GRADE = ", ".join(_GRADE_TYPES)
_MADE = ", ".join(f"{made} AS {name}" for name, (_, made) in _GRADE_TYPES.items())
_SUBJECT_TYPES = {"kind": "smallint", "id": "uuid"}
_GRADED_TYPES = {
    **_SUBJECT_TYPES,
    "seq": "bigint",
    "base": "bigint",
    "token": "timestamptz",
    "next_from": "timestamptz",
    "distance": "float8",
    "event_subject": "text",
    "event": "text",
}
_PARENT_TYPES = {**_SUBJECT_TYPES, "since": "timestamptz"}
_MOMENT_TYPES = {
    **_SUBJECT_TYPES,
    "is_current": "boolean",
    "is_snapshot": "boolean",
    **{name: type for name, (type, _) in _GRADE_TYPES.items()},
}


def _rows(name: str, types: dict[str, str], *, after: int) -> str:
    """`unnest` of arrays that are the parameters following number `after`, as a table."""
    arrays = ", ".join(f"${number}::{type}[]" for number, type in enumerate(types.values(), start=after + 1))
    return f"unnest({arrays}) AS {name} ({', '.join(types)})"


# $1 organization, $2 the type of event; then the arrays of i, p and m.
# The fence: a row whose computed_seq is no longer what it was at the claim was graded by somebody else meanwhile, on whose
# history ours does not stand. f are the graded subjects that it let through, n their moments.
_EFFECT = f"""
WITH i AS (SELECT * FROM {_rows("i", _GRADED_TYPES, after=2)}),
p AS (
    SELECT kind, id, min(since) AS since FROM {_rows("p", _PARENT_TYPES, after=2 + len(_GRADED_TYPES))} GROUP BY kind, id),
m AS (SELECT * FROM {_rows("m", _MOMENT_TYPES, after=2 + len(_GRADED_TYPES) + len(_PARENT_TYPES))}),
l AS MATERIALIZED (
    SELECT d.subject_kind, d.subject_id FROM rescore_demand d
     WHERE d.organization_id = $1 AND (d.subject_kind, d.subject_id) IN (SELECT kind, id FROM i UNION SELECT kind, id FROM p)
     ORDER BY d.organization_id, d.subject_kind, d.subject_id FOR NO KEY UPDATE),
u AS (
    UPDATE rescore_demand d SET
        computed_seq = greatest(d.computed_seq, CASE WHEN d.computed_seq = i.base THEN i.seq ELSE 0 END),
        requested_seq = d.requested_seq + (p.id IS NOT NULL OR i.next_from IS NOT NULL)::int,
        dirty = d.requested_seq + (p.id IS NOT NULL OR i.next_from IS NOT NULL)::int
                > greatest(d.computed_seq, CASE WHEN d.computed_seq = i.base THEN i.seq ELSE 0 END),
        requested_at = CASE WHEN d.dirty AND d.touched_from < 'infinity' THEN d.requested_at ELSE clock_timestamp() END,
        touched_from = least(d.touched_from, p.since, i.next_from),
        claimed_from = CASE WHEN i.token = d.claimed_until AND d.computed_seq = i.base THEN 'infinity' ELSE d.claimed_from END,
        claimed_until = CASE WHEN i.token IS DISTINCT FROM d.claimed_until THEN d.claimed_until
                             WHEN i.distance > 0 THEN clock_timestamp() + i.distance * interval '1 second'
                             ELSE '-infinity' END
      FROM l LEFT JOIN i ON i.kind = l.subject_kind AND i.id = l.subject_id
             LEFT JOIN p ON p.kind = l.subject_kind AND p.id = l.subject_id
     WHERE d.organization_id = $1 AND d.subject_kind = l.subject_kind AND d.subject_id = l.subject_id
       AND (p.id IS NOT NULL OR d.computed_seq = i.base)
 RETURNING d.subject_kind AS kind, d.subject_id AS id, old.computed_seq AS before),
f AS (SELECT i.* FROM i JOIN u ON u.kind = i.kind AND u.id = i.id AND u.before = i.base),
n AS MATERIALIZED (
    SELECT kind, id, f.seq, m.is_current, m.is_snapshot, {_MADE} FROM m JOIN f USING (kind, id)),
g AS (
    INSERT INTO grade (organization_id, subject_kind, subject_id, computed_seq, computed_at, {_GRADE})
    SELECT $1, kind, id, seq, clock_timestamp(), {_GRADE} FROM n WHERE is_current
    ON CONFLICT (organization_id, subject_kind, subject_id) DO UPDATE SET
        (computed_seq, computed_at, {_GRADE})
      = (excluded.computed_seq, excluded.computed_at, {", ".join(f"excluded.{name}" for name in _GRADE_TYPES)})),
h AS (
    INSERT INTO score_snapshot (organization_id, subject_kind, subject_id, computed_seq, recorded_at, {_GRADE})
    SELECT $1, kind, id, seq, clock_timestamp(), {_GRADE} FROM n WHERE is_snapshot),
e AS (
    INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at)
    SELECT $1, uuidv7(), $2, event_subject, event::jsonb, clock_timestamp() FROM f WHERE event IS NOT NULL)
SELECT kind, id FROM f
"""


async def write_effect(
    connection: asyncpg.Connection,
    organization_id: UUID,
    scored: Sequence[Scored],
    *,
    parents: dict[Subject, datetime],
    distances: Mapping[Subject, float],
) -> set[Subject]:
    """Write what was graded and raise `parents` (none of them among the graded) since the given instants.

    `distances` holds the seconds for which a subject is then left alone. Answers the subjects whose grade was written; the
    others lost to another worker's.
    """
    subjects = [one.claim.subject for one in scored]
    moments = [(one.claim.subject, *row) for one in scored for row in _moments(one)]
    rows = await connection.fetch(
        _EFFECT,
        organization_id,
        EventType.GRADE_CHANGED.value,
        [subject.number for subject in subjects],
        [subject.id for subject in subjects],
        [one.claim.requested_seq for one in scored],
        [one.claim.base_seq for one in scored],
        [one.claim.token for one in scored],
        [one.next_from for one in scored],
        [distances.get(subject, 0.0) for subject in subjects],
        [str(subject) for subject in subjects],
        [_event(one) for one in scored],
        [subject.number for subject in parents],
        [subject.id for subject in parents],
        list(parents.values()),
        [subject.number for subject, *_ in moments],
        [subject.id for subject, *_ in moments],
        [is_current for _, is_current, _, _ in moments],
        [is_snapshot for _, _, is_snapshot, _ in moments],
        *_columns([moment for *_, moment in moments]),
    )
    return {Subject(kind, id) for kind, id in rows}


def _moments(one: Scored) -> Iterator[tuple[bool, bool, Moment]]:
    """(is the current grade, is a snapshot, moment), the same moment once."""
    is_snapshot = False
    for moment in one.snapshots:
        if moment is one.current:
            is_snapshot = True
        else:
            yield False, True, moment
    yield True, is_snapshot, one.current


def _columns(moments: Sequence[Moment]) -> list[list[Any]]:
    """The moments as arrays, in the order of _GRADE_TYPES. Reasons are codes without commas."""
    grades = [moment.grade for moment in moments]
    return [
        [moment.observed_at for moment in moments],
        [_text(grade.raw) for grade in grades],
        [_text(grade.progress) for grade in grades],
        [_text(grade.grade) for grade in grades],
        [grade.status.value for grade in grades],
        [grade.label for grade in grades],
        [grade.band for grade in grades],
        [_text(grade.expected) for grade in grades],
        [grade.freshness.value for grade in grades],
        [_text(grade.confidence) for grade in grades],
        [_text(grade.coverage) for grade in grades],
        [_text(grade.success_line) for grade in grades],
        [",".join(grade.reasons) for grade in grades],
        [grade.ruleset.key for grade in grades],
        [grade.ruleset.version for grade in grades],
        [grade.provenance.value for grade in grades],
        [_text(grade.computed_grade) for grade in grades],
        [orjson.dumps(moment.inputs).decode() for moment in moments],
    ]


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _event(scored: Scored) -> str | None:
    """The event's data where the grade changed: both grades as numbers, and the instant the new one holds for."""
    if not scored.is_news:
        return None
    grade, before = scored.current.grade, scored.before
    return orjson.dumps(
        {
            "subject": str(scored.claim.subject),
            "computed_seq": scored.claim.requested_seq,
            "grade": None if grade.grade is None else float(grade.grade),
            "status": grade.status.value,
            "grade_before": None if before is None or before.grade is None else float(before.grade),
            "status_before": None if before is None else before.status.value,
            "observed_at": scored.current.observed_at,
        },
        option=orjson.OPT_UTC_Z,
    ).decode()
