"""From the document that people write to the plain values that grading works with."""

from okr.domain.ruleset import (
    STANDARD,
    Adjustment,
    Band,
    Bounds,
    Combine,
    KindRule,
    Op,
    Ordinal,
    Pace,
    PaceLevel,
    Ruleset,
    Scale,
    Staleness,
    Zones,
)
from okr.domain.values import Commitment, Kind, Level, Status
from okr.rulesets.checks import findings
from okr.rulesets.conditions import compile_condition
from okr.rulesets.document import (
    AdjustmentPart,
    BandPart,
    BoundsPart,
    CombinePart,
    PaceLevelPart,
    PacePart,
    RulesetDocument,
)
from okr.rulesets.spelling import RulesetInvalid


def compile_ruleset(document: RulesetDocument, *, key: str, version: int) -> Ruleset:
    """The rules that the document states, under a name. Raises RulesetInvalid where its fields contradict each other."""
    if found := findings(document):
        raise RulesetInvalid(found)
    measure, labels, success = document.measure, document.labels, document.success
    objective_bands = labels.objective_bands if labels.objective_bands is not None else labels.bands
    set_bands = labels.set_bands if labels.set_bands is not None else objective_bands
    return Ruleset(
        key=key,
        version=version,
        kinds={
            kind: KindRule(part.method, part.of, part.zones)
            for kind in Kind
            for part in [getattr(measure.kinds, kind.value)]
        },
        zones=_zones(document),
        way_to_stretch=measure.way_to == "stretch",
        flat=measure.flat,
        missing=measure.missing,
        unmeasurable=measure.unmeasurable,
        bounds={
            Level.KEY_RESULT: _bounds(document.bounds.key_results),
            Level.OBJECTIVE: _bounds(document.bounds.objectives),
            Level.SET: _bounds(document.bounds.sets),
        },
        rounding={
            Level.KEY_RESULT: document.rounding.key_results,
            Level.OBJECTIVE: document.rounding.objectives,
            Level.SET: document.rounding.sets,
        },
        rounding_mode=document.rounding.mode,
        combine={
            Level.KEY_RESULT: STANDARD.combine[Level.KEY_RESULT],
            Level.OBJECTIVE: _combine(document.combine.objectives),
            Level.SET: _combine(document.combine.sets),
        },
        guardrail_cap=document.guardrails.cap,
        success_lines={commitment: getattr(success, commitment.value) for commitment in Commitment},
        default_success_line=success.default,
        bands={
            Level.KEY_RESULT: _bands(labels.bands),
            Level.OBJECTIVE: _bands(objective_bands),
            Level.SET: _bands(set_bands),
        },
        bands_by=labels.by,
        label_source=labels.source,
        scale=None if labels.scale is None else Scale(labels.scale.low, labels.scale.high, labels.scale.places),
        ordinal=Ordinal(
            {name.lower(): grade for name, grade in measure.ordinal.grades.items()}, measure.ordinal.label == "zone"
        ),
        pace=_pace(document.pace),
        staleness=Staleness(**dict(document.staleness)),
        confidence_bands=_bands(document.confidence.bands),
        adjustments=tuple(_adjustment(part) for part in document.adjustments),
    )


def _zones(document: RulesetDocument) -> Zones:
    zones = document.measure.zones
    return Zones(
        commitments=frozenset(zones.commitments),
        needs_stretch=zones.needs_stretch,
        start=zones.start,
        commit=zones.commit,
        target=zones.target,
        stretch=zones.stretch,
        below=zones.below,
    )


def _bounds(part: BoundsPart) -> Bounds:
    return Bounds(part.floor, part.cap)


def _combine(part: CombinePart) -> Combine:
    return Combine(
        how=part.how,
        parts=part.parts,
        missing_is_zero=part.missing == "zero",
        empty=part.empty,
        zero_weight=part.zero_weight,
        part_bounds=Bounds(part.part_floor, part.part_cap),
    )


def _bands(parts: tuple[BandPart, ...]) -> tuple[Band, ...]:
    bands = []
    for part in parts:
        since, is_above = (part.from_, False) if part.above is None else (part.above, True)
        assert since is not None, "the checks ask for an edge"
        bands.append(Band(part.key, part.label, since, is_above))
    return tuple(bands)


def _pace(part: PacePart) -> Pace:
    words = {
        status: word
        for status, word in (
            (Status.PENDING, part.words.pending),
            (Status.ACHIEVED, part.words.achieved),
            (Status.MISSED, part.words.missed),
        )
        if word is not None
    }
    return Pace(
        compare=part.compare,
        levels=tuple(_level(level) for level in part.levels),
        words=words,
        expectation=part.expectation,
        phases=tuple((phase.at, phase.expected) for phase in part.phases),
        grace_days=part.grace_days,
    )


def _level(part: PaceLevelPart) -> PaceLevel:
    since, is_above = (part.from_, False) if part.above is None else (part.above, True)
    return PaceLevel(Status(part.status), part.label, since, is_above)


def _adjustment(part: AdjustmentPart) -> Adjustment:
    op = next(op for op in Op if getattr(part.then, op.value) is not None)
    return Adjustment(
        key=part.key,
        levels=frozenset(part.levels),
        text=part.when,
        when=compile_condition(part.when).holds,
        op=op,
        amount=None if op is Op.ANNOTATE else getattr(part.then, op.value),
        reason=part.reason,
    )
