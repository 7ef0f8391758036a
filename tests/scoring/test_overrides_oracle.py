"""History with people's words against an oracle that keeps every point and word, and makes each grade from scratch."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from company import Company, a_key_result, a_metric, an_alignment, an_objective, end_override, override, push
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, grades_as_of
from okr.db.points import NewPoint
from okr.domain.values import Grade, SubjectKind
from workers import Drain


@dataclass
class Oracle:
    """Points in the order they were sent, (observed_at, value); words by subject, (made_at, ended_at, grade)."""

    key_result: Subject
    objective: Subject
    parent: Subject
    points: list[tuple[datetime, Decimal]] = field(default_factory=list)
    words: dict[Subject, list[tuple[datetime, datetime | None, Decimal]]] = field(default_factory=dict)

    def word(self, one: Subject, at: datetime) -> tuple[datetime, Decimal] | None:
        """When the word in force at the instant was said, and what it said."""
        standing = [
            (made, grade)
            for made, ended, grade in self.words.get(one, [])
            if made <= at and (ended is None or at < ended)
        ]
        return standing[0] if standing else None

    def end(self, one: Subject, at: datetime) -> None:
        """The word in force ends."""
        self.words[one] = [(made, ended or at, grade) for made, ended, grade in self.words.get(one, [])]

    def measured(self, at: datetime) -> tuple[datetime, Decimal] | None:
        """The newest value by then, and when it was observed."""
        seen = [(observed_at, order, value) for order, (observed_at, value) in enumerate(self.points)]
        by_then = [one for one in seen if one[0] <= at]
        return (max(by_then)[0], max(by_then)[2]) if by_then else None

    def computed(self, one: Subject, at: datetime) -> Decimal | None:
        """What the rules say."""
        if one == self.key_result:
            found = self.measured(at)
            return None if found is None else found[1] / 100
        return self.final(self.key_result if one == self.objective else self.objective, at)

    def final(self, one: Subject, at: datetime) -> Decimal | None:
        """What stands."""
        word = self.word(one, at)
        return self.computed(one, at) if word is None else word[1]

    def is_newer(self, one: Subject, at: datetime) -> bool:
        """Whether something else is measured than when the word in force was said; of a key result also the same again."""
        word = self.word(one, at)
        now = self.measured(at)
        if word is None or now is None:
            return False
        if one == self.key_result:
            return now[0] > word[0]
        then = self.measured(word[0])
        return then is None or then[1] != now[1]

    def says(self, one: Subject, at: datetime) -> tuple[Decimal | None, Decimal | None, tuple[str, ...]]:
        """(final, computed where it differs in kind, reasons) of the instant."""
        if self.word(one, at) is None:
            return self.final(one, at), None, ()
        newer = ("newer_evidence",) if self.is_newer(one, at) else ()
        return self.final(one, at), self.computed(one, at), ("overridden", *newer)


def told(grade: Grade) -> tuple[Decimal | None, Decimal | None, tuple[str, ...]]:
    """The same of a grade; why nothing was measured is not what this is about."""
    return (
        grade.grade,
        grade.computed_grade,
        tuple(one for one in grade.reasons if one in ("overridden", "newer_evidence")),
    )


@pytest.mark.parametrize("seed", range(4))
async def test_any_instant_by_the_word_that_stood_then(company: Company, drain: Drain, seed: int) -> None:
    choose = random.Random(seed)
    parent, objective = await an_objective(company), await an_objective(company)
    await an_alignment(company, objective, parent_objective_id=parent)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    oracle = Oracle(
        subject(SubjectKind.KEY_RESULT, key_result),
        subject(SubjectKind.OBJECTIVE, objective),
        subject(SubjectKind.OBJECTIVE, parent),
    )
    subjects = [oracle.key_result, oracle.objective, oracle.parent]
    instants: list[datetime] = []
    await drain()
    for _ in range(25):
        one = choose.choice(subjects)
        match choose.choice(["push", "push late", "override", "override", "end"]):
            case "override":
                grade = Decimal(choose.randrange(1, 99)) / 100
                at = await override(company, one, str(grade))
                oracle.end(one, at)
                oracle.words[one].append((at, None, grade))
            case "end":
                at = await end_override(company, one)
                oracle.end(one, at)
            case how:
                late = timedelta(days=choose.randrange(1, 20)) if how == "push late" else timedelta(0)
                at, value = datetime.now(UTC) - late, Decimal(choose.randrange(100))
                await push(company, NewPoint("arr", value, at, corrects=True))
                oracle.points.append((at, value))
        instants += [at, at - timedelta(microseconds=1)]
        # Often several things have happened until somebody grades.
        if choose.random() < 0.6:
            await drain()
    await drain()
    for at in [*instants, datetime.now(UTC)]:
        found = await grades_as_of(company.connection, company.id, subjects, as_of=at)
        for one in subjects:
            expected = oracle.says(one, at)
            assert (told(found[one].grade) if one in found else (None, None, ())) == expected, (one, at)
    current = await current_grades(company.connection, company.id, subjects)
    assert {one: told(current[one].grade) for one in subjects} == {
        one: oracle.says(one, datetime.now(UTC)) for one in subjects
    }
