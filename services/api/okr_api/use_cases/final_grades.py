"""Final grading: while a cycle is graded, its objectives' owners and then reviewers stand behind the grades they end with."""

from uuid import UUID

import asyncpg

from okr.db.demand import Subject, subject
from okr.db.engine import driver
from okr.db.final_grades import FinalGradeState, FinalGradeView, read_final_grade
from okr.db.goals import check_people, lock_objective
from okr.db.overrides import newest_override
from okr.db.rulebooks import rules_at
from okr.db.tables import FinalGrade, Objective
from okr.db.work import Work
from okr.domain.errors import Conflict, Invalid
from okr.domain.numbers import places12
from okr.domain.overriding import check_override
from okr.domain.states import (
    CycleState,
    ObjectiveNotActive,
    ObjectiveState,
    check_cycle_in_grading,
    check_objective_open,
)
from okr.domain.values import Level, SubjectKind
from okr.events import Event, EventType
from okr_api.schemas.final_grades import FinalGradeConfirm, FinalGradeRead, final_grade_read
from okr_api.use_cases.overrides import end_override, say_override


class ReasonNeeded(Invalid):
    """The grade differs from the one that the rules make, and nothing says why.

    Send a `reason`, or leave the grade out to stand behind the one there is.
    """

    code = "reason_needed"


class NotTheOwner(Invalid):
    """The owner's step is the objective's owner's.

    Leave `person_id` out, or give the objective another owner first.
    """

    code = "not_the_owner"


class ReviewerNeeded(Invalid):
    """The objective has no sponsor who would review its grade.

    Say in `person_id` who does.
    """

    code = "reviewer_needed"


class ReviewerIsOwner(Invalid):
    """Nobody reviews the grade of their own objective, nor the one that they stood behind as its owner.

    Let somebody else review it.
    """

    code = "reviewer_is_owner"


class OwnerFirst(Conflict):
    """The owner does not stand behind the grade that stands now: it has not been said, or has changed since.

    Let the owner take the first step, and then review it.
    """

    code = "owner_first"


async def show_final_grade(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> FinalGradeRead:
    """The objective's final grading as it is answered. Raises NotFound."""
    return final_grade_read(await read_final_grade(connection, organization_id, objective_id))


async def confirm_final_grade(work: Work, objective_id: UUID, body: FinalGradeConfirm) -> None:
    """Take one step: stand behind the grade that stands, or behind another one with a reason."""
    objective, cycle, _ = await lock_objective(work.session, work.organization_id, objective_id)
    check_objective_open(ObjectiveState(objective.state))
    check_cycle_in_grading(CycleState(cycle.state))
    if objective.state != ObjectiveState.ACTIVE:
        raise ObjectiveNotActive(f"The objective is {objective.state}; only what was active is graded at the end.")
    standing = await read_final_grade(await driver(work.session), work.organization_id, objective_id)
    person_id = _person(body, objective, standing)
    await check_people(work.session, work.organization_id, {"/person_id": person_id}, active=["/person_id"])
    grade = standing.grade
    if body.grade is not None and (grade := places12(body.grade)) != standing.grade:
        await _adjust(work, subject(SubjectKind.OBJECTIVE, objective_id), body, standing, person_id=person_id)
    step = FinalGrade(
        organization_id=work.organization_id,
        objective_id=objective_id,
        step=body.step,
        grade=grade,
        computed_grade=standing.computed_grade,
        reason=body.reason,
        person_id=person_id,
        made_at=work.now,
        made_by=work.actor,
    )
    work.session.add(step)
    said = {"step": body.step, "person_id": str(person_id), "grade": None if grade is None else float(grade)}
    work.announce(Event(EventType.FINAL_GRADE_CONFIRMED, f"objective:{objective_id}", data=said))


def _person(body: FinalGradeConfirm, objective: Objective, standing: FinalGradeView) -> UUID:
    """Who takes the step, if that person may."""
    if body.step == "owner":
        if body.person_id not in (None, objective.owner_id):
            raise NotTheOwner("The owner of the objective is somebody else.", pointer="/person_id")
        return objective.owner_id
    if standing.state is FinalGradeState.PREFILLED:
        raise OwnerFirst("The owner has not said this grade; let the owner do that first.")
    person_id = body.person_id or objective.sponsor_id
    if person_id is None:
        raise ReviewerNeeded("The objective has no sponsor; name a reviewer.", pointer="/person_id")
    owners = [step.person_id for step in standing.steps if step.step == "owner"]
    if person_id in (objective.owner_id, owners[-1]):
        raise ReviewerIsOwner("The owner cannot review this grade; name somebody else.", pointer="/person_id")
    return person_id


async def _adjust(
    work: Work, one: Subject, body: FinalGradeConfirm, standing: FinalGradeView, *, person_id: UUID
) -> None:
    """Make another grade stand: by a word above the rules', or by taking the word above it back."""
    assert body.grade is not None, "there is a grade that differs"
    newest = await newest_override(work.session, work.organization_id, one)
    if places12(body.grade) == standing.computed_grade and newest is not None:
        end_override(work, one, newest, reason=body.reason, objective_id=one.id)
        return
    if body.reason is None:
        raise ReasonNeeded("Say why the grade is another one than the rules make.", pointer="/reason")
    rules = await rules_at(await driver(work.session), work.organization_id, one, work.now)
    check_override(body.grade, Level.OBJECTIVE, rules)
    await say_override(
        work, one, newest, grade=body.grade, reason=body.reason, person_id=person_id, objective_id=one.id
    )
