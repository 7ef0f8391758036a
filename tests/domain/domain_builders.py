"""Builders: each says only what its test is about, the rest is an ordinary quarter in 2026, a third of it gone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from okr.domain.grading import grade, graded
from okr.domain.ruleset import STANDARD, Ruleset
from okr.domain.values import (
    Commitment,
    Formula,
    FormulaOp,
    Freshness,
    Grade,
    Graded,
    Inputs,
    KeyResultInputs,
    Kind,
    Measure,
    Milestone,
    Operand,
    Part,
    Reading,
    RollUpInputs,
    SubjectKind,
    Window,
    Zone,
)

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)

Number = int | str | Decimal | None


def number(given: Number) -> Decimal | None:
    """Figures in tests are written as 3 or "0.25"."""
    return None if given is None else Decimal(given)


def numbers(**given: Number) -> dict[str, Decimal | None]:
    return {name: number(one) for name, one in given.items()}


def a_measure(
    kind: Kind | str,
    *,
    milestones: Iterable[Milestone] = (),
    zones: Iterable[Zone] = (),
    formula: Formula | None = None,
    **given: Number,
) -> Measure:
    return Measure(Kind(kind), milestones=tuple(milestones), zones=tuple(zones), formula=formula, **numbers(**given))


def a_reading(
    value: Number = None,
    *,
    zone: str | None = None,
    done: Iterable[str] = (),
    operands: Iterable[Operand] = (),
    confidence: Number = None,
    observed_at: datetime | None = NOW,
) -> Reading:
    return Reading(number(value), zone, frozenset(done), tuple(operands), number(confidence), observed_at)


def a_window(*, ended: int = 30, days: int = 90, is_closed: bool = False) -> Window:
    """A window of so many days, of which so many have ended."""
    starts_on = date(2026, 4, 1)
    return Window(starts_on, starts_on + timedelta(days - 1), starts_on + timedelta(ended - 1), is_closed)


def a_key_result(
    measure: Measure,
    reading: Reading,
    *,
    commitment: Commitment = Commitment.COMMITTED,
    window: Window | None = None,
    instant: datetime = NOW,
    period_days: int = 7,
) -> KeyResultInputs:
    return KeyResultInputs(instant, measure, reading, commitment, window or a_window(), period_days)


def a_part(
    id: str = "a",
    *,
    weight: Number = 1,
    kind: SubjectKind = SubjectKind.KEY_RESULT,
    freshness: Freshness = Freshness.FRESH,
    coverage: Number = 1,
    grade: Number = None,
    **given: Number,
) -> Part:
    """A child of a roll-up; raw and progress are its grade unless said otherwise."""
    shares = {"raw": grade, "progress": grade, "grade": grade} | given
    return Part(
        kind, id, Decimal(weight or 0), freshness=freshness, coverage=Decimal(coverage or 0), **numbers(**shares)
    )


def a_guardrail(id: str = "g", *, inside: bool | None, freshness: Freshness = Freshness.FRESH) -> Part:
    held = None if inside is None else Decimal(inside)
    return Part(SubjectKind.KEY_RESULT, id, Decimal(0), held, held, held, freshness=freshness, is_guardrail=True)


def a_roll_up(
    *parts: Part, commitment: Commitment | None = Commitment.COMMITTED, window: Window | None = None
) -> RollUpInputs:
    return RollUpInputs(NOW, parts, commitment, window)


def with_steps(inputs: Inputs, *, rules: Ruleset = STANDARD) -> Graded:
    """The grade with its steps; the one without steps must be the same."""
    made = graded(inputs, rules)
    assert made.grade == grade(inputs, rules)
    return made


def the_grade(inputs: Inputs, *, rules: Ruleset = STANDARD) -> Grade:
    return grade(inputs, rules)


def a_composite(op: FormulaOp | str, *ids: str) -> Formula:
    return Formula(FormulaOp(op), ids)
