"""A person with pencil and paper: redoes a step from nothing but its facts and terms, in exact fractions.

Shares no arithmetic with the service, so that agreement says something about both.
"""

from decimal import Decimal
from fractions import Fraction

from okr.domain.values import Graded, Step

NOT_IN_A_GRADE = {"value", "ahead"}


def redo(step: Step) -> Fraction:
    """The step's outcome before rounding."""
    fact = {name: Fraction(one) for name, one in step.facts.items() if isinstance(one, Decimal)}
    weighed = [(Fraction(term.weight), Fraction(getattr(term, step.number))) for term in step.terms]
    match step.name:
        case "way":
            return (fact["value"] - fact["start"]) / (fact["target"] - fact["start"])
        case "threshold":
            at_least = step.facts["comparison"] == "at_least"
            return Fraction(fact["value"] >= fact["target"] if at_least else fact["value"] <= fact["target"])
        case "band":
            outside = max(fact["low"] - fact["value"], fact["value"] - fact["high"], Fraction(0))
            return 1 - outside / (fact["high"] - fact["low"])
        case "guardrail":
            return Fraction(fact.get("low", fact["value"]) <= fact["value"] <= fact.get("high", fact["value"]))
        case "binary":
            return Fraction(fact["value"] >= 1)
        case "milestones":
            return fact["done_weight"] / fact["total_weight"]
        case "zone":
            return fact["zone_grade"]
        case "formula":
            return redo_formula(str(step.facts["op"]), weighed)
        case "bounds":
            lifted = max(fact["raw"], fact.get("floor", fact["raw"]))
            return min(lifted, fact.get("cap", lifted))
        case "as_progress":
            assert step.before is not None
            return Fraction(step.before)
        case "curve":
            share = (fact["value"] - fact["from"]) / (fact["to"] - fact["from"])
            return fact["grade_from"] + share * (fact["grade_to"] - fact["grade_from"])
        case "curve_end":
            return fact["mark_grade"]
        case "days":
            return fact["days_ended"] / fact["days"]
        case "weighted_mean":
            return sum(weight * one for weight, one in weighed) / sum(weight for weight, _ in weighed)
        case "guardrail_cap":
            assert step.before is not None
            return min(Fraction(step.before), fact["cap"])
        case "pace":
            return fact["progress"] - fact["expected"]
    raise AssertionError(f"nobody knows how to redo {step.name}")


def redo_formula(op: str, weighed: list[tuple[Fraction, Fraction]]) -> Fraction:
    values = [value for _, value in weighed]
    if op == "mean":
        return sum(weight * value for weight, value in weighed) / sum(weight for weight, _ in weighed)
    return {"sum": sum, "min": min, "max": max}[op](values)


def twelve_places(exact: Fraction) -> Fraction:
    """Python rounds a fraction half-even to a whole number, exactly."""
    return Fraction(round(exact * 10**12), 10**12)


def check_that_it_replays(graded: Graded) -> None:
    """Every step follows from its facts and from the step before it, and the last of each number is the grade's."""
    last: dict[str, Decimal] = {}
    for step in graded.steps:
        assert twelve_places(Fraction(step.after)) == twelve_places(redo(step)), step
        comes_from = {"raw": "value", "progress": "raw", "ahead": "progress"}.get(step.number)
        if step.number == "grade" and step.name != "weighted_mean":
            comes_from = "grade" if step.name == "guardrail_cap" else "progress"
        if step.before is not None and comes_from in last:
            assert step.before == last[comes_from], step
        last[step.number] = step.after
    grade = graded.grade
    for number in ("raw", "progress", "grade", "expected"):
        assert last.get(number) == getattr(grade, number), number
    for number in last.keys() - NOT_IN_A_GRADE:
        assert last[number] == getattr(grade, number), number
    paced = [step.facts["status"] for step in graded.steps if step.name == "pace"]
    assert paced in ([], [grade.status])
