"""The current grade of subjects, joined to the demand that says how current it is.

`STANDING_COLUMNS` and `standing_join` put both into any query; `Standing.of_row` takes them out again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import asyncpg

from okr.db.demand import Subject
from okr.db.tables.scoring import KIND_NUMBERS
from okr.domain.values import SubjectKind


@dataclass(frozen=True, slots=True)
class GradeColumns:
    """The columns of a grade, as a current grade and a snapshot share them. Meanings: okr.domain.values.Grade."""

    observed_at: datetime
    raw: Decimal | None
    progress: Decimal | None
    grade: Decimal | None
    status: str
    label: str | None
    band: str | None
    expected: Decimal | None
    freshness: str
    confidence: Decimal | None
    coverage: Decimal
    success_line: Decimal
    provenance: str
    computed_grade: Decimal | None
    ruleset_key: str
    ruleset_version: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subject stands: its grade, None before the first, and how far the work on it has come.

    `stale` is true while somebody asked for a grade that is not there yet. `computed_at` is None like the grade.
    """

    grade: GradeColumns | None
    computed_at: datetime | None
    requested_seq: int
    computed_seq: int
    stale: bool

    @classmethod
    def of_row(cls, row: Mapping[str, Any] | asyncpg.Record) -> Self:
        """From a row with the columns of STANDING_COLUMNS."""
        graded = row["g_status"] is not None
        return cls(
            grade=grade_columns(row, prefix="g_") if graded else None,
            computed_at=row["g_computed_at"],
            requested_seq=row["requested_seq"],
            computed_seq=row["computed_seq"],
            stale=row["dirty"],
        )


_SHARED = tuple(GradeColumns.__dataclass_fields__)

STANDING_COLUMNS = ", ".join(
    [
        "d.requested_seq, d.computed_seq, d.dirty, g.computed_at AS g_computed_at",
        *(f"g.{name} AS g_{name}" for name in _SHARED),
    ]
)
"""Columns for a SELECT over `standing_join`; every name of the grade's own begins with `g_`."""


STATUS_IS = "coalesce(g.status, 'pending') = {}"
"""A condition for `Where.add` over `standing_join`: what has no grade yet is pending."""


def standing_join(kind: SubjectKind, id_expression: str, *, demand: str = "d", grade: str = "g") -> str:
    """JOIN clauses to the demand and the grade of the subject whose id the expression gives; `$1` is the organization.

    The left join's own `organization_id = $1` keeps both on their primary keys. `demand` and `grade` name the two in the query.
    """
    number = KIND_NUMBERS[kind]
    return f"""
    JOIN rescore_demand {demand} ON {demand}.organization_id = $1 AND {demand}.subject_kind = {number}
         AND {demand}.subject_id = {id_expression}
    LEFT JOIN grade {grade} ON {grade}.organization_id = $1 AND {grade}.subject_kind = {number}
         AND {grade}.subject_id = {id_expression}"""


def grade_columns(row: Mapping[str, Any] | asyncpg.Record, *, prefix: str = "") -> GradeColumns:
    """A row's grade; `prefix` stands before each column's name."""
    values = {name: row[prefix + name] for name in _SHARED}
    values["reasons"] = tuple(values["reasons"])
    return GradeColumns(**values)


async def standings(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, Standing]:
    """Where each of the subjects stands, in one query; subjects without a demand row are left out."""
    rows = await connection.fetch(
        f"""
        SELECT d.subject_kind, d.subject_id, {STANDING_COLUMNS}
          FROM unnest($2::smallint[], $3::uuid[]) AS s (kind, id)
          JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = s.kind AND d.subject_id = s.id
          LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = s.kind AND g.subject_id = s.id
        """,
        organization_id,
        [subject.number for subject in subjects],
        [subject.id for subject in subjects],
    )
    return {Subject(row["subject_kind"], row["subject_id"]): Standing.of_row(row) for row in rows}
