"""The one function that makes a grade: worker, preview, replay and explanation all call it.

Three numbers, never mixed: raw (what the measure says), progress (raw between the ruleset's floor and cap), grade (progress bent
by the zones, lowered where the value is late, adjusted by conditions, rounded). Every pipeline number keeps 12 places, and the
next one is made from the rounded one, so that a person who redoes the steps gets the same digits.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, assert_never

from okr.domain import pace
from okr.domain.adjusting import adjusted, context_of
from okr.domain.finishing import Finished, finished
from okr.domain.measures import Facts, Measured, Trace, measured
from okr.domain.numbers import ONE, ZERO, clamp, multiply, places12, subtract
from okr.domain.overriding import with_override
from okr.domain.roll_up import grade_roll_up
from okr.domain.ruleset import BandsBy, Ruleset, Staleness, WhenLate, band_of
from okr.domain.values import (
    Freshness,
    Grade,
    Graded,
    Inputs,
    KeyResultInputs,
    Kind,
    Level,
    RollUpInputs,
    Step,
    SubjectKind,
)
from okr.domain.zones import MARKS, level_in_zones, zones_apply


def grade(inputs: Inputs, rules: Ruleset) -> Grade:
    """The grade of a key result or of a roll-up at one instant under one ruleset.

    Never raises for stored data: what cannot be graded has None for its numbers and a reason.
    """
    return _grade(inputs, rules, None)


def graded(inputs: Inputs, rules: Ruleset) -> Graded:
    """The same grade, together with the steps that lead to it."""
    steps: list[Step] = []
    made = _grade(inputs, rules, steps)
    confidence = None if made.confidence is None else band_of(rules.confidence_bands, made.confidence)
    return Graded(made, tuple(steps), confidence.label if confidence else None)


def _grade(inputs: Inputs, rules: Ruleset, trace: Trace) -> Grade:
    match inputs:
        case KeyResultInputs():
            made = _grade_key_result(inputs, rules, trace)
        case RollUpInputs():
            made = grade_roll_up(inputs, rules, trace)
        case _:
            assert_never(inputs)
    return with_override(made, inputs, rules, trace)


def _grade_key_result(inputs: KeyResultInputs, rules: Ruleset, trace: Trace) -> Grade:
    outcome = measured(inputs, rules, trace)
    raw, progress, result = outcome.raw, None, None
    freshness, periods_late = _freshness(inputs, rules.staleness)
    expected = pace.expected_by(inputs.window, rules.pace)
    if raw is not None:
        progress = _bounded(raw, rules, trace)
        result = _bent(outcome, inputs, rules=rules, progress=progress, trace=trace)
        result = _lowered(result, periods_late, staleness=rules.staleness, trace=trace)
    if trace is not None:
        trace.append(pace.expected_step(inputs.window, rules.pace))
    reasons: tuple[str, ...] = (outcome.reason,) if outcome.reason else ()
    if result is not None and rules.adjusts(Level.KEY_RESULT):
        context = _context(
            inputs, outcome, rules=rules, progress=progress, grade=result, expected=expected, freshness=freshness
        )
        result, left = adjusted(result, level=Level.KEY_RESULT, context=context, rules=rules, trace=trace)
        reasons += left
    end = _finished(inputs, outcome, result=result, progress=progress, expected=expected, rules=rules, trace=trace)
    return Grade(
        raw=raw,
        progress=progress,
        grade=end.grade,
        status=end.status,
        label=_label(inputs, end, rules),
        band=end.band,
        expected=expected,
        freshness=freshness,
        confidence=places12(inputs.reading.confidence) if inputs.reading.confidence is not None else None,
        coverage=ZERO if result is None else ONE,
        success_line=rules.success_line(inputs.commitment),
        reasons=reasons,
        ruleset=rules.ref,
    )


def _bounded(raw: Decimal, rules: Ruleset, trace: Trace) -> Decimal:
    bounds = rules.bounds[Level.KEY_RESULT]
    progress = clamp(raw, bounds.floor, bounds.cap)
    if trace is not None:
        trace.append(Step("bounds", "progress", raw, progress, {"raw": raw, "floor": bounds.floor, "cap": bounds.cap}))
    return progress


def _bent(outcome: Measured, inputs: KeyResultInputs, *, rules: Ruleset, progress: Decimal, trace: Trace) -> Decimal:
    """From progress to grade: through the zones where they apply, else unchanged."""
    measure = inputs.measure
    if outcome.value is not None and zones_apply(measure, inputs.commitment, rules=rules):
        rule = rules.kinds[measure.kind]
        bent = level_in_zones(outcome.value, measure, zones=rules.zones, rule=rule, before=progress, trace=trace)
        if bent is not None:
            return bent
    if trace is not None:
        trace.append(Step("as_progress", "grade", progress, progress, {}))
    return progress


def _lowered(grade: Decimal, periods_late: int, *, staleness: Staleness, trace: Trace) -> Decimal:
    """What is left of the grade when its newest value is late by so many whole periods, begun ones included."""
    if not periods_late:
        return grade
    facts: Facts = {"periods_late": Decimal(periods_late), "rule": staleness.when_late.value}
    match staleness.when_late:
        case WhenLate.FLAG:
            return grade
        case WhenLate.CAP if staleness.cap is not None:
            lowered = min(grade, places12(staleness.cap))
            facts["cap"] = staleness.cap
        case WhenLate.DECAY if staleness.decay is not None:
            lost = multiply(Decimal(periods_late), staleness.decay)
            # What is negative already is not lifted to zero.
            lowered = places12(max(subtract(grade, lost), min(grade, ZERO)))
            facts["decay"] = staleness.decay
        case _:
            return grade
    if trace is not None:
        trace.append(Step("late", "grade", grade, lowered, facts))
    return lowered


def _context(
    inputs: KeyResultInputs,
    outcome: Measured,
    *,
    rules: Ruleset,
    progress: Decimal | None,
    grade: Decimal,
    expected: Decimal,
    freshness: Freshness,
) -> dict[str, Any]:
    status, _ = pace.standing(
        grade,
        rules.success_line(inputs.commitment),
        progress=progress,
        expected=expected,
        is_over=pace.is_over(inputs.window),
        pace=rules.pace,
        trace=None,
    )
    subject = {
        "kind": SubjectKind.KEY_RESULT.value,
        "measure": inputs.measure.kind.value,
        "commitment": inputs.commitment.value,
        "zone": inputs.reading.zone,
        "status": status.value,
        "raw": outcome.raw,
        "progress": progress,
        "grade": grade,
        "confidence": inputs.reading.confidence,
        "coverage": ONE,
        "expected": expected,
        "freshness": freshness.value,
    }
    return context_of(
        inputs.context,
        subject=subject,
        elapsed=pace.elapsed(inputs.window),
        counts={"parts": 0, "graded": 1, "guardrails_broken": 0},
    )


def _finished(
    inputs: KeyResultInputs,
    outcome: Measured,
    *,
    result: Decimal | None,
    progress: Decimal | None,
    expected: Decimal,
    rules: Ruleset,
    trace: Trace,
) -> Finished:
    return finished(
        result,
        level=Level.KEY_RESULT,
        progress=progress,
        by_marks=_by_marks(outcome, inputs, rules),
        expected=expected,
        success_line=rules.success_line(inputs.commitment),
        is_over=pace.is_over(inputs.window),
        rules=rules,
        trace=trace,
        is_guardrail=inputs.measure.kind is Kind.GUARDRAIL,
    )


def _by_marks(outcome: Measured, inputs: KeyResultInputs, rules: Ruleset) -> Decimal | None:
    """Where the value lies between the marks, as a level that bands are laid over; without marks the raw share of the way."""
    if rules.bands_by is not BandsBy.MARKS or outcome.raw is None or outcome.value is None:
        return outcome.raw
    if inputs.measure.stretch is None and inputs.measure.commit is None:
        return outcome.raw
    rule = rules.kinds[inputs.measure.kind]
    level = level_in_zones(outcome.value, inputs.measure, zones=MARKS, rule=rule, before=outcome.raw, trace=None)
    return outcome.raw if level is None else level


def _label(inputs: KeyResultInputs, end: Finished, rules: Ruleset) -> str | None:
    if rules.ordinal.label_is_zone and inputs.measure.kind is Kind.ORDINAL:
        return inputs.reading.zone
    return end.label


def _freshness(inputs: KeyResultInputs, staleness: Staleness) -> tuple[Freshness, int]:
    """Whether the newest value is older than so many of the key result's own periods, and by how many, begun ones included."""
    observed_at = inputs.reading.observed_at
    if observed_at is None:
        return Freshness.NEVER, 0
    period = timedelta(days=inputs.period_days)
    over = inputs.instant - observed_at - staleness.late_after_periods * period
    if over <= timedelta(0):
        return Freshness.FRESH, 0
    return Freshness.LATE, -(-over // period)
