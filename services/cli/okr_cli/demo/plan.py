"""The demo company on a calendar: which cycles, which values when, who says what on which day. Pure; nothing lies ahead of `today`.

The running cycle is the calendar quarter that contains `today`, the closed one the quarter before. All of it is a function of
`today` alone, so that a second loading on the same day finds every single thing in its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from itertools import chain
from zoneinfo import ZoneInfo

from okr_cli.demo import closed, company, story
from okr_cli.demo.metrics import METRICS
from okr_cli.demo.model import KeyResult, Metric, Objective, Said
from okr_cli.demo.walks import value_on

WEEKS_OF_VALUES = 13
METRICS_BY_KEY = {metric.key: metric for metric in METRICS}

_DAY = timedelta(days=1)
_SUNDAY = 6
_SATURDAY = 5
# Daily values are taken when the trains leave, weekly ones when the week is counted: both on a day that is over by `today`.
_DAILY_AT = time(22)
_WEEKLY_AT = time(20)
_OFFICE_OPENS_MINUTES = 9 * 60
_OFFICE_IS_OPEN_MINUTES = 8 * 60


@dataclass(frozen=True, slots=True)
class Quarter:
    """A calendar quarter, both days included."""

    starts_on: date
    ends_on: date

    @property
    def name(self) -> str:
        """As people call it: Q4 2026."""
        return f"Q{(self.starts_on.month + 2) // 3} {self.starts_on.year}"

    @property
    def over_at(self) -> datetime:
        """The instant at which its last day has ended."""
        return _instant(self.ends_on + _DAY, time())


@dataclass(frozen=True, slots=True)
class Point:
    """A value as it goes to the API."""

    metric: str
    observed_at: datetime
    value: float
    source: str
    dedupe_key: str
    corrects: bool = False


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What somebody says, with its instant."""

    said: Said
    person: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """All that depends on the day of the loading."""

    today: date
    running: Quarter
    closed: Quarter
    points: tuple[Point, ...]
    """By the time of their observation, those of `wrong_points` among them."""
    wrong_points: tuple[Point, ...]
    corrections: tuple[Point, ...]
    """What puts the wrong points right afterwards."""
    late_points: tuple[Point, ...]
    """Sent after everything else, though observed weeks before."""

    def goals(self) -> tuple[tuple[Quarter, tuple[Objective, ...]], ...]:
        """Each cycle with its objectives, the closed one first."""
        return (self.closed, closed.OBJECTIVES), (self.running, story.RUNNING)

    def points_until(self, instant: datetime) -> list[Point]:
        """Those observed by then."""
        return [point for point in self.points if point.observed_at <= instant]

    def points_since(self, instant: datetime) -> list[Point]:
        """Those observed later."""
        return [point for point in self.points if point.observed_at > instant]

    def check_ins(self, objective: Objective, key_result: KeyResult, *, quarter: Quarter) -> list[CheckIn]:
        """What has been said of a key result until yesterday, in order."""
        person = key_result.owner or objective.owner
        dated = ((_working_day(quarter.starts_on + timedelta(days=said.day)), said) for said in key_result.said)
        return [
            CheckIn(said, person, _instant(day, _in_office_hours(f"{objective.title}/{key_result.title}/{said.day}")))
            for day, said in dated
            if day < self.today
        ]


def make_plan(today: date) -> Plan:
    """The plan for a loading on that day, a day of the company's time zone."""
    running = quarter_of(today)
    before = quarter_of(running.starts_on - _DAY)
    series = {metric.key: _series(metric, today, running=running, closed=before) for metric in METRICS}
    wrong, corrections, late = [], [], []
    for mishap in story.MISHAPS:
        points = series[mishap.metric]
        limit = (today - timedelta(weeks=mishap.weeks_ago)).isoformat()
        place = max(number for number, point in enumerate(points) if point.dedupe_key <= limit)
        right = points.pop(place)
        if mishap.wrong_by is None:
            late.append(right)
        else:
            wrong.append(replace(right, value=round(right.value + mishap.wrong_by, 6)))
            corrections.append(replace(right, corrects=True))
    points = sorted((*chain(*series.values()), *wrong), key=lambda point: point.observed_at)
    return Plan(today, running, before, tuple(points), tuple(wrong), tuple(corrections), tuple(late))


def quarter_of(day: date) -> Quarter:
    """The calendar quarter that contains the day."""
    month = (day.month - 1) // 3 * 3 + 1
    starts_on = day.replace(month=month, day=1)
    next_starts_on = date(day.year + month // 10, (month + 2) % 12 + 1, 1)
    return Quarter(starts_on, next_starts_on - _DAY)


def _series(metric: Metric, today: date, *, running: Quarter, closed: Quarter) -> list[Point]:
    """A metric's values: through both cycles, at least 13 weeks, ending yesterday or where the metric fell silent."""
    silent = timedelta(days=metric.silent_days)
    last = today - _DAY - silent
    # A week ahead of the closed cycle, so that it begins with a value.
    first = min(closed.starts_on, today - timedelta(weeks=WEEKS_OF_VALUES)) - timedelta(weeks=1) - silent
    at = _DAILY_AT if metric.frequency == "daily" else _WEEKLY_AT
    return [
        Point(
            metric.key,
            _instant(day, at),
            value_on(metric, day, anchor=running.starts_on),
            metric.source,
            dedupe_key=day.isoformat(),
        )
        for day in _days(first, last)
        if metric.frequency == "daily" or day.weekday() == _SUNDAY
    ]


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _working_day(day: date) -> date:
    """The day itself, or the Friday before a weekend."""
    return day - _DAY * max(day.weekday() - _SATURDAY + 1, 0)


def _in_office_hours(what: str) -> time:
    """A minute of the working day, always the same for the same thing."""
    chance = int.from_bytes(blake2b(what.encode(), digest_size=4).digest())
    hours, minutes = divmod(_OFFICE_OPENS_MINUTES + chance % _OFFICE_IS_OPEN_MINUTES, 60)
    return time(hours, minutes)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZoneInfo(company.TIME_ZONE)).astimezone(UTC)
