"""Objectives: made as drafts, revised while they are open, and their life from draft to closed or cancelled."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, select

from okr.db.demand import subject
from okr.db.engine import driver
from okr.db.goals import (
    DueOutsideCycle,
    UnknownReference,
    check_people,
    check_team,
    lock_objective,
    share_cycles,
)
from okr.db.objective_reads import read_objective
from okr.db.points import hold_points
from okr.db.reach import above_objectives, beginning, touch, within_objectives
from okr.db.rulebooks import have_conditions
from okr.db.tables import Cycle, KeyResult, Objective
from okr.db.work import Work
from okr.domain.errors import DomainError
from okr.domain.states import (
    CycleNotActive,
    CycleState,
    ObjectiveState,
    activate_objective,
    cancel_objective,
    check_cycle_not_in_grading,
    check_cycle_unsettled,
    check_objective_open,
    close_objective,
)
from okr.domain.values import SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.objectives import ObjectiveCreate, ObjectiveRead, objective_read
from okr_api.use_cases.changes import apply, differing
from okr_api.use_cases.key_results import add_key_result

# These hold for an objective's whole life, so that changing one regrades all of it, and whatever it counts in.
GRADED = frozenset({"commitment", "weight", "team_id", "cycle_id"})
# What conditions of rules may ask about; a change counts from now on.
ASKED_ABOUT = frozenset({"perspective", "horizon", "source", "tags"})


async def show_objective(connection: asyncpg.Connection, organization_id: UUID, objective_id: UUID) -> ObjectiveRead:
    """The objective as it is answered, with its key results. Raises NotFound."""
    return objective_read(await read_objective(connection, organization_id, objective_id))


async def create_objective(work: Work, body: ObjectiveCreate) -> UUID:
    """Make a draft, with its key results if there are any; answers its id."""
    if body.key_results:
        await hold_points(await driver(work.session), work.organization_id)
    cycles = await share_cycles(work.session, work.organization_id, [body.cycle_id])
    if body.cycle_id not in cycles:
        raise UnknownReference("There is no such cycle.", pointer="/cycle_id")
    cycle = cycles[body.cycle_id]
    check_cycle_unsettled(CycleState(cycle.state))
    values = body.model_dump(exclude={"key_results"})
    await _check_references(work, values)
    objective = Objective(organization_id=work.organization_id, created_at=work.now, updated_at=work.now, **values)
    work.session.add(objective)
    # Key results refer to it.
    await work.session.flush()
    work.expect_grades_of(subject(SubjectKind.OBJECTIVE, objective.id), await beginning(work, cycle))
    work.announce(_event(EventType.OBJECTIVE_ADDED, objective, title=objective.title))
    for index, key_result in enumerate(body.key_results):
        try:
            # A microsecond apart, so that lists show them in the order in which they were sent.
            made_at = work.now + timedelta(microseconds=index)
            await add_key_result(work, objective, cycle, key_result, made_at=made_at)
        except DomainError as error:
            error.pointer = f"/key_results/{index}{error.pointer or ''}"
            raise
    return objective.id


async def revise_objective(
    work: Work, objective_id: UUID, changes: Mapping[str, Any], precondition: Precondition
) -> None:
    """Change an objective. What has ended keeps everything that its grade was made from."""
    if "cycle_id" in changes:
        # Points pass by what is in a closed cycle, and must not pass by what is just leaving one.
        await hold_points(await driver(work.session), work.organization_id)
    objective, cycle, joining = await lock_objective(
        work.session, work.organization_id, objective_id, joining=changes.get("cycle_id")
    )
    precondition.check(objective.version)
    changes = differing(objective, changes)
    if not changes:
        return
    graded = bool(changes.keys() & GRADED)
    if graded:
        check_objective_open(ObjectiveState(objective.state))
        if objective.state == ObjectiveState.ACTIVE:
            check_cycle_not_in_grading(CycleState(cycle.state))
        await _check_destination(work, objective, joining or cycle, moves="cycle_id" in changes)
    await _check_references(work, changes)
    team_ids = {objective.team_id, changes.get("team_id", objective.team_id)}
    apply(objective, changes, now=work.now)
    work.announce(_event(EventType.OBJECTIVE_REVISED, objective, changed=sorted(changes)))
    if graded:
        cycles = [cycle, joining or cycle]
        since = await beginning(work, *cycles)
        await _touch_all(work, objective, team_ids=team_ids, cycle_ids={one.id for one in cycles}, since=since)
    elif changes.keys() & ASKED_ABOUT and objective.state == ObjectiveState.ACTIVE:
        connection = await driver(work.session)
        if await have_conditions(connection, work.organization_id):
            touch(work, await within_objectives(connection, work.organization_id, [objective.id]), work.now)


async def start_objective(work: Work, objective_id: UUID) -> None:
    """Activate: from now on it counts, and for its whole past."""
    objective, cycle, _ = await lock_objective(work.session, work.organization_id, objective_id)
    state = activate_objective(ObjectiveState(objective.state))
    _check_cycle_runs(cycle)
    apply(objective, {"state": state.value, "activated_at": work.now}, now=work.now)
    work.announce(_event(EventType.OBJECTIVE_ACTIVATED, objective))
    since = await beginning(work, cycle)
    await _touch_all(work, objective, team_ids={objective.team_id}, cycle_ids={cycle.id}, since=since)


async def end_objective(work: Work, objective_id: UUID) -> None:
    """Close: its grade is final."""
    objective, cycle, _ = await lock_objective(work.session, work.organization_id, objective_id)
    state = close_objective(ObjectiveState(objective.state))
    check_cycle_not_in_grading(CycleState(cycle.state))
    apply(objective, {"state": state.value, "closed_at": work.now}, now=work.now)
    work.announce(_event(EventType.OBJECTIVE_CLOSED, objective))
    await _touch_all(work, objective, team_ids={objective.team_id}, cycle_ids={cycle.id}, since=work.now)


async def give_up_objective(work: Work, objective_id: UUID) -> None:
    """Cancel: from now on it counts nowhere; its past stays."""
    objective, cycle, _ = await lock_objective(work.session, work.organization_id, objective_id)
    state = cancel_objective(ObjectiveState(objective.state))
    if objective.state == ObjectiveState.ACTIVE:
        check_cycle_not_in_grading(CycleState(cycle.state))
    apply(objective, {"state": state.value, "cancelled_at": work.now}, now=work.now)
    work.announce(_event(EventType.OBJECTIVE_CANCELLED, objective))
    await _touch_all(work, objective, team_ids={objective.team_id}, cycle_ids={cycle.id}, since=work.now)


async def _check_references(work: Work, values: Mapping[str, Any]) -> None:
    """Everybody and everything that the values name is there, and the owner has not left."""
    people = {f"/{name}": values.get(name) for name in ("owner_id", "sponsor_id")}
    for index, person_id in enumerate(values.get("contributor_ids", ())):
        people[f"/contributor_ids/{index}"] = person_id
    await check_people(work.session, work.organization_id, people, active=["/owner_id"])
    await check_team(work.session, work.organization_id, values.get("team_id"))


async def _check_destination(work: Work, objective: Objective, cycle: Cycle, *, moves: bool) -> None:
    """The cycle that the objective will be in can take it as it is."""
    check_cycle_unsettled(CycleState(cycle.state))
    if not moves:
        return
    if objective.state == ObjectiveState.ACTIVE:
        _check_cycle_runs(cycle)
    if await _due_outside(work, objective.id, cycle.starts_on, cycle.ends_on):
        raise DueOutsideCycle(
            "A key result of it is due on a day outside of that cycle; change its due_on first.", pointer="/cycle_id"
        )


async def _due_outside(work: Work, objective_id: UUID, starts_on: date, ends_on: date) -> bool:
    statement = select(KeyResult.id).where(
        col(KeyResult.organization_id) == work.organization_id,
        col(KeyResult.objective_id) == objective_id,
        col(KeyResult.cancelled_at).is_(None),
        (col(KeyResult.due_on) < starts_on) | (col(KeyResult.due_on) > ends_on),
    )
    return (await work.session.exec(statement.limit(1))).first() is not None


def _check_cycle_runs(cycle: Cycle) -> None:
    check_cycle_not_in_grading(CycleState(cycle.state))
    if cycle.state in (CycleState.DRAFT, CycleState.CLOSED):
        raise CycleNotActive(f"The cycle is {cycle.state}; an objective is active in an active cycle only.")


async def _touch_all(
    work: Work, objective: Objective, *, team_ids: set[UUID | None], cycle_ids: set[UUID], since: datetime
) -> None:
    connection = await driver(work.session)
    touch(work, await within_objectives(connection, work.organization_id, [objective.id]), since)
    above = await above_objectives(
        connection,
        work.organization_id,
        objective_ids=[objective.id],
        team_ids=team_ids,
        cycle_ids=cycle_ids,
        since=since,
    )
    touch(work, above, since)


def _event(type: EventType, objective: Objective, **data: Any) -> Event:
    return Event(type, f"objective:{objective.id}", objective.version, data)
