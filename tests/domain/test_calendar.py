"""Days as instants, in zones where midnight is missing, comes twice, or a whole day is left out."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okr.domain.calendar import day_ends, end_of_day, last_ended_day

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
BEIRUT = ZoneInfo("Asia/Beirut")
BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")
ST_JOHNS = ZoneInfo("America/St_Johns")
TORONTO = ZoneInfo("America/Toronto")
ZONES = [SAO_PAULO, BEIRUT, BERLIN, APIA, ST_JOHNS, TORONTO, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")]

LEFT_OUT = date(2011, 12, 30)
"""The day that Samoa skipped when it crossed the date line."""


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        (UTC, date(2026, 3, 31), "2026-04-01T00:00+00:00"),
        (BERLIN, date(2026, 3, 28), "2026-03-28T23:00+00:00"),
        (BERLIN, date(2026, 3, 29), "2026-03-29T22:00+00:00"),
        (BERLIN, date(2026, 10, 25), "2026-10-25T23:00+00:00"),
        # The clock goes from 23:59:59 on the 3rd to 01:00 on the 4th.
        (SAO_PAULO, date(2018, 11, 3), "2018-11-04T03:00+00:00"),
        (SAO_PAULO, date(2018, 11, 4), "2018-11-05T02:00+00:00"),
        # Midnight goes back to 23:00 of the 17th: that hour comes twice.
        (SAO_PAULO, date(2018, 2, 17), "2018-02-18T03:00+00:00"),
        (BEIRUT, date(2022, 3, 26), "2022-03-26T22:00+00:00"),
        # One minute after midnight the clock goes back to 23:01: the day is left twice.
        (ST_JOHNS, date(2008, 11, 1), "2008-11-02T03:30+00:00"),
        # From 23:30 on the 30th to 00:30 on the 31st.
        (TORONTO, date(1919, 3, 30), "1919-03-31T04:30+00:00"),
        (APIA, date(2011, 12, 29), "2011-12-30T10:00+00:00"),
        (APIA, LEFT_OUT, "2011-12-30T10:00+00:00"),
        (APIA, date(2011, 12, 31), "2011-12-31T10:00+00:00"),
    ],
)
def test_the_end_of_a_day(zone: ZoneInfo, day: date, end: str) -> None:
    assert end_of_day(day, zone) == datetime.fromisoformat(end)
    assert end_of_day(day, zone).tzinfo is UTC


days = st.dates(date(1970, 1, 1), date(2037, 12, 31)) | st.sampled_from(
    [date(2018, 11, 3), date(2018, 2, 17), date(2022, 3, 26), date(2008, 11, 1), date(1919, 3, 30), date(2011, 12, 29)]
)


@given(day=days, zone=st.sampled_from(ZONES))
def test_a_day_has_ended_at_its_end_and_not_a_moment_before(day: date, zone: ZoneInfo) -> None:
    end = end_of_day(day, zone)
    if zone is APIA and day in (LEFT_OUT, LEFT_OUT - timedelta(1)):
        # Two days end at once: the later one counts.
        assert last_ended_day(end, zone) == LEFT_OUT
        day = LEFT_OUT - timedelta(1)
    else:
        assert last_ended_day(end, zone) == day
    assert last_ended_day(end - timedelta(microseconds=1), zone) == day - timedelta(1)
    assert end.astimezone(zone).date() > day >= (end - timedelta(microseconds=1)).astimezone(zone).date()


@given(day=days, zone=st.sampled_from(ZONES))
def test_days_end_in_their_order(day: date, zone: ZoneInfo) -> None:
    length = end_of_day(day, zone) - end_of_day(day - timedelta(1), zone)
    assert timedelta(hours=22) < length < timedelta(hours=26) or (zone is APIA and day == LEFT_OUT and not length)


@given(day=days, zone=st.sampled_from(ZONES), hours=st.integers(0, 200))
def test_the_ends_of_days_within_a_stretch_of_time(day: date, zone: ZoneInfo, hours: int) -> None:
    start = end_of_day(day, zone) + timedelta(hours=hours % 7 - 3)
    stop = start + timedelta(hours=hours)
    candidates = {end_of_day(day + timedelta(days=n), zone) for n in range(-3, 14)}
    assert day_ends(start, stop, zone) == sorted(end for end in candidates if start <= end <= stop)


def test_both_ends_are_included_and_a_backward_stretch_is_empty() -> None:
    first, second = end_of_day(date(2026, 5, 1), BERLIN), end_of_day(date(2026, 5, 2), BERLIN)
    assert day_ends(first, second, BERLIN) == [first, second]
    assert day_ends(second, first, BERLIN) == []
    assert day_ends(first, first, BERLIN) == [first]


def test_a_day_left_out_ends_together_with_the_day_before_it() -> None:
    ends = day_ends(end_of_day(date(2011, 12, 28), APIA), end_of_day(date(2011, 12, 31), APIA), APIA)
    assert [end.isoformat() for end in ends] == [
        "2011-12-29T10:00:00+00:00",
        "2011-12-30T10:00:00+00:00",
        "2011-12-31T10:00:00+00:00",
    ]


def test_a_day_that_the_clock_will_go_back_to_has_not_ended() -> None:
    first_midnight = datetime(2008, 11, 2, 0, 0, tzinfo=ST_JOHNS)
    assert last_ended_day(first_midnight + timedelta(seconds=30), ST_JOHNS) == date(2008, 10, 31)
    assert last_ended_day(first_midnight.replace(fold=1), ST_JOHNS) == date(2008, 11, 1)


def test_an_instant_is_placed_whatever_zone_it_is_written_in() -> None:
    instant = datetime(2026, 5, 1, 0, 30, tzinfo=BERLIN)
    assert last_ended_day(instant, BERLIN) == date(2026, 4, 30)
    assert last_ended_day(instant.astimezone(UTC), UTC) == date(2026, 4, 29)
