"""Histories of grades: all of a subject's snapshots, or the last one of each period."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import assert_never
from uuid import UUID

import asyncpg

from okr.db.as_of import time_zone_of
from okr.db.demand import Subject, subject
from okr.db.history import PAGE, history
from okr.db.stored_grades import StoredGrade
from okr.domain.calendar import end_of_day
from okr.domain.values import SubjectKind
from okr_api.schemas.moments import AnyMoment
from okr_api.use_cases.grades import instant_of, standing_of

Reading = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]
_MICROSECOND = timedelta(microseconds=1)


class Granularity(StrEnum):
    """How much of a history is told: every snapshot, or the last of each period that has any."""

    ALL = "all"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a subject's history: after < observed_at <= until, as known at `known_at` (None: no bound)."""

    subject: Subject
    zone: tzinfo
    after: datetime | None
    until: datetime | None
    known_at: datetime | None
    granularity: Granularity


async def read_span(
    connection: asyncpg.Connection,
    organization_id: UUID,
    name: str,
    *,
    first: AnyMoment,
    last: AnyMoment,
    known_at: AnyMoment,
    granularity: Granularity,
) -> Span:
    """The span that a request asks for; `name` is `kind:id`, or `organization`. Raises NotFound.

    Both `first` and `last` belong to it. A day's grades are those that hold at its end or came in before it; what holds
    from the very start of a day belongs to the day before.
    """
    one = subject_named(name, organization_id)
    await standing_of(connection, organization_id, one)
    zone = await time_zone_of(connection, organization_id)
    if first is None or isinstance(first, datetime):
        after = None if first is None else first - _MICROSECOND
    else:
        after = end_of_day(first - timedelta(days=1), zone)
    return Span(one, zone, after, instant_of(last, zone), instant_of(known_at, zone), granularity)


def subject_named(name: str, organization_id: UUID) -> Subject:
    """The subject of a name that is in form: `kind:id`, or `organization`. Whether there is one is another question."""
    kind, _, id = name.partition(":")
    return subject(SubjectKind(kind), UUID(id) if id else organization_id)


async def snapshots(reading: Reading, organization_id: UUID, span: Span) -> AsyncIterator[StoredGrade]:
    """The span's snapshots, oldest first. No connection is held while the caller is slow to take them."""
    position = span.after
    pending: StoredGrade | None = None
    while True:
        page = await _page(reading, organization_id, span, after=position)
        for stored in page:
            if pending is not None and _period(pending, span) != _period(stored, span):
                yield pending
            pending = stored
        if len(page) < PAGE:
            break
        position = page[-1].observed_at
    if pending is not None:
        yield pending


async def _page(reading: Reading, organization_id: UUID, span: Span, *, after: datetime | None) -> list[StoredGrade]:
    found: list[StoredGrade] = []
    async with reading() as connection:
        async for stored in history(
            connection, organization_id, span.subject, after=after, until=span.until, known_at=span.known_at
        ):
            found.append(stored)
            if len(found) == PAGE:
                break
    return found


def _period(stored: StoredGrade, span: Span) -> datetime | date:
    """What the snapshots of one period have in common. The end of a day is no longer that day, but counts to it."""
    day = (stored.observed_at - _MICROSECOND).astimezone(span.zone).date()
    match span.granularity:
        case Granularity.ALL:
            return stored.observed_at
        case Granularity.DAY:
            return day
        case Granularity.WEEK:
            return day - timedelta(days=day.weekday())
        case Granularity.MONTH:
            return day.replace(day=1)
        case _:
            assert_never(span.granularity)
