"""The one function that makes a grade: worker, preview, replay and explanation all call it.

Three numbers, never mixed: raw (what the measure says), progress (raw between the ruleset's floor and cap), grade (progress,
or the stretch curve's word; capped while a guardrail is broken). Every pipeline number keeps 12 places, and the next one is
made from the rounded one, so that a person who redoes the steps gets the same digits.
"""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import assert_never

from okr.domain import pace
from okr.domain.measures import Way, measured, way
from okr.domain.numbers import ONE, ZERO, add, clamp, divide, multiply, places12, subtract
from okr.domain.roll_up import grade_roll_up
from okr.domain.ruleset import Ruleset, StretchCurve
from okr.domain.values import (
    Freshness,
    Grade,
    Graded,
    Inputs,
    KeyResultInputs,
    Kind,
    Measure,
    RollUpInputs,
    Status,
    Step,
)

Mark = tuple[Decimal, Decimal]
"""A value along the way and the grade there."""


def grade(inputs: Inputs, rules: Ruleset) -> Graded:
    """The grade of a key result or of a roll-up at one instant under one ruleset, with its steps.

    Never raises for stored data: what cannot be graded has None for its numbers and a reason.
    """
    match inputs:
        case KeyResultInputs():
            return _grade_key_result(inputs, rules)
        case RollUpInputs():
            return grade_roll_up(inputs, rules)
        case _:
            assert_never(inputs)


def _grade_key_result(inputs: KeyResultInputs, rules: Ruleset) -> Graded:
    measure, reading = inputs.measure, inputs.reading
    outcome = measured(measure, reading)
    steps = list(outcome.steps)
    raw, progress, result = outcome.raw, None, None
    if raw is not None:
        progress = clamp(raw, rules.floor, rules.cap)
        steps.append(Step("bounds", "progress", raw, progress, {"raw": raw, "floor": rules.floor, "cap": rules.cap}))
        last = _curve_step(outcome.value, inputs, rules=rules, progress=progress)
        result = last.after
        steps.append(last)
    success_line = rules.success_line(inputs.commitment)
    expected, expected_step = pace.expected_step(inputs.window)
    steps.append(expected_step)
    is_over = pace.is_over(inputs.window)
    if measure.kind is Kind.GUARDRAIL:
        status = _guardrail_status(result, is_over=is_over)
    else:
        status, pace_steps = pace.standing(
            result, success_line, progress=progress, expected=expected, is_over=is_over, pace=rules.pace
        )
        steps.extend(pace_steps)
    band = rules.band_of(result) if result is not None else None
    return Graded(
        Grade(
            raw=raw,
            progress=progress,
            grade=result,
            status=status,
            label=band.label if band else None,
            band=band.key if band else None,
            expected=expected,
            freshness=_freshness(inputs, late_after_periods=rules.late_after_periods),
            confidence=places12(reading.confidence) if reading.confidence is not None else None,
            coverage=ZERO if result is None else ONE,
            success_line=success_line,
            reasons=(outcome.reason,) if outcome.reason else (),
            ruleset=rules.ref,
        ),
        tuple(steps),
    )


def _curve_step(value: Decimal | None, inputs: KeyResultInputs, *, rules: Ruleset, progress: Decimal) -> Step:
    """From progress to grade: along the stretch curve where one applies, else unchanged."""
    measure, curve = inputs.measure, rules.curve
    if measure.stretch is not None and value is not None and inputs.commitment in curve.commitments:
        along = way(measure)
        if along is not None:
            return _on_the_curve(value, measure, along=along, curve=curve, progress=progress)
    return Step("as_progress", "grade", progress, progress, {})


def _on_the_curve(value: Decimal, measure: Measure, *, along: Way, curve: StretchCurve, progress: Decimal) -> Step:
    """The line through (start, 0) (commit, 0.3) (target, 0.7) (stretch, 1), read at the value; flat beyond both ends."""
    marks = [
        (mark, level)
        for mark, level in (
            (along.start, curve.start),
            (measure.commit, curve.commit),
            (along.target, curve.target),
            (measure.stretch, curve.stretch),
        )
        if mark is not None
    ]
    falls = along.target < along.start
    if value > along.start if falls else value < along.start:
        return _at_the_end(value, marks[0], progress=progress)
    for low, high in pairwise(marks):
        if value > high[0] if falls else value < high[0]:
            return _between(value, low, high, progress=progress)
    return _at_the_end(value, marks[-1], progress=progress)


def _at_the_end(value: Decimal, mark: Mark, *, progress: Decimal) -> Step:
    return Step(
        "curve_end", "grade", progress, places12(mark[1]), {"value": value, "mark": mark[0], "mark_grade": mark[1]}
    )


def _between(value: Decimal, low: Mark, high: Mark, *, progress: Decimal) -> Step:
    (low_value, low_grade), (high_value, high_grade) = low, high
    # Multiplied before it is divided, so that the one rounding there is does not depend on the unit of the value.
    travelled = multiply(subtract(value, low_value), subtract(high_grade, low_grade))
    after = places12(add(low_grade, divide(travelled, subtract(high_value, low_value))))
    facts: dict[str, Decimal | str | None] = {
        "value": value,
        "from": low_value,
        "to": high_value,
        "grade_from": low_grade,
        "grade_to": high_grade,
    }
    return Step("curve", "grade", progress, after, facts)


def _guardrail_status(inside: Decimal | None, *, is_over: bool) -> Status:
    """A guardrail has no pace: it holds or it does not, and has only held for good at the end."""
    if inside is None:
        return Status.PENDING
    if inside >= ONE:
        return Status.ACHIEVED if is_over else Status.ON_TRACK
    return Status.MISSED if is_over else Status.OFF_TRACK


def _freshness(inputs: KeyResultInputs, *, late_after_periods: int) -> Freshness:
    """Late when the newest value is older than so many of the key result's own periods."""
    observed_at = inputs.reading.observed_at
    if observed_at is None:
        return Freshness.NEVER
    age = inputs.instant - observed_at
    return Freshness.LATE if age > timedelta(days=late_after_periods * inputs.period_days) else Freshness.FRESH
