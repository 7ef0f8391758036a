"""Grades of now and of then, and why they are what they are."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db.as_of import time_zone_of
from okr.db.current_grades import Standing, standings
from okr.db.demand import Subject, subject
from okr.db.history import Explained, current_grades, explain, grade_within_cycle, grades_as_of
from okr.db.stored_grades import StoredGrade
from okr.domain.calendar import end_of_day
from okr.domain.errors import NotFound
from okr.domain.values import SubjectKind
from okr_api.schemas.grade_answers import (
    ExplanationRead,
    GradeAnswer,
    grade_answer,
    grade_of_stored,
    grade_values,
    inputs_read,
    not_graded,
    step_read,
)
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import GradeRead
from okr_api.schemas.moments import AnyMoment


@dataclass(frozen=True, slots=True)
class Asked:
    """Which grade a caller asks for: that of an instant or of the end of a day, as known at another. Both None: the newest."""

    as_of: AnyMoment = None
    known_at: AnyMoment = None


@dataclass(frozen=True, slots=True)
class When:
    """The same, as instants."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    @property
    def is_now(self) -> bool:
        """Whether the newest grade is asked for."""
        return self.as_of is None and self.known_at is None

    def instant(self, now: datetime) -> datetime:
        """The instant asked for; what was known then is asked of then."""
        return self.as_of or self.known_at or now


async def read_when(connection: asyncpg.Connection, organization_id: UUID, asked: Asked) -> When:
    """Days as instants: their ends in the organization's time zone."""
    if asked == Asked():
        return When()
    zone = await time_zone_of(connection, organization_id)
    return When(instant_of(asked.as_of, zone), instant_of(asked.known_at, zone))


def instant_of(moment: AnyMoment, zone: ZoneInfo) -> datetime | None:
    """The instant, or the end of the day."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return end_of_day(moment, zone)


async def standing_of(connection: asyncpg.Connection, organization_id: UUID, one: Subject) -> Standing:
    """Where the subject stands. Raises NotFound if there is no such thing."""
    found = (await standings(connection, organization_id, [one])).get(one)
    if found is None:
        name = one.kind.value.replace("_", " ")
        raise NotFound(f"There is no such {name}.", subject_id=one.id)
    return found


async def show_grade(
    connection: asyncpg.Connection,
    organization_id: UUID,
    id: UUID,
    *,
    kind: SubjectKind,
    asked: Asked,
    now: datetime,
    cycle_id: UUID | None = None,
) -> GradeAnswer:
    """The grade of one thing; with `cycle_id` only what is in that cycle counts. Raises NotFound."""
    one = subject(kind, id)
    standing = await standing_of(connection, organization_id, one)
    when = await read_when(connection, organization_id, asked)
    if cycle_id is not None:
        explained = await _within_cycle(connection, organization_id, one, cycle_id, when=when, now=now)
        grade = _grade_made_now(explained, standing, when=when, now=now)
    elif when.is_now:
        grade = grade_read(standing)
    else:
        stored = await _stored(connection, organization_id, one, when=when, now=now)
        grade = not_graded(standing) if stored is None else grade_of_stored(stored)
    return grade_answer(one, grade, as_of=when.as_of, known_at=when.known_at)


async def show_explanation(
    connection: asyncpg.Connection,
    organization_id: UUID,
    id: UUID,
    *,
    kind: SubjectKind,
    asked: Asked,
    now: datetime,
    cycle_id: UUID | None = None,
) -> ExplanationRead:
    """Why that grade is what it is, as of the instant from which it holds. Raises NotFound."""
    one = subject(kind, id)
    standing = await standing_of(connection, organization_id, one)
    when = await read_when(connection, organization_id, asked)
    explained: Explained | None = None
    grade = not_graded(standing)
    if cycle_id is not None:
        explained = await _within_cycle(connection, organization_id, one, cycle_id, when=when, now=now)
        grade = _grade_made_now(explained, standing, when=when, now=now)
    elif (stored := await _stored(connection, organization_id, one, when=when, now=now)) is not None:
        explained = await explain(connection, organization_id, stored)
        grade = grade_of_stored(replace(stored, grade=explained.graded.grade))
    return ExplanationRead.model_construct(
        subject=str(one),
        as_of=when.as_of,
        known_at=when.known_at,
        grade=grade,
        confidence_label=None if explained is None else explained.graded.confidence_label,
        inputs=None if explained is None else inputs_read(explained.inputs),
        steps=[] if explained is None else [step_read(step) for step in explained.graded.steps],
    )


async def _stored(
    connection: asyncpg.Connection, organization_id: UUID, one: Subject, *, when: When, now: datetime
) -> StoredGrade | None:
    if when.is_now:
        return (await current_grades(connection, organization_id, [one])).get(one)
    instant = when.instant(now)
    return (await grades_as_of(connection, organization_id, [one], as_of=instant, known_at=when.known_at)).get(one)


async def _within_cycle(
    connection: asyncpg.Connection,
    organization_id: UUID,
    one: Subject,
    cycle_id: UUID,
    *,
    when: When,
    now: datetime,
) -> Explained:
    await standing_of(connection, organization_id, subject(SubjectKind.CYCLE, cycle_id))
    return await grade_within_cycle(
        connection, organization_id, one, cycle_id, as_of=when.instant(now), known_at=when.known_at
    )


def _grade_made_now(explained: Explained, standing: Standing, *, when: When, now: datetime) -> GradeRead:
    """A grade that is not stored: it is made for this answer."""
    return GradeRead.model_construct(
        **grade_values(
            explained.graded.grade,
            observed_at=when.instant(now),
            computed_at=now,
            requested_seq=standing.requested_seq,
            computed_seq=standing.computed_seq,
            stale=standing.stale,
        )
    )
