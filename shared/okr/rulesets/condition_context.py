"""What a condition may look at: every name with its type, whether it can be null, and what it means.

Data, so that the checks, the samples and the generated reference say the same thing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NUMBER, TEXT, TRUTH, TEXTS = "number", "text", "truth", "list of texts"

Value = float | str | bool | list[str] | None
Context = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ContextField:
    """A value; `sample` is what it is when conditions are tried out."""

    name: str
    type: str
    meaning: str
    sample: float | str | bool | tuple[str, ...]
    nullable: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextRecord:
    """A group of values; where it is nullable, the whole group can be null."""

    name: str
    meaning: str
    fields: tuple[ContextField, ...]
    nullable: bool = False

    def field(self, name: str) -> ContextField | None:
        """The field of that name."""
        return next((one for one in self.fields if one.name == name), None)


SUBJECT_KINDS = ("key_result", "objective", "team", "cycle", "organization")
_MEASURES = (
    "increase",
    "decrease",
    "reach",
    "at_least",
    "at_most",
    "band",
    "binary",
    "milestone",
    "ordinal",
    "count_ratio",
    "composite",
    "guardrail",
)
_STATUSES = ("pending", "on_track", "at_risk", "off_track", "achieved", "missed")

_SUBJECT = ContextRecord(
    "subject",
    "what is being graded",
    (
        ContextField("kind", TEXT, "what it is", "key_result", words=SUBJECT_KINDS),
        ContextField("measure", TEXT, "a key result's kind", "increase", nullable=True, words=_MEASURES),
        ContextField(
            "commitment",
            TEXT,
            "what its objective promises; null above objectives",
            "aspirational",
            nullable=True,
            words=("committed", "aspirational", "learning"),
        ),
        ContextField(
            "perspective",
            TEXT,
            "the side its objective looks from",
            "customer",
            nullable=True,
            words=("financial", "customer", "internal_process", "learning_growth"),
        ),
        ContextField(
            "horizon", TEXT, "its objective's", "short_term", nullable=True, words=("short_term", "long_term")
        ),
        ContextField(
            "source",
            TEXT,
            "where its objective comes from",
            "cascaded",
            nullable=True,
            words=("cascaded", "cross_team", "independent"),
        ),
        ContextField("tags", TEXTS, "its objective's tags; empty where there are none", ("growth",)),
        ContextField(
            "value_class",
            TEXT,
            "a key result's",
            "outcome",
            nullable=True,
            words=("outcome", "output", "activity"),
        ),
        ContextField("indicator", TEXT, "a key result's", "lagging", nullable=True, words=("leading", "lagging")),
        ContextField(
            "status", TEXT, "against its pace, as it would be without the adjustments", "on_track", words=_STATUSES
        ),
        ContextField("raw", NUMBER, "unbounded", 0.5, nullable=True),
        ContextField("progress", NUMBER, "raw between floor and cap", 0.5, nullable=True),
        ContextField("grade", NUMBER, "as the adjustments before this one left it", 0.5, nullable=True),
        ContextField("confidence", NUMBER, "0 to 1", 0.6, nullable=True),
        ContextField("coverage", NUMBER, "share of the weight that has a value", 1.0),
        ContextField("expected", NUMBER, "where the pace says it should be", 0.4, nullable=True),
        ContextField("freshness", TEXT, "how recent its newest value is", "fresh", words=("fresh", "late", "never")),
        ContextField("zone", TEXT, "the zone last named, of an ordinal key result", "Target", nullable=True),
    ),
)
_TEAM = ContextRecord(
    "team",
    "the team it belongs to; null for cycles and organizations",
    (
        ContextField("id", TEXT, "its id", "0190b1d2-0000-7000-8000-000000000001"),
        ContextField("name", TEXT, "its name", "Growth"),
        ContextField("kind", TEXT, "what sort of team", "team", words=("company", "division", "team")),
    ),
    nullable=True,
)
_CYCLE = ContextRecord(
    "cycle",
    "the cycle it belongs to; null where it is in none or in several",
    (
        ContextField("id", TEXT, "its id", "0190b1d2-0000-7000-8000-000000000002"),
        ContextField("name", TEXT, "its name", "2026 Q2"),
        ContextField("cadence", TEXT, "how long it runs", "quarter", words=("quarter", "half", "year", "custom")),
    ),
    nullable=True,
)
_METRIC = ContextRecord(
    "metric",
    "the metric that feeds a key result; null without one",
    (
        ContextField("key", TEXT, "its key", "revenue"),
        ContextField("unit", TEXT, "its unit", "EUR", nullable=True),
        ContextField("is_core", TRUTH, "whether the company counts it among its core metrics", True),
        ContextField("source", TEXT, "the system that sends it", "billing", nullable=True),
        ContextField(
            "frequency", TEXT, "how often a value is due", "weekly", words=("daily", "weekly", "monthly", "quarterly")
        ),
        ContextField("direction", TEXT, "which way is better", "up", words=("up", "down")),
    ),
    nullable=True,
)
_COUNTS = ContextRecord(
    "counts",
    "the parts of a roll-up; a key result has none",
    (
        ContextField("parts", NUMBER, "how many there are, guardrails left out", 3.0),
        ContextField("graded", NUMBER, "how many of them have a grade", 2.0),
        ContextField("guardrails_broken", NUMBER, "how many guardrails are broken", 0.0),
    ),
)
ELAPSED = ContextField("elapsed", NUMBER, "the share of its days that have ended, 0 to 1; null without days", 0.4, True)

RECORDS = {one.name: one for one in (_SUBJECT, _TEAM, _CYCLE, _METRIC, _COUNTS)}
VALUES = {ELAPSED.name: ELAPSED}
NAMES = (*RECORDS, *VALUES)

FUNCTIONS = {
    "size": "size(list or text): how many there are, as a number",
    "has": "has(metric.unit): neither metric nor its unit is null",
    "startsWith": "text.startsWith(text)",
    "endsWith": "text.endsWith(text)",
    "contains": "text.contains(text)",
    "string": "string(number, truth or text): as text",
    "double": "double(text or number): as a number",
    "int": "int(text or number): as a whole number, cut towards zero",
}


def samples() -> Iterator[tuple[str, Context]]:
    """The contexts that a condition is tried on, each with its name: for every kind of subject all values set, all
    nullable ones null, each alone null, and the lists empty."""
    nullable = [
        *(name for name, record in RECORDS.items() if record.nullable),
        *(f"{name}.{one.name}" for name, record in RECORDS.items() for one in record.fields if one.nullable),
        *(name for name, value in VALUES.items() if value.nullable),
    ]
    for kind in SUBJECT_KINDS:
        of_kind = f"for a subject of kind {kind}"
        yield f"{of_kind} with every value set", _sample(kind)
        yield f"{of_kind} with every nullable value null", _sample(kind, nulls=frozenset(nullable))
        yield f"{of_kind} without tags", _sample(kind, are_lists_empty=True)
        for name in nullable:
            yield f"where {name} is null", _sample(kind, nulls=frozenset({name}))


def _sample(kind: str, *, nulls: frozenset[str] = frozenset(), are_lists_empty: bool = False) -> Context:
    def value(field: ContextField) -> Value:
        if isinstance(field.sample, tuple):
            return [] if are_lists_empty else list(field.sample)
        return field.sample

    context: dict[str, object] = {}
    for name, record in RECORDS.items():
        context[name] = (
            None
            if name in nulls
            else {one.name: None if f"{name}.{one.name}" in nulls else value(one) for one in record.fields}
        )
    for name, one in VALUES.items():
        context[name] = None if name in nulls else value(one)
    return {**context, "subject": {**context["subject"], "kind": kind}}  # type: ignore[dict-item]  # never null
