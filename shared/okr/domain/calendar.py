"""Days of an organization's time zone as instants. The zone comes in as a tzinfo: looking one up by name reads files.

A day has ended when the local clock has left it for the last time. Where clocks go back over midnight that is the second
midnight; where clocks skip midnight it is the moment of the skip; a day that was skipped whole ended with the day before.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=8192)
def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which the day has ended in the zone; the day itself no longer holds it."""
    midnight = datetime.combine(day + _DAY, time(), zone)
    first = midnight.astimezone(UTC)
    second = midnight.replace(fold=1).astimezone(UTC)
    # Read once or twice: the last one counts. A midnight that is never read has its two readings swapped.
    return second if second >= first else _skip_between(second, first, day=day, zone=zone)


def last_ended_day(instant: datetime, zone: tzinfo) -> date:
    """The last day that has ended in the zone at the instant."""
    day = instant.astimezone(zone).date() - _DAY
    while end_of_day(day, zone) > instant:
        day -= _DAY
    return day


def day_ends(from_instant: datetime, to_instant: datetime, zone: tzinfo) -> list[datetime]:
    """The ends of days with from <= end <= to, in UTC, rising, each instant once."""
    ends: list[datetime] = []
    day = last_ended_day(from_instant, zone)
    while (end := end_of_day(day, zone)) <= to_instant:
        if end >= from_instant and end not in ends[-1:]:
            ends.append(end)
        day += _DAY
    return ends


def _skip_between(low: datetime, high: datetime, *, day: date, zone: tzinfo) -> datetime:
    """The first instant, to the second, after `low` and up to `high` at which the zone's clock has left the day."""
    low -= _SECOND
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).date() > day:
            high = middle
        else:
            low = middle
    return high
