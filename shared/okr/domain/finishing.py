"""The end of every grade, of key results and roll-ups alike: bounds, rounding, band, status and label."""

from decimal import Decimal
from typing import NamedTuple

from okr.domain import pace
from okr.domain.measures import Trace
from okr.domain.numbers import add, clamp, multiply, rounded, subtract
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
    is_paced: bool = True,
) -> Finished:
    """Bound and round the grade, then name it. `by_marks` is what bands lie over where the rules say marks.

    What is not paced has its status told by the caller; no step says how the pace would judge it.
    """
    if grade is not None:
        grade = _within(grade, level, rules=rules, trace=trace)
        grade = _rounded(grade, level, rules=rules, trace=trace)
    status, word = pace.standing(
        grade,
        success_line,
        progress=progress,
        expected=expected,
        is_over=is_over,
        pace=rules.pace,
        trace=trace if is_paced else None,
    )
    over = {BandsBy.GRADE: grade, BandsBy.PROGRESS: progress, BandsBy.MARKS: by_marks}[rules.bands_by]
    band = None if grade is None or over is None else band_of(rules.bands[level], over)
    match rules.label_source:
        case LabelSource.PACE:
            label = word
        case LabelSource.SCALE:
            label = _on_scale(grade, rules)
        case _:
            label = band.label if band else None
    return Finished(grade, status, band.key if band else None, label)


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
