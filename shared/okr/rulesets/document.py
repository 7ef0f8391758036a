"""The ruleset document: what people write, field by field. Its defaults are the built-in ruleset `standard`.

Pydantic checks each field; what fields say together is checked in okr.rulesets.checks; okr.rulesets.compiling makes the domain's
plain values of it. Shares are fractions: 0.7 is 70 %.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from okr.domain.numbers import Rounding, places12
from okr.domain.ruleset import (
    BandsBy,
    Compare,
    Expectation,
    Flat,
    How,
    LabelSource,
    Method,
    Missing,
    Of,
    Parts,
    Shape,
    Unmeasurable,
    WhenLate,
    ZeroWeight,
)
from okr.domain.values import Commitment, Level, Status

LARGEST = 1000
"""No share, edge or factor of a ruleset lies beyond this: grades are fractions."""


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number", "must be a number")
    # By its shortest spelling: 0.1 is a tenth, not the float next to it.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not -LARGEST <= number <= LARGEST:
        raise PydanticCustomError("number", "must lie between -{largest} and {largest}", {"largest": LARGEST})
    return places12(number).normalize() + 0


def _plain(text: str) -> str:
    if any((ord(letter) < 32 and letter != "\n") or letter in "\x7f\ufffe\uffff" for letter in text):
        raise PydanticCustomError("text", "must not contain control characters")
    return text


def _spelled(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


_SCHEMA = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
Figure = Annotated[Decimal, BeforeValidator(_number), PlainSerializer(_spelled), WithJsonSchema(_SCHEMA)]
"""A number between -1,000 and 1,000, kept to 12 places."""
Word = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_plain)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
Slug = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]


class Part(BaseModel):
    """A part of the document: unknown fields are refused, and what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class KindPart(Part):
    """How one kind of key result is measured."""

    method: Method
    """linear: (value − start) ÷ (target − start). ratio: value ÷ target. inverse_ratio: target ÷ value. remainder:
    2 − value ÷ target. threshold: 1 once the target is kept, else 0. threshold_or_linear: the same, but before that the share of
    the way from a start. inside: 1 within the band, else 0. distance: 1 within the band, else 1 − distance ÷ width. weights, zone:
    milestones, ordinals."""
    of: Of = Of.LATEST
    """Which value counts: the latest one, the average or the worst over the key result's periods (each by its last value), or the
    share of its periods in which the target or band was kept, of those planned or of those that have begun."""
    zones: Shape = Shape.NONE
    """How `measure.zones` bends the grade: none, lines between the marks, or steps from mark to mark."""


def _kind(method: Method, zones: Shape = Shape.NONE) -> Any:
    return Field(default_factory=lambda: KindPart(method=method, zones=zones))


class KindsPart(Part):
    """How each kind is measured."""

    increase: KindPart = _kind(Method.LINEAR, Shape.LINES)
    """Upwards from a start to a target."""
    decrease: KindPart = _kind(Method.LINEAR, Shape.LINES)
    """Downwards from a start to a target."""
    reach: KindPart = _kind(Method.LINEAR, Shape.LINES)
    """From a start to a target on either side."""
    at_least: KindPart = _kind(Method.THRESHOLD_OR_LINEAR, Shape.LINES)
    """Not below the target."""
    at_most: KindPart = _kind(Method.THRESHOLD_OR_LINEAR, Shape.LINES)
    """Not above the target."""
    band: KindPart = _kind(Method.DISTANCE)
    """Between two edges."""
    binary: KindPart = _kind(Method.THRESHOLD)
    """Yes or no: threshold counts 1 from 1 up, linear takes the value as the share."""
    milestone: KindPart = _kind(Method.WEIGHTS)
    """Weighted parts that are done or not."""
    ordinal: KindPart = _kind(Method.ZONE)
    """A zone that a person names."""
    count_ratio: KindPart = _kind(Method.LINEAR, Shape.LINES)
    """So many of so many."""
    composite: KindPart = _kind(Method.LINEAR, Shape.LINES)
    """A formula over other key results, measured by their values."""
    guardrail: KindPart = _kind(Method.INSIDE)
    """Edges that are not to be crossed; it carries no weight (see `guardrails`)."""


class ZonesPart(Part):
    """The grades at the marks of a key result; between them its grade moves by the shape that its kind names.

    A mark of null is left out. Marks rise: start, commit, target, stretch.
    """

    commitments: Annotated[tuple[Commitment, ...], Field(max_length=3)] = (Commitment.ASPIRATIONAL, Commitment.LEARNING)
    """The promises for which the zones count; for others grade is progress."""
    needs_stretch: bool = True
    """Whether the zones count only for key results that have a stretch value."""
    start: Figure | None = Decimal(0)
    """The grade at the start."""
    commit: Figure | None = Decimal("0.3")
    """The grade at the commit value."""
    target: Figure | None = Decimal("0.7")
    """The grade at the target."""
    stretch: Figure | None = Decimal(1)
    """The grade at the stretch value, and beyond."""
    below: Figure | None = None
    """The grade before the first mark; null: that of the first mark."""


class OrdinalPart(Part):
    """Zones that people name."""

    grades: dict[Word, Figure] = Field(default_factory=dict, max_length=20)
    """Grades by the zone's name, whatever its case, that stand above those of the key result itself."""
    label: Literal["band", "zone"] = "band"
    """Whether the grade's label is its band's or the zone's name."""


class MeasurePart(Part):
    """From values to progress."""

    kinds: KindsPart = KindsPart()
    """How each kind is measured."""
    zones: ZonesPart = ZonesPart()
    """The grades at start, commit, target and stretch."""
    way_to: Literal["target", "stretch"] = "target"
    """Where progress is 1: at the target, or at the stretch value where there is one."""
    flat: Flat = Flat.NONE
    """What a start that equals the target is worth: none (null, with a reason), zero, half, one, step (1 where the value has
    reached it), zero_when_there and one_when_there (0 or 1 where the value is exactly there, else null)."""
    missing: Missing = Missing.NONE
    """What stands for a value that nobody has told: none (null: the key result is left out), zero (progress 0), start (the start
    value), value_zero (the value 0)."""
    unmeasurable: Unmeasurable = Unmeasurable.NONE
    """What a key result that lacks a start or target is worth: none (null), zero or one."""
    ordinal: OrdinalPart = OrdinalPart()
    """Zones that people name."""


class BoundsPart(Part):
    """A floor and a cap for progress and grade; null is unbounded."""

    floor: Figure | None = Decimal(0)
    """The lowest; null keeps what is worse than the start negative."""
    cap: Figure | None = Decimal(1)
    """The highest; null lets what goes beyond the target count in full."""


class LevelBoundsPart(Part):
    """Bounds for each level."""

    key_results: BoundsPart = BoundsPart()
    """Progress and grade of key results."""
    objectives: BoundsPart = BoundsPart()
    """Grades of objectives."""
    sets: BoundsPart = BoundsPart()
    """Grades of teams, cycles and the organization."""


Places = Annotated[int, Field(ge=0, le=12, strict=True)]


class RoundingPart(Part):
    """Rounding of grades; null keeps all 12 places.

    Parents are made from their children's rounded grades: to round last, leave the children's places null.
    """

    mode: Rounding = Rounding.HALF_EVEN
    """half_even, half_up, half_down, down (towards minus infinity) or up."""
    key_results: Places | None = None
    """Decimals of key results' grades: 2 is whole percents."""
    objectives: Places | None = None
    """Decimals of objectives' grades."""
    sets: Places | None = None
    """Decimals of the grades of teams, cycles and the organization."""


class CombinePart(Part):
    """How the grades of parts become one."""

    how: How = How.WEIGHTED_MEAN
    """weighted_mean, mean (weights left aside), sum, min, max or median."""
    parts: Parts = Parts.TOGETHER
    """together: key results and aligned objectives alike; children_if_alone: aligned objectives only where there are no key
    results."""
    missing: Literal["leave_out", "zero"] = "leave_out"
    """Whether parts without a grade are left out or count as zero."""
    empty: Figure | None = None
    """What a whole without any graded part is worth; null: it has no grade."""
    zero_weight: ZeroWeight = ZeroWeight.NONE
    """What parts whose weights add up to nothing are worth: none (null), zero, or equal (their plain mean)."""
    part_floor: Figure | None = None
    """The least that a part counts with."""
    part_cap: Figure | None = None
    """The most that a part counts with."""


class LevelCombinePart(Part):
    """How objectives and sets are combined."""

    objectives: CombinePart = CombinePart()
    """Objectives from their key results and the objectives that contribute to them."""
    sets: CombinePart = CombinePart()
    """Teams, cycles and the organization from their objectives."""


class GuardrailsPart(Part):
    """What a broken guardrail does."""

    cap: Figure | None = Decimal("0.3")
    """The most that its objective's grade may be while it is broken; null: it is only told."""


class SuccessPart(Part):
    """The grade that counts as achieved."""

    committed: Figure = Decimal(1)
    """Of committed objectives and their key results."""
    aspirational: Figure = Decimal("0.7")
    """Of aspirational ones."""
    learning: Figure = Decimal("0.7")
    """Of learning ones."""
    default: Figure = Decimal("0.7")
    """Of teams, cycles and the organization."""


class BandPart(Part):
    """A band from an edge up to the next one: `from` includes the edge, `above` does not; one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)

    key: Word
    """What programs read: red."""
    label: Word
    """What people read: Needs attention."""
    from_: Figure | None = Field(default=None, alias="from")
    """The lower edge, which belongs to the band."""
    above: Figure | None = None
    """The lower edge, which does not belong to it."""


Bands = Annotated[tuple[BandPart, ...], Field(max_length=20)]


class ScalePart(Part):
    """A scale of levels on which grades are shown."""

    low: Figure = Decimal(1)
    """The level of grade 0."""
    high: Figure = Decimal(5)
    """The level of grade 1."""
    places: Places = 1
    """Decimals of the level."""


def _bands() -> tuple[BandPart, ...]:
    rows = (("red", "Needs attention", "0"), ("amber", "Making progress", "0.3"), ("green", "Delivered", "0.7"))
    return tuple(BandPart(key=key, label=label, from_=Decimal(edge)) for key, label, edge in rows)


class LabelsPart(Part):
    """Bands, and where a grade's label comes from."""

    source: LabelSource = LabelSource.BAND
    """band: the band's label. pace: the word of `pace` for the status. scale: the grade as a level of `scale`."""
    by: BandsBy = BandsBy.GRADE
    """What bands are laid over: the grade, progress, or the marks: 0 at the start, 0.3 at commit, 0.7 at target, 1 at stretch."""
    bands: Bands = Field(default_factory=_bands)
    """Rising by their edges."""
    objective_bands: Bands | None = None
    """Other bands for objectives; null: the same."""
    set_bands: Bands | None = None
    """Other bands for teams, cycles and the organization; null: those of objectives."""
    scale: ScalePart | None = None
    """The scale that `source: scale` shows grades on."""


class PaceLevelPart(Part):
    """A status for all that has reached an edge: `from` includes it, `above` does not; the last level has none."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)

    status: Literal[Status.ON_TRACK, Status.AT_RISK, Status.OFF_TRACK]
    """The status that programs read. Levels go from the best down."""
    label: Word
    """The rules' own word for it."""
    from_: Figure | None = Field(default=None, alias="from")
    """The lower edge, which belongs to the level; the last level has none."""
    above: Figure | None = None
    """The lower edge, which does not belong to it; instead of `from`."""


class PhasePart(Part):
    """A point of a phased expectation."""

    at: Figure
    """The share of the days, between 0 and 1."""
    expected: Figure
    """The share of the way expected by then."""


class WordsPart(Part):
    """Labels of the statuses that no pace decides, for `labels.source: pace`."""

    pending: Word | None = None
    """Without a grade."""
    achieved: Word | None = None
    """At the success line."""
    missed: Word | None = None
    """Over without it."""


def _levels() -> tuple[PaceLevelPart, ...]:
    return (
        PaceLevelPart(status=Status.ON_TRACK, label="On track", from_=Decimal("-0.1")),
        PaceLevelPart(status=Status.AT_RISK, label="At risk", from_=Decimal("-0.25")),
        PaceLevelPart(status=Status.OFF_TRACK, label="Off track"),
    )


class PacePart(Part):
    """Where progress should be by now, and what lagging behind is called."""

    compare: Compare = Compare.DIFFERENCE
    """difference: progress − expected. ratio: progress ÷ expected. absolute: progress alone, whatever the day."""
    expectation: Expectation = Expectation.LINEAR
    """linear in the days; front_loaded: 1 − (1 − share)²; back_loaded: share²; phased: lines between `phases`;
    working_days: linear in Mondays to Fridays."""
    phases: Annotated[tuple[PhasePart, ...], Field(max_length=50)] = ()
    """Points of the phased expectation between (0, 0) and (1, 1), rising."""
    grace_days: Annotated[int, Field(ge=0, le=366, strict=True)] = 0
    """Days by which the expectation lags behind the calendar."""
    levels: Annotated[tuple[PaceLevelPart, ...], Field(min_length=1, max_length=10)] = Field(default_factory=_levels)
    """From the best down; the last one without an edge."""
    words: WordsPart = WordsPart()
    """Labels of pending, achieved and missed."""


class StalenessPart(Part):
    """When a value is late, and what that does to the grade."""

    late_after_periods: Annotated[int, Field(ge=1, le=1000, strict=True)] = 2
    """A value is late when it is older than so many of its own periods: with 2, a weekly one after 14 days."""
    when_late: WhenLate = WhenLate.FLAG
    """flag: told as `freshness` only. cap: the grade is at most `cap`. decay: it loses `decay` for each period, begun ones
    included."""
    cap: Figure | None = None
    """The most that a late grade may be."""
    decay: Figure | None = None
    """What a late grade loses for each period; never below zero."""


class ConfidencePart(Part):
    """Names for the confidence that people tell."""

    bands: Bands = ()
    """Rising by their edges."""


class ThenPart(Part):
    """What an adjustment does: exactly one of these."""

    scale: Figure | None = None
    """Multiply the grade."""
    shift: Figure | None = None
    """Add to the grade."""
    cap: Figure | None = None
    """At most."""
    floor: Figure | None = None
    """At least."""
    annotate: Literal[True] | None = None
    """Change nothing, and put the adjustment's key among the grade's reasons."""


class AdjustmentPart(Part):
    """A change of grades under a condition; they are looked at in order, each with the grade that the one before left."""

    key: Slug
    """Its name in reasons and explanations."""
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=3)] = (Level.KEY_RESULT,)
    """What it applies to: key_result, objective, set."""
    when: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]
    """The condition, in CEL over subject, team, cycle, metric, elapsed and counts."""
    then: ThenPart
    """What is done to the grade."""
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]
    """Why, for everybody whom it concerns."""


class RulesetDocument(Part):
    """How a company makes grades: everything it may calibrate. What is left out is as in the built-in ruleset."""

    title: Word = "Standard"
    """What people call it."""
    description: Text = ""
    """What it is for, and where it comes from."""
    measure: MeasurePart = MeasurePart()
    """From values to progress."""
    bounds: LevelBoundsPart = LevelBoundsPart()
    """How low and how high grades may be."""
    rounding: RoundingPart = RoundingPart()
    """To how many places grades are rounded."""
    combine: LevelCombinePart = LevelCombinePart()
    """From parts to a whole."""
    guardrails: GuardrailsPart = GuardrailsPart()
    """What a broken guardrail does."""
    success: SuccessPart = SuccessPart()
    """The grades that count as achieved."""
    labels: LabelsPart = LabelsPart()
    """Bands and labels."""
    pace: PacePart = PacePart()
    """Where progress should be by now."""
    staleness: StalenessPart = StalenessPart()
    """When values are late."""
    confidence: ConfidencePart = ConfidencePart()
    """Names for confidence."""
    adjustments: Annotated[tuple[AdjustmentPart, ...], Field(max_length=50)] = ()
    """Changes under conditions, in their order."""
