"""The zones of a key result: grades at the marks start, commit, target and stretch, and what lies between them."""

from decimal import Decimal
from itertools import pairwise

from okr.domain.measures import Facts, Trace, way
from okr.domain.numbers import ZERO, add, divide, multiply, places12, subtract
from okr.domain.ruleset import KindRule, Ruleset, Shape, Zones
from okr.domain.values import Commitment, Measure, Step

Mark = tuple[Decimal, Decimal]
"""A value along the way and the grade there."""


def zones_apply(measure: Measure, commitment: Commitment, *, rules: Ruleset) -> bool:
    """Whether the zones bend the grade of such a key result."""
    zones, rule = rules.zones, rules.kinds[measure.kind]
    if rule.zones is Shape.NONE or commitment not in zones.commitments:
        return False
    return measure.stretch is not None or not zones.needs_stretch


def level_in_zones(
    value: Decimal, measure: Measure, *, zones: Zones, rule: KindRule, before: Decimal, trace: Trace
) -> Decimal | None:
    """The grade at the value: on the line between two marks, or that of the mark last passed; flat beyond the last.

    None where there are not two marks that differ, between which a value could lie. `before` is the number that is replaced.
    """
    marks = _marks(measure, zones)
    if len(marks) < 2:
        return None
    falls = marks[-1][0] < marks[0][0]
    if value > marks[0][0] if falls else value < marks[0][0]:
        below = marks[0] if zones.below is None else (marks[0][0], zones.below)
        return _at_mark(value, below, before=before, trace=trace)
    for low, high in pairwise(marks):
        if value > high[0] if falls else value < high[0]:
            if rule.zones is Shape.STEPS:
                return _at_mark(value, low, before=before, trace=trace)
            return _between(value, low, high, before=before, trace=trace)
    return _at_mark(value, marks[-1], before=before, trace=trace)


def _marks(measure: Measure, zones: Zones) -> list[Mark]:
    """The marks that there are, in their order; of two at the same value the later one counts.

    None at all where the zones begin at the start and the key result has none: there is no way to bend.
    """
    along = way(measure)
    start = along.start if along is not None else measure.start
    if start is None and zones.start is not None:
        return []
    pairs = (
        (start, zones.start),
        (measure.commit, zones.commit),
        (measure.target, zones.target),
        (measure.stretch, zones.stretch),
    )
    marks: dict[Decimal, Decimal] = {}
    for mark, level in pairs:
        if mark is not None and level is not None:
            marks[mark] = level
    return list(marks.items())


def _at_mark(value: Decimal, mark: Mark, *, before: Decimal, trace: Trace) -> Decimal:
    after = places12(mark[1])
    if trace is not None:
        facts: Facts = {"value": value, "mark": mark[0], "mark_grade": mark[1]}
        trace.append(Step("curve_end", "grade", before, after, facts))
    return after


def _between(value: Decimal, low: Mark, high: Mark, *, before: Decimal, trace: Trace) -> Decimal:
    (low_value, low_grade), (high_value, high_grade) = low, high
    # Multiplied before it is divided, so that the one rounding there is does not depend on the unit of the value.
    travelled = multiply(subtract(value, low_value), subtract(high_grade, low_grade))
    after = places12(add(low_grade, divide(travelled, subtract(high_value, low_value))))
    if trace is not None:
        facts: Facts = {
            "value": value,
            "from": low_value,
            "to": high_value,
            "grade_from": low_grade,
            "grade_to": high_grade,
        }
        trace.append(Step("curve", "grade", before, after, facts))
    return after


MARKS = Zones(
    commitments=frozenset(Commitment),
    needs_stretch=False,
    start=ZERO,
    commit=Decimal("0.3"),
    target=Decimal("0.7"),
    stretch=Decimal(1),
)
"""The grades by which marks are named where labels are laid over the marks themselves."""
