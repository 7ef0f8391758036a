"""History against an oracle that keeps every raw point and makes each grade from scratch, for any instant and any knowledge."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

import pytest

from company import Company, a_key_result, a_metric, an_alignment, an_objective, push
from okr.db.demand import Subject, subject
from okr.db.history import grades_as_of, history
from okr.db.points import NewPoint
from okr.domain.calendar import end_of_day
from okr.domain.values import SubjectKind
from workers import Drain

PLACES = Decimal("1e-12")


def rounded(number: Decimal) -> Decimal:
    return number.quantize(PLACES, ROUND_HALF_EVEN)


@dataclass
class Oracle:
    """Raw points in the order they were sent: (metric, observed_at, value, the instant after which they were known)."""

    company: Company
    points: list[tuple[str, datetime, Decimal, datetime]] = field(default_factory=list)

    def value(self, metric: str, at: datetime, known: datetime) -> Decimal | None:
        seen = [
            (observed_at, order, value)
            for order, (key, observed_at, value, learned) in enumerate(self.points)
            if key == metric and observed_at <= at and learned <= known
        ]
        return max(seen)[2] if seen else None

    def key_result(self, metric: str, target: int, at: datetime, known: datetime) -> Decimal | None:
        value = self.value(metric, at, known)
        return None if value is None else min(max(rounded(value / target), Decimal(0)), Decimal(1))

    def mean(self, *parts: tuple[Decimal | None, int]) -> Decimal | None:
        known = [(grade, weight) for grade, weight in parts if grade is not None]
        if not known:
            return None
        return rounded(
            sum((grade * weight for grade, weight in known), Decimal(0)) / sum(weight for _, weight in known)
        )

    def expected(self, at: datetime) -> Decimal:
        days = (self.company.ends_on - self.company.starts_on).days + 1
        ended = sum(
            end_of_day(self.company.starts_on + timedelta(days=number), self.company.zone) <= at
            for number in range(days)
        )
        return rounded(Decimal(ended) / days)

    def status(self, grade: Decimal | None, at: datetime) -> str:
        if grade is None:
            return "pending"
        if grade >= 1:
            return "achieved"
        ahead = grade - self.expected(at)
        return "on_track" if ahead >= Decimal("-0.1") else "at_risk" if ahead >= Decimal("-0.25") else "off_track"


@pytest.mark.parametrize("seed", range(5))
async def test_any_instant_as_known_at_any_other(company: Company, drain: Drain, seed: int) -> None:
    choose = random.Random(seed)
    oracle = Oracle(company)
    child, parent = await an_objective(company), await an_objective(company)
    await an_alignment(company, child, parent_objective_id=parent, weight=Decimal(3))
    for key in "abc":
        await a_metric(company, key)
    metrics = {row["key"]: row["id"] for row in await company.connection.fetch("SELECT key, id FROM metric")}
    a = await a_key_result(company, child, metric_id=metrics["a"])
    b = await a_key_result(company, child, metric_id=metrics["b"], target_value=Decimal(70), weight=Decimal(2))
    c = await a_key_result(company, parent, metric_id=metrics["c"])
    await drain()

    def expected_grades(at: datetime, known: datetime) -> dict[UUID, Decimal | None]:
        grades = {
            a: oracle.key_result("a", 100, at, known),
            b: oracle.key_result("b", 70, at, known),
            c: oracle.key_result("c", 100, at, known),
        }
        grades[child] = oracle.mean((grades[a], 1), (grades[b], 2))
        grades[parent] = oracle.mean((grades[c], 1), (grades[child], 3))
        return grades

    knowledge: list[datetime] = []
    moments = [company.begins_at + timedelta(minutes=choose.randrange(120 * 24 * 60)) for _ in range(25)]
    for _ in range(8):
        batch = [
            (choose.choice("abc"), choose.choice(moments), Decimal(choose.randrange(-20, 130)))
            for _ in range(choose.randrange(1, 7))
        ]
        # A key is (metric, instant, source, dedupe key): sent again with another value it is a correction.
        await push(company, *(NewPoint(key, value, at, corrects=True) for key, at, value in batch))
        learned = await company.connection.fetchval("SELECT clock_timestamp()")
        oracle.points += [(key, at, value, learned) for key, at, value in batch]
        await drain()
        knowledge.append(await company.connection.fetchval("SELECT clock_timestamp()"))

    subjects = {
        **{id: subject(SubjectKind.KEY_RESULT, id) for id in (a, b, c)},
        **{id: subject(SubjectKind.OBJECTIVE, id) for id in (child, parent)},
    }
    instants = [*moments, *(moment + timedelta(hours=choose.randrange(60)) for moment in moments), datetime.now(UTC)]
    for known in knowledge:
        for at in choose.sample(instants, 20):
            stored = await grades_as_of(
                company.connection, company.id, list(subjects.values()), as_of=at, known_at=known
            )
            for id, grade in expected_grades(at, known).items():
                found = stored.get(subjects[id])
                assert (found.grade.grade if found else None) == grade, (id, at, known)
                assert (found.grade.status if found else "pending") == oracle.status(grade, at), (id, at, known)
                if found:
                    assert found.grade.expected == oracle.expected(at)

    # Above objectives history goes by the day.
    tops = [subject(SubjectKind.CYCLE, company.cycle_id), subject(SubjectKind.ORGANIZATION, company.id)]
    for known in knowledge:
        for number in range(0, (date.today() - company.starts_on).days, 7):  # noqa: DTZ011  # any day will do
            at = end_of_day(company.starts_on + timedelta(days=number), company.zone)
            stored = await grades_as_of(company.connection, company.id, tops, as_of=at, known_at=known)
            grade = expected_grades(at, known)[parent]
            assert {found.grade.grade for found in stored.values()} == ({grade} if grade is not None else set())

    await check_that_history_reads_like_as_of(company, subjects[parent], knowledge)


async def check_that_history_reads_like_as_of(company: Company, one: Subject, knowledge: list[datetime]) -> None:
    for known in knowledge[::3]:
        items = [item async for item in history(company.connection, company.id, one, known_at=known)]
        assert [item.observed_at for item in items] == sorted({item.observed_at for item in items})
        for item in items:
            read = await grades_as_of(company.connection, company.id, [one], as_of=item.observed_at, known_at=known)
            assert read[one].computed_seq == item.computed_seq
