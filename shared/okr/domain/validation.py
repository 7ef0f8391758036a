"""What a key result must say to be measurable, and what a check-in may say about it. Pointers are names on the wire.

Every check raises at the first contradiction, with a code and the one place to mend.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from okr.domain.errors import Invalid
from okr.domain.measures import DIRECT_KINDS, way
from okr.domain.numbers import ONE, ZERO, weighted_sum
from okr.domain.values import Formula, Kind, Measure, Milestone, Zone


class FieldRequired(Invalid):
    """A key result of this kind cannot be measured without the field.

    Send the field at `pointer`.
    """

    code = "field_required"


class FieldNotForKind(Invalid):
    """The field means nothing for a key result of this kind.

    Leave out the field at `pointer`, or choose another kind.
    """

    code = "field_not_for_kind"


class FlatTarget(Invalid):
    """Start and target are the same: there is no way to go.

    Give a target that is some way off.
    """

    code = "start_equals_target"


class WrongDirection(Invalid):
    """The target lies on the other side of the start than the kind says.

    Change the target or the start, or choose the other kind.
    """

    code = "wrong_direction"


class OutOfOrder(Invalid):
    """Start, commit, target and stretch do not follow each other along the way.

    Put commit between start and target, and stretch beyond the target.
    """

    code = "out_of_order"


class BandEmpty(Invalid):
    """The lower edge of the band is not below the upper one.

    Put `band_low` below `band_high`.
    """

    code = "band_empty"


class TargetNotPositive(Invalid):
    """A count is divided by its target, which must be above zero.

    Give a target above 0.
    """

    code = "target_not_positive"


class Duplicate(Invalid):
    """Two entries of a list are the same.

    Leave one of them out, or rename it.
    """

    code = "duplicate"


class WeightInvalid(Invalid):
    """A milestone's weight is negative, or no milestone has any.

    Give at least one milestone a weight above 0.
    """

    code = "weight_invalid"


class ZoneGradeInvalid(Invalid):
    """A zone's grade is not between 0 and 1.

    Give it a grade from 0 to 1.
    """

    code = "zone_grade_invalid"


class NotBinary(Invalid):
    """The value of a binary key result is neither 0 nor 1.

    Send 1 for done and 0 for not done.
    """

    code = "not_binary"


class UnknownZone(Invalid):
    """The key result has no such zone.

    Name one of its zones, which the answer lists.
    """

    code = "unknown_zone"


class UnknownMilestone(Invalid):
    """The key result has no such milestone.

    Name one of its milestones, which the answer lists.
    """

    code = "unknown_milestone"


MEASURE_FAULTS = (
    FieldRequired,
    FieldNotForKind,
    FlatTarget,
    WrongDirection,
    OutOfOrder,
    BandEmpty,
    TargetNotPositive,
    Duplicate,
    WeightInvalid,
)
"""What `check_measure` raises of values that have the right form; ZoneGradeInvalid is for those that were never looked at."""
READING_FAULTS = (FieldNotForKind, NotBinary, UnknownZone, UnknownMilestone)
"""What `check_reading` raises."""

_POINTERS: Mapping[str, str] = {
    "start": "/start_value",
    "target": "/target_value",
    "commit": "/commit_value",
    "stretch": "/stretch_value",
    "band_low": "/band_low",
    "band_high": "/band_high",
    "milestones": "/milestones",
    "zones": "/zones",
    "formula": "/formula",
}

_TRAVELS = (("start", "target"), ("commit", "stretch"))
_KEEPS = (("target",), ("start", "commit", "stretch"))

# Per kind: the fields that it needs, and those that it may have.
_FIELDS: Mapping[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.INCREASE: _TRAVELS,
    Kind.DECREASE: _TRAVELS,
    Kind.REACH: _TRAVELS,
    Kind.AT_LEAST: _KEEPS,
    Kind.AT_MOST: _KEEPS,
    Kind.BAND: (("band_low", "band_high"), ()),
    Kind.BINARY: ((), ()),
    Kind.MILESTONE: (("milestones",), ()),
    Kind.ORDINAL: (("zones",), ()),
    Kind.COUNT_RATIO: (("target",), ("commit", "stretch")),
    Kind.COMPOSITE: (("formula", "start", "target"), ("commit", "stretch")),
    Kind.GUARDRAIL: ((), ("band_low", "band_high")),
}


def check_measure(measure: Measure) -> None:
    """Raises a subclass of Invalid unless the measure has all that its kind needs, nothing else, and makes sense."""
    _check_fields(measure)
    _check_way(measure)
    _check_band(measure)
    _check_milestones(measure.milestones)
    _check_zones(measure.zones)
    _check_formula(measure.formula)


def check_reading(
    measure: Measure, *, value: Decimal | None = None, zone: str | None = None, milestone: str | None = None
) -> None:
    """Raises a subclass of Invalid unless the kind can take what is named. Naming nothing is fine: a word on confidence."""
    kind = measure.kind
    if value is not None:
        if kind not in DIRECT_KINDS:
            raise FieldNotForKind(f"A key result of kind {kind} takes no value{_instead(kind)}.", pointer="/value")
        if kind is Kind.BINARY and value not in (ZERO, ONE):
            raise NotBinary("A key result of kind binary takes 0 or 1.", pointer="/value")
    if zone is not None:
        if kind is not Kind.ORDINAL:
            raise FieldNotForKind(f"Only an ordinal key result takes a zone, not {kind}.", pointer="/zone")
        if zone not in (names := [one.name for one in measure.zones]):
            raise UnknownZone(f"Name one of the zones: {', '.join(names)}.", pointer="/zone")
    if milestone is not None:
        if kind is not Kind.MILESTONE:
            raise FieldNotForKind(f"Only a milestone key result takes a milestone, not {kind}.", pointer="/milestone")
        if milestone not in (titles := [one.title for one in measure.milestones]):
            raise UnknownMilestone(f"Name one of the milestones: {', '.join(titles)}.", pointer="/milestone")


def _instead(kind: Kind) -> str:
    return {Kind.ORDINAL: "; name a zone", Kind.MILESTONE: "; name a milestone"}.get(kind, "; its formula makes one")


# Front ends that always send a start and a target may say what the kind says anyway.
_UNDERSTOOD = {(Kind.BINARY, "start"): ZERO, (Kind.BINARY, "target"): ONE, (Kind.COUNT_RATIO, "start"): ZERO}


def _check_fields(measure: Measure) -> None:
    needed, allowed = _FIELDS[measure.kind]
    for name, pointer in _POINTERS.items():
        # An empty list of milestones or zones says as little as none.
        given = getattr(measure, name) not in (None, ())
        if name in needed and not given:
            raise FieldRequired(f"A key result of kind {measure.kind} needs {pointer[1:]}.", pointer=pointer)
        if (
            given
            and name not in needed
            and name not in allowed
            and getattr(measure, name) != _UNDERSTOOD.get((measure.kind, name))
        ):
            raise FieldNotForKind(f"A key result of kind {measure.kind} has no {pointer[1:]}.", pointer=pointer)


def _check_way(measure: Measure) -> None:
    """Start and target differ, in the kind's direction; commit and stretch follow along the way."""
    start, target = measure.start, measure.target
    if measure.kind is Kind.COUNT_RATIO and target is not None and target <= ZERO:
        raise TargetNotPositive("Give a target above 0: the value is divided by it.", pointer="/target_value")
    if start is not None and start == target:
        raise FlatTarget("Start and target are the same; give a target that is some way off.", pointer="/target_value")
    along = way(measure)
    if along is None:
        for name in ("commit", "stretch"):
            if getattr(measure, name) is not None:
                raise FieldRequired(f"{_POINTERS[name][1:]} needs a start_value to go from.", pointer="/start_value")
        return
    rises = along.start < along.target
    if measure.kind in (Kind.INCREASE, Kind.AT_LEAST) and not rises:
        raise WrongDirection(f"For {measure.kind} the target lies above the start.", pointer="/target_value")
    if measure.kind in (Kind.DECREASE, Kind.AT_MOST) and rises:
        raise WrongDirection(f"For {measure.kind} the target lies below the start.", pointer="/target_value")
    if measure.commit is not None and not _lies_between(measure.commit, along.start, along.target):
        raise OutOfOrder("Put commit_value between start and target.", pointer="/commit_value")
    if measure.stretch is not None and not _lies_between(along.target, along.start, measure.stretch):
        raise OutOfOrder("Put stretch_value beyond the target.", pointer="/stretch_value")


def _lies_between(middle: Decimal, one_end: Decimal, other_end: Decimal) -> bool:
    return one_end < middle < other_end or one_end > middle > other_end


def _check_band(measure: Measure) -> None:
    low, high = measure.band_low, measure.band_high
    if measure.kind is Kind.GUARDRAIL and low is None and high is None:
        raise FieldRequired("A guardrail needs band_low, band_high or both.", pointer="/band_low")
    if low is not None and high is not None and low >= high:
        raise BandEmpty("Put band_low below band_high.", pointer="/band_high")


def _check_milestones(milestones: tuple[Milestone, ...]) -> None:
    _check_unique((one.title for one in milestones), pointer="/milestones/{}/title")
    for index, one in enumerate(milestones):
        if one.weight < ZERO:
            raise WeightInvalid("A milestone weighs 0 or more.", pointer=f"/milestones/{index}/weight")
    if milestones and not weighted_sum((one.weight, ONE) for one in milestones)[1]:
        raise WeightInvalid("Give at least one milestone a weight above 0.", pointer="/milestones")


def _check_zones(zones: tuple[Zone, ...]) -> None:
    _check_unique((zone.name for zone in zones), pointer="/zones/{}/name")
    for index, zone in enumerate(zones):
        if not ZERO <= zone.grade <= ONE:
            raise ZoneGradeInvalid("A zone's grade lies between 0 and 1.", pointer=f"/zones/{index}/grade")


def _check_formula(formula: Formula | None) -> None:
    if formula is not None:
        _check_unique(formula.of, pointer="/formula/of/{}")


def _check_unique(names: Iterable[str], *, pointer: str) -> None:
    """`pointer` has a place for the index of the second of two equal names."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise Duplicate("This is there twice; name it once.", pointer=pointer.format(index))
        seen.add(name)
