"""People's words on grades: said with a reason, replaced, taken back; never lost."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.demand import Subject, subject
from okr.db.engine import driver
from okr.db.goals import check_people, lock_key_result, lock_objective
from okr.db.overrides import newest_override, read_override, read_override_of_id, what_the_rules_say
from okr.db.rulebooks import rules_at
from okr.db.tables import Override
from okr.db.work import Work
from okr.domain.errors import NotFound
from okr.domain.numbers import places12
from okr.domain.overriding import check_override
from okr.domain.states import CycleState, ObjectiveState, check_cycle_open, check_objective_open
from okr.domain.values import Level, SubjectKind
from okr.events import Event, EventType
from okr_api.errors import PreconditionFailed
from okr_api.etag import Precondition
from okr_api.schemas.overrides import OverridePut, OverrideRead, override_read
from okr_api.use_cases.key_results import check_not_cancelled

# What a person may say of, and the level at which rules bound it.
LEVELS = {SubjectKind.KEY_RESULT: Level.KEY_RESULT, SubjectKind.OBJECTIVE: Level.OBJECTIVE}


async def show_override(
    connection: asyncpg.Connection, organization_id: UUID, id: UUID, *, kind: SubjectKind
) -> OverrideRead:
    """The override in force on the grade of that thing. Raises NotFound."""
    return override_read(await read_override(connection, organization_id, subject(kind, id)))


async def show_override_of_id(connection: asyncpg.Connection, organization_id: UUID, override_id: UUID) -> OverrideRead:
    """The override, in force or ended. Raises NotFound."""
    return override_read(await read_override_of_id(connection, organization_id, override_id))


async def put_override(
    work: Work, id: UUID, body: OverridePut, *, kind: SubjectKind, precondition: Precondition | None
) -> None:
    """Let a person's word stand, in place of another one if there is one. Saying the same again changes nothing."""
    one = subject(kind, id)
    objective_id = await _hold(work, one)
    before = await newest_override(work.session, work.organization_id, one)
    if precondition is not None:
        _check(precondition, before)
    await check_people(work.session, work.organization_id, {"/person_id": body.person_id}, active=["/person_id"])
    rules = await rules_at(await driver(work.session), work.organization_id, one, work.now)
    check_override(body.grade, LEVELS[kind], rules)
    await say_override(
        work, one, before, grade=body.grade, reason=body.reason, person_id=body.person_id, objective_id=objective_id
    )


async def delete_override(
    work: Work, id: UUID, *, kind: SubjectKind, reason: str | None, precondition: Precondition
) -> UUID:
    """Take the word in force back: the computed grade stands again. Answers the id of what ended."""
    one = subject(kind, id)
    objective_id = await _hold(work, one)
    before = await newest_override(work.session, work.organization_id, one)
    if before is None or before.ended_at is not None:
        raise NotFound("There is no override in force that could be taken back.", subject_id=id)
    precondition.check(before.number)
    end_override(work, one, before, reason=reason, objective_id=objective_id)
    return before.id


async def say_override(
    work: Work,
    one: Subject,
    before: Override | None,
    *,
    grade: Decimal,
    reason: str,
    person_id: UUID,
    objective_id: UUID,
) -> None:
    """Make the override, with its objective held. `before` is the newest one there is."""
    grade = places12(grade)
    made_at = work.now
    if before is not None:
        if before.ended_at is None and (before.grade, before.reason, before.person_id) == (grade, reason, person_id):
            return
        # Words follow each other in time too, whatever the clocks of two processes say.
        made_at = max(made_at, (before.ended_at or before.made_at) + timedelta(microseconds=1))
        if before.ended_at is None:
            before.ended_at, before.ended_by = made_at, work.actor
            # Only one is in force at a time, in the database's eyes too.
            await work.session.flush()
    override = Override(
        organization_id=work.organization_id,
        subject_kind=one.number,
        subject_id=one.id,
        number=1 if before is None else before.number + 1,
        grade=grade,
        computed_grade=await what_the_rules_say(await driver(work.session), work.organization_id, one),
        reason=reason,
        person_id=person_id,
        made_at=made_at,
        made_by=work.actor,
    )
    work.session.add(override)
    said = {"grade": float(grade), "person_id": str(person_id)}
    work.announce(Event(EventType.OVERRIDE_MADE, str(one), override.number, {"override_id": str(override.id), **said}))
    work.touch(one, made_at)
    work.touch(subject(SubjectKind.OBJECTIVE, objective_id), made_at)


def end_override(work: Work, one: Subject, override: Override, *, reason: str | None, objective_id: UUID) -> None:
    """End the override in force, with its objective held."""
    ended_at = max(work.now, override.made_at + timedelta(microseconds=1))
    override.ended_at, override.ended_by, override.ended_reason = ended_at, work.actor, reason
    told = {"override_id": str(override.id)}
    work.announce(Event(EventType.OVERRIDE_ENDED, str(one), override.number, told))
    work.touch(one, ended_at)
    work.touch(subject(SubjectKind.OBJECTIVE, objective_id), ended_at)


async def _hold(work: Work, one: Subject) -> UUID:
    """Hold the subject's objective, while its grade is not final; answers the objective's id."""
    if one.kind is SubjectKind.KEY_RESULT:
        key_result, _, objective, cycle = await lock_key_result(work.session, work.organization_id, one.id)
        check_not_cancelled(key_result)
    else:
        objective, cycle, _ = await lock_objective(work.session, work.organization_id, one.id)
    check_objective_open(ObjectiveState(objective.state))
    check_cycle_open(CycleState(cycle.state))
    return objective.id


def _check(precondition: Precondition, newest: Override | None) -> None:
    """What the caller wants to replace is what stands."""
    if newest is None or newest.ended_at is not None:
        raise PreconditionFailed("No override is in force: leave If-Match out to make one.")
    precondition.check(newest.number)
