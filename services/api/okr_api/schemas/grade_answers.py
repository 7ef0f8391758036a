"""Grades by themselves on the wire: of now, of any instant, and how they came about."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from okr.db.current_grades import Standing
from okr.db.demand import Subject
from okr.db.stored_grades import StoredGrade
from okr.domain.explain import sentence
from okr.domain.values import Grade, Inputs, Step
from okr_api.schemas.fields import ComputedNumber
from okr_api.schemas.grades import grade_read
from okr_api.schemas.models import GradeRead, Representation, RulesetRead, Schema, shown_as


class GradeAnswer(GradeRead, Representation):
    """A grade by itself. Without `as_of` and `known_at` it is the newest one."""

    subject: str
    as_of: datetime | None
    known_at: datetime | None

    def etag(self) -> str | None:
        """Like that of the thing itself, which has the version besides; it moves when a grade becomes stale, and back."""
        return f'"0.{self.requested_seq}.{self.computed_seq if self.stale else self.requested_seq}"'


class StepRead(Schema):
    """One step: `number` is what it makes, `before` what it starts from, `terms` what it adds up; `text` says it in a line."""

    model_config = shown_as(
        name="as_progress",
        number="grade",
        before=0.62,
        after=0.62,
        facts={},
        terms=[],
        text="grade is progress: 0.62",
    )

    name: str
    number: str
    before: ComputedNumber | None
    after: ComputedNumber
    facts: dict[str, ComputedNumber | str | None]
    terms: list[dict[str, Any]]
    text: str


class ExplanationRead(Representation):
    """Why a grade is what it is: what it was made from, the rules, and each step, made again by the function that graded.

    `confidence_label` is the rules' word for the confidence that people told, where they have one.
    """

    subject: str
    as_of: datetime | None
    known_at: datetime | None
    grade: GradeRead
    confidence_label: str | None
    inputs: dict[str, Any] | None
    steps: list[StepRead]


def grade_of_stored(stored: StoredGrade) -> GradeRead:
    """The grade of a snapshot. In a history, which knows of no requests, it counts as served."""
    return GradeRead.model_construct(
        **grade_values(
            stored.grade,
            observed_at=stored.observed_at,
            computed_at=stored.recorded_at,
            requested_seq=stored.computed_seq if stored.requested_seq is None else stored.requested_seq,
            computed_seq=stored.computed_seq,
            stale=stored.stale,
        )
    )


def grade_values(grade: Grade, **beside: Any) -> dict[str, Any]:
    """The fields of GradeRead: the grade's own, and what stands beside them."""
    own = {field.name: getattr(grade, field.name) for field in fields(grade)}
    own["reasons"] = list(grade.reasons)
    own["provenance"] = grade.provenance.value
    own["ruleset"] = RulesetRead.model_construct(key=grade.ruleset.key, version=grade.ruleset.version)
    return {**own, **beside}


def not_graded(standing: Standing) -> GradeRead:
    """What stands for the grade of an instant from which there is none."""
    nothing = Standing(None, None, standing.requested_seq, standing.computed_seq, standing.stale)
    return grade_read(nothing).model_copy(update={"stale": standing.stale})


def grade_answer(
    subject: Subject, grade: GradeRead, *, as_of: datetime | None, known_at: datetime | None
) -> GradeAnswer:
    """The grade, with what it is the answer to."""
    values = {name: getattr(grade, name) for name in GradeRead.model_fields}
    return GradeAnswer.model_construct(**values, subject=str(subject), as_of=as_of, known_at=known_at)


def step_read(step: Step) -> StepRead:
    """The step as it is answered."""
    return StepRead.model_construct(
        name=step.name,
        number=step.number,
        before=step.before,
        after=step.after,
        facts=dict(step.facts),
        terms=[plain(term) for term in step.terms],
        text=sentence(step),
    )


def inputs_read(inputs: Inputs) -> dict[str, Any]:
    """All that a grade was made from, as JSON."""
    found: dict[str, Any] = plain(inputs)
    return found


def plain(value: Any) -> Any:
    """A value of the domain as JSON: numbers as numbers, and by the domain's own names."""
    match value:
        case Decimal():
            return float(value)
        case date():
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(name): plain(part) for name, part in value.items()}
        case frozenset():
            return sorted(plain(part) for part in value)
        case tuple() | list():
            return [plain(part) for part in value]
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value
