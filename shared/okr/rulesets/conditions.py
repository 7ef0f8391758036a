"""Conditions of adjustments, in CEL, the Common Expression Language: checked at the write, evaluated while grading."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

import cel

from okr.domain.ruleset import ConditionFailed
from okr.rulesets.condition_context import Context, samples
from okr.rulesets.condition_grammar import translated
from okr.rulesets.condition_parts import ConditionRefused

__all__ = ["Condition", "ConditionFailed", "ConditionRefused", "compile_condition"]


class Condition:
    """A checked condition. Equal to another with the same text; travels between processes as its text."""

    def __init__(self, text: str) -> None:
        """Raises ConditionRefused; `compile_condition` keeps the ones already checked."""
        self.text = text
        self._program = _compiled(translated(text))
        for name, context in samples():
            try:
                self.holds(context)
            except ConditionFailed as failure:
                raise ConditionRefused(f"fails {name}: {failure}") from failure

    def holds(self, context: Context) -> bool:
        """Whether it is true in a context (see `condition_context`). Raises ConditionFailed."""
        try:
            answer = self._program.execute(_in_floats(context))
        except Exception as failure:
            raise ConditionFailed(_first_line(failure)) from failure
        if not isinstance(answer, bool):
            raise ConditionFailed(f"gives a {type(answer).__name__}, not true or false")
        return answer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[type["Condition"], tuple[str]]:
        return Condition, (self.text,)


@lru_cache(maxsize=1024)
def compile_condition(text: str) -> Condition:
    """The condition of that text, ready to be evaluated. Raises ConditionRefused with what to write instead.

    Accepts a part of CEL: comparisons, arithmetic, `&& || ! ? : in`, null, lists of literals and the functions of
    `condition_context.FUNCTIONS`. Whatever may be null has to be guarded before it is used.
    """
    return Condition(text)


def _compiled(text: str) -> cel.Program:
    try:
        return cel.compile(text)
    except Exception as failure:
        raise ConditionRefused(f"cannot be read: {_first_line(failure)}") from failure


def _in_floats(context: Context) -> dict[str, object]:
    """The context as the language reads it: a condition compares and never adds up grades, so floats are exact enough."""
    return {name: _in_floats(part) if isinstance(part, Mapping) else _in_float(part) for name, part in context.items()}


def _in_float(value: object) -> object:
    return float(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _first_line(failure: Exception) -> str:
    return (str(failure) or type(failure).__name__).splitlines()[0][:200]
