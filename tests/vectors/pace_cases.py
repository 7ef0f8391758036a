"""Cases about where a subject should be by now."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from okr.domain.pace import expected_by
from okr.domain.ruleset import Ruleset
from okr.domain.values import Window
from vectors.answers import Answer, Answers, answered
from vectors.cases import Case
from vectors.given import Unsayable, a_number, numbers
from vectors.subjects import STARTS_ON, paced
from vectors.systems import System

_HALF = Decimal("0.5")
_TENTH = Decimal("0.1")
_HUNDRED = Decimal(100)
_PROGRESS = ("progress", "actual", "percent", "actual_progress", "score")
_EXPECTED = ("expected", "time_elapsed", "elapsed", "expected_progress", "ideal", "projected")
_RATIOS = ("actual_over_ideal", "actual_over_projected", "actual_over_expected", "relative_progress", "ratio")


def _status(case: Case, system: System, rules: Ruleset) -> Answer:
    """By progress and what is expected, by the gap between them, or by their ratio."""
    given = case.inputs
    progress, expected = _share(given, _PROGRESS, system.whole), _share(given, _EXPECTED, system.whole)
    if progress is not None:
        return answered(paced(progress, _HALF if expected is None else expected), rules)
    gap = _share(given, ("gap", "behind"), system.whole)
    if gap is not None:
        expected = max(gap, _HALF)
        return answered(paced(expected - gap, expected), rules)
    ahead = _share(given, ("diff", "difference"), system.whole)
    if ahead is not None:
        expected = max(-ahead, _HALF)
        return answered(paced(expected + ahead, expected), rules)
    ratio = _share(given, _RATIOS, Decimal(1))
    if ratio is not None:
        # A tenth is expected, so that well ahead is not yet achieved.
        return answered(paced(ratio * _TENTH, _TENTH), rules)
    raise Unsayable(f"says neither progress nor how far behind: {', '.join(given) or 'nothing'}")


def _share(given: Mapping[str, Any], names: tuple[str, ...], whole: Decimal) -> Decimal | None:
    """A share under one of the names, written as the system writes shares, or as a percentage under NAME_percent."""
    for name in names:
        if given.get(name) is not None:
            return a_number(given[name], name) / (_HUNDRED if name == "percent" else whole)
        if given.get(f"{name}_percent") is not None:
            return a_number(given[f"{name}_percent"], name) / _HUNDRED
    return None


_STANDING = {
    "completed": Decimal(1),
    "achieved": Decimal(1),
    "on_track": _HALF,
    "not_started": _HALF,
    "at_risk": Decimal("0.4"),
    "off_track": Decimal(0),
    "blocked": Decimal(0),
}
"""Half is expected: how much progress each status stands for. What is blocked gets nowhere."""


def _risk(case: Case, system: System, rules: Ruleset) -> Answer:
    status = str(case.inputs.get("status") or "on_track").casefold()
    if status not in _STANDING:
        raise Unsayable(f"no progress stands for the status {status!r}")
    if {name for name in case.inputs if "threshold" in str(name).casefold()}:
        raise Unsayable("the threshold is the preset's")
    confidence = case.inputs.get("confidence")
    share = None if confidence is None else a_number(confidence, "confidence") / system.whole
    return answered(paced(_STANDING[status], _HALF, confidence=share), rules, flag="at_risk")


def _expected(case: Case, _system: System, rules: Ruleset) -> Answer:
    """What is due after so many days of so many."""
    days = numbers(case.inputs, "inputs")
    ended = next((days[name] for name in days if "elapsed" in name), None)
    total = next((days[name] for name in days if "total" in name or "duration" in name), None)
    if ended is None or total is None or not 0 <= ended <= total <= 100_000 or total < 1:
        raise Unsayable("says no days that have ended, and of how many")
    window = Window(STARTS_ON, STARTS_ON + timedelta(days=int(total) - 1), STARTS_ON + timedelta(days=int(ended) - 1))
    return Answer(share=expected_by(window, rules.pace), why=f"preset {rules.key}, {ended} of {total} days")


TRANSLATIONS: dict[str, Callable[[Case, System, Ruleset], Answers]] = {
    "pace_status_difference": _status,
    "pace_status_ratio": _status,
    "pace_status_zero_tolerance": _status,
    "pace_status_absolute": _status,
    "status_by_progress": _status,
    "at_risk_flag": _risk,
    "expected_progress": _expected,
}
