"""A ruleset as the plain values that grading works with: everything a company may calibrate, and nothing else.

Immutable. What rulesets can differ in is a value here; grading holds no figure of its own. The document that people write,
with a description of each field, is okr.rulesets.document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from okr.domain.numbers import Rounding
from okr.domain.values import Commitment, Kind, Level, RulesetRef, Status


class Method(StrEnum):
    """How a value becomes raw; v value, s start, t target."""

    LINEAR = "linear"
    RATIO = "ratio"
    INVERSE_RATIO = "inverse_ratio"
    REMAINDER = "remainder"
    THRESHOLD = "threshold"
    THRESHOLD_OR_LINEAR = "threshold_or_linear"
    INSIDE = "inside"
    DISTANCE = "distance"
    WEIGHTS = "weights"
    ZONE = "zone"


class Of(StrEnum):
    """Which value of a period's many is looked at."""

    LATEST = "latest"
    AVERAGE = "average"
    WORST = "worst"
    SHARE_OF_PLANNED_PERIODS = "share_of_planned_periods"
    SHARE_OF_ENDED_PERIODS = "share_of_ended_periods"


class Shape(StrEnum):
    """How a grade moves between the marks of the zones."""

    NONE = "none"
    LINES = "lines"
    STEPS = "steps"


class Flat(StrEnum):
    """What a way from a start to the same target is worth."""

    NONE = "none"
    ZERO = "zero"
    HALF = "half"
    ONE = "one"
    STEP = "step"
    ZERO_WHEN_THERE = "zero_when_there"
    ONE_WHEN_THERE = "one_when_there"


class Missing(StrEnum):
    """What stands for a value that nobody has told."""

    NONE = "none"
    ZERO = "zero"
    START = "start"
    VALUE_ZERO = "value_zero"


class Unmeasurable(StrEnum):
    """What a key result without a start or target that its kind needs is worth."""

    NONE = "none"
    ZERO = "zero"
    ONE = "one"


class How(StrEnum):
    """How parts become a whole."""

    WEIGHTED_MEAN = "weighted_mean"
    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"


class Parts(StrEnum):
    """Which parts of an objective count: key results and aligned objectives, or these only where there are no key results."""

    TOGETHER = "together"
    CHILDREN_IF_ALONE = "children_if_alone"


class ZeroWeight(StrEnum):
    """What parts that weigh nothing together are worth: nothing, zero, or their plain mean."""

    NONE = "none"
    ZERO = "zero"
    EQUAL = "equal"


class Compare(StrEnum):
    """What a pace is judged by."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    ABSOLUTE = "absolute"


class Expectation(StrEnum):
    """How much is expected at which share of the days."""

    LINEAR = "linear"
    FRONT_LOADED = "front_loaded"
    BACK_LOADED = "back_loaded"
    PHASED = "phased"
    WORKING_DAYS = "working_days"


class WhenLate(StrEnum):
    """What a value that is late does to the grade."""

    FLAG = "flag"
    CAP = "cap"
    DECAY = "decay"


class LabelSource(StrEnum):
    """Whose word is a grade's label."""

    BAND = "band"
    PACE = "pace"
    SCALE = "scale"


class BandsBy(StrEnum):
    """What the bands are laid over; marks: where the value lies between commit, target and stretch."""

    GRADE = "grade"
    PROGRESS = "progress"
    MARKS = "marks"


class Op(StrEnum):
    """What an adjustment does to a grade."""

    SCALE = "scale"
    SHIFT = "shift"
    CAP = "cap"
    FLOOR = "floor"
    ANNOTATE = "annotate"


class ConditionFailed(Exception):
    """A condition could not be evaluated for a subject; the message says why."""


Condition = Callable[[Mapping[str, Any]], bool]
"""Whether an adjustment applies in a context (see okr.domain.adjusting). Raises ConditionFailed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A floor and a cap; None is unbounded."""

    floor: Decimal | None = None
    cap: Decimal | None = None


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Band:
    """A name for numbers from `since` up to the next band; the edge itself belongs to it unless `is_above`."""

    key: str
    label: str
    since: Decimal
    is_above: bool = False

    def holds(self, number: Decimal) -> bool:
        """Whether the number has reached the band."""
        return number > self.since if self.is_above else number >= self.since


@dataclass(frozen=True, slots=True)
class KindRule:
    """How one kind is measured, and whether the zones' marks then bend its grade."""

    method: Method
    of: Of = Of.LATEST
    zones: Shape = Shape.NONE


@dataclass(frozen=True, slots=True)
class Zones:
    """The grades at the marks along the way; a mark of None is left out, `below` is what lies before the first mark.

    They apply to the promises in `commitments`; where `needs_stretch`, only to key results that have a stretch value.
    """

    commitments: frozenset[Commitment]
    needs_stretch: bool
    start: Decimal | None
    commit: Decimal | None
    target: Decimal | None
    stretch: Decimal | None
    below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Combine:
    """How the parts of a whole are put together. `part_bounds` bound each part's progress and grade before that."""

    how: How = How.WEIGHTED_MEAN
    parts: Parts = Parts.TOGETHER
    missing_is_zero: bool = False
    empty: Decimal | None = None
    zero_weight: ZeroWeight = ZeroWeight.NONE
    part_bounds: Bounds = UNBOUNDED


@dataclass(frozen=True, slots=True)
class PaceLevel:
    """A status for all that has reached `since` (None: whatever is left); the edge belongs to it unless `is_above`."""

    status: Status
    label: str
    since: Decimal | None
    is_above: bool = False

    def holds(self, ahead: Decimal) -> bool:
        """Whether the number compared has reached the level."""
        return self.since is None or (ahead > self.since if self.is_above else ahead >= self.since)


@dataclass(frozen=True, slots=True)
class Pace:
    """Levels from the best down, the last without an edge; `words` are labels of the statuses that no pace decides.

    `phases` are (share of days, expected share) by rising share, for phased expectations.
    """

    compare: Compare
    levels: tuple[PaceLevel, ...]
    words: Mapping[Status, str] = field(default_factory=dict, hash=False)
    expectation: Expectation = Expectation.LINEAR
    phases: tuple[tuple[Decimal, Decimal], ...] = ()
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class Staleness:
    """When a value is late, in periods of its own rhythm (2: a weekly one after 14 days), and what that does.

    cap: the grade is at most `cap`. decay: it loses `decay` for each whole period that it is late.
    """

    late_after_periods: int
    when_late: WhenLate = WhenLate.FLAG
    cap: Decimal | None = None
    decay: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A grade as a level between `low` (grade 0) and `high` (grade 1), to `places` decimals."""

    low: Decimal
    high: Decimal
    places: int


@dataclass(frozen=True, slots=True)
class Ordinal:
    """Grades of zones by name, in lower case, above what a key result says itself; and whether the zone is the label."""

    grades: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    label_is_zone: bool = False


@dataclass(frozen=True, slots=True)
class Adjustment:
    """`when` holds for a subject of one of the `levels`, the grade is changed by `amount`, for a `reason` that everybody reads.

    `key` names it; an annotation puts the key among the grade's reasons and changes nothing.
    """

    key: str
    levels: frozenset[Level]
    text: str
    when: Condition
    op: Op
    amount: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One version of a ruleset. Mappings have every key of their enumeration."""

    key: str
    version: int
    kinds: Mapping[Kind, KindRule] = field(hash=False)
    zones: Zones
    way_to_stretch: bool
    flat: Flat
    missing: Missing
    unmeasurable: Unmeasurable
    bounds: Mapping[Level, Bounds] = field(hash=False)
    rounding: Mapping[Level, int | None] = field(hash=False)
    rounding_mode: Rounding
    combine: Mapping[Level, Combine] = field(hash=False)
    guardrail_cap: Decimal | None
    success_lines: Mapping[Commitment, Decimal] = field(hash=False)
    default_success_line: Decimal
    bands: Mapping[Level, tuple[Band, ...]] = field(hash=False)
    bands_by: BandsBy
    label_source: LabelSource
    scale: Scale | None
    ordinal: Ordinal
    pace: Pace
    staleness: Staleness
    confidence_bands: tuple[Band, ...]
    adjustments: tuple[Adjustment, ...]
    ref: RulesetRef = field(init=False)
    """Its name, as a grade keeps it: one for all of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ref", RulesetRef(self.key, self.version))

    def success_line(self, commitment: Commitment | None) -> Decimal:
        """The grade that counts as achieved; None stands for what makes no promise itself: teams, cycles, organizations."""
        if commitment is None:
            return self.default_success_line
        return self.success_lines.get(commitment, self.default_success_line)

    def reads_periods(self, kind: Kind) -> bool:
        """Whether key results of the kind are graded from the values of all periods, not from the latest alone."""
        return self.kinds[kind].of is not Of.LATEST

    def adjusts(self, level: Level) -> bool:
        """Whether grades of the level depend on what a condition says, and so on the subject's context."""
        return any(level in one.levels for one in self.adjustments)


def band_of(bands: tuple[Band, ...], number: Decimal) -> Band | None:
    """The highest band that the number has reached; None below the lowest. `bands` rise."""
    for band in reversed(bands):
        if band.holds(number):
            return band
    return None


_ALONG_A_WAY = KindRule(Method.LINEAR, zones=Shape.LINES)
_PROGRESS_BOUNDS = Bounds(Decimal(0), Decimal(1))
_BANDS = (
    Band("red", "Needs attention", Decimal(0)),
    Band("amber", "Making progress", Decimal("0.3")),
    Band("green", "Delivered", Decimal("0.7")),
)

STANDARD = Ruleset(
    key="standard",
    version=1,
    kinds={
        Kind.INCREASE: _ALONG_A_WAY,
        Kind.DECREASE: _ALONG_A_WAY,
        Kind.REACH: _ALONG_A_WAY,
        Kind.AT_LEAST: KindRule(Method.THRESHOLD_OR_LINEAR, zones=Shape.LINES),
        Kind.AT_MOST: KindRule(Method.THRESHOLD_OR_LINEAR, zones=Shape.LINES),
        Kind.BAND: KindRule(Method.DISTANCE),
        Kind.BINARY: KindRule(Method.THRESHOLD),
        Kind.MILESTONE: KindRule(Method.WEIGHTS),
        Kind.ORDINAL: KindRule(Method.ZONE),
        Kind.COUNT_RATIO: _ALONG_A_WAY,
        Kind.COMPOSITE: _ALONG_A_WAY,
        Kind.GUARDRAIL: KindRule(Method.INSIDE),
    },
    zones=Zones(
        commitments=frozenset({Commitment.ASPIRATIONAL, Commitment.LEARNING}),
        needs_stretch=True,
        start=Decimal(0),
        commit=Decimal("0.3"),
        target=Decimal("0.7"),
        stretch=Decimal(1),
    ),
    way_to_stretch=False,
    flat=Flat.NONE,
    missing=Missing.NONE,
    unmeasurable=Unmeasurable.NONE,
    bounds=dict.fromkeys(Level, _PROGRESS_BOUNDS),
    rounding=dict.fromkeys(Level, None),
    rounding_mode=Rounding.HALF_EVEN,
    combine=dict.fromkeys(Level, Combine()),
    guardrail_cap=Decimal("0.3"),
    success_lines={
        Commitment.COMMITTED: Decimal(1),
        Commitment.ASPIRATIONAL: Decimal("0.7"),
        Commitment.LEARNING: Decimal("0.7"),
    },
    default_success_line=Decimal("0.7"),
    bands=dict.fromkeys(Level, _BANDS),
    bands_by=BandsBy.GRADE,
    label_source=LabelSource.BAND,
    scale=None,
    ordinal=Ordinal(),
    pace=Pace(
        Compare.DIFFERENCE,
        (
            PaceLevel(Status.ON_TRACK, "On track", Decimal("-0.10")),
            PaceLevel(Status.AT_RISK, "At risk", Decimal("-0.25")),
            PaceLevel(Status.OFF_TRACK, "Off track", None),
        ),
    ),
    staleness=Staleness(late_after_periods=2),
    confidence_bands=(),
    adjustments=(),
)
