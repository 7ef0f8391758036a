"""Each thing that rules can say, by example; what holds under all of them is in test_rules_properties.py."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from domain_builders import (
    NOW,
    Number,
    a_guardrail,
    a_key_result,
    a_measure,
    a_part,
    a_reading,
    a_roll_up,
    a_window,
    number,
    the_grade,
    with_steps,
)

from okr.domain.explain import sentence
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
    PaceLevel,
    Parts,
    Ruleset,
    Scale,
    Shape,
    Staleness,
    Unmeasurable,
    WhenLate,
    ZeroWeight,
)
from okr.domain.timeline import Frame, KeyResultFacts, Observation, Version
from okr.domain.values import (
    Commitment,
    Grade,
    KeyResultInputs,
    Kind,
    Level,
    Reading,
    RollUpInputs,
    Status,
    SubjectKind,
    Zone,
)

UP = a_measure("increase", start=20, target=100)
DOWN = a_measure("decrease", start=100, target=20)
FREE = replace(STANDARD, bounds=dict.fromkeys(Level, Bounds()))


def measuring(kind: Kind | str, method: Method, of: Of = Of.LATEST, zones: Shape = Shape.NONE, **rules: Any) -> Ruleset:
    return replace(FREE, kinds=STANDARD.kinds | {Kind(kind): KindRule(method, of, zones)}, **rules)


def raw_of(inputs: KeyResultInputs, rules: Ruleset) -> tuple[Decimal | None, tuple[str, ...]]:
    made = with_steps(inputs, rules=rules).grade
    return made.raw, made.reasons


@pytest.mark.parametrize(
    ("kind", "method", "value", "target", "raw"),
    [
        ("reach", Method.RATIO, 82, 90, "0.911111111111"),
        ("increase", Method.RATIO, 5, 0, None),
        ("decrease", Method.INVERSE_RATIO, 8, 15, "1.875"),
        ("decrease", Method.INVERSE_RATIO, 0, 15, None),
        ("at_most", Method.REMAINDER, "0.75", 1, "1.25"),
        ("at_most", Method.REMAINDER, "1.5", 1, "0.5"),
        ("increase", Method.THRESHOLD, 90, 90, "1"),
        ("decrease", Method.THRESHOLD, 91, 90, "0"),
        ("at_least", Method.LINEAR, 5, None, None),
    ],
)
def test_methods(kind: str, method: Method, value: Number, target: Number, raw: Number) -> None:
    inputs = a_key_result(a_measure(kind, target=target), a_reading(value))
    made = with_steps(inputs, rules=measuring(kind, method))
    assert made.grade.raw == number(raw)
    assert raw is None or str(target) in sentence(made.steps[0])


def test_a_threshold_of_a_kind_without_a_direction_goes_by_its_start() -> None:
    falling = a_measure("reach", start=10, target=2)
    rules = measuring("reach", Method.THRESHOLD)
    assert [raw_of(a_key_result(falling, a_reading(value)), rules)[0] for value in (3, 2)] == [0, 1]


def test_a_yes_or_no_may_be_taken_as_a_share() -> None:
    rules = measuring("binary", Method.LINEAR)
    assert raw_of(a_key_result(a_measure("binary"), a_reading("0.25")), rules) == (Decimal("0.25"), ())


def test_a_method_that_its_kind_does_not_know_measures_nothing() -> None:
    rules = measuring("increase", Method.ZONE)
    assert raw_of(a_key_result(UP, a_reading(50)), rules) == (None, ("not_measurable",))


def test_a_way_may_end_at_the_stretch_value() -> None:
    measure = a_measure("increase", start=0, target=50, stretch=100)
    rules = replace(
        FREE,
        way_to_stretch=True,
        kinds={kind: replace(rule, zones=Shape.NONE) for kind, rule in STANDARD.kinds.items()},
    )
    assert raw_of(a_key_result(measure, a_reading(50)), rules)[0] == Decimal("0.5")
    assert raw_of(a_key_result(UP, a_reading(60)), rules)[0] == Decimal("0.5")


@pytest.mark.parametrize(
    ("flat", "below", "there", "above"),
    [
        (Flat.NONE, None, None, None),
        (Flat.ZERO, 0, 0, 0),
        (Flat.HALF, "0.5", "0.5", "0.5"),
        (Flat.ONE, 1, 1, 1),
        (Flat.STEP, 0, 1, 1),
        (Flat.ZERO_WHEN_THERE, None, 0, None),
        (Flat.ONE_WHEN_THERE, None, 1, None),
    ],
)
def test_a_flat_way(flat: Flat, below: Number, there: Number, above: Number) -> None:
    measure = a_measure("increase", start=5, target=5)
    made = [raw_of(a_key_result(measure, a_reading(value)), replace(FREE, flat=flat)) for value in (4, 5, 6)]
    assert [raw for raw, _ in made] == [number(below), number(there), number(above)]
    assert {reason for raw, (reason,) in made if raw is not None} <= {"start_is_target"}


def test_a_flat_step_falls_where_less_is_better() -> None:
    measure = a_measure("decrease", start=5, target=5)
    rules = replace(FREE, flat=Flat.STEP)
    assert [raw_of(a_key_result(measure, a_reading(value)), rules)[0] for value in (4, 5, 6)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("missing", "raw_up", "raw_down", "reasons"),
    [
        (Missing.NONE, None, None, ("no_value",)),
        (Missing.ZERO, 0, 0, ("no_value",)),
        (Missing.START, 0, 0, ()),
        (Missing.VALUE_ZERO, "-0.25", "1.25", None),
    ],
)
def test_a_missing_value(missing: Missing, raw_up: Number, raw_down: Number, reasons: tuple[str, ...] | None) -> None:
    rules = replace(FREE, missing=missing)
    up, down = (raw_of(a_key_result(measure, Reading()), rules) for measure in (UP, DOWN))
    assert (up[0], down[0]) == (number(raw_up), number(raw_down))
    assert reasons is None or up[1] == down[1] == reasons


def test_a_missing_count_begins_at_nothing_and_a_threshold_has_no_start_to_take() -> None:
    rules = replace(FREE, missing=Missing.START)
    assert raw_of(a_key_result(a_measure("count_ratio", target=4), Reading()), rules)[0] == 0
    assert raw_of(a_key_result(a_measure("at_least", target=4), Reading()), rules) == (None, ("no_value",))


@pytest.mark.parametrize(
    ("unmeasurable", "raw"), [(Unmeasurable.NONE, None), (Unmeasurable.ZERO, 0), (Unmeasurable.ONE, 1)]
)
def test_what_cannot_be_measured(unmeasurable: Unmeasurable, raw: Number) -> None:
    inputs = a_key_result(a_measure("increase"), a_reading(50))
    assert raw_of(inputs, replace(FREE, unmeasurable=unmeasurable)) == (number(raw), ("not_measurable",))


PERIODS = tuple(None if value is None else Decimal(value) for value in ("4.8", "3.5", None, "5"))


@pytest.mark.parametrize(
    ("kind", "of", "raw"),
    [
        ("band", Of.SHARE_OF_PLANNED_PERIODS, "0.153846153846"),
        ("band", Of.SHARE_OF_ENDED_PERIODS, "0.5"),
        ("band", Of.WORST, "0.5"),
        ("band", Of.AVERAGE, "1"),
        ("at_least", Of.SHARE_OF_ENDED_PERIODS, "0.5"),
        ("at_least", Of.WORST, "0"),
        ("at_most", Of.SHARE_OF_ENDED_PERIODS, "0.25"),
        ("at_most", Of.WORST, "0"),
        ("increase", Of.WORST, "0.875"),
        ("reach", Of.WORST, "0.285714285714"),
    ],
)
def test_values_over_periods(kind: str, of: Of, raw: Number) -> None:
    figures: dict[str, Number] = {
        "band": {"band_low": 4, "band_high": 5},
        "reach": {"start": "5.5", "target": "3.75"},
    }.get(kind, {"target": 4, "start": 0 if kind == "increase" else None})
    inputs = a_key_result(a_measure(kind, **figures), Reading(periods=PERIODS, observed_at=NOW))
    rules = measuring(kind, STANDARD.kinds[Kind(kind)].method, of)
    assert raw_of(replace(inputs, window=a_window(days=91)), rules)[0] == number(raw)
    assert rules.reads_periods(Kind(kind))


@pytest.mark.parametrize(
    ("measure", "reading", "reason"),
    [
        (a_measure("band", band_low=1, band_high=2), Reading(), "no_value"),
        (a_measure("band"), Reading(periods=(Decimal(1),)), "not_measurable"),
        (a_measure("increase"), Reading(periods=(Decimal(1),)), "not_measurable"),
    ],
)
def test_periods_that_say_nothing(measure: Any, reading: Reading, reason: str) -> None:
    rules = measuring(measure.kind, STANDARD.kinds[measure.kind].method, Of.SHARE_OF_ENDED_PERIODS)
    assert raw_of(a_key_result(measure, reading), rules) == (None, (reason,))
    average = measuring(measure.kind, STANDARD.kinds[measure.kind].method, Of.AVERAGE)
    assert raw_of(a_key_result(measure, Reading()), average) == (None, ("no_value",))


def test_the_worst_of_a_band_with_one_edge_is_the_farthest_outside() -> None:
    rules = measuring("band", Method.INSIDE, Of.WORST)
    measure = a_measure("band", band_low=3)
    assert raw_of(a_key_result(measure, Reading(periods=(Decimal(4), Decimal(2)))), rules)[0] == 0


def test_periods_are_read_from_what_was_observed() -> None:
    begin = datetime(2026, 3, 31, 22, tzinfo=UTC)
    seen = [Observation(begin + timedelta(days=day), value=Decimal(day)) for day in (0, 1, 6, 15, 20)]
    frame = Frame(date(2026, 4, 1), date(2026, 4, 28), ZoneInfo("Europe/Berlin"))
    measure = a_measure("at_least", target=5)
    facts = KeyResultFacts(
        "k", Commitment.COMMITTED, frame, (Version(1, begin, measure, Decimal(1), None),), check_ins=seen
    )
    rules = measuring("at_least", Method.THRESHOLD, Of.SHARE_OF_ENDED_PERIODS)

    def periods(day: int) -> tuple[Decimal | None, ...]:
        return facts.inputs_at(begin + timedelta(days=day), rules)[0].reading.periods

    assert periods(0) == (Decimal(0),)
    assert periods(6) == (Decimal(6),)
    assert periods(14) == (Decimal(6), None, None)
    assert periods(60) == (Decimal(6), None, Decimal(20), None)
    assert facts.inputs_at(begin, STANDARD)[0].reading.periods == ()


MARKED = a_measure("increase", start=10, commit=12, target=20, stretch=25)


def bent(value: Number, *, shape: Shape, **levels: Any) -> Decimal | None:
    zones = replace(STANDARD.zones, **levels)
    rules = measuring("increase", Method.LINEAR, zones=shape)
    return the_grade(
        a_key_result(MARKED, a_reading(value), commitment=Commitment.LEARNING), rules=replace(rules, zones=zones)
    ).grade


@pytest.mark.parametrize(
    ("shape", "value", "grade"),
    [
        (Shape.STEPS, 11, "0"),
        (Shape.STEPS, 12, "0.3"),
        (Shape.STEPS, "24.9", "0.7"),
        (Shape.STEPS, 25, "1"),
        (Shape.LINES, 16, "0.5"),
        (Shape.LINES, 9, "0"),
        (Shape.NONE, 15, "0.5"),
    ],
)
def test_zones(shape: Shape, value: Number, grade: Number) -> None:
    assert bent(value, shape=shape) == number(grade)


def test_zones_may_leave_marks_out_and_say_what_lies_before_the_first() -> None:
    levels = {
        "start": None,
        "commit": Decimal("0.8"),
        "target": Decimal(1),
        "stretch": Decimal("1.2"),
        "below": Decimal(0),
    }
    assert [bent(value, shape=Shape.LINES, **levels) for value in (11, 12, 16, 23, 30)] == [
        Decimal(0),
        Decimal("0.8"),
        Decimal("0.9"),
        Decimal("1.12"),
        Decimal("1.2"),
    ]


def test_zones_of_one_mark_bend_nothing() -> None:
    assert bent(15, shape=Shape.LINES, start=None, commit=None, target=None) == Decimal("0.5")


def test_a_zones_name_may_be_worth_what_the_rules_say_and_be_the_label() -> None:
    measure = a_measure("ordinal", zones=[Zone("Target", Decimal("0.7"))])
    rules = replace(FREE, ordinal=Ordinal({"target": Decimal(1), "fail": Decimal("0.3")}, label_is_zone=True))
    made = [the_grade(a_key_result(measure, a_reading(zone=zone)), rules=rules) for zone in ("Target", "FAIL", "Other")]
    assert [(one.grade, one.label) for one in made] == [(1, "Target"), (Decimal("0.3"), "FAIL"), (None, "Other")]


def aged(days: int, **staleness: Any) -> Grade:
    rules = replace(FREE, staleness=Staleness(1, **staleness))
    reading = a_reading(60, observed_at=NOW - timedelta(days=days))
    made = with_steps(a_key_result(UP, reading), rules=rules)
    assert all(sentence(step) for step in made.steps)
    return made.grade


def test_late_values() -> None:
    cap = {"when_late": WhenLate.CAP, "cap": Decimal("0.4")}
    decay = {"when_late": WhenLate.DECAY, "decay": Decimal("0.2")}
    assert [aged(days, **cap).grade for days in (7, 8)] == [Decimal("0.5"), Decimal("0.4")]
    assert [aged(days, **decay).grade for days in (7, 8, 14, 15, 100)] == [
        Decimal("0.5"),
        Decimal("0.3"),
        Decimal("0.3"),
        Decimal("0.1"),
        Decimal(0),
    ]
    assert aged(8).grade == Decimal("0.5")
    assert aged(8, when_late=WhenLate.CAP).grade == Decimal("0.5")


def test_decay_does_not_lift_what_is_negative() -> None:
    rules = replace(FREE, staleness=Staleness(1, WhenLate.DECAY, decay=Decimal("0.2")))
    reading = a_reading(12, observed_at=NOW - timedelta(days=30))
    assert the_grade(a_key_result(UP, reading), rules=rules).grade == Decimal("-0.1")


def adjusting(*parts: tuple[Op, Number, Any], level: Level = Level.KEY_RESULT) -> Ruleset:
    adjustments = [
        Adjustment(f"a{index}", frozenset({level}), "…", when, op, number(amount), "we learned")
        for index, (op, amount, when) in enumerate(parts)
    ]
    return replace(STANDARD, adjustments=tuple(adjustments))


def always(_: Mapping[str, Any]) -> bool:
    return True


@pytest.mark.parametrize(
    ("op", "amount", "grade", "reasons"),
    [
        (Op.SCALE, "0.8", "0.4", ("adjusted",)),
        (Op.SHIFT, "0.7", "1", ("adjusted",)),
        (Op.CAP, "0.3", "0.3", ("adjusted",)),
        (Op.FLOOR, "0.6", "0.6", ("adjusted",)),
        (Op.FLOOR, "0.2", "0.5", ()),
        (Op.ANNOTATE, None, "0.5", ("a0",)),
        (Op.SCALE, None, "0.5", ()),
    ],
)
def test_adjustments(op: Op, amount: Number, grade: Number, reasons: tuple[str, ...]) -> None:
    rules = adjusting((op, amount, always))
    others = replace(rules.adjustments[0], key="of_objectives", levels=frozenset({Level.OBJECTIVE}))
    made = with_steps(a_key_result(UP, a_reading(60)), rules=replace(rules, adjustments=(others, *rules.adjustments)))
    assert (made.grade.grade, made.grade.reasons) == (number(grade), reasons)
    (words,) = [sentence(step) for step in made.steps if step.name == "adjustment"]
    assert words.startswith(f"we learned: {op.value}")


def test_what_an_adjustment_does_stays_within_the_bounds() -> None:
    made = with_steps(a_key_result(UP, a_reading(90)), rules=adjusting((Op.SHIFT, "0.7", always)))
    assert [sentence(step) for step in made.steps if step.name == "grade_bounds"] == [
        "grades are no lower than 0, no higher than 1: 1"
    ]


def test_an_annotation_among_others_leaves_its_key_and_the_rest_their_change() -> None:
    rules = adjusting((Op.ANNOTATE, None, lambda _: False), (Op.ANNOTATE, None, always), (Op.CAP, "0.1", always))
    made = the_grade(a_key_result(UP, a_reading(60)), rules=rules)
    assert (made.grade, made.reasons) == (Decimal("0.1"), ("a1", "adjusted"))


def test_adjustments_are_made_in_order_and_see_what_is_known() -> None:
    seen: list[Mapping[str, Any]] = []

    def low(context: Mapping[str, Any]) -> bool:
        seen.append({**context, "subject": dict(context["subject"])})
        return bool(context["subject"]["grade"] < 0.45)

    rules = adjusting((Op.SCALE, "0.8", always), (Op.CAP, "0.1", low))
    inputs = replace(
        a_key_result(UP, a_reading(60, confidence="0.6")), context={"subject": {"tags": ["x"]}, "team": {"name": "A"}}
    )
    assert the_grade(inputs, rules=rules).grade == Decimal("0.1")
    (context,) = seen
    assert context["subject"]["grade"] == Decimal("0.4")
    assert (context["subject"]["status"], context["subject"]["tags"]) == ("on_track", ["x"])
    assert (context["subject"]["confidence"], context["subject"]["perspective"]) == (Decimal("0.6"), None)
    assert (context["team"], context["cycle"], context["metric"]) == ({"name": "A"}, None, None)
    assert context["elapsed"] == Decimal("0.333333333333")
    assert context["counts"] == {"parts": 0, "graded": 1, "guardrails_broken": 0}


def test_a_condition_that_fails_is_skipped_and_told() -> None:
    def fails(_: Mapping[str, Any]) -> bool:
        raise ConditionFailed("no such team")

    made = with_steps(a_key_result(UP, a_reading(60)), rules=adjusting((Op.SCALE, "0.5", fails)))
    assert (made.grade.grade, made.grade.reasons) == (Decimal("0.5"), ("adjustment_failed",))
    assert "no such team" in next(sentence(step) for step in made.steps if step.name == "condition_failed")


def test_adjustments_of_roll_ups_know_their_counts() -> None:
    seen: list[Any] = []

    def counts(context: Mapping[str, Any]) -> bool:
        seen.append(context)
        return True

    parts = (a_part("a", grade="0.5"), a_part("b"), a_guardrail(inside=False))
    inputs = a_roll_up(*parts, window=a_window(ended=45))
    made = the_grade(inputs, rules=adjusting((Op.SHIFT, "0.1", counts), level=Level.OBJECTIVE))
    assert made.grade == Decimal("0.4")
    assert seen[0]["counts"] == {"parts": 2, "graded": 1, "guardrails_broken": 1}
    assert seen[0]["elapsed"] == Decimal("0.5")
    # A set has no adjustment here, and nothing is asked of a condition.
    assert the_grade(
        replace(inputs, commitment=None), rules=adjusting((Op.SHIFT, "0.1", counts), level=Level.OBJECTIVE)
    )
    assert len(seen) == 1


def test_adjustments_of_sets_may_have_no_days() -> None:
    def ended(context: Mapping[str, Any]) -> bool:
        return context["elapsed"] is None

    inputs = a_roll_up(a_part("a", grade="0.5"), commitment=None)
    assert the_grade(inputs, rules=adjusting((Op.CAP, "0.2", ended), level=Level.SET)).grade == Decimal("0.2")


@pytest.mark.parametrize(
    ("mode", "grade"),
    [
        (Rounding.HALF_EVEN, "0.12"),
        (Rounding.HALF_UP, "0.13"),
        (Rounding.HALF_DOWN, "0.12"),
        (Rounding.DOWN, "0.12"),
        (Rounding.UP, "0.13"),
    ],
)
def test_rounding(mode: Rounding, grade: Number) -> None:
    rules = replace(STANDARD, rounding=dict.fromkeys(Level, 2), rounding_mode=mode)
    assert with_steps(a_key_result(UP, a_reading(30)), rules=rules).grade.grade == number(grade)


def combining(**combine: Any) -> Ruleset:
    return replace(FREE, combine=dict.fromkeys(Level, Combine(**combine)))


PARTS = (a_part("a", weight=3, grade="0.2"), a_part("b", weight=1, grade="0.6"), a_part("c", weight=1, grade="1.3"))


@pytest.mark.parametrize(
    ("combine", "grade"),
    [
        ({}, "0.5"),
        ({"how": How.MEAN}, "0.7"),
        ({"how": How.SUM}, "2.1"),
        ({"how": How.MIN}, "0.2"),
        ({"how": How.MAX}, "1.3"),
        ({"how": How.MEDIAN}, "0.6"),
        ({"how": How.MEAN, "part_bounds": Bounds(Decimal("0.3"), Decimal(1))}, "0.633333333333"),
        ({"how": How.MAX, "part_bounds": Bounds(None, Decimal(1))}, "1"),
    ],
)
def test_combining(combine: dict[str, Any], grade: Number) -> None:
    made = with_steps(a_roll_up(*PARTS), rules=combining(**combine))
    assert made.grade.grade == number(grade)
    assert all(sentence(step) for step in made.steps)


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    assert the_grade(a_roll_up(*PARTS[:2]), rules=combining(how=How.MEDIAN)).grade == Decimal("0.4")


def test_parts_without_a_grade_and_wholes_without_parts() -> None:
    parts = (a_part("a", grade="0.5"), a_part("b"))
    assert the_grade(a_roll_up(*parts), rules=combining(missing_is_zero=True)).grade == Decimal("0.25")
    nothing = with_steps(a_roll_up(), rules=combining(empty=Decimal(0)))
    assert (nothing.grade.grade, nothing.grade.reasons) == (Decimal(0), ("no_key_results",))


@pytest.mark.parametrize(
    ("zero_weight", "grade"), [(ZeroWeight.NONE, None), (ZeroWeight.ZERO, 0), (ZeroWeight.EQUAL, "0.4")]
)
def test_weights_that_add_up_to_nothing(zero_weight: ZeroWeight, grade: Number) -> None:
    parts = (a_part("a", weight=0, grade="0.2"), a_part("b", weight=0, grade="0.6"))
    made = with_steps(a_roll_up(*parts), rules=combining(zero_weight=zero_weight))
    assert made.grade.grade == number(grade)
    assert ("÷ (1 + 1)" in " ".join(map(sentence, made.steps))) == (zero_weight is ZeroWeight.EQUAL)


def test_children_may_count_only_where_there_are_no_key_results() -> None:
    child = replace(a_part("c", grade="0.9"), kind=SubjectKind.OBJECTIVE)
    rules = combining(parts=Parts.CHILDREN_IF_ALONE)
    assert the_grade(a_roll_up(a_part("a", grade="0.5"), child), rules=rules).grade == Decimal("0.5")
    assert the_grade(a_roll_up(child), rules=rules).grade == Decimal("0.9")


def test_a_guardrail_may_only_be_told() -> None:
    made = the_grade(a_roll_up(*PARTS, a_guardrail(inside=False)), rules=replace(FREE, guardrail_cap=None))
    assert (made.grade, made.reasons) == (Decimal("0.5"), ("guardrail_breached",))


LEVELS = (
    PaceLevel(Status.ON_TRACK, "Ahead", Decimal("1.1"), is_above=True),
    PaceLevel(Status.ON_TRACK, "Good", Decimal("0.9")),
    PaceLevel(Status.OFF_TRACK, "Behind", None),
)


def paced(progress: Number, expected: Number, **pace: Any) -> tuple[Status, str | None]:
    rules = replace(FREE, pace=replace(STANDARD.pace, levels=LEVELS, **pace), label_source=LabelSource.PACE)
    part = replace(a_part("a", progress=progress, grade=progress, weight=1), expected=number(expected))
    made = with_steps(a_roll_up(part, commitment=None), rules=replace(rules, default_success_line=Decimal(9))).grade
    return made.status, made.label


def test_a_pace_by_ratio_or_by_progress_alone() -> None:
    ratio = {"compare": Compare.RATIO}
    assert paced("0.55", "0.5", **ratio) == (Status.ON_TRACK, "Good")
    assert paced("0.56", "0.5", **ratio) == (Status.ON_TRACK, "Ahead")
    assert paced("0.44", "0.5", **ratio) == (Status.OFF_TRACK, "Behind")
    assert paced("0", "0", **ratio) == (Status.ON_TRACK, "Good")
    assert paced("0.95", "0.1", compare=Compare.ABSOLUTE) == (Status.ON_TRACK, "Good")


def test_statuses_that_no_pace_decides_have_words_too() -> None:
    rules = replace(
        FREE,
        label_source=LabelSource.PACE,
        pace=replace(STANDARD.pace, words={Status.ACHIEVED: "COMPLETED", Status.PENDING: "NOT_STARTED"}),
    )
    labels = [the_grade(a_key_result(UP, reading), rules=rules).label for reading in (a_reading(100), Reading())]
    assert labels == ["COMPLETED", "NOT_STARTED"]
    held = a_key_result(a_measure("guardrail", band_high=5), a_reading(3), window=a_window(ended=90))
    assert the_grade(held, rules=rules).label == "COMPLETED"


@pytest.mark.parametrize(
    ("expectation", "expected"),
    [
        (Expectation.LINEAR, "0.5"),
        (Expectation.FRONT_LOADED, "0.75"),
        (Expectation.BACK_LOADED, "0.25"),
        (Expectation.PHASED, "0.15"),
        (Expectation.WORKING_DAYS, "0.6"),
    ],
)
def test_expectations(expectation: Expectation, expected: Number) -> None:
    phases = ((Decimal("0.4"), Decimal("0.1")), (Decimal("0.8"), Decimal("0.3")))
    rules = replace(STANDARD, pace=replace(STANDARD.pace, expectation=expectation, phases=phases))
    # Wednesday to Tuesday, and after seven of fourteen days it is Tuesday: five of ten working days.
    days = 14 if expectation is not Expectation.WORKING_DAYS else 7
    window = a_window(ended=days // 2, days=days)
    assert the_grade(a_key_result(UP, a_reading(50), window=window), rules=rules).expected == number(expected)


def test_before_the_first_day_nothing_is_expected() -> None:
    rules = replace(STANDARD, pace=replace(STANDARD.pace, expectation=Expectation.WORKING_DAYS))
    early = a_key_result(UP, a_reading(50), window=a_window(ended=-3))
    assert the_grade(early, rules=rules).expected == 0


def test_grace_days_shift_what_is_expected_and_not_the_end() -> None:
    rules = replace(STANDARD, pace=replace(STANDARD.pace, grace_days=9))
    shares = [
        the_grade(a_key_result(UP, a_reading(50), window=a_window(ended=ended)), rules=rules).expected
        for ended in (5, 9, 18, 89, 90)
    ]
    assert shares == [0, 0, Decimal("0.1"), Decimal("0.888888888889"), 1]


def test_bands_with_open_edges_and_over_progress_or_marks() -> None:
    bands = (Band("low", "Low", Decimal(0)), Band("high", "High", Decimal("0.7"), is_above=True))
    rules = replace(STANDARD, bands=dict.fromkeys(Level, bands))
    assert [the_grade(a_key_result(UP, a_reading(value)), rules=rules).band for value in (76, 77)] == ["low", "high"]
    marks = replace(STANDARD, bands_by=BandsBy.MARKS)
    assert [the_grade(a_key_result(MARKED, a_reading(value)), rules=marks).band for value in (11, 12, 20)] == [
        "red",
        "amber",
        "green",
    ]
    assert the_grade(a_key_result(UP, a_reading(60)), rules=marks).band == "amber"
    assert the_grade(a_key_result(a_measure("at_least", target=9, commit=5), a_reading(9)), rules=marks).band == "green"
    progress = replace(STANDARD, bands_by=BandsBy.PROGRESS)
    assert the_grade(a_key_result(UP, a_reading(60)), rules=progress).band == "amber"


def test_rules_may_have_words_for_confidence() -> None:
    bands = (Band("ambitious", "Ambitious", Decimal("0.25")), Band("safe", "Too safe", Decimal("0.9"), is_above=True))
    rules = replace(STANDARD, confidence_bands=bands)
    told = [
        with_steps(a_key_result(UP, a_reading(50, confidence=one)), rules=rules) for one in ("0.9", "0.91", "0.1", None)
    ]
    assert [made.confidence_label for made in told] == ["Ambitious", "Too safe", None, None]


def test_a_grade_may_be_shown_on_a_scale() -> None:
    rules = replace(STANDARD, label_source=LabelSource.SCALE, scale=Scale(Decimal(1), Decimal(5), 1))
    assert the_grade(a_key_result(UP, a_reading(84)), rules=rules).label == "4.2"
    assert the_grade(a_key_result(UP, Reading()), rules=rules).label is None
    assert the_grade(a_key_result(UP, a_reading(84)), rules=replace(rules, scale=None)).label is None


def test_rules_say_what_they_need() -> None:
    rules = adjusting((Op.SHIFT, "0.1", always), level=Level.OBJECTIVE)
    assert (rules.adjusts(Level.OBJECTIVE), rules.adjusts(Level.KEY_RESULT)) == (True, False)
    assert RollUpInputs(NOW, ()).level is Level.SET
