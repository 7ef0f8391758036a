"""The grade of an objective, team, cycle or organization from the grades of its parts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple, assert_never

from okr.domain import pace
from okr.domain.adjusting import adjusted, context_of
from okr.domain.finishing import finished
from okr.domain.measures import Facts, Trace
from okr.domain.numbers import ONE, ZERO, add, clamp, divide, places12, weighted_sum
from okr.domain.ruleset import UNBOUNDED, Combine, How, Parts, Ruleset, ZeroWeight
from okr.domain.values import Freshness, Grade, Part, RollUpInputs, Step, SubjectKind

_TWO = Decimal(2)


class _Made(NamedTuple):
    """What has been made of the parts so far."""

    raw: Decimal | None
    progress: Decimal | None
    confidence: Decimal | None
    coverage: Decimal
    expected: Decimal | None
    freshness: Freshness
    broken: tuple[Part, ...]
    weighing: tuple[Part, ...]


def grade_roll_up(inputs: RollUpInputs, rules: Ruleset, trace: Trace) -> Grade:
    """Each number is made from the parts that have it as the rules combine them; guardrails carry no weight and only cap it."""
    combine = rules.combine[inputs.level]
    weighing = _weighing(inputs, combine)
    guardrails = tuple(part for part in inputs.parts if part.is_guardrail)
    raw = _combined("raw", weighing, combine=combine, trace=trace)
    progress = _combined("progress", weighing, combine=combine, trace=trace)
    grade = _combined("grade", weighing, combine=combine, trace=trace)
    made = _Made(
        raw=raw,
        progress=progress,
        confidence=_mean("confidence", weighing, trace),
        coverage=_mean("coverage", weighing, trace) or ZERO,
        expected=_expected(inputs, weighing, rules=rules, trace=trace),
        freshness=_freshness(weighing, guardrails),
        broken=tuple(part for part in guardrails if part.raw is not None and part.raw < ONE),
        weighing=weighing,
    )
    reasons = _reasons(inputs, weighing, guardrails=guardrails, grade=grade)
    if grade is not None:
        grade = _guarded(grade, made.broken, cap=rules.guardrail_cap, trace=trace)
        if rules.adjusts(inputs.level):
            context = _context(inputs, made, grade=grade, rules=rules)
            grade, left = adjusted(grade, level=inputs.level, context=context, rules=rules, trace=trace)
            reasons += left
    success_line = rules.success_line(inputs.commitment)
    end = finished(
        grade,
        level=inputs.level,
        progress=progress,
        by_marks=grade,
        expected=made.expected,
        success_line=success_line,
        is_over=_is_over(inputs),
        rules=rules,
        trace=trace,
    )
    return Grade(
        raw=raw,
        progress=progress,
        grade=end.grade,
        status=end.status,
        label=end.label,
        band=end.band,
        expected=made.expected,
        freshness=made.freshness,
        confidence=made.confidence,
        coverage=made.coverage,
        success_line=success_line,
        reasons=reasons,
        ruleset=rules.ref,
    )


def _is_over(inputs: RollUpInputs) -> bool:
    return inputs.window is not None and pace.is_over(inputs.window)


def _context(inputs: RollUpInputs, made: _Made, *, grade: Decimal, rules: Ruleset) -> dict[str, Any]:
    status, _ = pace.standing(
        grade,
        rules.success_line(inputs.commitment),
        progress=made.progress,
        expected=made.expected,
        is_over=_is_over(inputs),
        pace=rules.pace,
        trace=None,
    )
    subject = {
        "commitment": inputs.commitment and inputs.commitment.value,
        "status": status.value,
        "raw": made.raw,
        "progress": made.progress,
        "grade": grade,
        "confidence": made.confidence,
        "coverage": made.coverage,
        "expected": made.expected,
        "freshness": made.freshness.value,
    }
    counts = {
        "parts": len(made.weighing),
        "graded": sum(1 for part in made.weighing if part.grade is not None),
        "guardrails_broken": len(made.broken),
    }
    elapsed = pace.elapsed(inputs.window) if inputs.window else None
    return context_of(inputs.context, subject=subject, elapsed=elapsed, counts=counts)


def _weighing(inputs: RollUpInputs, combine: Combine) -> tuple[Part, ...]:
    """The parts that carry weight: all but guardrails, aligned objectives only where the rules count them."""
    parts = tuple(part for part in inputs.parts if not part.is_guardrail)
    if combine.parts is Parts.CHILDREN_IF_ALONE:
        own = tuple(part for part in parts if part.kind is SubjectKind.KEY_RESULT)
        return own or parts
    return parts


def _combined(number: str, parts: Sequence[Part], *, combine: Combine, trace: Trace) -> Decimal | None:
    """One number of the whole; None without parts that have it, unless the rules say what nothing is worth."""
    terms = tuple(part for part in parts if combine.missing_is_zero or getattr(part, number) is not None)
    if not terms:
        return _empty(number, combine, trace)
    numbers = [getattr(part, number) or ZERO for part in terms]
    if number != "raw" and combine.part_bounds != UNBOUNDED:
        # Raw stays as it is, for it is what was measured.
        bounds = combine.part_bounds
        numbers = [clamp(one, bounds.floor, bounds.cap) for one in numbers]
    if combine.how is How.WEIGHTED_MEAN or combine.how is How.MEAN:
        return _weighted(number, terms, numbers, combine=combine, trace=trace)
    result = _picked(numbers, combine.how)
    if trace is not None:
        trace.append(
            Step("combined", number, None, result, {"how": combine.how.value, **_edges(number, combine)}, terms)
        )
    return result


def _empty(number: str, combine: Combine, trace: Trace) -> Decimal | None:
    if combine.empty is None:
        return None
    if trace is not None:
        trace.append(Step("empty", number, None, combine.empty, {}))
    return combine.empty


def _edges(number: str, combine: Combine) -> Facts:
    """The bounds of parts, where there are any, for whoever redoes the step."""
    bounds = combine.part_bounds
    if number == "raw" or bounds == UNBOUNDED:
        return {}
    return {"part_floor": bounds.floor, "part_cap": bounds.cap}


def _weighted(
    number: str, terms: tuple[Part, ...], numbers: list[Decimal], *, combine: Combine, trace: Trace
) -> Decimal | None:
    """Σ weight × number ÷ Σ weight, or the plain mean."""
    equal = combine.how is How.MEAN
    weights = [ONE if equal else part.weight for part in terms]
    weighted, total = weighted_sum(zip(weights, numbers, strict=True))
    if not total:
        match combine.zero_weight:
            case ZeroWeight.NONE:
                return None
            case ZeroWeight.ZERO:
                return _empty(number, Combine(empty=ZERO), trace)
            case ZeroWeight.EQUAL:
                equal = True
                weighted, total = weighted_sum((ONE, one) for one in numbers)
            case zero_weight:
                assert_never(zero_weight)
    mean = places12(divide(weighted, total))
    if trace is not None:
        facts: Facts = {"weighted_sum": weighted, "total_weight": total, **_edges(number, combine)}
        if equal:
            facts["weights"] = "equal"
        trace.append(Step("weighted_mean", number, None, mean, facts, terms))
    return mean


def _picked(numbers: list[Decimal], how: How) -> Decimal:
    """The sum, the least, the greatest or the median: what is made without weights."""
    match how:
        case How.SUM:
            return places12(weighted_sum((ONE, one) for one in numbers)[0])
        case How.MIN:
            return min(numbers)
        case How.MAX:
            return max(numbers)
        case _:
            ordered = sorted(numbers)
            middle = len(ordered) // 2
            if len(ordered) % 2:
                return ordered[middle]
            return places12(divide(add(ordered[middle - 1], ordered[middle]), _TWO))


def _mean(number: str, parts: Sequence[Part], trace: Trace) -> Decimal | None:
    """The weighted mean of one number over the parts that have it; None without one, and where they weigh nothing."""
    return _combined(number, parts, combine=_PLAIN, trace=trace)


_PLAIN = Combine()


def _expected(inputs: RollUpInputs, weighing: Sequence[Part], *, rules: Ruleset, trace: Trace) -> Decimal | None:
    """By the subject's own days, or without any as the mean of the parts that have a grade."""
    if inputs.window is None:
        return _mean("expected", [part for part in weighing if part.grade is not None], trace)
    if trace is not None:
        trace.append(pace.expected_step(inputs.window, rules.pace))
    return pace.expected_by(inputs.window, rules.pace)


def _guarded(grade: Decimal, broken: tuple[Part, ...], *, cap: Decimal | None, trace: Trace) -> Decimal:
    """At most the cap while a guardrail is broken."""
    if not broken or cap is None:
        return grade
    capped = min(grade, cap)
    if trace is not None:
        names = ", ".join(part.id for part in broken)
        trace.append(Step("guardrail_cap", "grade", grade, capped, {"cap": cap, "broken": names}))
    return capped


def _freshness(weighing: Sequence[Part], guardrails: Sequence[Part]) -> Freshness:
    """Late as soon as one part that the grade rests on is not fresh: whatever has weight, and every guardrail."""
    if all(part.grade is None for part in weighing):
        return Freshness.NEVER
    stale = any(
        part.freshness is not Freshness.FRESH for part in (*weighing, *guardrails) if part.weight or part.is_guardrail
    )
    return Freshness.LATE if stale else Freshness.FRESH


def _reasons(
    inputs: RollUpInputs, weighing: Sequence[Part], *, guardrails: Sequence[Part], grade: Decimal | None
) -> tuple[str, ...]:
    """Why there is no number first, then what the guardrails did."""
    reasons: list[str] = []
    if not weighing:
        reasons.append("no_objectives" if inputs.commitment is None else "no_key_results")
    elif all(part.grade is None for part in weighing):
        reasons.append("no_values")
    elif grade is None:
        reasons.append("zero_weight")
    if any(part.raw is not None and part.raw < ONE for part in guardrails):
        reasons.append("guardrail_breached")
    if any(part.raw is None for part in guardrails):
        reasons.append("guardrail_unmeasured")
    return tuple(reasons)
