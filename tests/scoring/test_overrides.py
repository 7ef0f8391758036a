"""People's words in the pipeline: they stand above what is computed, which goes on beside them, now and in history."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from domain_redo import check_that_it_replays

from company import (
    Company,
    a_key_result,
    a_metric,
    an_alignment,
    an_objective,
    end_override,
    override,
    push,
    touch,
)
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, explain, grades_as_of, history
from okr.db.points import NewPoint
from okr.domain.explain import sentence
from okr.domain.values import Grade, Kind, SubjectKind
from workers import Drain

OVERRIDDEN, NEWER = "overridden", "newer_evidence"


class Case:
    """An objective above another one with a key result, fed by `arr` from 0 to 100."""

    def __init__(self, company: Company, drain: Drain, **subjects: Subject) -> None:
        self.company, self.drain = company, drain
        self.key_result, self.objective, self.parent = (
            subjects[name] for name in ("key_result", "objective", "parent")
        )

    async def push(self, value: int, at: datetime) -> None:
        await push(self.company, NewPoint("arr", Decimal(value), at))
        await self.drain()

    async def override(self, one: Subject, grade: str) -> datetime:
        at = await override(self.company, one, grade)
        await self.drain()
        return at

    async def end(self, one: Subject) -> datetime:
        at = await end_override(self.company, one)
        await self.drain()
        return at

    async def now(self, one: Subject) -> Grade:
        return (await current_grades(self.company.connection, self.company.id, [one]))[one].grade

    async def then(self, one: Subject, at: datetime) -> Grade:
        found = await grades_as_of(self.company.connection, self.company.id, [one], as_of=at)
        return found[one].grade


def said(grade: Grade) -> tuple[Any, ...]:
    """What is told of whose word it is: final, computed, reasons."""
    return (*(None if one is None else float(one) for one in (grade.grade, grade.computed_grade)), *grade.reasons)


@pytest.fixture
async def case(company: Company, drain: Drain) -> Case:
    """The case, with 40 of 100 reached ten days ago."""
    parent, objective = await an_objective(company), await an_objective(company)
    await an_alignment(company, objective, parent_objective_id=parent)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    case = Case(
        company,
        drain,
        key_result=subject(SubjectKind.KEY_RESULT, key_result),
        objective=subject(SubjectKind.OBJECTIVE, objective),
        parent=subject(SubjectKind.OBJECTIVE, parent),
    )
    await case.push(40, datetime.now(UTC) - timedelta(days=10))
    return case


async def test_a_word_stands_above_the_computed_grade_and_parents_are_made_from_it(case: Case) -> None:
    at = await case.override(case.key_result, "0.7")
    grade = await case.now(case.key_result)
    assert said(grade) == (0.7, 0.4, OVERRIDDEN)
    assert (grade.raw, grade.progress) == (Decimal("0.4"), Decimal("0.4"))
    for one in (case.objective, case.parent):
        assert said(await case.now(one)) == (0.7, None)
    before = at - timedelta(microseconds=1)
    for one in (case.key_result, case.objective, case.parent):
        assert said(await case.then(one, before)) == (0.4, None), "what was before stays"


async def test_a_later_metric_is_flagged_and_erases_nothing(case: Case) -> None:
    for one in (case.objective, case.key_result):
        await case.override(one, "0.7")
    # Looked at again from now on only: what was measured when the word was said has to be found in history.
    await touch(case.company, case.objective, since=datetime.now(UTC))
    await case.drain()
    assert said(await case.now(case.objective)) == (0.7, 0.7, OVERRIDDEN), "a word on the child is no evidence"
    await case.push(90, datetime.now(UTC))
    assert said(await case.now(case.key_result)) == (0.7, 0.9, OVERRIDDEN, NEWER)
    assert said(await case.now(case.objective)) == (0.7, 0.7, OVERRIDDEN, NEWER)
    assert said(await case.now(case.parent)) == (0.7, None)
    await touch(case.company, case.objective, case.parent, since=datetime.now(UTC))
    await case.drain()
    assert said(await case.now(case.objective)) == (0.7, 0.7, OVERRIDDEN, NEWER)


async def test_a_late_metric_of_before_the_word_is_no_newer_evidence(case: Case) -> None:
    words = [await case.override(one, "0.7") for one in (case.objective, case.key_result)]
    late = words[0] - timedelta(hours=1)
    await case.push(60, late)
    assert said(await case.now(case.key_result)) == (0.7, 0.6, OVERRIDDEN)
    assert said(await case.now(case.objective)) == (0.7, 0.7, OVERRIDDEN)
    assert said(await case.then(case.objective, late)) == (0.6, None)
    assert said(await case.then(case.objective, words[0])) == (0.7, 0.6, OVERRIDDEN)


async def test_a_later_word_takes_the_place_of_an_earlier_one_and_taking_it_back_restores_the_computed_grade(
    case: Case,
) -> None:
    first = await case.override(case.objective, "0.7")
    second = await case.override(case.objective, "0.2")
    await case.push(50, datetime.now(UTC))
    end = await case.end(case.objective)
    assert said(await case.now(case.objective)) == (0.5, None)
    assert said(await case.now(case.parent)) == (0.5, None)
    assert [said(await case.then(case.objective, at)) for at in (first, second, end)] == [
        (0.7, 0.4, OVERRIDDEN),
        (0.2, 0.4, OVERRIDDEN),
        (0.5, None),
    ]


async def test_a_word_is_enough_where_nothing_was_measured(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective)
    one, above = subject(SubjectKind.KEY_RESULT, key_result), subject(SubjectKind.OBJECTIVE, objective)
    await drain()
    at = await override(company, one, "0.6")
    await drain()
    grades = await current_grades(company.connection, company.id, [one, above])
    assert [said(grades[each].grade)[:2] for each in (one, above)] == [(0.6, None), (0.6, None)]
    assert grades[one].grade.raw is None
    assert one not in await grades_as_of(company.connection, company.id, [one], as_of=at - timedelta(seconds=1))


async def test_a_guardrail_holds_where_a_person_says_so(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    metric = await a_metric(company, "arr")
    await a_key_result(company, objective, metric_id=metric)
    guardrail = await a_key_result(company, objective, kind="guardrail", band_high=Decimal(20), metric_id=metric)
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC)))
    await drain()
    one, above = subject(SubjectKind.KEY_RESULT, guardrail), subject(SubjectKind.OBJECTIVE, objective)
    assert (await current_grades(company.connection, company.id, [above]))[above].grade.grade == Decimal("0.3")
    await override(company, one, "1")
    await drain()
    grade = (await current_grades(company.connection, company.id, [above]))[above].grade
    assert (grade.grade, grade.reasons) == (Decimal("0.5"), ())


async def test_a_composites_word_is_flagged_once_a_child_or_an_operand_measures_something_new(
    company: Company, drain: Drain
) -> None:
    objective, child = await an_objective(company), await an_objective(company)
    operand = await a_key_result(company, objective, metric_id=await a_metric(company, "a"))
    await a_key_result(company, child, metric_id=await a_metric(company, "b"))
    formula = {"op": "sum", "of": [str(operand)]}
    composite = await a_key_result(company, objective, kind=Kind.COMPOSITE.value, formula=formula)
    await an_alignment(company, child, parent_key_result_id=composite)
    one = subject(SubjectKind.KEY_RESULT, composite)
    before = datetime.now(UTC) - timedelta(days=1)
    await push(company, NewPoint("a", Decimal(10), before), NewPoint("b", Decimal(10), before))
    await drain()
    for metric in ("a", "b"):
        await override(company, one, "0.7")
        await drain()
        assert (await current_grades(company.connection, company.id, [one]))[one].grade.reasons == (OVERRIDDEN,)
        await push(company, NewPoint(metric, Decimal(20), datetime.now(UTC)))
        await drain()
        assert (await current_grades(company.connection, company.id, [one]))[one].grade.reasons == (OVERRIDDEN, NEWER)


async def test_every_moment_is_made_again_from_what_it_kept_and_says_who_said_why(case: Case) -> None:
    for one in (case.key_result, case.objective):
        await case.override(one, "0.7")
    await case.push(90, datetime.now(UTC))
    await case.end(case.objective)
    connection, id = case.company.connection, case.company.id
    texts = []
    for one in (case.key_result, case.objective, case.parent):
        kept = [item async for item in history(connection, id, one)]
        for stored in [*kept, (await current_grades(connection, id, [one]))[one]]:
            again = await explain(connection, id, stored)
            assert again.graded.grade == stored.grade
            check_that_it_replays(again.graded)
            texts += [sentence(step) for step in again.graded.steps if step.name == "override"]
    assert "Ada said 0.7: «I was there»; the rules say 0.9" in texts


async def test_the_same_grade_on_another_word_is_told_with_that_words_reason(case: Case) -> None:
    instants = []
    for reason in ("The first", "The second"):
        instants.append(await override(case.company, case.objective, "0.7", reason=reason))
        await case.drain()
    told = []
    for at in instants:
        found = await grades_as_of(case.company.connection, case.company.id, [case.objective], as_of=at)
        explained = await explain(case.company.connection, case.company.id, found[case.objective])
        assert explained.inputs.override is not None
        told.append(explained.inputs.override.reason)
    assert told == ["The first", "The second"]


async def test_grading_all_of_it_again_says_the_same(case: Case) -> None:
    for one in (case.key_result, case.objective):
        await case.override(one, "0.7")
    await case.push(90, datetime.now(UTC))
    await case.override(case.objective, "0.8")
    await case.end(case.key_result)
    written = "SELECT * FROM score_snapshot ORDER BY 1, 2, 3, 4, 5"
    before = await case.company.connection.fetch(written)
    await touch(case.company, case.key_result, case.objective, case.parent, since=case.company.begins_at)
    await case.drain()
    assert await case.company.connection.fetch(written) == before
