"""How each kind of key result turns what was read into raw: 0 at the start, 1 at the target, by the ruleset's methods.

A measure that lacks what its kind needs (the checks in `validation` refuse those) says `not_measurable`: grading never fails
because of one bad row. Source of the formulas: README, "How a grade is made", and the ruleset reference.
"""

from decimal import Decimal
from typing import NamedTuple, assert_never

from okr.domain.numbers import ONE, ZERO, divide, places12, subtract, weighted_mean, weighted_sum
from okr.domain.periods import looked_at, share_of_periods
from okr.domain.ruleset import Flat, KindRule, Method, Missing, Of, Ruleset, Unmeasurable
from okr.domain.values import FormulaOp, KeyResultInputs, Kind, Measure, Operand, Reading, Step

DIRECT_KINDS = frozenset(Kind) - {Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE}
"""The kinds that a single value measures: what a metric can feed."""

_RISES = frozenset({Kind.INCREASE, Kind.AT_LEAST, Kind.REACH, Kind.COUNT_RATIO, Kind.COMPOSITE})
_MISSING = frozenset({"no_value", "no_operands", "operand_without_value"})
_TWO = Decimal(2)
_HALF = Decimal("0.5")

Facts = dict[str, Decimal | str | None]
Trace = list[Step] | None
"""Where the steps go, or None where nobody asks for them: most grades are made without."""


class Measured(NamedTuple):
    """`value` is the number looked at (a composite's is the formula's, unrounded), None for milestones and zones.

    `raw` keeps 12 places. `reason` says why there is none, or what is special about it.
    """

    value: Decimal | None = None
    raw: Decimal | None = None
    reason: str | None = None


class Way(NamedTuple):
    """From where to where a value travels; falls as well as rises."""

    start: Decimal
    target: Decimal

    @property
    def is_flat(self) -> bool:
        """Whether it leads nowhere."""
        return self.start == self.target


def way(measure: Measure, *, to_stretch: bool = False) -> Way | None:
    """The way of a kind that has one; None for the others and for one without an end. With `to_stretch` it ends there."""
    match measure.kind:
        case Kind.INCREASE | Kind.DECREASE | Kind.REACH | Kind.AT_LEAST | Kind.AT_MOST | Kind.COMPOSITE:
            start = measure.start
        case Kind.COUNT_RATIO:
            start = ZERO
        case _:
            return None
    target = end_of(measure, to_stretch=to_stretch)
    return None if start is None or target is None else Way(start, target)


def end_of(measure: Measure, *, to_stretch: bool) -> Decimal | None:
    """What counts as 1: the target, or the stretch value where the rules say so and there is one."""
    return measure.stretch if to_stretch and measure.stretch is not None else measure.target


def measured(inputs: KeyResultInputs, rules: Ruleset, trace: Trace) -> Measured:
    """What the measure makes of the reading under the rules."""
    outcome = _measured(inputs, rules, trace)
    if outcome.raw is not None:
        return outcome
    if outcome.reason in _MISSING and rules.missing is Missing.ZERO:
        return _stands_in(outcome, ZERO, trace)
    if outcome.reason == "not_measurable" and rules.unmeasurable is not Unmeasurable.NONE:
        return _stands_in(outcome, ZERO if rules.unmeasurable is Unmeasurable.ZERO else ONE, trace)
    return outcome


def _stands_in(outcome: Measured, raw: Decimal, trace: Trace) -> Measured:
    if trace is not None:
        trace.append(Step("stands_in", "raw", None, raw, {"because": outcome.reason}))
    return outcome._replace(raw=raw)


def _measured(inputs: KeyResultInputs, rules: Ruleset, trace: Trace) -> Measured:
    measure, reading, rule = inputs.measure, inputs.reading, rules.kinds[inputs.measure.kind]
    match measure.kind:
        case Kind.MILESTONE:
            return _milestones(measure, reading, trace)
        case Kind.ORDINAL:
            return _zone(measure, reading, rules=rules, trace=trace)
        case Kind.COMPOSITE:
            return _composite(measure, reading, rules=rules, trace=trace)
    if rule.of in (Of.SHARE_OF_PLANNED_PERIODS, Of.SHARE_OF_ENDED_PERIODS):
        raw, step = share_of_periods(inputs, rule.of)
        if raw is None:
            return Measured(reason="no_value" if step is None else "not_measurable")
        _note(trace, step)
        return Measured(reading.value, raw)
    value = reading.value if rule.of is Of.LATEST else _over_periods(inputs, rule, trace)
    if value is None:
        value = _stand_in_value(measure, rules.missing, trace)
        if value is None:
            return Measured(reason="no_value")
    return _judged(value, measure, rules=rules, trace=trace)


def _note(trace: Trace, step: Step | None) -> None:
    if trace is not None and step is not None:
        trace.append(step)


def _over_periods(inputs: KeyResultInputs, rule: KindRule, trace: Trace) -> Decimal | None:
    value, step = looked_at(inputs, rule.of)
    _note(trace, step)
    return value


def _stand_in_value(measure: Measure, missing: Missing, trace: Trace) -> Decimal | None:
    """The value that is taken for one that nobody has told; a count begins at nothing."""
    start = ZERO if measure.kind is Kind.COUNT_RATIO else measure.start
    value = {Missing.START: start, Missing.VALUE_ZERO: ZERO}.get(missing)
    if value is not None and trace is not None:
        trace.append(Step("missing", "value", None, value, {"taken": missing.value}))
    return value


def _judged(value: Decimal, measure: Measure, *, rules: Ruleset, trace: Trace) -> Measured:
    match rules.kinds[measure.kind].method:
        case Method.LINEAR | Method.RATIO | Method.INVERSE_RATIO | Method.REMAINDER as method:
            return travelled(value, measure, rules=rules, method=method, trace=trace)
        case Method.THRESHOLD | Method.THRESHOLD_OR_LINEAR as method:
            return _threshold(value, measure, rules=rules, method=method, trace=trace)
        case Method.DISTANCE:
            return _band(value, measure, trace)
        case Method.INSIDE:
            return _guardrail(value, measure, trace)
        case Method.WEIGHTS | Method.ZONE:
            return Measured(value, reason="not_measurable")
        case method:
            assert_never(method)


def travelled(value: Decimal, measure: Measure, *, rules: Ruleset, method: Method, trace: Trace) -> Measured:
    """(v − s) ÷ (t − s), v ÷ t, t ÷ v or 2 − v ÷ t; a flat way is worth what the rules say."""
    if measure.kind is Kind.BINARY:
        raw = places12(value)
        _note(trace, Step("share", "raw", value, raw, {"value": value}))
        return Measured(value, raw, _beyond(raw))
    along = way(measure, to_stretch=rules.way_to_stretch)
    if along is not None and along.is_flat:
        return _flat(value, measure, along=along, rules=rules, trace=trace)
    if method is not Method.LINEAR:
        return _by_ratio(value, end_of(measure, to_stretch=rules.way_to_stretch), method=method, trace=trace)
    if along is None:
        return Measured(value, reason="not_measurable")
    start, target = along
    raw = places12(divide(subtract(value, start), subtract(target, start)))
    if trace is not None:
        trace.append(Step("way", "raw", value, raw, {"value": value, "start": start, "target": target}))
    return Measured(value, raw, _beyond(raw))


def _by_ratio(value: Decimal, target: Decimal | None, *, method: Method, trace: Trace) -> Measured:
    if target is None or not (value if method is Method.INVERSE_RATIO else target):
        return Measured(value, reason="not_measurable")
    match method:
        case Method.INVERSE_RATIO:
            raw = places12(divide(target, value))
        case Method.REMAINDER:
            raw = places12(subtract(_TWO, divide(value, target)))
        case _:
            raw = places12(divide(value, target))
    if trace is not None:
        trace.append(Step("ratio", "raw", value, raw, {"value": value, "target": target, "method": method.value}))
    return Measured(value, raw, _beyond(raw))


def _beyond(raw: Decimal) -> str | None:
    return "worse_than_start" if raw < ZERO else "beyond_target" if raw > ONE else None


def _flat(value: Decimal, measure: Measure, *, along: Way, rules: Ruleset, trace: Trace) -> Measured:
    """What a way from a start to the same target is worth at the value."""
    is_there = value == along.target
    match rules.flat:
        case Flat.NONE:
            raw = None
        case Flat.ZERO:
            raw = ZERO
        case Flat.HALF:
            raw = _HALF
        case Flat.ONE:
            raw = ONE
        case Flat.STEP:
            rises = measure.kind in _RISES
            raw = ONE if (value >= along.target if rises else value <= along.target) else ZERO
        case Flat.ZERO_WHEN_THERE:
            raw = ZERO if is_there else None
        case Flat.ONE_WHEN_THERE:
            raw = ONE if is_there else None
        case flat:
            assert_never(flat)
    if raw is None:
        return Measured(value, reason="not_measurable")
    if trace is not None:
        trace.append(
            Step("flat", "raw", value, raw, {"value": value, "target": along.target, "rule": rules.flat.value})
        )
    return Measured(value, raw, "start_is_target")


def _threshold(value: Decimal, measure: Measure, *, rules: Ruleset, method: Method, trace: Trace) -> Measured:
    """1 once the target is kept; before that 0, or the share of the way where there is a start."""
    if measure.kind is Kind.BINARY:
        # A metric behind a yes-or-no may count higher than 1, and a half is not yet a yes.
        raw = ONE if value >= ONE else ZERO
        _note(trace, Step("binary", "raw", value, raw, {"value": value}))
        return Measured(value, raw)
    target = end_of(measure, to_stretch=rules.way_to_stretch)
    if target is None:
        return Measured(value, reason="not_measurable")
    at_least = measure.kind is not Kind.AT_MOST and not _falls(measure, target)
    kept = value >= target if at_least else value <= target
    along = way(measure, to_stretch=rules.way_to_stretch)
    if method is Method.THRESHOLD_OR_LINEAR and along is not None and not along.is_flat and not kept:
        return travelled(value, measure, rules=rules, method=Method.LINEAR, trace=trace)
    raw = ONE if kept else ZERO
    if trace is not None:
        facts: Facts = {"value": value, "target": target, "comparison": "at_least" if at_least else "at_most"}
        trace.append(Step("threshold", "raw", value, raw, facts))
    return Measured(value, raw)


def _falls(measure: Measure, target: Decimal) -> bool:
    """Whether the value is to come down to the target; only a kind that names no direction goes by its start."""
    match measure.kind:
        case Kind.DECREASE:
            return True
        case Kind.REACH | Kind.COMPOSITE:
            return measure.start is not None and target < measure.start
        case _:
            return False


def _band(value: Decimal, measure: Measure, trace: Trace) -> Measured:
    """1 inside the band; outside 1 − distance to the nearer edge ÷ width."""
    low, high = measure.band_low, measure.band_high
    if low is None or high is None or low >= high:
        return Measured(value, reason="not_measurable")
    distance = subtract(low, value) if value < low else subtract(value, high) if value > high else ZERO
    raw = places12(subtract(ONE, divide(distance, subtract(high, low))))
    if trace is not None:
        trace.append(Step("band", "raw", value, raw, {"value": value, "low": low, "high": high, "distance": distance}))
    return Measured(value, raw, "outside_band" if distance else None)


def _guardrail(value: Decimal, measure: Measure, trace: Trace) -> Measured:
    """1 inside the edges that there are, 0 outside."""
    low, high = measure.band_low, measure.band_high
    if low is None and high is None:
        return Measured(value, reason="not_measurable")
    outside = (low is not None and value < low) or (high is not None and value > high)
    raw = ZERO if outside else ONE
    if trace is not None:
        trace.append(Step("guardrail", "raw", value, raw, {"value": value, "low": low, "high": high}))
    return Measured(value, raw, "outside_band" if outside else None)


def _milestones(measure: Measure, reading: Reading, trace: Trace) -> Measured:
    """Weight done ÷ weight. Nothing done is zero, not missing: an untouched list says how far one is."""
    done = [one for one in measure.milestones if one.done or one.title in reading.done]
    done_weight, _ = weighted_sum((one.weight, ONE) for one in done)
    total_weight, _ = weighted_sum((one.weight, ONE) for one in measure.milestones)
    if not total_weight:
        return Measured(reason="zero_weight")
    raw = places12(divide(done_weight, total_weight))
    if trace is not None:
        facts: Facts = {
            "done_weight": done_weight,
            "total_weight": total_weight,
            "done": ", ".join(one.title for one in done),
        }
        trace.append(Step("milestones", "raw", None, raw, facts))
    return Measured(None, raw)


def _zone(measure: Measure, reading: Reading, *, rules: Ruleset, trace: Trace) -> Measured:
    """The grade of the zone last named, the rules' word for its name first; `unknown_zone` where neither knows it."""
    if reading.zone is None:
        return Measured(reason="no_value")
    own = next((zone.grade for zone in measure.zones if zone.name == reading.zone), None)
    worth = rules.ordinal.grades.get(reading.zone.lower(), own)
    if worth is None:
        return Measured(reason="unknown_zone")
    raw = places12(worth)
    if trace is not None:
        trace.append(Step("zone", "raw", None, raw, {"zone": reading.zone, "zone_grade": worth}))
    return Measured(raw, raw)


def _composite(measure: Measure, reading: Reading, *, rules: Ruleset, trace: Trace) -> Measured:
    """The formula's value over the operands, then as a way."""
    value, reason = composed(measure, reading.operands)
    if value is None:
        return Measured(reason=reason)
    if trace is not None and measure.formula is not None:
        trace.append(Step("formula", "value", None, value, {"op": measure.formula.op.value}, reading.operands))
    return travelled(value, measure, rules=rules, method=rules.kinds[Kind.COMPOSITE].method, trace=trace)


def composed(measure: Measure, operands: tuple[Operand, ...]) -> tuple[Decimal | None, str | None]:
    """A composite's value, unrounded, or the reason for which it has none: one operand without a value is enough."""
    if measure.formula is None:
        return None, "not_measurable"
    if not operands:
        return None, "no_operands"
    values = [operand.value for operand in operands if operand.value is not None]
    if len(values) < len(operands):
        return None, "operand_without_value"
    value = _combined(measure.formula.op, values, operands)
    return value, "zero_weight" if value is None else None


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
