"""The end of every grade, of key results and roll-ups alike: bounds, rounding, band, status and label."""

from decimal import Decimal
from typing import NamedTuple

from okr.domain import pace
from okr.domain.measures import Trace
from okr.domain.numbers import ONE, add, clamp, multiply, rounded, subtract
from okr.domain.ruleset import BandsBy, LabelSource, Ruleset, band_of
from okr.domain.values import Level, Status, Step


class Finished(NamedTuple):
    """The finished grade and its names."""

    grade: Decimal | None
    status: Status
    band: str | None
    label: str | None


def finished(
    grade: Decimal | None,
    *,
    level: Level,
    progress: Decimal | None,
    by_marks: Decimal | None,
    expected: Decimal | None,
    success_line: Decimal,
    is_over: bool,
    rules: Ruleset,
    trace: Trace,
    is_guardrail: bool = False,
) -> Finished:
    """Bound and round the grade, then name it. `by_marks` is what bands lie over where the rules say marks."""
    if grade is not None:
        grade = _within(grade, level, rules=rules, trace=trace)
        grade = _rounded(grade, level, rules=rules, trace=trace)
    over = grade
    if rules.bands_by is not BandsBy.GRADE:
        over = progress if rules.bands_by is BandsBy.PROGRESS else by_marks
    return named(
        grade,
        level=level,
        over=over,
        progress=progress,
        expected=expected,
        success_line=success_line,
        is_over=is_over,
        rules=rules,
        trace=trace,
        is_guardrail=is_guardrail,
    )


def named(
    grade: Decimal | None,
    *,
    level: Level,
    over: Decimal | None,
    progress: Decimal | None,
    expected: Decimal | None,
    success_line: Decimal,
    is_over: bool,
    rules: Ruleset,
    trace: Trace,
    is_guardrail: bool = False,
) -> Finished:
    """The status, band and label of a grade that is final; the bands lie over the number `over`."""
    if is_guardrail:
        status = _guardrail_status(grade, is_over=is_over)
        word = rules.pace.words.get(status)
    else:
        status, word = pace.standing(
            grade, success_line, progress=progress, expected=expected, is_over=is_over, pace=rules.pace, trace=trace
        )
    band = None if grade is None or over is None else band_of(rules.bands[level], over)
    match rules.label_source:
        case LabelSource.PACE:
            label = word
        case LabelSource.SCALE:
            label = _on_scale(grade, rules)
        case _:
            label = band.label if band else None
    return Finished(grade, status, band.key if band else None, label)


def _guardrail_status(inside: Decimal | None, *, is_over: bool) -> Status:
    """A guardrail has no pace: it holds or it does not, and has only held for good at the end."""
    if inside is None:
        return Status.PENDING
    if inside >= ONE:
        return Status.ACHIEVED if is_over else Status.ON_TRACK
    return Status.MISSED if is_over else Status.OFF_TRACK


def _within(grade: Decimal, level: Level, *, rules: Ruleset, trace: Trace) -> Decimal:
    """Adjustments may have moved a grade, and zones may name one, beyond what the rules allow."""
    bounds = rules.bounds[level]
    kept = clamp(grade, bounds.floor, bounds.cap)
    if trace is not None and kept != grade:
        trace.append(Step("grade_bounds", "grade", grade, kept, {"floor": bounds.floor, "cap": bounds.cap}))
    return kept


def _rounded(grade: Decimal, level: Level, *, rules: Ruleset, trace: Trace) -> Decimal:
    places = rules.rounding[level]
    if places is None:
        return grade
    after = rounded(grade, places, rules.rounding_mode)
    if trace is not None:
        facts: dict[str, Decimal | str | None] = {"places": Decimal(places), "mode": rules.rounding_mode.value}
        trace.append(Step("rounding", "grade", grade, after, facts))
    return after


def _on_scale(grade: Decimal | None, rules: Ruleset) -> str | None:
    """The grade as a level of the rules' scale, written out."""
    scale = rules.scale
    if grade is None or scale is None:
        return None
    level = add(scale.low, multiply(grade, subtract(scale.high, scale.low)))
    return f"{rounded(level, scale.places, rules.rounding_mode):f}"
