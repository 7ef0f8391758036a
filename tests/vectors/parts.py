"""Cases about wholes and their parts: means, shares of periods, bands of sets."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from okr.domain.grading import grade
from okr.domain.ruleset import Ruleset
from okr.domain.values import Formula, FormulaOp, Grade, Kind, Measure, Milestone, Operand, Reading, SubjectKind
from vectors.answers import Answer, Answers, answered, by_confidence
from vectors.cases import Case
from vectors.given import Unsayable, a_list, a_number, numbers
from vectors.subjects import Child, key_result, objective, paced
from vectors.systems import System

_ONE = Decimal(1)
_HUNDRED = Decimal(100)
_GONE = ("deleted", "archived", "cancelled", "canceled")


def weights_of(case: Case, count: int) -> list[Decimal]:
    """The weights of so many parts; 1 each where the case names none."""
    if case.weights is None:
        return [_ONE] * count
    if len(case.weights) != count:
        raise Unsayable(f"{len(case.weights)} weights for {count} parts")
    return [a_number(one, "weights") for one in case.weights]


def _mean(case: Case, system: System, rules: Ruleset) -> Answer:
    return answered(objective(_children(case, system, rules)), rules)


def _children(case: Case, system: System, rules: Ruleset) -> list[Child]:
    """Key results by their scores or by their values, aligned objectives by their scores, a check list as one key result more."""
    given = case.inputs
    if not {"scores", "progress", "targets", "key_results", "children", "checks"} & set(given):
        raise Unsayable("says no scores and no targets")
    told: list[tuple[Any, SubjectKind]] = [
        (one, kind)
        for name, kind in _LISTS.items()
        for one in a_list([] if given.get(name) is None else given[name], name)
    ]
    weights = weights_of(case, len(told))
    children = [
        Child(kind, _weight(one, weight), _graded(one, system, rules))
        for (one, kind), weight in zip(told, weights, strict=True)
        if not _is_gone(one)
    ]
    checks = given.get("checks")
    if isinstance(checks, dict):
        made = grade(key_result(_checklist(checks), Reading()), rules)
        children.append(Child(SubjectKind.KEY_RESULT, _ONE, made))
    return children


_LISTS = {
    "scores": SubjectKind.KEY_RESULT,
    "progress": SubjectKind.KEY_RESULT,
    "targets": SubjectKind.KEY_RESULT,
    "key_results": SubjectKind.KEY_RESULT,
    "children": SubjectKind.OBJECTIVE,
}


def _is_gone(given: Any) -> bool:
    """Whether it has been taken out of the set."""
    return isinstance(given, dict) and any(given.get(name) is True for name in _GONE)


def _weight(given: Any, weight: Decimal) -> Decimal:
    own = given.get("weight") if isinstance(given, dict) else None
    return weight if own is None else a_number(own, "weight")


def _graded(given: Any, system: System, rules: Ruleset) -> Grade:
    """A child that stands at a score, or at a value between a start and a target."""
    start, target, value = Decimal(0), system.whole, given
    if isinstance(given, dict):
        value = _first(given, "v", "value", "current", "score", "progress")
        if {"from", "start", "baseline", "to", "target"} & set(given):
            start, target = _first(given, "from", "start", "baseline"), _first(given, "to", "target")
    told = numbers({"start": start, "target": target, "value": value}, "a part's")
    measure = Measure(Kind.REACH, told.get("start"), told.get("target"))
    return grade(key_result(measure, Reading(told["value"]) if "value" in told else None), rules)


def _first(given: dict[str, Any], *names: str) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _sum(case: Case, _system: System, rules: Ruleset) -> Answer:
    """A key result that is the sum of others' values."""
    values = next((one for one in case.inputs.values() if isinstance(one, list)), case.current)
    operands = tuple(
        Operand(str(number), None if one is None else a_number(one, "values"))
        for number, one in enumerate(a_list(values, "values"))
    )
    formula = Formula(FormulaOp.SUM, tuple(one.id for one in operands))
    measure = Measure(Kind.COMPOSITE, case.start, case.target, formula=formula)
    return answered(key_result(measure, Reading(operands=operands)), rules)


def _checklist(checks: dict[str, Any]) -> Measure:
    figures = numbers(checks, "checks")
    total, done = int(figures.get("total", 0)), int(figures.get("done", 0))
    if not 0 <= done <= total <= 1000:
        raise Unsayable("a check list has so many of so many done")
    return Measure(Kind.MILESTONE, milestones=tuple(Milestone(str(one), done=one < done) for one in range(total)))


def _days(case: Case, system: System, rules: Ruleset) -> list[Answer]:
    """The mean of several series, day by day."""
    series = [a_list(one, "series") for one in a_list(case.inputs.get("series"), "series")]
    answers = []
    for day in zip(*series, strict=False):
        children = [Child(SubjectKind.KEY_RESULT, _ONE, _graded(one, system, rules)) for one in day]
        answers.append(answered(objective(children), rules))
    return answers


def _carried_forward(case: Case, system: System, rules: Ruleset) -> list[Answer]:
    """Day by day the value last told, with the start and target of its day."""
    days = int(a_number(case.inputs.get("days"), "days"))
    told = [numbers(one, "history") for one in a_list(case.inputs.get("history"), "history") if isinstance(one, dict)]
    if not 0 <= days <= 1000:
        raise Unsayable("a history has up to 1000 days")
    answers = []
    for day in range(days):
        last = max(
            (one for one in told if one.get("day", Decimal(0)) <= day), key=lambda one: one.get("day", 0), default={}
        )
        value = last.get("value", last.get("current"))
        measure = Measure(Kind.REACH, last.get("start", case.start), last.get("target", case.target))
        answers.append(answered(key_result(measure, None if value is None else Reading(value)), rules))
    return answers


def _portfolio(case: Case, _system: System, rules: Ruleset) -> Answer:
    return answered(paced(_share(case, "mean_score", "score"), Decimal(0)), rules)


def _colour(case: Case, _system: System, rules: Ruleset) -> Answer:
    measure = Measure(Kind.INCREASE, Decimal(0), _ONE)
    return answered(key_result(measure, Reading(_share(case, "score", "grade"))), rules)


def _confidence(case: Case, _system: System, rules: Ruleset) -> Answer:
    return by_confidence(paced(Decimal(0), Decimal(0), confidence=_share(case, "mean_confidence", "confidence")), rules)


def _share(case: Case, *names: str) -> Decimal:
    """A share of one under one of the names, or as a percentage under NAME_percent."""
    for name in names:
        if case.inputs.get(name) is not None:
            return a_number(case.inputs[name], name)
        if case.inputs.get(f"{name}_percent") is not None:
            return a_number(case.inputs[f"{name}_percent"], name) / _HUNDRED
    raise Unsayable(f"says no {names[0]}")


def _kept_periods(case: Case, _system: System, rules: Ruleset) -> list[Answer]:
    """Periods in which something was kept, of all: counted, or value by value, one answer after each."""
    given = numbers({name: case.inputs.get(name) for name in ("periods_met", "periods")}, "inputs")
    if any(not 0 <= one <= 1000 for one in given.values()) or given.get("periods") == 0:
        raise Unsayable("there are 1 to 1000 periods")
    values: list[Decimal | None] = []
    if "periods_met" in given:
        met, count = int(given["periods_met"]), int(given.get("periods", given["periods_met"]))
        values += [_ONE] * met + [Decimal(0)] * (count - met)
        measure = Measure(Kind.BAND, band_low=_ONE, band_high=Decimal(2))
        return [_after(values, measure, count, rules)]
    values = [None if one is None else a_number(one, "current") for one in a_list(case.current, "current")]
    zones = numbers(case.zones, "zones")
    measure = Measure(Kind.BAND, band_low=zones.get("low", case.target), band_high=zones.get("high"))
    planned = int(given.get("periods", Decimal(len(values))))
    return [_after(values[:ended], measure, planned, rules) for ended in range(1, len(values) + 1)]


def _after(values: list[Decimal | None], measure: Measure, planned: int, rules: Ruleset) -> Answer:
    last = next((one for one in reversed(values) if one is not None), None)
    return answered(key_result(measure, Reading(last, periods=tuple(values)), periods=planned), rules)


def _on_track(case: Case, system: System, rules: Ruleset) -> Answer:
    progress, confidence = case.inputs.get("progress"), case.inputs.get("confidence")
    if isinstance(progress, Decimal):
        measure = Measure(Kind.INCREASE, Decimal(0), system.whole)
        return answered(key_result(measure, Reading(a_number(progress, "progress"))), rules, flag="on_track")
    share = None if confidence is None else a_number(confidence, "confidence") / system.whole
    children = _children(case, system, rules)
    return answered(objective(children, confidence=share), rules, flag="on_track")


def _points(case: Case, system: System, rules: Ruleset) -> Answer:
    """Levels that were attained, times weights that are percents of a whole; what is not named earned nothing."""
    level = case.inputs.get("performance_level")
    levels = [level] if level is not None else a_list(case.inputs.get("performance_levels"), "performance_levels")
    weights = weights_of(case, len(levels))
    rest = _HUNDRED - sum(weights)
    if rest < 0:
        raise Unsayable("the weights are more than 100 % together")
    made = [_graded(one, system, rules) for one in (*levels, Decimal(0))]
    children = [Child(SubjectKind.KEY_RESULT, *one) for one in zip((*weights, rest), made, strict=True)]
    return answered(objective(children), rules)


TRANSLATIONS: dict[str, Callable[[Case, System, Ruleset], Answers]] = {
    "sum": _sum,
    "cascaded_sum": _sum,
    "mean": _mean,
    "weighted_mean": _mean,
    "history_mean": _days,
    "history_carry_forward": _carried_forward,
    "portfolio_band": _portfolio,
    "grade_colour": _colour,
    "set_confidence_band": _confidence,
    "maintain_periods": _kept_periods,
    "on_track": _on_track,
    "confidence_from_progress": _mean,
    "level_times_weight": _points,
}
