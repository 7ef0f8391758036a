"""A step of a grade in plain words and figures, so that a person can redo it by hand."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from okr.domain.numbers import ZERO, places12
from okr.domain.values import Step

LISTED_TERMS = 6
"""Up to so many terms a mean is written out; beyond that its two sums say as much, and the step still has the terms."""


def sentence(step: Step) -> str:
    """One line per step, as in `(25 − 40) ÷ (10 − 40) = 0.5`; figures to 12 places.

    Raises KeyError for a name that grading does not make.
    """
    return _SENTENCES[step.name](step)


def _figure(number: Decimal) -> str:
    """Plain digits, no exponent, no trailing zeros, a real minus sign."""
    digits = f"{places12(number):f}".rstrip("0").rstrip(".")
    return digits.replace("-", "−") or "0"


def _operand(number: Decimal) -> str:
    """A figure after an operator: negative ones in parentheses."""
    return f"({_figure(number)})" if number < ZERO else _figure(number)


def _fact(step: Step, name: str) -> str:
    """A fact as it is written after an operator."""
    fact = step.facts[name]
    return _operand(fact) if isinstance(fact, Decimal) else str(fact)


def _after(step: Step) -> str:
    return _figure(step.after)


def _way(step: Step) -> str:
    value, start, target = (_fact(step, name) for name in ("value", "start", "target"))
    return f"({value} − {start}) ÷ ({target} − {start}) = {_after(step)}"


def _threshold(step: Step) -> str:
    kept = bool(step.after)
    sign = {"at_least": "≥", "at_most": "≤"}[_fact(step, "comparison")]
    return f"{_fact(step, 'value')} {sign} {_fact(step, 'target')} is {'kept' if kept else 'not kept'}: {_after(step)}"


def _band(step: Step) -> str:
    value, low, high = (_fact(step, name) for name in ("value", "low", "high"))
    if not step.facts["distance"]:
        return f"{value} lies within {low} … {high}: {_after(step)}"
    return f"{value} lies {_fact(step, 'distance')} outside: 1 − {_fact(step, 'distance')} ÷ ({high} − {low}) = {_after(step)}"


def _guardrail(step: Step) -> str:
    edges = {"from": step.facts["low"], "to": step.facts["high"]}
    bounds = " ".join(f"{word} {_figure(edge)}" for word, edge in edges.items() if isinstance(edge, Decimal))
    return f"{_fact(step, 'value')} lies {'inside' if step.after else 'outside'} the guardrail {bounds}: {_after(step)}"


def _milestones(step: Step) -> str:
    done = _fact(step, "done")
    return f"done: {done or 'none'}; {_fact(step, 'done_weight')} ÷ {_fact(step, 'total_weight')} = {_after(step)}"


def _formula(step: Step) -> str:
    values = [getattr(term, step.number) for term in step.terms]
    match step.facts["op"]:
        case "sum":
            return f"{' + '.join(map(_operand, values))} = {_after(step)}"
        case "mean":
            return _mean(step)
        case op:
            return f"{op} of {', '.join(map(_figure, values))} = {_after(step)}"


def _mean(step: Step) -> str:
    """Written out from the terms, or from the two sums where there are many."""
    if len(step.terms) > LISTED_TERMS and "weighted_sum" in step.facts:
        return f"{_fact(step, 'weighted_sum')} ÷ {_fact(step, 'total_weight')} over {len(step.terms)} = {_after(step)}"
    products = " + ".join(f"{_operand(getattr(term, step.number))} × {_figure(term.weight)}" for term in step.terms)
    weights = " + ".join(_figure(term.weight) for term in step.terms)
    return f"({products}) ÷ ({weights}) = {_after(step)}"


def _bounds(step: Step) -> str:
    edges = {"no lower than": step.facts["floor"], "no higher than": step.facts["cap"]}
    kept = ", ".join(f"{word} {_figure(edge)}" for word, edge in edges.items() if isinstance(edge, Decimal))
    return f"{_fact(step, 'raw')}, {kept or 'unbounded'}: {_after(step)}"


def _curve(step: Step) -> str:
    value, low, high, low_grade, high_grade = (
        _fact(step, name) for name in ("value", "from", "to", "grade_from", "grade_to")
    )
    return f"{low_grade} + ({value} − {low}) × ({high_grade} − {low_grade}) ÷ ({high} − {low}) = {_after(step)}"


_SENTENCES: Mapping[str, Callable[[Step], str]] = {
    "formula": _formula,
    "way": _way,
    "threshold": _threshold,
    "band": _band,
    "guardrail": _guardrail,
    "binary": lambda step: f"{_fact(step, 'value')} is {'a yes' if step.after else 'not a yes'}: {_after(step)}",
    "milestones": _milestones,
    "zone": lambda step: f"zone {_fact(step, 'zone')} counts {_after(step)}",
    "bounds": _bounds,
    "as_progress": lambda step: f"grade is progress: {_after(step)}",
    "curve": _curve,
    "curve_end": lambda step: (
        f"{_fact(step, 'value')} is at or beyond {_fact(step, 'mark')}, the curve's end: {_after(step)}"
    ),
    "days": lambda step: f"{_fact(step, 'days_ended')} of {_fact(step, 'days')} days have ended: {_after(step)}",
    "weighted_mean": _mean,
    "guardrail_cap": lambda step: (
        f"guardrail broken ({_fact(step, 'broken')}), at most {_fact(step, 'cap')}: {_after(step)}"
    ),
    "pace": lambda step: (
        f"{_fact(step, 'progress')} − {_fact(step, 'expected')} = {_after(step)}: {_fact(step, 'status')} "
        f"(on_track from {_fact(step, 'on_track_from')}, at_risk from {_fact(step, 'at_risk_from')})"
    ),
}
