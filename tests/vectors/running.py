"""A case against the rules."""

from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from okr.domain.ruleset import Ruleset
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.presets import preset
from vectors.answers import Answer, matches
from vectors.cases import Case
from vectors.given import Unsayable
from vectors.systems import system_named
from vectors.translation import translated


class Verdict(NamedTuple):
    """Whether the rules give what the case expects, and both as text."""

    is_reproduced: bool
    expected: str
    got: str
    why: str


@cache
def rules_of(key: str) -> Ruleset:
    """The compiled preset."""
    return compile_ruleset(preset(key), key=key, version=1)


def judged(case: Case) -> Verdict:
    """The verdict on a case; never raises for one that was read."""
    expected = _shown(case.expected)
    system = system_named(case.system)
    if system is None:
        return Verdict(False, expected, "nothing", f"no preset speaks for {case.system!r}")
    try:
        answer = translated(case, system, rules_of(system.preset_for(case.kind)))
        is_reproduced, got = matches(case.expected, case.unit, answer)
    except Unsayable as error:
        return Verdict(False, expected, "nothing", str(error))
    except ArithmeticError as error:
        return Verdict(False, expected, "nothing", f"the numbers are out of all bounds ({type(error).__name__})")
    last = answer[-1] if isinstance(answer, list) and answer else answer
    return Verdict(is_reproduced, expected, _shown(got), last.why if isinstance(last, Answer) else "")


def _shown(value: Any) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
        case None:
            return "nothing"
        case _:
            return str(value)
