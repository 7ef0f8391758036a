"""Subjects to be graded: from the few figures of a case to what the domain grades."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from okr.domain.values import (
    Commitment,
    Grade,
    KeyResultInputs,
    Kind,
    Measure,
    Part,
    Reading,
    RollUpInputs,
    SubjectKind,
    Window,
)

STARTS_ON = date(2026, 1, 1)
PERIOD_DAYS = 7


def key_result(
    measure: Measure, reading: Reading | None, *, commitment: Commitment = Commitment.COMMITTED, periods: int = 13
) -> KeyResultInputs:
    """A key result in the middle of so many weeks, with a fresh value or none."""
    due_on = STARTS_ON + timedelta(days=periods * PERIOD_DAYS - 1)
    ended_on = STARTS_ON + timedelta(days=periods * PERIOD_DAYS // 2)
    instant = datetime(ended_on.year, ended_on.month, ended_on.day, tzinfo=UTC)
    read = replace(reading, observed_at=instant) if reading is not None else Reading()
    return KeyResultInputs(instant, measure, read, commitment, Window(STARTS_ON, due_on, ended_on), PERIOD_DAYS)


class Child(NamedTuple):
    """A part of a whole, with its grade."""

    kind: SubjectKind
    weight: Decimal
    graded: Grade


def _part(number: int, child: Child) -> Part:
    """A child as its parent sees it."""
    graded = child.graded
    return Part(
        child.kind,
        str(number),
        child.weight,
        raw=graded.raw,
        progress=graded.progress,
        grade=graded.grade,
        expected=graded.expected,
        confidence=graded.confidence,
        coverage=graded.coverage,
        freshness=graded.freshness,
    )


def objective(children: Iterable[Child], *, confidence: Decimal | None = None) -> RollUpInputs:
    """An objective in the middle of its cycle; `confidence` stands for that of each key result."""
    parts = [_part(number, child) for number, child in enumerate(children, start=1)]
    if confidence is not None:
        parts = [replace(one, confidence=confidence) for one in parts]
    middle = key_result(Measure(Kind.BINARY), None)
    return RollUpInputs(middle.instant, tuple(parts), Commitment.COMMITTED, middle.window)


def paced(progress: Decimal | None, expected: Decimal | None, *, confidence: Decimal | None = None) -> RollUpInputs:
    """A set of one objective with that much progress where so much is expected: exact, whatever days could say."""
    only = Part(SubjectKind.OBJECTIVE, "1", Decimal(1), progress, progress, progress, expected, confidence, Decimal(1))
    return RollUpInputs(key_result(Measure(Kind.BINARY), None).instant, (only,))
