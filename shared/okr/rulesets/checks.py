"""What the fields of a ruleset document say together: each rule finds a path and a sentence."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from okr.domain.ruleset import Compare, Expectation, LabelSource, Method, Of, Shape, WhenLate
from okr.domain.values import Kind
from okr.rulesets.conditions import ConditionRefused, compile_condition
from okr.rulesets.document import BandPart, BoundsPart, PaceLevelPart, Part, RulesetDocument


class Finding(NamedTuple):
    """Something wrong with a document: where, as in `measure.zones.commit`, and what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer."""
        return "".join(f"/{name}" for name in self.path.split(".")) if self.path else ""


_WAYS = frozenset({Method.LINEAR, Method.RATIO, Method.INVERSE_RATIO, Method.REMAINDER, Method.THRESHOLD})
_METHODS: dict[Kind, frozenset[Method]] = {
    **dict.fromkeys((Kind.INCREASE, Kind.DECREASE, Kind.REACH, Kind.COUNT_RATIO), _WAYS),
    **dict.fromkeys((Kind.AT_LEAST, Kind.AT_MOST), _WAYS | {Method.THRESHOLD_OR_LINEAR}),
    Kind.COMPOSITE: _WAYS - {Method.THRESHOLD},
    Kind.BAND: frozenset({Method.DISTANCE, Method.INSIDE}),
    Kind.BINARY: frozenset({Method.THRESHOLD, Method.LINEAR}),
    Kind.MILESTONE: frozenset({Method.WEIGHTS}),
    Kind.ORDINAL: frozenset({Method.ZONE}),
    Kind.GUARDRAIL: frozenset({Method.INSIDE}),
}
_WITHOUT_PERIODS = frozenset({Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE, Kind.GUARDRAIL})
_WITHOUT_MARKS = frozenset({Kind.BAND, Kind.BINARY, Kind.MILESTONE, Kind.ORDINAL, Kind.GUARDRAIL})
_SHARES = frozenset({Of.SHARE_OF_PLANNED_PERIODS, Of.SHARE_OF_ENDED_PERIODS})


def findings(document: RulesetDocument) -> list[Finding]:
    """Everything that contradicts itself; none: it can be compiled."""
    return [
        *_kinds(document),
        *_zones(document),
        *_bounds(document),
        *_labels(document),
        *_pace(document),
        *_staleness(document),
        *_adjustments(document),
    ]


def _kinds(document: RulesetDocument) -> Iterator[Finding]:
    for kind in Kind:
        part, path = getattr(document.measure.kinds, kind.value), f"measure.kinds.{kind.value}"
        if part.method not in _METHODS[kind]:
            allowed = ", ".join(sorted(method.value for method in _METHODS[kind]))
            yield Finding(f"{path}.method", f"cannot be {part.method.value} here; choose one of: {allowed}")
        if part.of is not Of.LATEST and kind in _WITHOUT_PERIODS:
            yield Finding(f"{path}.of", "must be latest: such a key result has no values by the period")
        if part.of in _SHARES and part.zones is not Shape.NONE:
            yield Finding(f"{path}.zones", "must be none: a share of periods has no value between marks")
        if part.zones is not Shape.NONE and kind in _WITHOUT_MARKS:
            yield Finding(f"{path}.zones", "must be none: such a key result has no marks along a way")


def _zones(document: RulesetDocument) -> Iterator[Finding]:
    zones = document.measure.zones
    names = ("start", "commit", "target", "stretch")
    marks = [(name, getattr(zones, name)) for name in names if getattr(zones, name) is not None]
    if len(marks) < 2:
        yield Finding("measure.zones", "needs at least two marks")
    for index, (name, level) in enumerate(marks):
        low = marks[index - 1] if index else None
        high = marks[index + 1] if index + 1 < len(marks) else None
        too_low = low is not None and level < low[1]
        too_high = high is not None and level > high[1]
        # Of two marks in the wrong order the inner one is blamed, between its neighbours.
        if low is not None and high is not None and (too_low or too_high):
            yield Finding(f"measure.zones.{name}", f"must lie between {_edge(low)} and {_edge(high)}")
            break
        if low is not None and high is None and too_low:
            yield Finding(f"measure.zones.{name}", f"must not lie below {_edge(low)}")
    if zones.below is not None and marks and zones.below > marks[0][1]:
        yield Finding("measure.zones.below", f"must not lie above {_edge(marks[0])}")


def _edge(mark: tuple[str, Decimal]) -> str:
    """A start of zero is a figure that everybody knows; the other marks are named."""
    name, level = mark
    return "0" if name == "start" and not level else name


def _bounds(document: RulesetDocument) -> Iterator[Finding]:
    for level in ("key_results", "objectives", "sets"):
        bounds: BoundsPart = getattr(document.bounds, level)
        yield from _floor_and_cap(bounds.floor, bounds.cap, f"bounds.{level}.cap")
    for level in ("objectives", "sets"):
        combine = getattr(document.combine, level)
        yield from _floor_and_cap(combine.part_floor, combine.part_cap, f"combine.{level}.part_cap")


def _floor_and_cap(floor: Decimal | None, cap: Decimal | None, path: str) -> Iterator[Finding]:
    if floor is not None and cap is not None and cap <= floor:
        yield Finding(path, "must lie above the floor")


def _labels(document: RulesetDocument) -> Iterator[Finding]:
    labels = document.labels
    for name in ("bands", "objective_bands", "set_bands"):
        yield from _bands(getattr(labels, name) or (), f"labels.{name}")
    yield from _bands(document.confidence.bands, "confidence.bands")
    if labels.source is LabelSource.SCALE and labels.scale is None:
        yield Finding("labels.scale", "is needed where labels.source is scale")
    if labels.scale is not None and labels.scale.low == labels.scale.high:
        yield Finding("labels.scale.high", "must differ from low")
    seen: set[str] = set()
    for name in document.measure.ordinal.grades:
        if name.lower() in seen:
            yield Finding(f"measure.ordinal.grades.{name}", "is there twice: names are read whatever their case")
        seen.add(name.lower())


def _bands(bands: Sequence[BandPart], path: str) -> Iterator[Finding]:
    yield from _one_edge(bands, path, last_is_open=False)
    keys = [band.key for band in bands]
    for number, band in enumerate(bands):
        if band.key in keys[:number]:
            yield Finding(f"{path}.{number}.key", "is another band's key already")
    for number, (low, high) in enumerate(pairwise(bands), start=1):
        # The same edge twice is a band of one number: all that is exactly there.
        if _since(high) < _since(low) or (
            _since(high) == _since(low) and (high.above is None or low.above is not None)
        ):
            yield Finding(f"{path}.{number}", "must begin above the band before it")


def _one_edge(parts: Sequence[BandPart | PaceLevelPart], path: str, *, last_is_open: bool) -> Iterator[Finding]:
    for number, part in enumerate(parts):
        edges = [edge for edge in (part.from_, part.above) if edge is not None]
        if last_is_open and number == len(parts) - 1:
            if edges:
                yield Finding(f"{path}.{number}", "must have no edge: the last level takes all that is left")
        elif len(edges) != 1:
            yield Finding(f"{path}.{number}", "needs one edge: from, or above")


def _since(part: BandPart | PaceLevelPart) -> Decimal:
    edges = [edge for edge in (part.from_, part.above) if edge is not None]
    return edges[0] if edges else Decimal(0)


def _pace(document: RulesetDocument) -> Iterator[Finding]:
    pace = document.pace
    yield from _one_edge(pace.levels, "pace.levels", last_is_open=True)
    for number, (high, low) in enumerate(pairwise(pace.levels[:-1]), start=1):
        if _since(low) > _since(high) or (
            _since(low) == _since(high) and (low.above is not None or high.above is None)
        ):
            yield Finding(f"pace.levels.{number}", "must begin below the level before it")
    if pace.compare is Compare.ABSOLUTE and pace.expectation is not Expectation.LINEAR:
        yield Finding("pace.expectation", "does not matter where compare is absolute; leave it out")
    if pace.expectation is Expectation.PHASED and not pace.phases:
        yield Finding("pace.phases", "are needed where the expectation is phased")
    if pace.expectation is not Expectation.PHASED and pace.phases:
        yield Finding("pace.phases", "count only where the expectation is phased")
    for number, phase in enumerate(pace.phases):
        for name in ("at", "expected"):
            if not 0 <= getattr(phase, name) <= 1:
                yield Finding(f"pace.phases.{number}.{name}", "must lie between 0 and 1")
    for number, (first, second) in enumerate(pairwise(pace.phases), start=1):
        if second.at <= first.at:
            yield Finding(f"pace.phases.{number}.at", "must come after the phase before it")
        if second.expected < first.expected:
            yield Finding(f"pace.phases.{number}.expected", "must not fall below the phase before it")


def _staleness(document: RulesetDocument) -> Iterator[Finding]:
    staleness = document.staleness
    for name, when in (("cap", WhenLate.CAP), ("decay", WhenLate.DECAY)):
        figure: Decimal | None = getattr(staleness, name)
        if staleness.when_late is when and figure is None:
            yield Finding(f"staleness.{name}", f"is needed where when_late is {when.value}")
        if staleness.when_late is not when and figure is not None:
            yield Finding(f"staleness.{name}", f"counts only where when_late is {when.value}")
        if figure is not None and figure < 0:
            yield Finding(f"staleness.{name}", "must not be negative")


def _adjustments(document: RulesetDocument) -> Iterator[Finding]:
    keys: set[str] = set()
    for number, one in enumerate(document.adjustments):
        path = f"adjustments.{number}"
        if one.key in keys:
            yield Finding(f"{path}.key", "is another adjustment's key already")
        keys.add(one.key)
        if len(_set_fields(one.then)) != 1:
            yield Finding(f"{path}.then", "needs exactly one of scale, shift, cap, floor and annotate")
        if one.then.scale is not None and one.then.scale < 0:
            yield Finding(f"{path}.then.scale", "must not be negative: a better grade would become a worse one")
        try:
            compile_condition(one.when)
        except ConditionRefused as refused:
            yield Finding(f"{path}.when", str(refused))


def _set_fields(part: Part) -> list[str]:
    return [name for name in type(part).model_fields if getattr(part, name) is not None]
