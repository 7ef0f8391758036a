"""A grade as it was written, current or of history."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from okr.db.demand import Subject
from okr.db.packing import Packed
from okr.db.timelines import GRADE_COLUMNS, Row, grade_of
from okr.domain.values import Grade

STORED_COLUMNS = f"{GRADE_COLUMNS}, computed_seq, inputs"


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
    packed: str
    requested_seq: int | None = None
    stale: bool = False

    @property
    def inputs(self) -> Packed:
        """The packed inputs, decoded."""
        return dict(orjson.loads(self.packed))


def subject_of(row: Row) -> Subject:
    """The subject that a row is about."""
    return Subject(row["subject_kind"], row["subject_id"])


def stored_grade(row: Row) -> StoredGrade:
    """The stored grade of a row with STORED_COLUMNS."""
    return StoredGrade(
        subject=subject_of(row),
        grade=grade_of(row),
        observed_at=row["observed_at"],
        recorded_at=row["recorded_at"],
        computed_seq=row["computed_seq"],
        packed=row["inputs"],
        requested_seq=row.get("requested_seq"),
        stale=bool(row.get("stale")),
    )
