"""Everything graded again at one go under other rules: what is reached, in which order, and what stays as it is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain_builders import NOW, a_key_result, a_measure, a_reading, a_window

from okr.domain.grading import grade
from okr.domain.ruleset import STANDARD, Bounds, Combine
from okr.domain.timeline import Frame, KeyResultFacts, Member, Version
from okr.domain.values import Commitment, Formula, FormulaOp, Grade, Level, Measure, Provenance, SubjectKind
from okr.domain.what_if import KeyResultCase, ObjectiveCase, Rules, WhatIf
from okr.domain.words import Word, Words

CAPPED = replace(
    STANDARD, key="capped", bounds={**STANDARD.bounds, Level.KEY_RESULT: Bounds(Decimal(0), Decimal("0.5"))}
)
NEW, OLD = Rules(CAPPED, True), Rules(STANDARD, False)


def a_member(id: str, kind: SubjectKind = SubjectKind.KEY_RESULT, *, weight: int = 1) -> Member:
    return Member(kind, id, ((None, Decimal(weight)),))


def measured(id: str, value: int, *, rules: Rules = NEW) -> KeyResultCase:
    """A key result from 0 to 100."""
    inputs = a_key_result(a_measure("reach", start=0, target=100), a_reading(value))
    return KeyResultCase(a_member(id), rules, NOW, inputs, stands=grade(inputs, STANDARD))


def composed(id: str, *children: str, rules: Rules = NEW) -> KeyResultCase:
    """A key result that is the mean of objectives' grades, from 0 to 1."""
    measure = Measure(a_measure("composite").kind, Decimal(0), Decimal(1), formula=Formula(FormulaOp.MEAN, ()))
    frame = Frame(date(2026, 4, 1), date(2026, 6, 29), UTC)
    version = Version(1, datetime(2026, 4, 1, tzinfo=UTC), measure, Decimal(1), None)
    facts = KeyResultFacts(id, Commitment.COMMITTED, frame, (version,))
    members = tuple(a_member(child, SubjectKind.OBJECTIVE) for child in children)
    return KeyResultCase(a_member(id), rules, NOW, facts=facts, children=members)


def an_objective(
    id: str, *key_results: KeyResultCase, rules: Rules = NEW, children: tuple[str, ...] = (), **given: Any
) -> ObjectiveCase:
    members = [a_member(child, SubjectKind.OBJECTIVE) for child in children]
    return ObjectiveCase(id, rules, NOW, Commitment.COMMITTED, a_window(), key_results, members, **given)


def regraded(*cases: ObjectiveCase, outside: dict[str, Grade | None] | None = None) -> dict[str, Decimal | None]:
    """The new grades, by id."""
    what_if = WhatIf({case.id: case for case in cases}, outside or {})
    what_if.regrade()
    return {id: one.grade for id, one in what_if.grades.items()}


def a_grade(value: str) -> Grade:
    inputs = a_key_result(a_measure("reach", start=0, target=1), a_reading(value))
    return grade(inputs, STANDARD)


def test_an_objective_is_made_from_the_new_grades_of_its_key_results() -> None:
    assert regraded(an_objective("o", measured("a", 80), measured("b", 30))) == {
        "a": Decimal("0.5"),
        "b": Decimal("0.3"),
        "o": Decimal("0.4"),
    }


def test_children_come_before_parents_whatever_their_order() -> None:
    parent = an_objective("p", measured("a", 10), children=("c",))
    child = an_objective("c", measured("b", 90))
    expected = {"a": Decimal("0.1"), "b": Decimal("0.5"), "c": Decimal("0.5"), "p": Decimal("0.3")}
    assert regraded(parent, child) == regraded(child, parent) == expected


def test_where_the_rules_are_not_new_nothing_is_graded_again() -> None:
    assert regraded(an_objective("o", measured("a", 80, rules=OLD), rules=OLD)) == {}


def test_a_parent_under_other_rules_is_graded_again_under_its_own_with_the_childs_new_grade() -> None:
    parent = an_objective("p", measured("a", 90, rules=OLD), rules=OLD, children=("c",))
    child = an_objective("c", measured("b", 90))
    # Its key result stays at 0.9, which the new rules would have capped.
    assert regraded(parent, child) == {"b": Decimal("0.5"), "c": Decimal("0.5"), "p": Decimal("0.7")}


def test_a_child_that_is_not_graded_again_counts_as_it_stands() -> None:
    child = an_objective("c", measured("b", 90, rules=OLD), rules=OLD, stands=a_grade("0.9"))
    assert regraded(an_objective("p", children=("c",)), child) == {"p": Decimal("0.9")}


def test_a_child_outside_counts_as_it_stands_and_one_without_a_grade_not_at_all() -> None:
    parent = an_objective("p", measured("a", 30), children=("x", "y", "z"))
    found = regraded(parent, outside={"x": a_grade("0.7"), "y": None})
    assert found == {"a": Decimal("0.3"), "p": Decimal("0.5")}


def test_a_composite_is_made_from_the_new_grades_of_the_objectives_below_it() -> None:
    above = an_objective("p", composed("m", "c", "x"))
    child = an_objective("c", measured("b", 90))
    assert regraded(above, child, outside={"x": a_grade("0.1")}) == {
        "b": Decimal("0.5"),
        "c": Decimal("0.5"),
        "m": Decimal("0.3"),
        "p": Decimal("0.3"),
    }


def test_a_composite_under_other_rules_is_graded_again_where_a_child_moves() -> None:
    above = an_objective("p", composed("m", "c", rules=OLD), rules=OLD)
    child = an_objective("c", measured("b", 90))
    assert regraded(above, child)["m"] == Decimal("0.5")


def test_a_composite_with_a_child_that_has_no_grade_has_none() -> None:
    assert regraded(an_objective("p", composed("m", "x"))) == {"m": None, "p": None}


def test_a_ring_of_alignments_has_an_end() -> None:
    one, two = an_objective("1", measured("a", 30), children=("2",)), an_objective("2", children=("1",))
    assert regraded(one, two).keys() == {"a", "1", "2"}


def test_rules_combine_the_parts_of_their_own_objectives() -> None:
    least = replace(STANDARD, combine={**STANDARD.combine, Level.OBJECTIVE: Combine(missing_is_zero=True)})
    case = an_objective("o", measured("a", 80), children=("x",), rules=Rules(least, True))
    assert regraded(case)["o"] == Decimal("0.25")


def spoken(*, raw_then: str, ended: bool = False) -> Grade:
    """The grade of an objective of which somebody said 0.2 when its key result, now 0.8, had measured `raw_then`."""
    word = Word("w", Decimal("0.2"), NOW - timedelta(days=1), NOW if ended else None)
    words = Words((word,), {("a", word.made_at): Decimal(raw_then)})
    what_if = WhatIf({"o": an_objective("o", measured("a", 80), words=words)})
    what_if.regrade()
    return what_if.grades["o"]


def test_a_persons_word_stands_above_the_new_rules_too() -> None:
    said = spoken(raw_then="0.8")
    assert (said.grade, said.computed_grade, said.provenance) == (Decimal("0.2"), Decimal("0.5"), Provenance.OVERRIDE)
    assert "newer_evidence" not in said.reasons


def test_what_was_measured_since_a_word_is_newer_evidence() -> None:
    assert "newer_evidence" in spoken(raw_then="0.7").reasons


def test_a_word_that_was_taken_back_counts_no_more() -> None:
    assert spoken(raw_then="0.8", ended=True).grade == Decimal("0.5")
