"""Cases about figures beside the grade: marks from each other, statuses and weights of parts, levels of a scale."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from okr.domain.marks import Marks, completed
from okr.domain.ruleset import Ruleset
from okr.domain.status_roll_up import status_of_parts
from okr.domain.values import Commitment, Kind, Measure, Reading, Status
from vectors.answers import Answer, Answers, answered, letters
from vectors.cases import Case
from vectors.given import Unsayable, a_list, a_number, numbers
from vectors.subjects import key_result
from vectors.systems import System

_STATUSES = {"completed": Status.ACHIEVED, "done": Status.ACHIEVED, "not_started": Status.PENDING}


def _marks(case: Case, _system: System, rules: Ruleset) -> Answer:
    given = numbers(case.inputs, "inputs")
    shares = numbers(case.zones, "zones")
    marks = Marks(
        given.get("baseline", given.get("start")), given.get("commit"), given.get("target"), given.get("stretch")
    )
    at = Marks(Decimal(0), shares.get("commit"), shares.get("target"), shares.get("stretch", Decimal(1)))
    found = completed(marks, at) if case.zones else completed(marks)
    return Answer(values={**found._asdict(), "baseline": found.start}, why=f"marks {found}")


def _statuses(case: Case, _system: System, rules: Ruleset) -> Answer:
    told = [str(one).casefold() for one in a_list(case.inputs.get("children"), "children") if one is not None]
    if told and set(told) <= {"cancelled", "canceled"}:
        raise Unsayable("what is cancelled has no status here")
    known = {**_STATUSES, **{status.value: status for status in Status}}
    if not set(told) <= set(known):
        raise Unsayable(f"no status is called {', '.join(set(told) - set(known))}")
    status = status_of_parts(known[one] for one in told)
    words = {level.status: level.label for level in reversed(rules.pace.levels)} | dict(rules.pace.words)
    return Answer(word=None if status is None else words.get(status, status.value), why=f"status {status}")


def _weight_shares(case: Case, _system: System, _rules: Ruleset) -> list[Answer]:
    total = sum(case.weights or ())
    if not total:
        raise Unsayable("the weights add up to nothing")
    return [Answer(share=weight / total) for weight in case.weights or ()]


def _level(case: Case, _system: System, rules: Ruleset) -> Answer:
    """A score on one scale shown on another, which may have as many levels as the case says."""
    score, levels = a_number(case.inputs.get("score"), "score"), a_number(case.inputs.get("from_levels"), "from_levels")
    if rules.scale is None:
        raise Unsayable("the rules have no scale")
    high = case.inputs.get("to_levels")
    rules = rules if high is None else replace(rules, scale=replace(rules.scale, high=a_number(high, "to_levels")))
    return answered(key_result(Measure(Kind.REACH, Decimal(1), levels), Reading(score)), rules)


def _success_line(case: Case, _system: System, rules: Ruleset) -> Answer:
    """The grade that is expected of a promise that one of the inputs names."""
    named = {letters(str(one)) for one in case.inputs.values()}
    promises = [one for one in Commitment if one.value in named]
    if len(promises) != 1:
        raise Unsayable("names no promise: committed, aspirational or learning")
    return Answer(share=rules.success_line(promises[0]), why=f"preset {rules.key}, success line")


TRANSLATIONS: dict[str, Callable[[Case, System, Ruleset], Answers]] = {
    "zone_derivation": _marks,
    "success_line": _success_line,
    "success_threshold": _success_line,
    "expected_grade": _success_line,
    "status_rollup": _statuses,
    "weight_share": _weight_shares,
    "scale_normalisation": _level,
}
