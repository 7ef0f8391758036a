"""People's words above computed grades: what they change, what they leave, and since when they stand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from domain_builders import NOW, a_key_result, a_measure, a_part, a_reading, a_roll_up, a_window, graded, the_grade
from domain_redo import check_that_it_replays
from domain_strategies import inputs, shares
from hypothesis import given

from okr.domain.explain import sentence
from okr.domain.overriding import GradeOutOfBounds, check_override
from okr.domain.ruleset import STANDARD, BandsBy, Bounds, LabelSource, Ruleset
from okr.domain.timeline import Child, Frame, KeyResultFacts, Member, Observation, RollUpFacts, Timeline, Version
from okr.domain.values import (
    Commitment,
    Formula,
    FormulaOp,
    Grade,
    Inputs,
    KeyResultInputs,
    Kind,
    Level,
    Measure,
    Override,
    Part,
    Provenance,
    RollUpInputs,
    Status,
    SubjectKind,
)
from okr.domain.words import Word, Words

HALF = a_key_result(a_measure("increase", start=0, target=10), a_reading(5))
START = NOW - timedelta(days=20)


def said(given_inputs: Inputs, grade: str, **fields: object) -> Inputs:
    """The same inputs with a person's word."""
    return replace(given_inputs, override=Override("o", Decimal(grade), NOW, **fields))  # type: ignore[arg-type]  # any field


def test_the_final_grade_is_the_persons_and_the_computed_one_stays_beside_it() -> None:
    computed = the_grade(HALF)
    assert the_grade(said(HALF, "0.2")) == replace(
        computed,
        grade=Decimal("0.2"),
        status=Status.AT_RISK,
        band="red",
        label="Needs attention",
        reasons=("overridden",),
        provenance=Provenance.OVERRIDE,
        computed_grade=computed.grade,
    )


@pytest.mark.parametrize(
    ("grade", "window", "status"),
    [
        ("1", a_window(), Status.ACHIEVED),
        ("0.25", a_window(ended=30), Status.ON_TRACK),
        ("0.05", a_window(ended=30), Status.OFF_TRACK),
        ("0.9", a_window(is_closed=True), Status.MISSED),
    ],
)
def test_the_status_is_that_of_the_final_grade(grade: str, window: object, status: Status) -> None:
    assert the_grade(said(replace(HALF, window=window), grade)).status is status  # type: ignore[arg-type]  # a window


@pytest.mark.parametrize(
    ("grade", "window", "status"),
    [
        ("1", a_window(), Status.ON_TRACK),
        ("0.9", a_window(), Status.OFF_TRACK),
        ("1", a_window(ended=90), Status.ACHIEVED),
        ("0.9", a_window(ended=90), Status.MISSED),
    ],
)
def test_a_guardrail_holds_or_not_by_the_persons_word(grade: str, window: object, status: Status) -> None:
    guardrail = replace(HALF, measure=a_measure("guardrail", band_high=4), window=window)  # type: ignore[arg-type]  # a window
    assert the_grade(said(guardrail, grade)).status is status


def test_a_word_is_a_grade_where_nothing_was_measured() -> None:
    nothing = said(replace(HALF, reading=a_reading(observed_at=None)), "0.8")
    made = the_grade(nothing)
    assert (made.raw, made.progress, made.grade, made.computed_grade) == (None, None, Decimal("0.8"), None)
    assert (made.coverage, made.reasons) == (0, ("no_value", "overridden"))
    assert sentence(graded(nothing, STANDARD).steps[-2]) == "a person said 0.8; the rules say nothing"
    assert the_grade(said(a_roll_up(), "0.8")).grade == Decimal("0.8")


def test_newer_evidence_is_flagged() -> None:
    flagged = said(a_roll_up(a_part(grade="0.5")), "0.2", has_newer_evidence=True)
    assert the_grade(flagged).reasons == ("overridden", "newer_evidence")


def test_an_explanation_says_who_said_what_and_why_and_paces_the_final_grade() -> None:
    steps = graded(said(HALF, "0.2", reason="The counter broke.", person="Ada"), STANDARD).steps
    assert [sentence(step) for step in steps[-2:]] == [
        "Ada said 0.2: «The counter broke.»; the rules say 0.5",
        "0.2 − 0.333333333333 = −0.133333333333: at_risk (On track from −0.1, At risk from −0.25)",
    ]


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (replace(STANDARD, bands_by=BandsBy.PROGRESS), ("amber", "Making progress")),
        (replace(STANDARD, bands_by=BandsBy.MARKS), ("amber", "Making progress")),
        (replace(STANDARD, label_source=LabelSource.PACE), ("amber", "On track")),
    ],
)
def test_band_and_label_are_those_of_the_final_grade_whatever_they_lie_over(
    rules: Ruleset, named: tuple[str, str]
) -> None:
    made = the_grade(said(replace(HALF, reading=a_reading(9)), "0.4"), rules=rules)
    assert (made.band, made.label) == named


@given(inputs, shares)
def test_whatever_was_measured_the_word_stands_and_the_rest_stays(given_inputs: Inputs, word: Decimal) -> None:
    computed, overridden = (
        the_grade(given_inputs),
        graded(replace(given_inputs, override=Override("o", word, NOW)), STANDARD),
    )
    made = overridden.grade
    assert (made.grade, made.computed_grade) == (word, computed.grade)
    names = ("raw", "progress", "expected", "confidence", "coverage", "freshness", "success_line")
    for name in names:
        assert getattr(made, name) == getattr(computed, name), name
    check_that_it_replays(overridden)


@pytest.mark.parametrize(
    ("bounds", "refused"),
    [
        (Bounds(Decimal(0), Decimal(1)), {"-0.1": "from 0 to 1", "1.1": "from 0 to 1"}),
        (Bounds(None, Decimal("1.5")), {"1.6": "to 1.5"}),
        (Bounds(Decimal("0.3"), None), {"-0.1": "from 0.3"}),
        (Bounds(), {}),
    ],
)
def test_a_word_lies_within_what_the_rules_let_a_grade_be(bounds: Bounds, refused: Mapping[str, str]) -> None:
    rules = replace(STANDARD, bounds={**STANDARD.bounds, Level.OBJECTIVE: bounds})
    told = {}
    for word in ("-0.1", "0.5", "1.1", "1.6") if not refused else (*refused, "0.5"):
        try:
            check_override(Decimal(word), Level.OBJECTIVE, rules)
        except GradeOutOfBounds as error:
            told[word] = error.message.removeprefix("Under standard version 1 a grade goes ").removesuffix(".")
    assert told == refused


# What stands when, and what is newer than it.

BERLIN = ZoneInfo("Europe/Berlin")
FRAME = Frame(date(2026, 10, 1), date(2026, 12, 31), BERLIN)


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


def a_word(id: str, made: int, ended: int | None = None, grade: str = "0.7") -> Word:
    return Word(id, Decimal(grade), at(made), None if ended is None else at(ended))


def a_version(measure: Measure, *, feed: str | None = None) -> Version:
    return Version(1, at(1), measure, Decimal(1), feed)  # type: ignore[arg-type]  # any key will do


def a_line(*pairs: tuple[int, str | None]) -> Timeline:
    """A timeline whose grades have this raw."""
    base = the_grade(HALF)
    grades = [replace(base, raw=None if raw is None else Decimal(raw)) for _, raw in pairs]
    return Timeline(tuple(at(day) for day, _ in pairs), tuple(grades))


def override_of(facts: KeyResultFacts | RollUpFacts, day: int) -> tuple[str, bool] | None:
    """(id, has newer evidence) of the word in force on the day."""
    found = facts.inputs_at(at(day), STANDARD)
    made: KeyResultInputs | RollUpInputs = found[0] if isinstance(found, tuple) else found
    return None if made.override is None else (made.override.id, made.override.has_newer_evidence)


WORDS = Words((a_word("first", 5, 8), a_word("second", 8, 10), a_word("third", 20)))


def test_the_word_in_force_is_the_one_that_has_been_said_and_not_ended() -> None:
    measure = Measure(Kind.INCREASE, start=Decimal(0), target=Decimal(100))
    facts = KeyResultFacts("k", Commitment.COMMITTED, FRAME, (a_version(measure),), words=WORDS)
    expected = {4: None, 5: "first", 7: "first", 8: "second", 9: "second", 10: None, 19: None, 20: "third", 25: "third"}
    found = {day: override_of(facts, day) for day in expected}
    assert found == {day: None if id is None else (id, False) for day, id in expected.items()}
    assert facts.moments(at(6), at(30)) == {at(8), at(10), at(20)}


def test_what_is_observed_after_the_word_is_newer_and_what_comes_late_is_not() -> None:
    measure = Measure(Kind.INCREASE, start=Decimal(0), target=Decimal(100))
    points = [Observation(at(day), value=Decimal(1)) for day in (3, 5, 7)]
    facts = KeyResultFacts(
        "k", Commitment.COMMITTED, FRAME, (a_version(measure, feed="m"),), points={"m": points}, words=WORDS
    )
    assert [override_of(facts, day) for day in (5, 6, 7, 8)] == [
        ("first", False),
        ("first", False),
        ("first", True),
        ("second", False),
    ]


def test_a_composites_evidence_are_its_operands_and_its_children() -> None:
    reach = Measure(Kind.REACH, start=Decimal(0), target=Decimal(10))
    operands = tuple(
        KeyResultFacts(
            id, Commitment.COMMITTED, FRAME, (a_version(reach),), check_ins=[Observation(at(day), value=Decimal(1))]
        )
        for id, day in (("a", 7), ("b", 2), ("c", 6))
    )
    sums = Measure(Kind.COMPOSITE, start=Decimal(0), target=Decimal(10), formula=Formula(FormulaOp.SUM, ("a", "b")))
    composite = KeyResultFacts("k", Commitment.COMMITTED, FRAME, (a_version(sums),), operands=operands, words=WORDS)
    assert [override_of(composite, day) for day in (6, 7)] == [("first", False), ("first", True)]

    bare = replace(sums, formula=None)
    children = (
        Child("moves", Decimal(1), a_line((2, "0.1"), (6, "0.2")), until=at(7)),
        Child("stays", Decimal(1), a_line((2, "0.1"), (6, "0.1"))),
    )
    composite = replace(composite, versions=(a_version(bare),), children=children)
    assert [override_of(composite, day) for day in (5, 6, 7)] == [("first", False), ("first", True), ("first", False)]


def members(*ids: str) -> tuple[Member, ...]:
    return tuple(Member(SubjectKind.KEY_RESULT, id, ((None, Decimal(1)),)) for id in ids)


def test_a_roll_ups_evidence_is_what_its_members_measure() -> None:
    lines = (a_line((2, "0.1"), (9, "0.2")), a_line((6, "0.5")))
    gone = replace(members("b")[0], ended_at=at(7))
    facts = RollUpFacts((members("a")[0], gone), lines, BERLIN, Commitment.COMMITTED, FRAME, words=WORDS)
    assert [override_of(facts, day) for day in (4, 5, 6, 7, 8, 9)] == [
        None,
        ("first", False),
        ("first", True),
        ("first", False),
        ("second", False),
        ("second", True),
    ]
    assert facts.endings() == {at(5), at(7), at(8), at(10), at(20)}


def test_what_was_measured_when_the_word_was_said_may_be_known_from_elsewhere() -> None:
    facts = RollUpFacts(members("a"), (a_line((22, "0.2")),), BERLIN, Commitment.COMMITTED, FRAME)
    for known, is_newer in ((Decimal("0.2"), False), (Decimal("0.1"), True), (None, True)):
        words = Words(WORDS.said, {("a", at(20)): known})
        assert override_of(replace(facts, words=words), 25) == ("third", is_newer), known


def test_a_guardrail_that_a_person_overrides_counts_by_that_word() -> None:
    member = replace(members("g")[0], is_guardrail=True)
    broken: Grade = replace(the_grade(HALF), raw=Decimal(0))
    waived = replace(broken, grade=Decimal(1), provenance=Provenance.OVERRIDE)
    parts: list[Part] = [member.part_at(at(5), one, STANDARD.pace) for one in (broken, waived)]
    assert [part.raw for part in parts] == [0, 1]
    assert members("k")[0].part_at(at(5), waived, STANDARD.pace).raw == 0
