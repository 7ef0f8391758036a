"""How each kind of key result turns what was read into raw: 0 at the start, 1 at the target.

A measure that lacks what its kind needs (the checks in `validation` refuse those) has no raw and says `not_measurable`:
grading never fails because of one bad row. Source of the formulas: README, "How a grade is made".
"""

from decimal import Decimal
from typing import NamedTuple, assert_never

from okr.domain.numbers import ONE, ZERO, divide, places12, subtract, weighted_mean, weighted_sum
from okr.domain.values import FormulaOp, Kind, Measure, Operand, Reading, Step

DIRECT_KINDS = frozenset(Kind) - {Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE}
"""The kinds that a single value measures: what a metric can feed."""


class Measured(NamedTuple):
    """`value` is the number looked at (a composite's is the formula's, unrounded), None for milestones and zones.

    `raw` keeps 12 places. `reason` says why there is none, or what is special about it.
    """

    value: Decimal | None = None
    raw: Decimal | None = None
    reason: str | None = None
    steps: tuple[Step, ...] = ()


class Way(NamedTuple):
    """From where to where a value travels; falls as well as rises. Never flat."""

    start: Decimal
    target: Decimal


def way(measure: Measure) -> Way | None:
    """The way of a kind that has one; None for the others, for a flat one and for one without an end."""
    match measure.kind:
        case Kind.INCREASE | Kind.DECREASE | Kind.REACH | Kind.AT_LEAST | Kind.AT_MOST | Kind.COMPOSITE:
            start = measure.start
        case Kind.COUNT_RATIO:
            start = ZERO
        case _:
            return None
    if start is None or measure.target is None or start == measure.target:
        return None
    return Way(start, measure.target)


def measured(measure: Measure, reading: Reading) -> Measured:
    """What the measure makes of the reading."""
    match measure.kind:
        case Kind.MILESTONE:
            return _milestones(measure, reading)
        case Kind.ORDINAL:
            return _zone(measure, reading)
        case Kind.COMPOSITE:
            return _composite(measure, reading)
        case _ if reading.value is None:
            return Measured(reason="no_value")
        case Kind.INCREASE | Kind.DECREASE | Kind.REACH | Kind.COUNT_RATIO:
            return _travelled(reading.value, way(measure))
        case Kind.AT_LEAST | Kind.AT_MOST:
            return _threshold(reading.value, measure)
        case Kind.BAND:
            return _band(reading.value, measure)
        case Kind.GUARDRAIL:
            return _guardrail(reading.value, measure)
        case Kind.BINARY:
            return _binary(reading.value)
        case _:
            assert_never(measure.kind)


def _travelled(value: Decimal, along: Way | None) -> Measured:
    """(value − start) ÷ (target − start)."""
    if along is None:
        return Measured(value, reason="not_measurable")
    start, target = along
    raw = places12(divide(subtract(value, start), subtract(target, start)))
    reason = "worse_than_start" if raw < ZERO else "beyond_target" if raw > ONE else None
    step = Step("way", "raw", value, raw, {"value": value, "start": start, "target": target})
    return Measured(value, raw, reason, (step,))


def _threshold(value: Decimal, measure: Measure) -> Measured:
    """1 once the target is kept; before that 0, or the share of the way where there is a start."""
    target = measure.target
    if target is None:
        return Measured(value, reason="not_measurable")
    at_least = measure.kind is Kind.AT_LEAST
    kept = value >= target if at_least else value <= target
    along = way(measure)
    if along is not None and not kept:
        return _travelled(value, along)
    raw = ONE if kept else ZERO
    facts: dict[str, Decimal | str | None] = {
        "value": value,
        "target": target,
        "comparison": "at_least" if at_least else "at_most",
    }
    return Measured(value, raw, None, (Step("threshold", "raw", value, raw, facts),))


def _band(value: Decimal, measure: Measure) -> Measured:
    """1 inside the band; outside 1 − distance to the nearer edge ÷ width."""
    low, high = measure.band_low, measure.band_high
    if low is None or high is None or low >= high:
        return Measured(value, reason="not_measurable")
    distance = subtract(low, value) if value < low else subtract(value, high) if value > high else ZERO
    raw = places12(subtract(ONE, divide(distance, subtract(high, low))))
    step = Step("band", "raw", value, raw, {"value": value, "low": low, "high": high, "distance": distance})
    return Measured(value, raw, "outside_band" if distance else None, (step,))


def _guardrail(value: Decimal, measure: Measure) -> Measured:
    """1 inside the edges that there are, 0 outside."""
    low, high = measure.band_low, measure.band_high
    if low is None and high is None:
        return Measured(value, reason="not_measurable")
    outside = (low is not None and value < low) or (high is not None and value > high)
    raw = ZERO if outside else ONE
    step = Step("guardrail", "raw", value, raw, {"value": value, "low": low, "high": high})
    return Measured(value, raw, "outside_band" if outside else None, (step,))


def _binary(value: Decimal) -> Measured:
    """1 from 1 up, else 0: a metric behind a yes-or-no may count higher, and a half is not yet a yes."""
    raw = ONE if value >= ONE else ZERO
    return Measured(value, raw, None, (Step("binary", "raw", value, raw, {"value": value}),))


def _milestones(measure: Measure, reading: Reading) -> Measured:
    """Weight done ÷ weight. Nothing done is zero, not missing: an untouched list says how far one is."""
    done = [one for one in measure.milestones if one.done or one.title in reading.done]
    done_weight, _ = weighted_sum((one.weight, ONE) for one in done)
    total_weight, _ = weighted_sum((one.weight, ONE) for one in measure.milestones)
    if not total_weight:
        return Measured(reason="zero_weight")
    raw = places12(divide(done_weight, total_weight))
    facts: dict[str, Decimal | str | None] = {
        "done_weight": done_weight,
        "total_weight": total_weight,
        "done": ", ".join(one.title for one in done),
    }
    return Measured(None, raw, None, (Step("milestones", "raw", None, raw, facts),))


def _zone(measure: Measure, reading: Reading) -> Measured:
    """The grade of the zone last named; one that the current version no longer has is `unknown_zone`."""
    if reading.zone is None:
        return Measured(reason="no_value")
    for zone in measure.zones:
        if zone.name == reading.zone:
            raw = places12(zone.grade)
            return Measured(
                raw, raw, None, (Step("zone", "raw", None, raw, {"zone": zone.name, "zone_grade": zone.grade}),)
            )
    return Measured(reason="unknown_zone")


def _composite(measure: Measure, reading: Reading) -> Measured:
    """The formula's value over the operands, then as a way. One operand without a value leaves it without one."""
    formula, operands = measure.formula, reading.operands
    if formula is None:
        return Measured(reason="not_measurable")
    if not operands:
        return Measured(reason="no_operands")
    values = [operand.value for operand in operands if operand.value is not None]
    if len(values) < len(operands):
        return Measured(reason="operand_without_value")
    value = _combined(formula.op, values, operands)
    if value is None:
        return Measured(reason="zero_weight")
    combined = Step("formula", "value", None, value, {"op": formula.op.value}, operands)
    travelled = _travelled(value, way(measure))
    return travelled._replace(steps=(combined, *travelled.steps))


def _combined(op: FormulaOp, values: list[Decimal], operands: tuple[Operand, ...]) -> Decimal | None:
    """`values` are those of the operands, in order; None for a mean over no weight."""
    match op:
        case FormulaOp.SUM:
            return weighted_sum((ONE, value) for value in values)[0]
        case FormulaOp.MEAN:
            return weighted_mean(zip((operand.weight for operand in operands), values, strict=True))
        case FormulaOp.MIN:
            return min(values)
        case FormulaOp.MAX:
            return max(values)
        case _:
            assert_never(op)
