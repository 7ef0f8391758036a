"""Hypothesis strategies of rulesets: anything that a document may say, as the domain's plain values."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from okr.domain.numbers import Rounding
from okr.domain.ruleset import (
    STANDARD,
    Adjustment,
    Band,
    BandsBy,
    Bounds,
    Combine,
    Compare,
    ConditionFailed,
    Expectation,
    Flat,
    How,
    KindRule,
    LabelSource,
    Method,
    Missing,
    Of,
    Op,
    Ordinal,
    Pace,
    PaceLevel,
    Parts,
    Ruleset,
    Scale,
    Shape,
    Staleness,
    Unmeasurable,
    WhenLate,
    ZeroWeight,
    Zones,
)
from okr.domain.values import Commitment, Kind, Level, Status

figures = st.integers(-200, 300).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
shares = st.integers(0, 100).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
_WAYS = (Method.LINEAR, Method.RATIO, Method.INVERSE_RATIO, Method.REMAINDER, Method.THRESHOLD)
_METHODS: dict[Kind, tuple[Method, ...]] = {
    **dict.fromkeys((Kind.INCREASE, Kind.DECREASE, Kind.REACH, Kind.COUNT_RATIO), _WAYS),
    **dict.fromkeys((Kind.AT_LEAST, Kind.AT_MOST), (*_WAYS, Method.THRESHOLD_OR_LINEAR)),
    Kind.COMPOSITE: _WAYS[:-1],
    Kind.BAND: (Method.DISTANCE, Method.INSIDE),
    Kind.BINARY: (Method.THRESHOLD, Method.LINEAR),
    Kind.MILESTONE: (Method.WEIGHTS,),
    Kind.ORDINAL: (Method.ZONE,),
    Kind.GUARDRAIL: (Method.INSIDE,),
}
_WITH_PERIODS = frozenset(Kind) - {Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE, Kind.GUARDRAIL}


@st.composite
def kind_rules(draw: st.DrawFn, kind: Kind) -> KindRule:
    of = draw(st.sampled_from(Of)) if kind in _WITH_PERIODS else Of.LATEST
    bends = _METHODS[kind][0] is Method.LINEAR and of in (Of.LATEST, Of.AVERAGE, Of.WORST)
    return KindRule(draw(st.sampled_from(_METHODS[kind])), of, draw(st.sampled_from(Shape)) if bends else Shape.NONE)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    floor, cap = draw(st.none() | figures), draw(st.none() | figures)
    if floor is not None and cap is not None and cap <= floor:
        cap = None
    return Bounds(floor, cap)


@st.composite
def zones(draw: st.DrawFn) -> Zones:
    rising = sorted(draw(st.lists(figures, min_size=4, max_size=4)))
    kept = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    levels = [level if keeps else None for level, keeps in zip(rising, kept, strict=True)]
    below = draw(st.none() | st.just(rising[0]))
    commitments = draw(st.frozensets(st.sampled_from(Commitment)))
    return Zones(commitments, draw(st.booleans()), *levels, below)


@st.composite
def bands(draw: st.DrawFn) -> tuple[Band, ...]:
    edges = sorted(set(draw(st.lists(figures, max_size=5))))
    return tuple(Band(f"b{i}", f"Band {i}", edge, draw(st.booleans())) for i, edge in enumerate(edges))


combines = st.builds(
    Combine,
    how=st.sampled_from(How),
    parts=st.sampled_from(Parts),
    missing_is_zero=st.booleans(),
    empty=st.none() | figures,
    zero_weight=st.sampled_from(ZeroWeight),
    part_bounds=bounds(),
)


@st.composite
def paces(draw: st.DrawFn) -> Pace:
    edges = sorted(set(draw(st.lists(figures, max_size=3))), reverse=True)
    statuses = (Status.ON_TRACK, Status.AT_RISK, Status.OFF_TRACK)
    levels = [
        PaceLevel(draw(st.sampled_from(statuses)), f"level {i}", edge, draw(st.booleans()))
        for i, edge in enumerate(edges)
    ]
    days = sorted(set(draw(st.lists(shares, max_size=4))))
    due = sorted(draw(st.lists(shares, min_size=len(days), max_size=len(days))))
    return Pace(
        draw(st.sampled_from(Compare)),
        (*levels, PaceLevel(Status.OFF_TRACK, "what is left", None)),
        words={Status.ACHIEVED: "done"},
        expectation=draw(st.sampled_from(Expectation)),
        phases=tuple(zip(days, due, strict=True)),
        grace_days=draw(st.integers(0, 10)),
    )


def _fails(context: Mapping[str, Any]) -> bool:
    raise ConditionFailed("no such thing")


_conditions = st.sampled_from(
    [
        lambda _: True,
        lambda context: context["subject"]["grade"] > 0.5,
        lambda context: bool(context["team"]),
        lambda context: (context["elapsed"] or 0) > 0.5 and context["counts"]["graded"] > 0,
        _fails,
    ]
)
adjustments = st.builds(
    Adjustment,
    key=st.sampled_from(["one", "two", "three"]),
    levels=st.frozensets(st.sampled_from(Level), min_size=1),
    text=st.just("…"),
    when=_conditions,
    op=st.sampled_from(Op),
    amount=shares,
    reason=st.just("because"),
).map(lambda one: replace(one, amount=None) if one.op is Op.ANNOTATE else one)

staleness = st.builds(
    Staleness,
    late_after_periods=st.integers(1, 3),
    when_late=st.sampled_from(WhenLate),
    cap=st.none() | shares,
    decay=st.none() | shares,
)


@st.composite
def rulesets(draw: st.DrawFn) -> Ruleset:
    return replace(
        STANDARD,
        key="drawn",
        version=draw(st.integers(1, 9)),
        kinds={kind: draw(kind_rules(kind)) for kind in Kind},
        zones=draw(zones()),
        way_to_stretch=draw(st.booleans()),
        flat=draw(st.sampled_from(Flat)),
        missing=draw(st.sampled_from(Missing)),
        unmeasurable=draw(st.sampled_from(Unmeasurable)),
        bounds={level: draw(bounds()) for level in Level},
        rounding={level: draw(st.none() | st.integers(0, 12)) for level in Level},
        rounding_mode=draw(st.sampled_from(Rounding)),
        combine={level: draw(combines) for level in Level},
        guardrail_cap=draw(st.none() | figures),
        bands={level: draw(bands()) for level in Level},
        bands_by=draw(st.sampled_from(BandsBy)),
        label_source=draw(st.sampled_from(LabelSource)),
        scale=draw(st.none() | st.just(Scale(Decimal(1), Decimal(5), 1))),
        ordinal=Ordinal({"z0": Decimal("0.4")}, draw(st.booleans())),
        pace=draw(paces()),
        staleness=draw(staleness),
        adjustments=tuple(draw(st.lists(adjustments, max_size=3))),
    )
