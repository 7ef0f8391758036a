"""The grade of an objective, team, cycle or organization from the grades of its parts."""

from collections.abc import Sequence
from decimal import Decimal

from okr.domain import pace
from okr.domain.numbers import ONE, ZERO, divide, places12, weighted_sum
from okr.domain.ruleset import Ruleset
from okr.domain.values import Freshness, Grade, Graded, Part, RollUpInputs, Step


def grade_roll_up(inputs: RollUpInputs, rules: Ruleset) -> Graded:
    """Each number is the weighted mean over the parts that have it; guardrails carry no weight and only cap the grade."""
    weighing = tuple(part for part in inputs.parts if not part.is_guardrail)
    guardrails = tuple(part for part in inputs.parts if part.is_guardrail)
    steps: list[Step] = []
    raw = _mean("raw", weighing, steps)
    progress = _mean("progress", weighing, steps)
    grade = _mean("grade", weighing, steps)
    confidence = _mean("confidence", weighing, steps)
    coverage = _mean("coverage", weighing, steps) or ZERO
    expected = _expected(inputs, weighing, steps)

    broken = tuple(part for part in guardrails if part.raw is not None and part.raw < ONE)
    if broken and grade is not None:
        capped = min(grade, rules.guardrail_cap)
        names = ", ".join(part.id for part in broken)
        steps.append(Step("guardrail_cap", "grade", grade, capped, {"cap": rules.guardrail_cap, "broken": names}))
        grade = capped

    success_line = rules.success_line(inputs.commitment)
    status, pace_steps = pace.standing(
        grade,
        success_line,
        progress=progress,
        expected=expected,
        is_over=inputs.window is not None and pace.is_over(inputs.window),
        pace=rules.pace,
    )
    steps.extend(pace_steps)
    band = rules.band_of(grade) if grade is not None else None
    return Graded(
        Grade(
            raw=raw,
            progress=progress,
            grade=grade,
            status=status,
            label=band.label if band else None,
            band=band.key if band else None,
            expected=expected,
            freshness=_freshness(weighing, guardrails),
            confidence=confidence,
            coverage=coverage,
            success_line=success_line,
            reasons=_reasons(inputs, weighing, guardrails=guardrails, grade=grade),
            ruleset=rules.ref,
        ),
        tuple(steps),
    )


def _mean(number: str, parts: Sequence[Part], steps: list[Step]) -> Decimal | None:
    """The weighted mean of one number over the parts that have it; None without one, and where they weigh nothing."""
    terms = tuple(part for part in parts if getattr(part, number) is not None)
    if not terms:
        return None
    weighted, total = weighted_sum((part.weight, getattr(part, number)) for part in terms)
    if not total:
        return None
    mean = places12(divide(weighted, total))
    steps.append(Step("weighted_mean", number, None, mean, {"weighted_sum": weighted, "total_weight": total}, terms))
    return mean


def _expected(inputs: RollUpInputs, weighing: Sequence[Part], steps: list[Step]) -> Decimal | None:
    """By the subject's own days, or without any as the mean of the parts that have a grade."""
    if inputs.window is None:
        return _mean("expected", [part for part in weighing if part.grade is not None], steps)
    expected, step = pace.expected_step(inputs.window)
    steps.append(step)
    return expected


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
