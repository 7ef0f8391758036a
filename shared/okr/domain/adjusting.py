"""What a ruleset's adjustments make of a grade: each asks a condition about the subject, in order, and says what it changed.

A condition that cannot be evaluated is skipped: the grade stands without it, the explanation and a reason say so.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never

from okr.domain.numbers import add, multiply, places12
from okr.domain.ruleset import Adjustment, ConditionFailed, Op, Ruleset
from okr.domain.values import Level, Step

ADJUSTED = "adjusted"
CONDITION_FAILED = "adjustment_failed"


def adjusted(
    grade: Decimal, *, level: Level, context: dict[str, Any], rules: Ruleset, trace: list[Step] | None
) -> tuple[Decimal, tuple[str, ...]]:
    """The grade after the adjustments for its level, and the reasons they leave.

    Reasons are annotations' keys, `adjusted` where the number changed, `adjustment_failed` where a condition could not be
    evaluated. A condition sees `subject.grade` as the adjustments before it left it.
    """
    before, reasons = grade, []
    for one in rules.adjustments:
        if level not in one.levels:
            continue
        try:
            holds = one.when(context)
        except ConditionFailed as error:
            reasons.append(CONDITION_FAILED)
            if trace is not None:
                facts: dict[str, Decimal | str | None] = {"key": one.key, "when": one.text, "error": str(error)}
                trace.append(Step("condition_failed", "grade", grade, grade, facts))
            continue
        if holds:
            after = _changed(grade, one)
            context["subject"]["grade"] = after
            if trace is not None:
                trace.append(_step(one, grade, after))
            grade = after
            if one.op is Op.ANNOTATE:
                reasons.append(one.key)
    if grade != before:
        reasons.append(ADJUSTED)
    return grade, tuple(dict.fromkeys(reasons))


def _changed(grade: Decimal, one: Adjustment) -> Decimal:
    if one.op is Op.ANNOTATE or one.amount is None:
        return grade
    match one.op:
        case Op.SCALE:
            return places12(multiply(grade, one.amount))
        case Op.SHIFT:
            return places12(add(grade, one.amount))
        case Op.CAP:
            return min(grade, places12(one.amount))
        case Op.FLOOR:
            return max(grade, places12(one.amount))
        case op:
            assert_never(op)


def _step(one: Adjustment, before: Decimal, after: Decimal) -> Step:
    facts: dict[str, Decimal | str | None] = {
        "key": one.key,
        "when": one.text,
        "op": one.op.value,
        "amount": one.amount,
        "reason": one.reason,
    }
    return Step("adjustment", "grade", before, after, facts)


def context_of(
    about: Mapping[str, Any] | None,
    *,
    subject: Mapping[str, Any],
    elapsed: Decimal | None,
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """The context of a condition: what is known `about` the subject, and the numbers of its grade so far.

    Missing numbers are None. `subject` and what `about` says of the
    subject are one; `team`, `cycle` and `metric` are there always, None where there is none.
    """
    known = dict(about or {})
    return {
        "subject": {
            **NOTHING_KNOWN,
            **known.get("subject", {}),
            **subject,
        },
        "team": known.get("team"),
        "cycle": known.get("cycle"),
        "metric": known.get("metric"),
        "elapsed": elapsed,
        "counts": counts,
    }


NOTHING_KNOWN: Mapping[str, Any] = {
    "kind": None,
    "measure": None,
    "commitment": None,
    "perspective": None,
    "horizon": None,
    "source": None,
    "tags": [],
    "value_class": None,
    "indicator": None,
    "status": None,
    "raw": None,
    "progress": None,
    "grade": None,
    "confidence": None,
    "coverage": None,
    "expected": None,
    "freshness": None,
    "zone": None,
}
"""Every field of `subject`, without a value."""
