"""What a key result must say, and what a check-in may say: code and pointer of each refusal."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from domain_builders import a_composite, a_measure, number

from okr.domain.errors import DomainError, Invalid
from okr.domain.measures import DIRECT_KINDS
from okr.domain.validation import check_measure, check_reading
from okr.domain.values import Kind, Measure, Milestone, Zone


def milestones(*titles: str, weight: int = 1) -> Iterable[Milestone]:
    return (Milestone(title, Decimal(weight)) for title in titles)


def zones(*names: str, grade: int | str = 1) -> Iterable[Zone]:
    return (Zone(name, Decimal(grade)) for name in names)


SOUND = {
    Kind.INCREASE: a_measure("increase", start=0, commit=3, target=10, stretch=12),
    Kind.DECREASE: a_measure("decrease", start=10, commit=7, target=0, stretch=-2),
    Kind.REACH: a_measure("reach", start=10, target=20),
    Kind.AT_LEAST: a_measure("at_least", start=90, commit=95, target=99, stretch=100),
    Kind.AT_MOST: a_measure("at_most", start=20, target=5),
    Kind.BAND: a_measure("band", band_low=5, band_high=6),
    Kind.BINARY: a_measure("binary"),
    Kind.MILESTONE: a_measure("milestone", milestones=milestones("roof", "walls")),
    Kind.ORDINAL: a_measure("ordinal", zones=zones("red", "green")),
    Kind.COUNT_RATIO: a_measure("count_ratio", target=10, commit=5, stretch=20),
    Kind.COMPOSITE: a_measure("composite", start=0, target=10, formula=a_composite("sum", "a", "b")),
    Kind.GUARDRAIL: a_measure("guardrail", band_low=5, band_high=6),
}


@pytest.mark.parametrize("kind", Kind)
def test_a_sound_measure_of_each_kind_is_taken(kind: Kind) -> None:
    check_measure(SOUND[kind])


@pytest.mark.parametrize(
    "measure",
    [
        a_measure("at_least", target=99),
        a_measure("at_most", target=-1),
        a_measure("reach", start=20, commit=15, target=10, stretch=5),
        a_measure("guardrail", band_low=5),
        a_measure("guardrail", band_high=5),
        a_measure("ordinal", zones=[Zone("red", Decimal(0)), Zone("green", Decimal(1))]),
        a_measure("milestone", milestones=[Milestone("a", Decimal(0)), Milestone("b")]),
        a_measure("composite", start=10, target=0, formula=a_composite("min")),
    ],
    ids=lambda measure: measure.kind.value,
)
def test_other_sound_measures_are_taken(measure: Measure) -> None:
    check_measure(measure)


@pytest.mark.parametrize(
    ("measure", "code", "pointer"),
    [
        (a_measure("increase", target=5), "field_required", "/start_value"),
        (a_measure("increase", start=5), "field_required", "/target_value"),
        (a_measure("decrease", start=5), "field_required", "/target_value"),
        (a_measure("reach"), "field_required", "/start_value"),
        (a_measure("at_least"), "field_required", "/target_value"),
        (a_measure("at_most", start=3), "field_required", "/target_value"),
        (a_measure("band", band_low=3), "field_required", "/band_high"),
        (a_measure("band", band_high=3), "field_required", "/band_low"),
        (a_measure("milestone"), "field_required", "/milestones"),
        (a_measure("ordinal"), "field_required", "/zones"),
        (a_measure("count_ratio"), "field_required", "/target_value"),
        (a_measure("composite", start=0, target=1), "field_required", "/formula"),
        (a_measure("composite", target=1, formula=a_composite("sum", "a")), "field_required", "/start_value"),
        (a_measure("guardrail"), "field_required", "/band_low"),
        (a_measure("at_least", target=5, stretch=6), "field_required", "/start_value"),
        (a_measure("at_most", target=5, commit=6), "field_required", "/start_value"),
        (a_measure("increase", start=5, target=5), "start_equals_target", "/target_value"),
        (a_measure("decrease", start=5, target=5), "start_equals_target", "/target_value"),
        (a_measure("reach", start=5, target="5.0"), "start_equals_target", "/target_value"),
        (a_measure("at_least", start=5, target=5), "start_equals_target", "/target_value"),
        (
            a_measure("composite", start=1, target=1, formula=a_composite("sum", "a")),
            "start_equals_target",
            "/target_value",
        ),
        (a_measure("increase", start=5, target=4), "wrong_direction", "/target_value"),
        (a_measure("decrease", start=5, target=6), "wrong_direction", "/target_value"),
        (a_measure("at_least", start=5, target=4), "wrong_direction", "/target_value"),
        (a_measure("at_most", start=5, target=6), "wrong_direction", "/target_value"),
        (a_measure("count_ratio", target=0), "target_not_positive", "/target_value"),
        (a_measure("count_ratio", target=-1), "target_not_positive", "/target_value"),
        (a_measure("increase", start=0, commit=0, target=9), "out_of_order", "/commit_value"),
        (a_measure("increase", start=0, commit=9, target=9), "out_of_order", "/commit_value"),
        (a_measure("increase", start=0, target=9, stretch=9), "out_of_order", "/stretch_value"),
        (a_measure("increase", start=0, target=9, stretch=-9), "out_of_order", "/stretch_value"),
        (a_measure("decrease", start=9, commit=10, target=0), "out_of_order", "/commit_value"),
        (a_measure("decrease", start=9, commit=9, target=0), "out_of_order", "/commit_value"),
        (a_measure("decrease", start=9, commit=0, target=0), "out_of_order", "/commit_value"),
        (a_measure("decrease", start=9, target=0, stretch=0), "out_of_order", "/stretch_value"),
        (a_measure("decrease", start=9, target=0, stretch=1), "out_of_order", "/stretch_value"),
        (a_measure("reach", start=9, target=0, stretch=10), "out_of_order", "/stretch_value"),
        (a_measure("count_ratio", target=9, commit=-1), "out_of_order", "/commit_value"),
        (a_measure("band", band_low=5, band_high=5), "band_empty", "/band_high"),
        (a_measure("guardrail", band_low=6, band_high=5), "band_empty", "/band_high"),
        (a_measure("milestone", milestones=milestones("a", "b", "a")), "duplicate", "/milestones/2/title"),
        (a_measure("milestone", milestones=milestones("a", weight=-1)), "weight_invalid", "/milestones/0/weight"),
        (a_measure("milestone", milestones=milestones("a", "b", weight=0)), "weight_invalid", "/milestones"),
        (a_measure("ordinal", zones=zones("red", "red")), "duplicate", "/zones/1/name"),
        (a_measure("ordinal", zones=zones("red", grade="1.01")), "zone_grade_invalid", "/zones/0/grade"),
        (a_measure("ordinal", zones=zones("red", grade="-0.01")), "zone_grade_invalid", "/zones/0/grade"),
        (
            a_measure("composite", start=0, target=1, formula=a_composite("sum", "a", "a")),
            "duplicate",
            "/formula/of/1",
        ),
    ],
)
def test_a_measure_that_cannot_be_is_refused(measure: Measure, code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_measure(measure)
    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


STRAY = {
    "start": ("/start_value", number(3), {Kind.INCREASE, Kind.DECREASE, Kind.REACH, Kind.AT_LEAST, Kind.AT_MOST, Kind.COMPOSITE}),
    "target": ("/target_value", number(10), set(Kind) - {Kind.BAND, Kind.BINARY, Kind.MILESTONE, Kind.ORDINAL, Kind.GUARDRAIL}),
    "commit": ("/commit_value", number(3), set(Kind) - {Kind.BAND, Kind.BINARY, Kind.MILESTONE, Kind.ORDINAL, Kind.GUARDRAIL}),
    "stretch": ("/stretch_value", number(30), set(Kind) - {Kind.BAND, Kind.BINARY, Kind.MILESTONE, Kind.ORDINAL, Kind.GUARDRAIL}),
    "band_low": ("/band_low", number(0), {Kind.BAND, Kind.GUARDRAIL}),
    "band_high": ("/band_high", number(9), {Kind.BAND, Kind.GUARDRAIL}),
    "milestones": ("/milestones", tuple(milestones("a")), {Kind.MILESTONE}),
    "zones": ("/zones", tuple(zones("a")), {Kind.ORDINAL}),
    "formula": ("/formula", a_composite("sum", "a"), {Kind.COMPOSITE}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for field, (_, _, kinds) in STRAY.items() for kind in Kind if kind not in kinds]
)
def test_a_field_that_means_nothing_for_the_kind_is_refused(kind: Kind, field: str) -> None:
    pointer, value, _ = STRAY[field]
    with pytest.raises(Invalid) as refusal:
        check_measure(replace(SOUND[kind], **{field: value}))
    assert (refusal.value.code, refusal.value.pointer) == ("field_not_for_kind", pointer)


@pytest.mark.parametrize(
    ("kind", "reading"),
    [
        *((kind, {"value": Decimal(1)}) for kind in sorted(DIRECT_KINDS)),
        (Kind.BINARY, {"value": Decimal("0.0")}),
        (Kind.ORDINAL, {"zone": "red"}),
        (Kind.MILESTONE, {"milestone": "walls"}),
        *((kind, {}) for kind in Kind),
    ],
)
def test_a_check_in_may_name_what_its_kind_takes(kind: Kind, reading: dict[str, Decimal | str]) -> None:
    check_reading(SOUND[kind], **reading)


@pytest.mark.parametrize(
    ("kind", "reading", "code", "pointer"),
    [
        (Kind.BINARY, {"value": Decimal("0.5")}, "not_binary", "/value"),
        (Kind.BINARY, {"value": Decimal(2)}, "not_binary", "/value"),
        (Kind.COMPOSITE, {"value": Decimal(1)}, "field_not_for_kind", "/value"),
        (Kind.ORDINAL, {"value": Decimal(1)}, "field_not_for_kind", "/value"),
        (Kind.MILESTONE, {"value": Decimal(1)}, "field_not_for_kind", "/value"),
        (Kind.ORDINAL, {"zone": "blue"}, "unknown_zone", "/zone"),
        (Kind.MILESTONE, {"milestone": "cellar"}, "unknown_milestone", "/milestone"),
        (Kind.ORDINAL, {"milestone": "roof"}, "field_not_for_kind", "/milestone"),
        *((kind, {"zone": "red"}, "field_not_for_kind", "/zone") for kind in Kind if kind is not Kind.ORDINAL),
        *((kind, {"milestone": "a"}, "field_not_for_kind", "/milestone") for kind in sorted(DIRECT_KINDS)),
    ],
)
def test_a_check_in_that_the_kind_cannot_take_is_refused(
    kind: Kind, reading: dict[str, Decimal | str], code: str, pointer: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        check_reading(SOUND[kind], **reading)
    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


def test_a_refusal_says_what_would_do() -> None:
    with pytest.raises(Invalid, match="red, green"):
        check_reading(SOUND[Kind.ORDINAL], zone="blue")


def test_a_refusal_carries_its_facts() -> None:
    refusal = DomainError("Close it first.", pointer="/state", state="active")
    assert (str(refusal), refusal.message, refusal.pointer) == ("Close it first.", "Close it first.", "/state")
    assert refusal.facts == {"state": "active"}


def test_what_the_kind_says_anyway_may_be_said() -> None:
    check_measure(Measure(Kind.BINARY, start=Decimal(0), target=Decimal(1)))
    check_measure(Measure(Kind.COUNT_RATIO, start=Decimal(0), target=Decimal(9)))
    for other in (
        Measure(Kind.BINARY, target=Decimal(2)),
        Measure(Kind.COUNT_RATIO, start=Decimal(1), target=Decimal(9)),
    ):
        with pytest.raises(Invalid, match="has no"):
            check_measure(other)
