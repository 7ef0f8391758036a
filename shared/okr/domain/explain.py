"""A step of a grade in plain words and figures, so that a person can redo it by hand."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from okr.domain.numbers import ONE, ZERO, clamp, places12
from okr.domain.values import Operand, Part, Step

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
    weighed = [(ONE if "weights" in step.facts else term.weight, _counted(step, term)) for term in step.terms]
    products = " + ".join(f"{_operand(one)} × {_figure(weight)}" for weight, one in weighed)
    weights = " + ".join(_figure(weight) for weight, _ in weighed)
    return f"({products}) ÷ ({weights}) = {_after(step)}"


def _counted(step: Step, term: Part | Operand) -> Decimal:
    """What a part counts with: zero where it has nothing and the rules count that, no more than the rules let a part count."""
    floor, cap = (step.facts.get(name) for name in ("part_floor", "part_cap"))
    number: Decimal = getattr(term, step.number) or ZERO
    return clamp(number, floor if isinstance(floor, Decimal) else None, cap if isinstance(cap, Decimal) else None)


def _combined(step: Step) -> str:
    return f"{_fact(step, 'how')} of {', '.join(_figure(_counted(step, term)) for term in step.terms)} = {_after(step)}"


def _ratio(step: Step) -> str:
    value, target = _fact(step, "value"), _fact(step, "target")
    match step.facts["method"]:
        case "inverse_ratio":
            return f"{target} ÷ {value} = {_after(step)}"
        case "remainder":
            return f"2 − {value} ÷ {target} = {_after(step)}"
        case _:
            return f"{value} ÷ {target} = {_after(step)}"


def _days(step: Step) -> str:
    ended = f"{_fact(step, 'days_ended')} of {_fact(step, 'days')} days have ended"
    expectation = _fact(step, "expectation").replace("_", " ")
    return f"{ended}: {_after(step)}" if expectation == "linear" else f"{ended}, {expectation}: {_after(step)}"


def _late(step: Step) -> str:
    late = f"{_fact(step, 'periods_late')} periods late"
    if "cap" in step.facts:
        return f"{late}, at most {_fact(step, 'cap')}: {_after(step)}"
    return f"{late}, {_fact(step, 'decay')} off for each: {_after(step)}"


def _adjustment(step: Step) -> str:
    amount = step.facts["amount"]
    figure = f" {_figure(amount)}" if isinstance(amount, Decimal) else ""
    return f"{_fact(step, 'reason')}: {_fact(step, 'op')}{figure} where {_fact(step, 'when')}: {_after(step)}"


def _grade_bounds(step: Step) -> str:
    edges = {"no lower than": step.facts["floor"], "no higher than": step.facts["cap"]}
    kept = ", ".join(f"{word} {_figure(edge)}" for word, edge in edges.items() if isinstance(edge, Decimal))
    return f"grades are {kept}: {_after(step)}"


def _pace(step: Step) -> str:
    progress, expected = _fact(step, "progress"), _fact(step, "expected")
    compared = {
        "difference": f"{progress} − {expected} = {_after(step)}",
        "ratio": f"{progress} ÷ {expected} = {_after(step)}",
        "absolute": f"{_after(step)}",
    }[_fact(step, "compare")]
    return f"{compared}: {_fact(step, 'status')} ({_fact(step, 'levels')})"


def _bounds(step: Step) -> str:
    edges = {"no lower than": step.facts["floor"], "no higher than": step.facts["cap"]}
    kept = ", ".join(f"{word} {_figure(edge)}" for word, edge in edges.items() if isinstance(edge, Decimal))
    return f"{_fact(step, 'raw')}, {kept or 'unbounded'}: {_after(step)}"


def _curve(step: Step) -> str:
    value, low, high, low_grade, high_grade = (
        _fact(step, name) for name in ("value", "from", "to", "grade_from", "grade_to")
    )
    return f"{low_grade} + ({value} − {low}) × ({high_grade} − {low_grade}) ÷ ({high} − {low}) = {_after(step)}"


def _override(step: Step) -> str:
    """Whose word it is and why, and what the rules say beside it."""
    who, why = step.facts["person"] or "a person", step.facts["reason"]
    reason = f": «{why}»" if why else ""
    rules = "the rules say nothing" if step.before is None else f"the rules say {_figure(step.before)}"
    return f"{who} said {_after(step)}{reason}; {rules}"


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
    "days": _days,
    "weighted_mean": _mean,
    "guardrail_cap": lambda step: (
        f"guardrail broken ({_fact(step, 'broken')}), at most {_fact(step, 'cap')}: {_after(step)}"
    ),
    "override": _override,
    "pace": _pace,
    "ratio": _ratio,
    "share": lambda step: f"the value is the share: {_after(step)}",
    "flat": lambda step: (
        f"start and target are both {_fact(step, 'target')}, {_fact(step, 'value')} counts by the rule "
        f"{_fact(step, 'rule')}: {_after(step)}"
    ),
    "missing": lambda step: f"no value yet, taken for it ({_fact(step, 'taken')}): {_after(step)}",
    "stands_in": lambda step: f"{_fact(step, 'because')}, for which the rules say {_after(step)}",
    "periods": lambda step: f"{_fact(step, 'of')} of {_fact(step, 'periods')} periods with a value: {_after(step)}",
    "kept_periods": lambda step: f"kept in {_fact(step, 'kept')} of {_fact(step, 'periods')} periods: {_after(step)}",
    "combined": _combined,
    "empty": lambda step: f"nothing to combine, for which the rules say {_after(step)}",
    "late": _late,
    "adjustment": _adjustment,
    "condition_failed": lambda step: (
        f"skipped, for the condition {_fact(step, 'when')} failed: {_fact(step, 'error')}; still {_after(step)}"
    ),
    "grade_bounds": _grade_bounds,
    "rounding": lambda step: (
        f"rounded to {_fact(step, 'places')} places ({_fact(step, 'mode').replace('_', ' ')}): {_after(step)}"
    ),
}
