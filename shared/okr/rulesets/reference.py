"""The generated reference of ruleset documents: each field with its type, its default, what it means and an example.

`python -m okr.rulesets.reference docs/ruleset-reference.md` writes it; a test compares the page with the model.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from okr.rulesets.condition_context import FUNCTIONS, RECORDS, VALUES
from okr.rulesets.document import (
    BandPart,
    BoundsPart,
    CombinePart,
    KindPart,
    Part,
    RulesetDocument,
)
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import to_yaml

EXAMPLES = {
    "title": "title: Our rules of 2027",
    "description": "description: Agreed by the leads in December.",
    "measure.kinds.<kind>.method": "measure: {kinds: {reach: {method: ratio}}}",
    "measure.kinds.<kind>.of": "measure: {kinds: {at_least: {method: threshold, of: share_of_ended_periods}}}",
    "measure.kinds.<kind>.zones": "measure: {kinds: {increase: {method: linear, zones: steps}}}",
    "measure.zones.commitments": "measure: {zones: {commitments: [committed, aspirational, learning]}}",
    "measure.zones.needs_stretch": "measure: {zones: {needs_stretch: false}}",
    "measure.zones.start": "measure: {zones: {start: 0.1}}",
    "measure.zones.commit": "measure: {zones: {commit: 0.4}}",
    "measure.zones.target": "measure: {zones: {target: 0.8}}",
    "measure.zones.stretch": "measure: {zones: {stretch: 1.2}}",
    "measure.zones.below": "measure: {zones: {start: null, below: 0}}",
    "measure.way_to": "measure: {way_to: stretch}",
    "measure.flat": "measure: {flat: step}",
    "measure.missing": "measure: {missing: start}",
    "measure.unmeasurable": "measure: {unmeasurable: zero}",
    "measure.ordinal.grades": "measure: {ordinal: {grades: {fail: 0, commit: 0.3, target: 0.7, stretch: 1}}}",
    "measure.ordinal.label": "measure: {ordinal: {label: zone}}",
    "bounds.<level>.floor": "bounds: {key_results: {floor: null}}",
    "bounds.<level>.cap": "bounds: {key_results: {cap: 1.2}}",
    "rounding.mode": "rounding: {mode: half_up, objectives: 2}",
    "rounding.key_results": "rounding: {key_results: 2}",
    "rounding.objectives": "rounding: {objectives: 2}",
    "rounding.sets": "rounding: {sets: 2}",
    "combine.<level>.how": "combine: {objectives: {how: min}}",
    "combine.<level>.parts": "combine: {objectives: {parts: children_if_alone}}",
    "combine.<level>.missing": "combine: {objectives: {missing: zero}}",
    "combine.<level>.empty": "combine: {sets: {empty: 0}}",
    "combine.<level>.zero_weight": "combine: {objectives: {zero_weight: equal}}",
    "combine.<level>.part_floor": "combine: {objectives: {part_floor: 0}}",
    "combine.<level>.part_cap": "combine: {objectives: {part_cap: 1}}",
    "guardrails.cap": "guardrails: {cap: 0.5}",
    "success.committed": "success: {committed: 0.9}",
    "success.aspirational": "success: {aspirational: 0.6}",
    "success.learning": "success: {learning: 0.5}",
    "success.default": "success: {default: 0.75}",
    "labels.source": "labels: {source: pace}",
    "labels.by": "labels: {by: marks}",
    "labels.bands": "labels: {bands: [{key: low, label: Low, from: 0}, {key: high, label: High, above: 0.7}]}",
    "labels.objective_bands": "labels: {objective_bands: [{key: missed, label: Missed, from: 0}]}",
    "labels.set_bands": "labels: {set_bands: [{key: too_safe, label: Too safe, above: 0.85}]}",
    "labels.scale.low": "labels: {source: scale, scale: {low: 0}}",
    "labels.scale.high": "labels: {source: scale, scale: {high: 10}}",
    "labels.scale.places": "labels: {source: scale, scale: {places: 0}}",
    "bands.key": "confidence: {bands: [{key: moonshot, label: Moonshot, from: 0}]}",
    "bands.label": "confidence: {bands: [{key: sweet_spot, label: Sweet spot, from: 0.4}]}",
    "bands.from": "confidence: {bands: [{key: ambitious, label: Ambitious, from: 0.25}]}",
    "bands.above": "confidence: {bands: [{key: sandbagging, label: Sandbagging, above: 0.9}]}",
    "pace.compare": "pace: {compare: ratio}",
    "pace.expectation": "pace: {expectation: working_days}",
    "pace.phases.at": "pace: {expectation: phased, phases: [{at: 0.5, expected: 0.2}]}",
    "pace.phases.expected": "pace: {expectation: phased, phases: [{at: 0.5, expected: 0.8}]}",
    "pace.grace_days": "pace: {grace_days: 14}",
    "pace.levels.status": "pace: {levels: [{status: on_track, label: Good, from: 0}, {status: off_track, label: Bad}]}",
    "pace.levels.label": "pace: {levels: [{status: on_track, label: Ahead, from: 0.1}, {status: at_risk, label: Lagging}]}",
    "pace.levels.from": "pace: {levels: [{status: on_track, label: On track, from: -0.2}, {status: off_track, label: Off}]}",
    "pace.levels.above": "pace: {levels: [{status: on_track, label: Green, above: -0.1}, {status: off_track, label: Red}]}",
    "pace.words.pending": "pace: {words: {pending: Not started}}",
    "pace.words.achieved": "pace: {words: {achieved: Completed}}",
    "pace.words.missed": "pace: {words: {missed: Not this time}}",
    "staleness.late_after_periods": "staleness: {late_after_periods: 1}",
    "staleness.when_late": "staleness: {when_late: cap, cap: 0.5}",
    "staleness.cap": "staleness: {when_late: cap, cap: 0.6}",
    "staleness.decay": "staleness: {when_late: decay, decay: 0.1}",
    "confidence.bands": "confidence: {bands: [{key: moonshot, label: Moonshot, from: 0}]}",
    "adjustments.key": "adjustments: [{key: sales, when: 'true', then: {scale: 0.9}, reason: Targets were low}]",
    "adjustments.levels": "adjustments: [{key: all, levels: [objective], when: 'true', then: {cap: 1}, reason: Agreed}]",
    "adjustments.when": (
        "adjustments: [{key: unsure, when: 'subject.confidence != null && subject.confidence < 0.5', "
        "then: {annotate: true}, reason: Ask about it}]"
    ),
    "adjustments.then.scale": "adjustments: [{key: easy, when: 'true', then: {scale: 0.8}, reason: Easy to reach}]",
    "adjustments.then.shift": (
        "adjustments: [{key: outage, when: 'team != null && team.name == \"Support\"', then: {shift: 0.05}, "
        "reason: The outage of May}]"
    ),
    "adjustments.then.cap": (
        "adjustments: [{key: output, when: 'subject.value_class == \"output\"', then: {cap: 0.7}, reason: Output is no value}]"
    ),
    "adjustments.then.floor": "adjustments: [{key: tried, when: 'elapsed == 1.0', then: {floor: 0.1}, reason: We tried}]",
    "adjustments.then.annotate": (
        "adjustments: [{key: core, when: 'metric != null && metric.is_core', then: {annotate: true}, reason: Core metric}]"
    ),
    "adjustments.reason": "adjustments: [{key: first, when: 'true', then: {scale: 1}, reason: For everybody to read}]",
}
"""A document for each field, which it sets to something other than its default."""

_SHARED: dict[type[Part], tuple[str, str]] = {
    KindPart: ("measure.kinds", "measure.kinds.<kind>"),
    BoundsPart: ("bounds", "bounds.<level>"),
    CombinePart: ("combine", "combine.<level>"),
    BandPart: ("", "bands"),
}
"""Parts that are there several times are described once: the path that holds them, and the one under which they are told."""


class Entry(NamedTuple):
    """A field of the document."""

    path: str
    type: str
    default: str
    meaning: str

    @property
    def example(self) -> str:
        """A document that sets it."""
        return EXAMPLES[self.path]


def entries() -> list[Entry]:
    """Every field, in the order of the document."""
    found = {entry.path: entry for entry in _of(RulesetDocument, "")}
    return [*(one for one in found.values() if not one.path.startswith("bands.")), *_of(BandPart, "bands.")]


def written() -> str:
    """The page."""
    lines = [_HEAD]
    chapter = ""
    for entry in entries():
        if entry.path.partition(".")[0] != chapter:
            chapter = entry.path.partition(".")[0]
            lines.append(_BANDS if chapter == "bands" else f"\n## `{chapter}`\n")
        default = f"; default: {entry.default}" if entry.default else ""
        lines.append(f"**`{entry.path}`** ({entry.type}{default}). {entry.meaning}\n")
        lines.append(f"```yaml\n{entry.example}\n```\n")
    return "\n".join([*lines, _conditions(), _presets(), _whole()])


def _of(part: type[Part], path: str) -> Iterator[Entry]:
    for name, field in part.model_fields.items():
        own = f"{path}{field.alias or name}"
        inner = _parts_in(field.annotation)
        if inner is None or inner is BandPart:
            yield _entry(own, field)
        else:
            shared = _SHARED.get(inner)
            yield from _of(inner, f"{shared[1] if shared else own}.")


def _parts_in(annotation: Any) -> type[Part] | None:
    """The part that a field holds, alone, in a list or as an option; None where it holds a plain value."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Part) else None
    return next((found for one in get_args(annotation) if (found := _parts_in(one)) is not None), None)


def _entry(path: str, field: FieldInfo) -> Entry:
    meaning = " ".join((field.description or "").split())
    return Entry(path, _type(field.annotation), _default(field), meaning)


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join("null" if one is NoneType else _type(one) for one in inner)
    if origin is Literal:
        return ", ".join(f"`{one.value if isinstance(one, StrEnum) else str(one).lower()}`" for one in inner)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return "names with numbers"
    if origin is not None and inner:
        return _type(inner[0])
    if issubclass(annotation, StrEnum):
        return ", ".join(f"`{one.value}`" for one in annotation)
    words = {bool: "true or false", int: "whole number", str: "text", Decimal: "number", BandPart: "bands"}
    return words[annotation]


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    match default:
        case _ if default is PydanticUndefined:
            return ""
        case None:
            return "null"
        case bool():
            return str(default).lower()
        case Decimal() | int():
            return f"{default:f}" if isinstance(default, Decimal) else str(default)
        case StrEnum():
            return f"`{default.value}`"
        case str():
            return f"`{default}`" if default else "empty"
        case tuple() if default and not isinstance(default[0], Part):
            return ", ".join(f"`{one.value}`" for one in default)
        case tuple() if default:
            return "; ".join(f"`{one.key}` from {one.from_}" for one in default if isinstance(one, BandPart))
        case _:
            return "none"


_BANDS = """
## Bands

Each band of `labels.bands`, `labels.objective_bands`, `labels.set_bands` and `confidence.bands` has these, with one of the two
edges; bands rise.
"""

_HEAD = """<!-- Generated by `make docs`. Change shared/okr/rulesets/document.py instead. -->
# Rulesets, field by field

A ruleset says how grades are made. It is a document in YAML or JSON; what it leaves out is as in the built-in ruleset `standard`,
so that a document of one line is a whole ruleset. Unknown fields are refused, and an error names its path, as in
`measure.zones.commit: must lie between 0 and target`. Shares are fractions (0.7 is 70 %), numbers lie between -1,000 and 1,000.

To try a document, preview it: [Calibrating](calibrating.md). The presets are further down, and `standard` in full is at the end.

`<kind>` stands for one of increase, decrease, reach, at_least, at_most, band, binary, milestone, ordinal, count_ratio, composite
and guardrail; `<level>` for key_results, objectives and sets (teams, cycles and the organization; `combine` has no key_results).
"""


def _conditions() -> str:
    lines = [
        "\n## Conditions\n",
        "`adjustments.when` is written in CEL, the Common Expression Language: at most 500 characters of comparisons, arithmetic,",
        "`&&`, `||`, `!`, `? :`, `in` and the functions below, without macros and regular expressions. Names are these:\n",
        "| name | type | meaning |",
        "|---|---|---|",
    ]
    for record in RECORDS.values():
        null = " or null" if record.nullable else ""
        lines.append(f"| `{record.name}` | record{null} | {record.meaning} |")
        for field in record.fields:
            kind = field.type + (" or null" if field.nullable else "")
            words = f": {', '.join(f'`{word}`' for word in field.words)}" if field.words else ""
            lines.append(f"| `{record.name}.{field.name}` | {kind} | {field.meaning}{words} |")
    for value in VALUES.values():
        lines.append(f"| `{value.name}` | {value.type}{' or null' if value.nullable else ''} | {value.meaning} |")
    lines += [
        "",
        "| function | meaning |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in FUNCTIONS.items()),
    ]
    lines += [
        "",
        "What may be null has to be guarded before it is used: `metric != null && metric.is_core`. A condition is tried on sample",
        "subjects when it is written; one that fails on stored data later is skipped, and the grade's reasons and its explanation",
        "say so. A change of an objective or key result itself counts at once, one of its team, cycle or metric by the end of",
        "the day.",
    ]
    return "\n".join(lines) + "\n"


def _presets() -> str:
    lines = [
        "\n## Presets\n",
        "Rulesets that ship with the product: a company that moves here keeps the numbers it knows. Each says only what differs",
        "from `standard`. Their worked examples are run by `make vectors`.\n",
        "| preset | name | what it reproduces | source |",
        "|---|---|---|---|",
    ]
    for key in preset_keys():
        document = preset(key)
        meaning, _, source = document.description.partition(" Source: ")
        lines.append(f"| `{key}` | {document.title} | {meaning} | {source} |")
    return "\n".join(lines) + "\n"


def _whole() -> str:
    return f"""
## The built-in ruleset in full

```yaml
{to_yaml(RulesetDocument())}```
"""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written(), encoding="utf-8")
