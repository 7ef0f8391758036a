"""Subjects of every kind and at every edge, for rulesets of any sort."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product

from okr.domain.values import (
    Commitment,
    Formula,
    FormulaOp,
    Freshness,
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
from okr.rulesets.condition_context import samples

D = Decimal
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
WINDOW = Window(date(2026, 4, 1), date(2026, 6, 30), date(2026, 4, 30))
OVER = Window(date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 30), is_closed=True)
_CONTEXT = dict(samples())["for a subject of kind key_result with every value set"]
_VALUES = (None, D(0), D(5), D(20), D(-3), D("1e15"), D("-1e15"), D("1e-9"))


def _measures() -> list[Measure]:
    ways = ((D(0), D(10)), (D(10), D(0)), (D(5), D(5)), (None, D(10)), (D(0), None), (D("-1e15"), D("1e15")))
    marks = ((None, None), (D(3), D(12)))
    along = [
        Measure(kind, start, target, commit, stretch, D(4), D(6))
        for kind, (start, target), (commit, stretch) in product(Kind, ways, marks)
        if kind not in (Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE)
    ]
    return [
        *along,
        Measure(Kind.MILESTONE, milestones=(Milestone("a", D(0)), Milestone("b", D(2), done=True))),
        Measure(Kind.MILESTONE),
        Measure(Kind.ORDINAL, zones=(Zone("Target", D("0.7")),)),
        Measure(Kind.COMPOSITE, D(0), D(10), formula=Formula(FormulaOp.MEAN, ("a", "b"))),
    ]


def _readings() -> list[Reading]:
    operands = (Operand("a", D(3), D(0)), Operand("b", D(4)))
    return [
        Reading(value, "Target", operands=operands, confidence=D("0.4"), observed_at=at, periods=periods)
        for value, at, periods in zip(
            _VALUES,
            (None, NOW, datetime(2026, 1, 1, tzinfo=UTC)) * 3,
            ((), (D(5),), (None, D(20)), (None,)) * 2,
            strict=False,
        )
    ]


def _roll_ups() -> list[RollUpInputs]:
    graded = [
        Part(SubjectKind.KEY_RESULT, str(one), D(one), share, share, share, D("0.5"), D("0.5"), D(1), Freshness.FRESH)
        for one, share in enumerate((D(0), D("0.333333333333"), D(1), D("-1e15")))
    ]
    child = Part(SubjectKind.OBJECTIVE, "child", D(1), D(2), D(1), D(1))
    untold = Part(SubjectKind.KEY_RESULT, "untold", D(1))
    broken = Part(SubjectKind.KEY_RESULT, "edge", D(0), D(0), D(0), D(0), is_guardrail=True)
    of_parts = [(), (untold,), tuple(graded), (graded[0],), (*graded[:3], child, untold, broken), (broken,)]
    return [
        RollUpInputs(NOW, parts, commitment, window, _CONTEXT)
        for parts, (commitment, window) in product(
            of_parts, ((Commitment.LEARNING, WINDOW), (None, OVER), (None, None))
        )
    ]


SUBJECTS: tuple[Inputs, ...] = (
    *(
        KeyResultInputs(NOW, measure, reading, commitment, window, 7, _CONTEXT)
        for measure, reading in product(_measures(), _readings())
        for commitment, window in ((Commitment.COMMITTED, WINDOW), (Commitment.ASPIRATIONAL, OVER))
    ),
    *_roll_ups(),
)
