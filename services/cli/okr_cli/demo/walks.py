"""How a metric went: one value for each metric and day, the same on every machine and at every loading."""

from datetime import date
from hashlib import blake2b
from itertools import pairwise

from okr_cli.demo.model import Metric

# Monday to Sunday: people travel on Fridays and Sundays.
_WEEK = (-0.4, -1.0, -0.7, 0.1, 1.0, 0.2, 0.8)
# Chance wanders rather than jumps: each day keeps some of the days before it.
_MEMORY = (0.5, 0.3, 0.2)


def value_on(metric: Metric, day: date, *, anchor: date) -> float:
    """The metric's value at the end of the day, in its unit and with its places. `anchor` is day 0 of its levels."""
    number = (day - anchor).days
    value = level_on(metric.levels, number)
    value += metric.week_swing * _WEEK[day.weekday()]
    value += metric.noise * sum(share * _chance(metric.key, number - ago) for ago, share in enumerate(_MEMORY))
    return round(value, metric.places)


def level_on(levels: tuple[tuple[int, float], ...], number: int) -> float:
    """The straight line between the two neighbouring levels; flat before the first and after the last."""
    if number <= levels[0][0]:
        return levels[0][1]
    for (from_day, from_level), (to_day, to_level) in pairwise(levels):
        if number <= to_day:
            return from_level + (to_level - from_level) * (number - from_day) / (to_day - from_day)
    return levels[-1][1]


def _chance(key: str, number: int) -> float:
    """Between -1 and 1, evenly; a hash instead of a generator, so that no day depends on which were asked before."""
    digest = blake2b(f"{key}:{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**63 - 1
