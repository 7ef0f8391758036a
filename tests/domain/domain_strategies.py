"""Hypothesis strategies: anything that the checks let in, at the sizes that the service lets in."""

from datetime import timedelta
from decimal import Context, Decimal

from domain_builders import NOW, a_window
from hypothesis import strategies as st

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
    Zone,
)

WIDE = Context(prec=60)


def scaled(digits: st.SearchStrategy[int], places: st.SearchStrategy[int]) -> st.SearchStrategy[Decimal]:
    return st.builds(lambda n, p: Decimal(n).scaleb(-p, WIDE), digits, places)


values = scaled(st.integers(-(10**15), 10**15), st.integers(0, 9)) | scaled(st.integers(-200, 200), st.integers(0, 1))
steps_ahead = scaled(st.integers(1, 10**15), st.integers(0, 9)) | scaled(st.integers(1, 200), st.integers(0, 1))
weights = st.just(Decimal(1)) | scaled(st.integers(0, 10**6), st.integers(0, 4))
shares = scaled(st.integers(0, 10**12), st.just(12)) | st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)])
windows = st.builds(
    lambda ended, days, is_closed: a_window(ended=ended, days=days, is_closed=is_closed),
    st.integers(-10, 120),
    st.integers(1, 100),
    st.booleans(),
)

RISES = {Kind.INCREASE, Kind.AT_LEAST, Kind.COUNT_RATIO}
FALLS = {Kind.DECREASE, Kind.AT_MOST}
TRAVELS = RISES | FALLS | {Kind.REACH, Kind.COMPOSITE}


def plus(one: Decimal, other: Decimal) -> Decimal:
    return WIDE.add(one, other)


@st.composite
def travelling_measures(draw: st.DrawFn, kind: Kind, *, with_stretch: bool = True) -> Measure:
    """Start, commit, target and stretch in order along the way, up or down as the kind says."""
    start = Decimal(0) if kind is Kind.COUNT_RATIO else draw(values)
    rises = kind in RISES or (kind not in FALLS and draw(st.booleans()))
    marks = [start]
    for _ in range(3):
        ahead = draw(steps_ahead)
        marks.append(plus(marks[-1], ahead if rises else ahead.copy_negate()))
    _, commit, target, stretch = marks
    keeps = kind in (Kind.AT_LEAST, Kind.AT_MOST)
    has_way = not (keeps and draw(st.booleans()))
    return Measure(
        kind,
        start=None if kind is Kind.COUNT_RATIO or not has_way else start,
        target=target,
        commit=commit if has_way and draw(st.booleans()) else None,
        stretch=stretch if has_way and with_stretch and draw(st.booleans()) else None,
        formula=Formula(draw(st.sampled_from(FormulaOp)), ("a", "b")) if kind is Kind.COMPOSITE else None,
    )


@st.composite
def measures(draw: st.DrawFn, kind: Kind) -> Measure:
    if kind in TRAVELS:
        return draw(travelling_measures(kind))
    if kind in (Kind.BAND, Kind.GUARDRAIL):
        low = draw(values)
        high = plus(low, draw(steps_ahead))
        edges = [(low, high)] if kind is Kind.BAND else [(low, high), (low, None), (None, high)]
        low_edge, high_edge = draw(st.sampled_from(edges))
        return Measure(kind, band_low=low_edge, band_high=high_edge)
    if kind is Kind.MILESTONE:
        listed = draw(st.lists(st.tuples(weights, st.booleans()), min_size=1, max_size=5))
        first = Milestone("first", Decimal(1))
        return Measure(kind, milestones=(first, *(Milestone(f"m{i}", w, d) for i, (w, d) in enumerate(listed))))
    if kind is Kind.ORDINAL:
        grades = draw(st.lists(shares, min_size=1, max_size=4))
        return Measure(kind, zones=tuple(Zone(f"z{i}", grade) for i, grade in enumerate(grades)))
    return Measure(kind)


@st.composite
def readings(draw: st.DrawFn, measure: Measure) -> Reading:
    """A reading that measures the measure."""
    operands = draw(st.lists(st.builds(Operand, st.just("a"), values, weights.filter(bool)), min_size=1, max_size=4))
    edges = [one for one in (measure.start, measure.commit, measure.target, measure.stretch) if one is not None]
    titles = [one.title for one in measure.milestones]
    return Reading(
        value=draw(values | st.sampled_from(edges) if edges else values),
        zone=draw(st.sampled_from([zone.name for zone in measure.zones])) if measure.zones else None,
        done=frozenset(title for title in titles if draw(st.booleans())),
        operands=tuple(operands) if measure.kind is Kind.COMPOSITE else (),
        confidence=draw(st.none() | shares),
        observed_at=NOW - timedelta(days=draw(st.integers(0, 30))),
    )


@st.composite
def key_results(draw: st.DrawFn, *kinds: Kind) -> KeyResultInputs:
    """A key result that check_measure takes, with a reading that measures it."""
    measure = draw(measures(draw(st.sampled_from(kinds or tuple(Kind)))))
    return KeyResultInputs(NOW, measure, draw(readings(measure)), draw(st.sampled_from(Commitment)), draw(windows))


parts = st.builds(
    Part,
    kind=st.sampled_from([SubjectKind.KEY_RESULT, SubjectKind.OBJECTIVE]),
    id=st.sampled_from("abcdef"),
    weight=weights,
    raw=st.none() | values,
    progress=st.none() | shares,
    grade=st.none() | shares,
    expected=st.none() | shares,
    confidence=st.none() | shares,
    coverage=shares,
    freshness=st.sampled_from(Freshness),
)
guardrails = st.builds(
    Part,
    kind=st.just(SubjectKind.KEY_RESULT),
    id=st.sampled_from("ghi"),
    weight=st.just(Decimal(0)),
    raw=st.sampled_from([None, Decimal(0), Decimal(1)]),
    is_guardrail=st.just(True),
)
roll_ups = st.builds(
    RollUpInputs,
    instant=st.just(NOW),
    parts=st.lists(parts | guardrails, max_size=8).map(tuple),
    commitment=st.none() | st.sampled_from(Commitment),
    window=st.none() | windows,
)
inputs: st.SearchStrategy[Inputs] = key_results() | roll_ups
