"""Score history on the wire: as JSON, as CSV and as NDJSON."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Strict, StringConstraints

from okr.db.demand import Subject
from okr.db.stored_grades import StoredGrade
from okr_api.lists import Items
from okr_api.schemas.grade_answers import grade_of_stored
from okr_api.schemas.models import GradeRead

_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
SubjectName = Annotated[
    str,
    Strict(),
    StringConstraints(
        max_length=60, pattern=rf"^(organization|(key_result|objective|team|cycle|organization):{_UUID})$"
    ),
]


class HistoryItem(GradeRead):
    """A grade of the past: it held from `observed_at` until the next item's, and was learned at `recorded_at`."""

    subject: str
    recorded_at: datetime


class HistoryList(Items[HistoryItem]):
    """A history, or one page of it where `limit` was given."""

    items: list[HistoryItem]  # all of them, where no limit was given


def history_item(stored: StoredGrade) -> HistoryItem:
    """The snapshot as it is answered."""
    grade = grade_of_stored(stored)
    values = {name: getattr(grade, name) for name in GradeRead.model_fields}
    return HistoryItem.model_construct(**values, subject=str(stored.subject), recorded_at=stored.recorded_at)


COLUMNS = (
    "subject",
    "observed_at",
    "recorded_at",
    "computed_seq",
    "raw",
    "progress",
    "grade",
    "status",
    "label",
    "band",
    "expected",
    "freshness",
    "confidence",
    "coverage",
    "success_line",
    "provenance",
    "computed_grade",
    "ruleset_key",
    "ruleset_version",
    "reasons",
)


def as_csv(items: Iterable[StoredGrade], *, with_header: bool) -> bytes:
    """Rows of COLUMNS (RFC 4180), numbers with all their digits; missing is empty, reasons are parted by spaces."""
    text = io.StringIO()
    writer = csv.writer(text)
    if with_header:
        writer.writerow(COLUMNS)
    for stored in items:
        writer.writerow([_cell(_column(stored, name)) for name in COLUMNS])
    return text.getvalue().encode()


def as_ndjson(items: Iterable[StoredGrade]) -> bytes:
    """One JSON object a line."""
    return b"".join(as_json(stored) + b"\n" for stored in items)


def as_json(stored: StoredGrade) -> bytes:
    """The item as JSON."""
    item = history_item(stored)
    return item.__pydantic_serializer__.to_json(item)


def _column(stored: StoredGrade, name: str) -> Any:
    if name.startswith("ruleset_"):
        return getattr(stored.grade.ruleset, name.removeprefix("ruleset_"))
    return getattr(stored.grade, name) if hasattr(stored.grade, name) else getattr(stored, name)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Decimal():
            return f"{value.normalize():f}"
        case Subject():
            return str(value)
        case tuple():
            return " ".join(value)
        case _:
            return str(value)
