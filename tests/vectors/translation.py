"""From a case to subjects: by its kind and its fields, the same way for every system."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from okr.domain.ruleset import Bounds, Ruleset
from okr.domain.values import Kind, Measure, Milestone, Reading
from vectors import helpers, pace_cases, parts
from vectors.answers import Answers, answered, letters
from vectors.cases import Case
from vectors.given import Unsayable, a_number, numbers
from vectors.subjects import key_result
from vectors.systems import System

Translation = Callable[[Case, System, Ruleset], Answers]
_DONE = frozenset({"done", "yes", "true", "achieved", "completed", "complete", "closed"})
_NOT_DONE = frozenset({"open", "no", "false", "notdone", "undone", "todo", "incomplete", "notachieved", "notstarted"})
_KINDS = {
    "reduce": Kind.DECREASE,
    "move": Kind.REACH,
    "linear": Kind.REACH,
    "maintain": Kind.AT_LEAST,
    "threshold_flat": Kind.AT_LEAST,
    "threshold_above": Kind.AT_LEAST,
    "threshold_below": Kind.AT_MOST,
    "at_least_distance": Kind.AT_LEAST,
    "at_most_distance": Kind.AT_MOST,
    "ratio_to_target": Kind.INCREASE,
    "ratio_to_target_descending": Kind.DECREASE,
    "piecewise_interpolated": Kind.REACH,
    "piecewise_steps": Kind.REACH,
    "cumulative_period": Kind.INCREASE,
    "self_assessment_override": Kind.REACH,
    "zones": Kind.REACH,
    **{kind.value: kind for kind in Kind},
}


def translated(case: Case, system: System, rules: Ruleset) -> Answers:
    """What the rules make of the case. Raises Unsayable with the reason where its inputs make no subject."""
    special = _SPECIAL.get(case.kind)
    if special is not None:
        return special(case, system, rules)
    name = case.kind.removeprefix("series_")
    kind = system.calls.get(name) or _KINDS.get(name)
    if kind is None:
        raise Unsayable(f"nothing here measures {case.kind!r}")
    return _measured(case, kind, rules)


def _measured(case: Case, kind: Kind, rules: Ruleset) -> Answers:
    measure = _measure(case, kind)
    if case.inputs.get("clamp", case.inputs.get("clamped")) is False:
        # Some systems offer the number without its bounds beside the one with them.
        rules = replace(rules, bounds=dict.fromkeys(rules.bounds, Bounds()))
    if isinstance(case.current, list):
        return [answered(key_result(measure, _reading(kind, one)), rules) for one in case.current]
    return answered(key_result(measure, _reading(kind, case.current)), rules)


def _reading(kind: Kind, current: Any) -> Reading | None:
    if current is None:
        return None
    if kind is Kind.ORDINAL:
        return Reading(zone=str(current))
    if isinstance(current, bool):
        return Reading(Decimal(current))
    if isinstance(current, str):
        word = letters(current)
        if word not in _DONE | _NOT_DONE:
            raise Unsayable(f"the value {current!r} is no number")
        return Reading(Decimal(word in _DONE))
    return Reading(a_number(current, "current"))


def _measure(case: Case, kind: Kind) -> Measure:
    zones = numbers(case.zones, "zones")
    low, high = zones.get("low"), zones.get("high")
    if kind is Kind.BAND and low is None and high is None and case.start is not None and case.target is not None:
        low, high = sorted((case.start, case.target))
    if low is not None or high is not None:
        return Measure(kind, case.start, case.target, band_low=low, band_high=high)
    commit, stretch = zones.get("commit", zones.get("lower")), zones.get("stretch", zones.get("super"))
    if not zones:
        return Measure(kind, case.start, case.target)
    if _are_shares(zones, case.target):
        return _by_shares(case, kind, commit=commit, target=zones.get("target"))
    return Measure(kind, case.start, zones.get("target", case.target), commit=commit, stretch=stretch)


def _are_shares(zones: dict[str, Decimal], end: Decimal | None) -> bool:
    """Whether the zones say how far along the way to the end they lie, and not which values they have."""
    return zones.get("stretch") == 1 != end and all(0 <= one <= 1 for one in zones.values())


def _by_shares(case: Case, kind: Kind, *, commit: Decimal | None, target: Decimal | None) -> Measure:
    start, end = case.start, case.target
    if start is None or end is None:
        return Measure(kind, start, end)
    values = [None if share is None else start + share * (end - start) for share in (commit, target)]
    return Measure(kind, start, values[1], commit=values[0], stretch=end)


def _milestones(case: Case, _system: System, rules: Ruleset) -> Answers:
    done = case.inputs.get("done", case.current)
    if not isinstance(done, list):
        raise Unsayable("a list of what is done is needed")
    weights = parts.weights_of(case, len(done))
    milestones = tuple(
        Milestone(str(number), weight, done=is_done is True)
        for number, (weight, is_done) in enumerate(zip(weights, done, strict=True))
    )
    return answered(key_result(Measure(Kind.MILESTONE, milestones=milestones), Reading()), rules)


_SPECIAL: dict[str, Translation] = {
    "milestone_weighted": _milestones,
    "milestone": _milestones,
    **parts.TRANSLATIONS,
    **pace_cases.TRANSLATIONS,
    **helpers.TRANSLATIONS,
}
