"""The words of the field as plain values: closed sets, what a key result is, what was read, what a grade is.

Numbers are Decimals; a share (progress, grade, confidence, coverage, expected) is a fraction, never a percentage. Instants are
aware datetimes; days are the organization's own. Missing is None, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple


class SubjectKind(StrEnum):
    """What can have a grade, lowest first: children are graded before parents."""

    KEY_RESULT = "key_result"
    OBJECTIVE = "objective"
    TEAM = "team"
    CYCLE = "cycle"
    ORGANIZATION = "organization"


class Kind(StrEnum):
    """How a key result is measured."""

    INCREASE = "increase"
    DECREASE = "decrease"
    REACH = "reach"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BAND = "band"
    BINARY = "binary"
    MILESTONE = "milestone"
    ORDINAL = "ordinal"
    COUNT_RATIO = "count_ratio"
    COMPOSITE = "composite"
    GUARDRAIL = "guardrail"


class Commitment(StrEnum):
    """What an objective promises: all of it, most of it, or an answer."""

    COMMITTED = "committed"
    ASPIRATIONAL = "aspirational"
    LEARNING = "learning"


class Status(StrEnum):
    """Where a subject stands against its pace while open, and against its success line at the end."""

    PENDING = "pending"
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    ACHIEVED = "achieved"
    MISSED = "missed"


class Freshness(StrEnum):
    """Whether the newest value is recent for its rhythm."""

    FRESH = "fresh"
    LATE = "late"
    NEVER = "never"


class Level(StrEnum):
    """What rules tell apart: key results, objectives, and the sets above: teams, cycles, the organization."""

    KEY_RESULT = "key_result"
    OBJECTIVE = "objective"
    SET = "set"


class Provenance(StrEnum):
    """Whose word a grade is: the rules', or a person's that stands above theirs."""

    COMPUTED = "computed"
    OVERRIDE = "override"


class RulesetRef(NamedTuple):
    """One version of a ruleset, by name."""

    key: str
    version: int


class FormulaOp(StrEnum):
    """How a composite puts its operands together."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Milestone:
    """A part of a milestone key result; `weight` >= 0 in any unit, `done` as declared with the version."""

    title: str
    weight: Decimal = Decimal(1)
    done: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """A named zone of an ordinal key result and its grade, 0..1."""

    name: str
    grade: Decimal


@dataclass(frozen=True, slots=True)
class Formula:
    """`of` holds ids of key results of the same objective."""

    op: FormulaOp
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one version of a key result measures: its kind and that kind's parameters, in the key result's unit."""

    kind: Kind
    start: Decimal | None = None
    target: Decimal | None = None
    commit: Decimal | None = None
    stretch: Decimal | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    milestones: tuple[Milestone, ...] = ()
    zones: tuple[Zone, ...] = ()
    formula: Formula | None = None


@dataclass(frozen=True, slots=True)
class Operand:
    """One term of a composite: a key result's value or a child objective's grade; weight counts in `mean` only."""

    id: str
    value: Decimal | None
    weight: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was known of a key result at an instant: the newest value, zone or milestones done, and when it was observed.

    `periods` holds the last value of each of its periods that had begun, None where there was none; it is read only for rules
    that ask for it (Ruleset.reads_periods).
    """

    value: Decimal | None = None
    zone: str | None = None
    done: frozenset[str] = frozenset()
    operands: tuple[Operand, ...] = ()
    confidence: Decimal | None = None
    observed_at: datetime | None = None
    periods: tuple[Decimal | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The days a subject runs, both included, and how far they have passed.

    `ended_on` is the last day that has ended at the instant of the grade; `is_closed` is true once a person has closed the
    subject.
    """

    starts_on: date
    due_on: date
    ended_on: date
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word on a grade, as it stood at an instant. `has_newer_evidence`: something was measured after it was said.

    `reason` and `person`, a name, are for whoever reads an explanation; they change no grade, and are empty while grading.
    """

    id: str
    grade: Decimal
    made_at: datetime
    has_newer_evidence: bool = False
    reason: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class KeyResultInputs:
    """All that a key result's grade depends on, at one instant. `period_days` is the rhythm its values are expected in.

    `context` is what conditions may ask about the subject (okr.domain.adjusting); None where the rules have no conditions.
    """

    instant: datetime
    measure: Measure
    reading: Reading
    commitment: Commitment
    window: Window
    period_days: int = 7
    context: Mapping[str, Any] | None = field(default=None, hash=False)
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One child of a roll-up as it stood at the instant.

    `is_guardrail` parts carry no weight: `raw` 1 is inside, 0 outside, None unmeasured.
    """

    kind: SubjectKind
    id: str
    weight: Decimal
    raw: Decimal | None = None
    progress: Decimal | None = None
    grade: Decimal | None = None
    expected: Decimal | None = None
    confidence: Decimal | None = None
    coverage: Decimal = Decimal(0)
    freshness: Freshness = Freshness.NEVER
    is_guardrail: bool = False


@dataclass(frozen=True, slots=True)
class RollUpInputs:
    """All that the grade of an objective, team, cycle or organization depends on, at one instant.

    `commitment` is an objective's own, None above. Without a `window` (teams, organizations) the pace is the mean of the parts'.
    """

    instant: datetime
    parts: tuple[Part, ...]
    commitment: Commitment | None = None
    window: Window | None = None
    context: Mapping[str, Any] | None = field(default=None, hash=False)
    override: Override | None = None

    @property
    def level(self) -> Level:
        """An objective makes a promise; what is above makes none."""
        return Level.SET if self.commitment is None else Level.OBJECTIVE


Inputs = KeyResultInputs | RollUpInputs


@dataclass(frozen=True, slots=True)
class Grade:
    """The three numbers and what stands beside them; 12 places at most.

    raw is unbounded, progress lies between the ruleset's floor and cap, grade is what is compared with the success line.
    Where `provenance` says that a person's word stands, `computed_grade` is what the rules made of it; else it is None.
    """

    raw: Decimal | None
    progress: Decimal | None
    grade: Decimal | None
    status: Status
    label: str | None
    band: str | None
    expected: Decimal | None
    freshness: Freshness
    confidence: Decimal | None
    coverage: Decimal
    success_line: Decimal
    reasons: tuple[str, ...]
    ruleset: RulesetRef
    provenance: Provenance = Provenance.COMPUTED
    computed_grade: Decimal | None = None

    def says_the_same_as(self, other: "Grade | None") -> bool:
        """Whether nothing happened between the two: `expected` and freshness alone are no change."""
        return other is not None and (
            self.raw,
            self.progress,
            self.grade,
            self.status,
            self.label,
            self.band,
            self.coverage,
            self.confidence,
            self.reasons,
            self.ruleset,
            self.provenance,
            self.computed_grade,
        ) == (
            other.raw,
            other.progress,
            other.grade,
            other.status,
            other.label,
            other.band,
            other.coverage,
            other.confidence,
            other.reasons,
            other.ruleset,
            other.provenance,
            other.computed_grade,
        )


class Step(NamedTuple):
    """One step of an explanation: what a person needs to redo it by hand. A tuple, because five are made per key result.

    `number` is the field of the grade that the step makes (`value` and `ahead` come before it and are no fields), `before` the
    number it starts from. `terms` are the things it adds up, each with a `weight` and, under the name in `number`, a number.
    """

    name: str
    number: str
    before: Decimal | None
    after: Decimal
    facts: Mapping[str, Decimal | str | None]
    terms: tuple[Part, ...] | tuple[Operand, ...] = ()


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade together with how it came about, and the rules' word for the confidence that people told."""

    grade: Grade
    steps: tuple[Step, ...]
    confidence_label: str | None = None
