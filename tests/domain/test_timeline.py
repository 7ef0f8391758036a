"""What was in force when, and which instants are worth grading."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from okr.domain.grading import grade
from okr.domain.rescoring import Plan, merged, plan, rescore
from okr.domain.rulebook import BUILT_IN
from okr.domain.ruleset import STANDARD
from okr.domain.timeline import (
    Child,
    Frame,
    KeyResultFacts,
    Member,
    Observation,
    RollUpFacts,
    Timeline,
    Version,
)
from okr.domain.values import (
    Commitment,
    Formula,
    FormulaOp,
    Freshness,
    Grade,
    Kind,
    Measure,
    Milestone,
    Operand,
    Status,
    SubjectKind,
    Zone,
)

BERLIN = ZoneInfo("Europe/Berlin")
FRAME = Frame(date(2026, 10, 1), date(2026, 12, 31), BERLIN)


def at(day: int, hour: int = 12) -> datetime:
    """An instant of November 2026."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def a_version(
    measure: Measure, *, revision: int = 1, since: datetime = at(1), weight: int = 1, feed: str | None = None
) -> Version:
    return Version(revision, since, measure, Decimal(weight), feed)


INCREASE = Measure(Kind.INCREASE, start=Decimal(0), target=Decimal(100))


def facts_of(
    *versions: Version, frame: Frame = FRAME, points: Sequence[Observation] = (), **rest: object
) -> KeyResultFacts:
    return KeyResultFacts("kr", Commitment.COMMITTED, frame, versions, points={"m": points}, **rest)  # type: ignore[arg-type]  # builders pass any field


def valued(*pairs: tuple[int, int]) -> list[Observation]:
    return [Observation(at(day), value=Decimal(value)) for day, value in pairs]


def a_grade(number: str | None) -> Grade:
    progress = None if number is None else Decimal(number)
    return Grade(
        raw=progress,
        progress=progress,
        grade=progress,
        status=Status.PENDING if number is None else Status.ON_TRACK,
        label=None,
        band=None,
        expected=Decimal("0.5"),
        freshness=grade(facts_of(a_version(INCREASE)).inputs_at(at(1), STANDARD)[0], STANDARD).freshness,
        confidence=None,
        coverage=Decimal(0 if number is None else 1),
        success_line=Decimal(1),
        reasons=(),
        ruleset=STANDARD.ref,
    )


def a_timeline(*pairs: tuple[int, str | None]) -> Timeline:
    return Timeline(tuple(at(day) for day, _ in pairs), tuple(a_grade(number) for _, number in pairs))


def test_the_newest_value_by_then_counts_from_the_metric_in_force() -> None:
    facts = KeyResultFacts(
        "kr",
        Commitment.COMMITTED,
        FRAME,
        (a_version(INCREASE, feed="old"), a_version(INCREASE, revision=2, since=at(10), feed="new")),
        points={"old": valued((2, 10), (12, 99)), "new": valued((4, 40))},
    )
    values = [facts.reading_at(at(day)).value for day in (1, 2, 9, 10, 13)]
    assert values == [None, Decimal(10), Decimal(10), Decimal(40), Decimal(40)]
    assert [facts.version_at(at(day)).revision for day in (1, 9, 10)] == [1, 1, 2]
    assert facts.moments(at(1), at(30)) == {at(2), at(4), at(10), at(12)}


def test_the_first_version_also_holds_for_the_time_before_it_was_made() -> None:
    facts = facts_of(a_version(INCREASE, since=at(20), feed="m"), points=valued((3, 30)))
    assert facts.version_at(at(3)).revision == 1
    assert facts.reading_at(at(4)).value == Decimal(30)


def test_without_a_metric_people_report_and_their_confidence_stands_until_they_say_another() -> None:
    said = [
        Observation(at(2), value=Decimal(20), confidence=Decimal("0.9")),
        Observation(at(3), confidence=Decimal("0.4")),
        Observation(at(4), value=Decimal(25)),
    ]
    facts = facts_of(a_version(INCREASE), check_ins=said)
    assert facts.reading_at(at(1)).value is None
    readings = [facts.reading_at(at(day)) for day in (2, 3, 4)]
    assert [(one.value, one.confidence) for one in readings] == [
        (Decimal(20), Decimal("0.9")),
        (Decimal(20), Decimal("0.4")),
        (Decimal(25), Decimal("0.4")),
    ]


def test_a_zone_holds_until_another_is_named() -> None:
    measure = Measure(Kind.ORDINAL, zones=(Zone("calm", Decimal(1)), Zone("tense", Decimal(0))))
    said = [
        Observation(at(2), zone="calm"),
        Observation(at(3), confidence=Decimal(1)),
        Observation(at(5), zone="tense"),
    ]
    facts = facts_of(a_version(measure), check_ins=said)
    assert [facts.reading_at(at(day)).zone for day in (1, 2, 4, 5)] == [None, "calm", "calm", "tense"]


def test_milestones_named_before_a_revision_are_forgotten_by_it_unless_it_is_the_first() -> None:
    measure = Measure(Kind.MILESTONE, milestones=(Milestone("a"), Milestone("b")))
    said = [Observation(at(2), milestone="a"), Observation(at(12), milestone="b")]
    facts = facts_of(a_version(measure, since=at(5)), a_version(measure, revision=2, since=at(10)), check_ins=said)
    assert [facts.reading_at(at(day)).done for day in (1, 2, 10, 12)] == [
        frozenset(),
        frozenset({"a"}),
        frozenset(),
        frozenset({"b"}),
    ]
    assert [facts.reading_at(at(day)).observed_at for day in (1, 2)] == [None, at(2)]


def test_a_composite_reads_its_key_results_and_the_objectives_below_it() -> None:
    operand = KeyResultFacts(
        "o1", Commitment.COMMITTED, FRAME, (a_version(INCREASE, feed="m"),), points={"m": valued((3, 7))}
    )
    measure = Measure(Kind.COMPOSITE, Decimal(0), Decimal(10), formula=Formula(FormulaOp.SUM, ("o1", "gone")))
    facts = facts_of(
        a_version(measure),
        operands=(operand,),
        children=(Child("below", Decimal(2), a_timeline((4, "0.5"), (6, "0.75")), until=at(8)),),
    )
    assert facts.reading_at(at(2)).operands == (Operand("o1", None), Operand("below", None, Decimal(2)))
    assert facts.reading_at(at(5)).operands == (Operand("o1", Decimal(7)), Operand("below", Decimal("0.5"), Decimal(2)))
    assert facts.reading_at(at(8)).operands == (Operand("o1", Decimal(7)),)
    assert facts.reading_at(at(8)).observed_at == at(3)
    assert facts.moments(at(1), at(30)) == {at(3), at(4), at(6), at(8)}
    assert facts_of(a_version(Measure(Kind.COMPOSITE))).reading_at(at(2)).operands == ()


def test_a_composite_is_as_old_as_its_oldest_operand_and_fresh_with_a_fresh_child() -> None:
    operands = tuple(
        KeyResultFacts(
            name, Commitment.COMMITTED, FRAME, (a_version(INCREASE, feed="m"),), points={"m": valued((day, 7))}
        )
        for name, day in (("o1", 3), ("o2", 5))
    )
    measure = Measure(Kind.COMPOSITE, Decimal(0), Decimal(10), formula=Formula(FormulaOp.SUM, ("o1", "o2")))
    assert facts_of(a_version(measure), operands=operands).reading_at(at(9)).observed_at == at(3)
    fresh = replace(a_grade("0.5"), freshness=Freshness.FRESH)
    child = Child("below", Decimal(1), Timeline((at(2),), (fresh,)))
    alone = Measure(Kind.COMPOSITE, Decimal(0), Decimal(1), formula=Formula(FormulaOp.MEAN, ()))
    assert facts_of(a_version(alone), children=(child,)).reading_at(at(9)).observed_at == at(9)


def test_a_frame_counts_its_own_days_only_and_ends_with_what_comes_first() -> None:
    assert FRAME.last is None
    ended = Frame(FRAME.starts_on, FRAME.due_on, BERLIN, closed_at=at(9), ended_at=at(7))
    assert ended.last == at(7)
    assert not ended.window(at(8)).is_closed
    assert ended.window(at(9)).is_closed
    assert FRAME.window(at(9, hour=22)).ended_on == date(2026, 11, 8)
    assert FRAME.window(at(9, hour=23)).ended_on == date(2026, 11, 9)
    days = FRAME.days_between(datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC))
    assert len(days) == 92
    assert (days[0], days[-1]) == (datetime(2026, 10, 1, 22, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC))


def test_members_count_within_their_time_and_once_only() -> None:
    line = a_timeline((2, "0.5"))
    members = (
        Member(SubjectKind.OBJECTIVE, "top", ((None, Decimal(1)),)),
        Member(
            SubjectKind.OBJECTIVE,
            "below",
            ((None, Decimal(1)),),
            contributes_to=(("top", at(10)), ("else", None)),
        ),
        Member(SubjectKind.OBJECTIVE, "later", ((None, Decimal(1)),), since=at(5), until=at(8)),
        Member(SubjectKind.OBJECTIVE, "ended", ((None, Decimal(1)),), ended_at=at(3)),
    )
    facts = RollUpFacts(members, (line,) * 4, BERLIN)

    def counted(day: int) -> list[str]:
        return [part.id for part in facts.inputs_at(at(day), STANDARD).parts]

    assert counted(2) == ["top", "ended"]
    assert counted(5) == ["top"]
    assert counted(8) == ["top", "later"]
    assert counted(10) == ["top", "below"]
    assert facts.endings() == {at(10), at(3)}
    assert facts.inputs_at(at(2), STANDARD).window is None


def test_a_weight_holds_from_its_revision_on_and_pace_is_that_of_the_instant() -> None:
    member = Member(
        SubjectKind.KEY_RESULT,
        "kr",
        ((None, Decimal(1)), (at(10), Decimal(5))),
        frame=FRAME,
        is_guardrail=True,
    )
    grade = a_timeline((2, "0.5")).at(at(2))
    assert [member.part_at(at(day), grade, STANDARD.pace).weight for day in (1, 9, 10)] == [1, 1, 5]
    assert member.part_at(at(1), None, STANDARD.pace).grade is None
    part = member.part_at(datetime(2027, 2, 1, tzinfo=UTC), grade, STANDARD.pace)
    assert (part.grade, part.expected, part.is_guardrail) == (Decimal("0.5"), Decimal(1), True)
    unframed = Member(SubjectKind.KEY_RESULT, "kr", ((None, Decimal(1)),))
    assert unframed.part_at(at(3), grade, STANDARD.pace).expected == Decimal("0.5")


@pytest.mark.parametrize(
    ("candidates", "limit", "complete_until", "expected"),
    [
        ([1, 3, 5, 9], 10, None, Plan((at(3), at(5)), at(5), None)),
        ([3, 4, 5], 2, None, Plan((at(3), at(4)), at(5), at(4) + timedelta(microseconds=1))),
        ([3, 4, 5], 10, 4, Plan((at(3), at(4)), at(5), at(4) + timedelta(microseconds=1))),
        ([2, 5], 10, 4, Plan((at(2),), at(5), at(4) + timedelta(microseconds=1))),
        ([5], 10, 4, Plan((), at(5), at(4) + timedelta(microseconds=1))),
        ([5], 10, 1, Plan((), at(5), at(2))),
        ([], 10, None, Plan((at(2),), at(2), None)),
    ],
)
def test_a_plan_takes_the_earliest_first_and_says_where_to_go_on(
    candidates: list[int], limit: int, complete_until: int | None, expected: Plan
) -> None:
    until = None if complete_until is None else at(complete_until)
    assert plan(map(at, candidates), since=at(2), until=at(7), limit=limit, complete_until=until) == expected


def rescored(
    facts: KeyResultFacts | RollUpFacts, stored: Timeline, *days: int, limit: int = 400
) -> list[tuple[int, Decimal | None]]:
    """The news as (day of November, grade)."""
    agenda = plan(map(at, days), since=at(days[0]), until=at(30), limit=limit)
    result = rescore(facts, agenda=agenda, stored=stored, rules=BUILT_IN)
    return [(one.instant.day, one.grade.grade) for one in result.news]


def test_only_what_a_reader_could_not_have_known_is_news() -> None:
    facts = facts_of(a_version(INCREASE, feed="m"), points=valued((2, 50), (4, 50), (6, 60)))
    assert rescored(facts, Timeline(), 1, 2, 4, 6) == [(2, Decimal("0.5")), (6, Decimal("0.6"))]


def stored_from(facts: KeyResultFacts, *days: int) -> Timeline:
    agenda = plan(map(at, days), since=at(days[0]), until=at(30), limit=400)
    return merged(Timeline(), rescore(facts, agenda=agenda, stored=Timeline(), rules=BUILT_IN))


def test_a_late_value_is_news_until_the_next_one_that_was_known() -> None:
    before = facts_of(a_version(INCREASE, feed="m"), points=valued((2, 50), (6, 60)))
    stored = stored_from(before, 2, 6)
    late = facts_of(a_version(INCREASE, feed="m"), points=valued((2, 50), (4, 55), (6, 60)))
    assert rescored(late, stored, 4, 6) == [(4, Decimal("0.55"))]
    assert rescored(before, stored, 2, 6) == []


def test_a_corrected_value_is_news_and_so_is_the_same_value_after_it() -> None:
    stored = stored_from(facts_of(a_version(INCREASE, feed="m"), points=valued((2, 50), (4, 50))), 2, 4)
    assert stored.instants == (at(2), at(4))
    corrected = facts_of(a_version(INCREASE, feed="m"), points=valued((2, 45), (4, 50)))
    only_first = Timeline(stored.instants[:1], stored.grades[:1])
    assert rescored(corrected, only_first, 2, 4) == [(2, Decimal("0.45")), (4, Decimal("0.5"))]


def test_where_not_all_fits_the_current_grade_is_right_all_the_same() -> None:
    facts = facts_of(a_version(INCREASE, feed="m"), points=valued((2, 20), (4, 40), (6, 60)))
    agenda = plan(map(at, (2, 4, 6)), since=at(2), until=at(30), limit=1)
    result = rescore(facts, agenda=agenda, stored=Timeline(), rules=BUILT_IN)
    assert (result.current.instant, result.current.grade.grade) == (at(6), Decimal("0.6"))
    assert [one.instant for one in result.news] == [at(2)]
    assert agenda.next_from is not None


def test_a_plan_without_instants_grades_the_end_and_leaves_history_to_what_follows() -> None:
    facts = facts_of(a_version(INCREASE, feed="m"), points=valued((6, 60)))
    result = rescore(facts, agenda=Plan((), at(6), at(2)), stored=Timeline(), rules=BUILT_IN)
    assert (result.current.grade.grade, result.news) == (Decimal("0.6"), ())


def test_what_is_graded_last_goes_on_the_end_of_the_timeline() -> None:
    facts = facts_of(a_version(INCREASE, feed="m"), points=valued((1, 10), (2, 50), (4, 70)))
    stored = a_timeline((2, "0.5"))
    agenda = plan({at(4)}, since=at(4), until=at(9), limit=10)
    line = merged(stored, rescore(facts, agenda=agenda, stored=stored, rules=BUILT_IN))
    assert line.instants == (at(2), at(4))
    assert [grade.grade for grade in line.grades] == [Decimal("0.5"), Decimal("0.7")]


def test_moments_lie_between_both_ends() -> None:
    facts = facts_of(a_version(INCREASE, feed="m"), points=valued((1, 10), (2, 50), (4, 70), (6, 80)))
    assert facts.moments(at(2), at(4)) == {at(2), at(4)}


def test_roll_ups_are_rescored_alike() -> None:
    members = (Member(SubjectKind.KEY_RESULT, "kr", ((None, Decimal(1)),)),)
    facts = RollUpFacts(members, (a_timeline((2, "0.5"), (4, "0.7")),), BERLIN, Commitment.COMMITTED, FRAME)
    assert rescored(facts, Timeline(), 1, 2, 3, 4) == [(2, Decimal("0.5")), (4, Decimal("0.7"))]


def test_a_frame_knows_what_was_over_before_its_first_day() -> None:
    frame = facts_of(a_version(INCREASE)).frame
    begins = frame.begins
    assert not frame.is_after(None)
    assert frame.is_after(begins)
    assert not frame.is_after(begins + timedelta(microseconds=1))
