"""The twelve kinds under the standard rules, case by case: raw, progress and what is said about them."""

from decimal import Decimal

import pytest
from domain_builders import a_composite, a_key_result, a_measure, a_reading, number, with_steps

from okr.domain.measures import composed
from okr.domain.values import Kind, Measure, Milestone, Operand, Reading, Status, Zone

UP = a_measure("increase", start=40, target=60)
DOWN = a_measure("decrease", start=40, target=10)
REACH_UP = a_measure("reach", start=-10, target=10)
REACH_DOWN = a_measure("reach", start=10, target=-10)
AT_LEAST = a_measure("at_least", target=99)
AT_LEAST_FROM = a_measure("at_least", start=90, target=99)
AT_MOST = a_measure("at_most", target=5)
AT_MOST_FROM = a_measure("at_most", start=25, target=5)
BAND = a_measure("band", band_low=20, band_high=30)
BINARY = a_measure("binary")
RATIO = a_measure("count_ratio", target=8)
FLOOR = a_measure("guardrail", band_low=4)
CEILING = a_measure("guardrail", band_high=9)
CORRIDOR = a_measure("guardrail", band_low=4, band_high=9)

VALUE_CASES = [
    # measure, value, raw, progress, reasons
    (UP, 40, "0", "0", ()),
    (UP, 45, "0.25", "0.25", ()),
    (UP, 60, "1", "1", ()),
    (UP, 65, "1.25", "1", ("beyond_target",)),
    (UP, 30, "-0.5", "0", ("worse_than_start",)),
    (UP, "40.0000000001", "0.000000000005", "0.000000000005", ()),
    (UP, "40.00000000001", "0", "0", ()),
    (UP, "40.00000000003", "0.000000000002", "0.000000000002", ()),
    (DOWN, 25, "0.5", "0.5", ()),
    (DOWN, 40, "0", "0", ()),
    (DOWN, 10, "1", "1", ()),
    (DOWN, 0, "1.333333333333", "1", ("beyond_target",)),
    (DOWN, 55, "-0.5", "0", ("worse_than_start",)),
    (REACH_UP, 0, "0.5", "0.5", ()),
    (REACH_UP, -20, "-0.5", "0", ("worse_than_start",)),
    (REACH_DOWN, 0, "0.5", "0.5", ()),
    (REACH_DOWN, -15, "1.25", "1", ("beyond_target",)),
    (AT_LEAST, 99, "1", "1", ()),
    (AT_LEAST, "98.999999999", "0", "0", ()),
    (AT_LEAST, 120, "1", "1", ()),
    (AT_LEAST_FROM, 93, "0.333333333333", "0.333333333333", ()),
    (AT_LEAST_FROM, 99, "1", "1", ()),
    (AT_LEAST_FROM, 200, "1", "1", ()),
    (AT_LEAST_FROM, 81, "-1", "0", ("worse_than_start",)),
    (AT_MOST, 5, "1", "1", ()),
    (AT_MOST, "5.000000001", "0", "0", ()),
    (AT_MOST, -3, "1", "1", ()),
    (AT_MOST_FROM, 20, "0.25", "0.25", ()),
    (AT_MOST_FROM, 4, "1", "1", ()),
    (AT_MOST_FROM, 30, "-0.25", "0", ("worse_than_start",)),
    (BAND, 20, "1", "1", ()),
    (BAND, 30, "1", "1", ()),
    (BAND, 25, "1", "1", ()),
    (BAND, 18, "0.8", "0.8", ("outside_band",)),
    (BAND, 37, "0.3", "0.3", ("outside_band",)),
    (BAND, 40, "0", "0", ("outside_band",)),
    (BAND, 5, "-0.5", "0", ("outside_band",)),
    (a_measure("band", band_low=0, band_high=3), 4, "0.666666666667", "0.666666666667", ("outside_band",)),
    (BINARY, 0, "0", "0", ()),
    (BINARY, 1, "1", "1", ()),
    (BINARY, "0.99", "0", "0", ()),
    (BINARY, 7, "1", "1", ()),
    (BINARY, -1, "0", "0", ()),
    (RATIO, 0, "0", "0", ()),
    (RATIO, 2, "0.25", "0.25", ()),
    (RATIO, 10, "1.25", "1", ("beyond_target",)),
    (RATIO, -2, "-0.25", "0", ("worse_than_start",)),
    (FLOOR, 4, "1", "1", ()),
    (FLOOR, 3, "0", "0", ("outside_band",)),
    (FLOOR, 1000, "1", "1", ()),
    (CEILING, 9, "1", "1", ()),
    (CEILING, 10, "0", "0", ("outside_band",)),
    (CEILING, -1000, "1", "1", ()),
    (CORRIDOR, 4, "1", "1", ()),
    (CORRIDOR, 3, "0", "0", ("outside_band",)),
    (CORRIDOR, 10, "0", "0", ("outside_band",)),
]


@pytest.mark.parametrize(("measure", "value", "raw", "progress", "reasons"), VALUE_CASES)
def test_a_value_is_measured(
    measure: Measure, value: int | str, raw: str, progress: str, reasons: tuple[str, ...]
) -> None:
    result = with_steps(a_key_result(measure, a_reading(value))).grade
    assert (result.raw, result.progress, result.grade) == (number(raw), number(progress), number(progress))
    assert (result.reasons, result.coverage) == (reasons, 1)


def test_the_table_has_every_kind_that_a_value_measures() -> None:
    rest = {Kind.MILESTONE, Kind.ORDINAL, Kind.COMPOSITE}
    assert {measure.kind for measure, *_ in VALUE_CASES} == set(Kind) - rest


@pytest.mark.parametrize("measure", {measure.kind: measure for measure, *_ in VALUE_CASES}.values())
def test_without_a_value_there_is_no_number(measure: Measure) -> None:
    result = with_steps(a_key_result(measure, Reading())).grade
    assert (result.raw, result.progress, result.grade, result.label, result.band) == (None,) * 5
    assert (result.coverage, result.status, result.reasons) == (0, Status.PENDING, ("no_value",))


ROOF = Milestone("roof", Decimal(1))
WALLS = Milestone("walls", Decimal(3))
FLOOR_LAID = Milestone("floor", Decimal(4), done=True)


@pytest.mark.parametrize(
    ("milestones", "done", "raw", "reasons"),
    [
        ((ROOF, WALLS), (), "0", ()),
        ((ROOF, WALLS), ("walls",), "0.75", ()),
        ((ROOF, WALLS), ("walls", "roof"), "1", ()),
        ((ROOF, WALLS, FLOOR_LAID), (), "0.5", ()),
        ((ROOF, WALLS, FLOOR_LAID), ("floor", "roof"), "0.625", ()),
        ((ROOF, WALLS), ("a milestone of an older version",), "0", ()),
        ((Milestone("a"), Milestone("b"), Milestone("c")), ("c",), "0.333333333333", ()),
        ((Milestone("a", Decimal(0), done=True),), (), None, ("zero_weight",)),
        ((), (), None, ("zero_weight",)),
    ],
)
def test_milestones_count_by_weight(
    milestones: tuple[Milestone, ...], done: tuple[str, ...], raw: str | None, reasons: tuple[str, ...]
) -> None:
    result = with_steps(a_key_result(a_measure("milestone", milestones=milestones), a_reading(done=done))).grade
    assert (result.raw, result.grade, result.reasons) == (number(raw), number(raw), reasons)
    assert result.coverage == (raw is not None)


ZONES = (
    Zone("red", Decimal(0)),
    Zone("amber", Decimal("0.4")),
    Zone("green", Decimal(1)),
    Zone("fine", Decimal("0.1234567890125")),
)


@pytest.mark.parametrize(
    ("zone", "raw", "reasons"),
    [
        ("red", "0", ()),
        ("amber", "0.4", ()),
        ("green", "1", ()),
        ("fine", "0.123456789012", ()),
        (None, None, ("no_value",)),
        ("blue", None, ("unknown_zone",)),
    ],
)
def test_the_zone_last_named_counts(zone: str | None, raw: str | None, reasons: tuple[str, ...]) -> None:
    result = with_steps(a_key_result(a_measure("ordinal", zones=ZONES), a_reading(zone=zone))).grade
    assert (result.raw, result.grade, result.reasons) == (number(raw), number(raw), reasons)


def operands(*given: tuple[int | str | None, int | str]) -> tuple[Operand, ...]:
    return tuple(Operand(f"kr{i}", number(value), Decimal(weight)) for i, (value, weight) in enumerate(given))


@pytest.mark.parametrize(
    ("op", "of", "value", "raw", "reasons"),
    [
        ("sum", operands((3, 1), (4, 9)), 7, "0.7", ()),
        ("mean", operands((3, 1), (4, 1)), "3.5", "0.35", ()),
        ("mean", operands((3, 1), (5, 3)), "4.5", "0.45", ()),
        ("mean", operands((3, 0), (5, 1)), 5, "0.5", ()),
        ("min", operands((3, 1), (5, 3)), 3, "0.3", ()),
        ("max", operands((3, 1), (5, 3)), 5, "0.5", ()),
        ("sum", operands((-3, 1), (1, 1)), -2, "-0.2", ("worse_than_start",)),
        ("sum", operands((10, 1), (1, 1)), 11, "1.1", ("beyond_target",)),
        ("mean", operands((3, 0), (5, 0)), None, None, ("zero_weight",)),
        ("sum", operands((3, 1), (None, 1)), None, None, ("operand_without_value",)),
        ("max", operands((3, 1), (None, 0)), None, None, ("operand_without_value",)),
        ("sum", (), None, None, ("no_operands",)),
    ],
)
def test_a_composite_puts_its_operands_together(
    op: str, of: tuple[Operand, ...], value: int | str | None, raw: str | None, reasons: tuple[str, ...]
) -> None:
    measure = a_measure("composite", start=0, target=10, formula=a_composite(op, *(one.id for one in of)))
    reading = a_reading(operands=of)
    result = with_steps(a_key_result(measure, reading)).grade
    assert (result.raw, result.reasons) == (number(raw), reasons)
    assert composed(measure, of)[0] == number(value)


@pytest.mark.parametrize(
    "measure",
    [
        a_measure("increase", start=5, target=5),
        a_measure("increase", target=5),
        a_measure("reach", start=5),
        a_measure("count_ratio", target=0),
        a_measure("at_least", start=5),
        a_measure("at_most"),
        a_measure("band", band_low=5),
        a_measure("band", band_high=5),
        a_measure("band", band_low=5, band_high=5),
        a_measure("guardrail"),
        a_measure("composite", start=0, target=10),
        a_measure("composite", start=5, target=5, formula=a_composite("sum", "a")),
    ],
    ids=lambda measure: measure.kind.value,
)
def test_a_measure_that_lacks_something_says_so_and_does_not_fail(measure: Measure) -> None:
    result = with_steps(a_key_result(measure, a_reading(3, operands=operands((3, 1))))).grade
    assert (result.raw, result.progress, result.grade, result.coverage) == (None, None, None, 0)
    assert result.reasons == ("not_measurable",)
