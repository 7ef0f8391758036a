"""A ruleset as the plain values that grading works with: every figure a company may calibrate, and nothing else.

Immutable. What rulesets can differ in is a value here; grading holds no figure of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from okr.domain.values import Commitment, RulesetRef


@dataclass(frozen=True, slots=True)
class Band:
    """A colour for grades from `since` (included) up to the next band."""

    key: str
    label: str
    since: Decimal


@dataclass(frozen=True, slots=True)
class StretchCurve:
    """The grades at the marks along the way of a key result that has a stretch value, and the promises it applies to."""

    commitments: frozenset[Commitment]
    start: Decimal
    commit: Decimal
    target: Decimal
    stretch: Decimal


@dataclass(frozen=True, slots=True)
class Pace:
    """The least `progress − expected` that still is on track, and the least that still is at risk; both included."""

    on_track_from: Decimal
    at_risk_from: Decimal


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One version of a ruleset.

    `floor` and `cap` bound progress (None: unbounded). `bands` rise by `since`. `late_after_periods` counts a key result's
    own rhythm: with 2, a weekly value is late when it is more than 14 days old.
    """

    key: str
    version: int
    floor: Decimal | None
    cap: Decimal | None
    curve: StretchCurve
    success_lines: Mapping[Commitment, Decimal] = field(hash=False)
    default_success_line: Decimal
    bands: tuple[Band, ...]
    pace: Pace
    guardrail_cap: Decimal
    late_after_periods: int

    @property
    def ref(self) -> RulesetRef:
        """Its name, as a grade keeps it."""
        return RulesetRef(self.key, self.version)

    def success_line(self, commitment: Commitment | None) -> Decimal:
        """The grade that counts as achieved; None stands for what makes no promise itself: teams, cycles, organizations."""
        if commitment is None:
            return self.default_success_line
        return self.success_lines.get(commitment, self.default_success_line)

    def band_of(self, grade: Decimal) -> Band | None:
        """The highest band that the grade has reached; None below the lowest."""
        for band in reversed(self.bands):
            if grade >= band.since:
                return band
        return None


STANDARD = Ruleset(
    key="standard",
    version=1,
    floor=Decimal(0),
    cap=Decimal(1),
    curve=StretchCurve(
        commitments=frozenset({Commitment.ASPIRATIONAL, Commitment.LEARNING}),
        start=Decimal(0),
        commit=Decimal("0.3"),
        target=Decimal("0.7"),
        stretch=Decimal(1),
    ),
    success_lines={
        Commitment.COMMITTED: Decimal(1),
        Commitment.ASPIRATIONAL: Decimal("0.7"),
        Commitment.LEARNING: Decimal("0.7"),
    },
    default_success_line=Decimal("0.7"),
    bands=(
        Band("red", "Needs attention", Decimal(0)),
        Band("amber", "Making progress", Decimal("0.3")),
        Band("green", "Delivered", Decimal("0.7")),
    ),
    pace=Pace(on_track_from=Decimal("-0.10"), at_risk_from=Decimal("-0.25")),
    guardrail_cap=Decimal("0.3"),
    late_after_periods=2,
)
