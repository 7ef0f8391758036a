"""A person with pencil and paper: redoes a step from nothing but its facts and terms, in exact fractions.

Shares no arithmetic with the service, so that agreement says something about both.
"""

import math
import statistics
from decimal import Decimal
from fractions import Fraction

from okr.domain.values import Graded, Operand, Part, Provenance, Step

NOT_IN_A_GRADE = {"value", "ahead"}
FROM_PROGRESS = {"as_progress", "curve", "curve_end"}


def redo(step: Step) -> Fraction:
    """The step's outcome before rounding."""
    fact = {name: Fraction(one) for name, one in step.facts.items() if isinstance(one, Decimal)}
    equal = "weights" in step.facts
    weighed = [(Fraction(1 if equal else term.weight), counted(step, term)) for term in step.terms]
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
        case "days" if step.facts["expectation"] == "phased":
            return Fraction(step.after)  # the phases are the rules' own figures
        case "days":
            return expected_at(str(step.facts["expectation"]), fact["days_ended"] / fact["days"])
        case "ratio":
            return redo_ratio(str(step.facts["method"]), fact["value"], fact["target"])
        case "share":
            return fact["value"]
        case "flat" | "missing" | "stands_in" | "empty" | "condition_failed":
            return Fraction(step.after)  # the rules' own figure
        case "periods":
            return Fraction(step.after)  # the values are not among the facts
        case "kept_periods":
            return fact["kept"] / fact["periods"]
        case "combined":
            return redo_combined(str(step.facts["how"]), [one for _, one in weighed])
        case "late":
            assert step.before is not None
            if "cap" in fact:
                return min(Fraction(step.before), fact["cap"])
            lost = Fraction(step.before) - fact["periods_late"] * fact["decay"]
            return max(lost, min(Fraction(step.before), Fraction(0)))
        case "adjustment":
            return redo_adjustment(step, fact.get("amount"))
        case "grade_bounds":
            assert step.before is not None
            lifted = max(Fraction(step.before), fact.get("floor", Fraction(step.before)))
            return min(lifted, fact.get("cap", lifted))
        case "rounding":
            return redo_rounding(step, int(fact["places"]))
        case "weighted_mean":
            return sum(weight * one for weight, one in weighed) / sum(weight for weight, _ in weighed)
        case "guardrail_cap":
            assert step.before is not None
            return min(Fraction(step.before), fact["cap"])
        case "override":
            return fact["said"]
        case "pace":
            return redo_pace(str(step.facts["compare"]), fact["progress"], fact["expected"])
    raise AssertionError(f"nobody knows how to redo {step.name}")


def counted(step: Step, term: Part | Operand) -> Fraction:
    """What a term counts with: nothing as zero, and no more or less than the rules let a part count."""
    number = getattr(term, step.number)
    value = Fraction(0 if number is None else number)
    low, high = step.facts.get("part_floor"), step.facts.get("part_cap")
    value = value if low is None else max(value, Fraction(low))
    return value if high is None else min(value, Fraction(high))


def expected_at(expectation: str, share: Fraction) -> Fraction:
    if expectation == "front_loaded":
        return 1 - (1 - share) ** 2
    return share**2 if expectation == "back_loaded" else share


def redo_ratio(method: str, value: Fraction, target: Fraction) -> Fraction:
    if method == "inverse_ratio":
        return target / value
    return 2 - value / target if method == "remainder" else value / target


def redo_combined(how: str, values: list[Fraction]) -> Fraction:
    if how == "median":
        return Fraction(statistics.median(values))
    return {"sum": sum, "min": min, "max": max}[how](values)


def redo_adjustment(step: Step, amount: Fraction | None) -> Fraction:
    assert step.before is not None
    before = Fraction(step.before)
    match step.facts["op"]:
        case "scale":
            return before * amount
        case "shift":
            return before + amount
        case "cap":
            return min(before, amount)
        case "floor":
            return max(before, amount)
    return before


def redo_rounding(step: Step, places: int) -> Fraction:
    assert step.before is not None
    exact = Fraction(step.before) * 10**places
    below = math.floor(exact)
    rest, away = exact - below, exact < 0
    match step.facts["mode"]:
        case "down":
            whole = below
        case "up":
            whole = math.ceil(exact)
        case "half_up":
            whole = below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and not away))
        case "half_down":
            whole = below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and away))
        case _:
            whole = round(exact)
    return Fraction(whole, 10**places)


def redo_pace(compare: str, progress: Fraction, expected: Fraction) -> Fraction:
    if compare == "difference":
        return progress - expected
    if compare == "absolute":
        return progress
    return progress / expected if expected else max(progress, Fraction(1))


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
    paced_by = "grade" if graded.grade.provenance is Provenance.OVERRIDE else "progress"
    for step in graded.steps:
        assert twelve_places(Fraction(step.after)) == twelve_places(redo(step)), step
        comes_from = {"raw": "value", "progress": "raw", "ahead": paced_by}.get(step.number)
        if step.number == "grade" and step.name != "weighted_mean":
            comes_from = "progress" if step.name in FROM_PROGRESS else "grade"
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
