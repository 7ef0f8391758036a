"""The demo company as plain data. Days are counted from the first day of the cycle that a thing belongs to (day 0).

Nothing here knows a date: `plan` turns days into dates, so that the story fits whichever quarter it is told in.
"""

from dataclasses import dataclass
from typing import Literal

Commitment = Literal["committed", "aspirational", "learning"]
Perspective = Literal["financial", "customer", "internal_process", "learning_growth"]
Horizon = Literal["short_term", "long_term"]
Source = Literal["cascaded", "cross_team", "independent"]
ValueClass = Literal["outcome", "output", "activity"]
Kind = Literal[
    "increase",
    "decrease",
    "reach",
    "at_least",
    "at_most",
    "band",
    "binary",
    "milestone",
    "ordinal",
    "count_ratio",
    "composite",
    "guardrail",
]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the company; `handle` is what the rest of the data calls them, and their external id."""

    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Team:
    """A node of the tree; `parent` is a team's name."""

    name: str
    kind: Literal["company", "division", "team"]
    lead: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A number the company measures, and how it went.

    `levels` are (day, level) pairs, in the order of the days, with a straight line between them; day 0 begins the running
    cycle, negative days lie in the closed one. On top come a rhythm over the week (`week_swing`, in the metric's unit) and
    chance (`noise`, likewise). Values have `places` decimals. `silent_days`: for so long nobody has measured it.
    """

    key: str
    name: str
    unit: str
    levels: tuple[tuple[int, float], ...]
    source: str
    direction: Literal["up", "down"] = "up"
    frequency: Literal["daily", "weekly"] = "weekly"
    is_core: bool = False
    places: int = 1
    noise: float = 0.0
    week_swing: float = 0.0
    silent_days: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """A check-in on a day of the cycle: a confidence, words, and for manual key results what was reached."""

    day: int
    confidence: float | None
    comment: str
    blockers: str | None = None
    value: float | None = None
    zone: str | None = None
    milestone: str | None = None


@dataclass(frozen=True, slots=True)
class KeyResult:
    """A measure of an objective. `operands` are titles of key results of the same objective; `owner` as the objective's."""

    title: str
    kind: Kind
    unit: str | None = None
    metric: str | None = None
    start: float | None = None
    target: float | None = None
    commit: float | None = None
    stretch: float | None = None
    low: float | None = None
    high: float | None = None
    milestones: tuple[tuple[str, float], ...] = ()
    zones: tuple[tuple[str, float], ...] = ()
    op: Literal["sum", "mean", "min", "max"] | None = None
    operands: tuple[str, ...] = ()
    weight: float = 1
    value_class: ValueClass = "outcome"
    indicator: Literal["leading", "lagging"] = "lagging"
    owner: str | None = None
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Toward:
    """What an objective is aligned to: another objective by its title, or one of that objective's key results."""

    objective: str
    key_result: str | None = None
    mode: Literal["contribute", "support"] = "contribute"
    weight: float = 1


@dataclass(frozen=True, slots=True)
class Objective:
    """A goal of a team in one of the two cycles."""

    title: str
    insight: str
    team: str
    owner: str
    sponsor: str
    perspective: Perspective
    horizon: Horizon
    source: Source
    commitment: Commitment
    key_results: tuple[KeyResult, ...]
    toward: tuple[Toward, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    contributors: tuple[str, ...] = ()
    weight: float = 1


@dataclass(frozen=True, slots=True)
class Revision:
    """A key result of the running cycle whose numbers were changed while it ran, and why."""

    objective: str
    key_result: str
    fields: tuple[tuple[str, float], ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Mishap:
    """A value that did not come in right: wrong at first (`wrong_by` in the metric's unit), or late when that is None.

    It is the metric's newest value at least `weeks_ago` weeks old.
    """

    metric: str
    weeks_ago: int
    wrong_by: float | None = None
