"""Cycles: their days, their tree, and their life from draft to closed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, select

from okr.db.cycle_tree import check_no_ring, lock_tree
from okr.db.demand import Subject, subject
from okr.db.engine import driver
from okr.db.final_grades import not_reviewed
from okr.db.goals import DueOutsideCycle, UnknownReference, lock_cycle, lock_objectives_of_cycle, share_cycles
from okr.db.objective_reads import read_cycle
from okr.db.points import hold_points
from okr.db.reach import above_objectives, beginning, touch, within_objectives
from okr.db.tables import Cycle, KeyResult, Objective
from okr.db.work import Work
from okr.domain.errors import Conflict, Invalid
from okr.domain.states import (
    CycleState,
    ObjectiveState,
    activate_cycle,
    check_cycle_unsettled,
    close_cycle,
    reopen_cycle,
    start_grading,
)
from okr.domain.values import SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.cycles import CycleCreate, CycleRead, CycleReopen, cycle_read
from okr_api.use_cases.changes import apply, differing

LONGEST_DAYS = 5 * 366
NAMED = 3
"""So many objectives a refusal names by their titles."""


class EndsBeforeStart(Invalid):
    """The last day comes before the first.

    Put `ends_on` on or after `starts_on`.
    """

    code = "ends_before_start"


class CycleTooLong(Invalid):
    """A cycle lasts five years at most.

    Put `ends_on` nearer to `starts_on`.
    """

    code = "cycle_too_long"


class FinalGradesOpen(Conflict):
    """No reviewer stands behind the final grade of some objectives, whose ids are in `objective_ids`.

    Let owners and reviewers take their steps, or close the cycle with `"accept_prefilled": true`.
    """

    code = "final_grades_open"


async def show_cycle(connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID) -> CycleRead:
    """The cycle as it is answered. Raises NotFound."""
    return cycle_read(await read_cycle(connection, organization_id, cycle_id))


async def create_cycle(work: Work, body: CycleCreate) -> UUID:
    """Make a draft; answers its id."""
    _check_days(body.starts_on, body.ends_on)
    if body.parent_id is not None:
        parents = await share_cycles(work.session, work.organization_id, [body.parent_id])
        if not parents:
            raise UnknownReference("There is no such cycle.", pointer="/parent_id")
    cycle = Cycle(organization_id=work.organization_id, created_at=work.now, updated_at=work.now, **body.model_dump())
    work.session.add(cycle)
    work.expect_grades_of(subject(SubjectKind.CYCLE, cycle.id), await beginning(work, cycle))
    work.announce(_event(EventType.CYCLE_ADDED, cycle, name=cycle.name))
    return cycle.id


async def revise_cycle(work: Work, cycle_id: UUID, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change a cycle. New days regrade everything in it, which is why a closed cycle keeps its days."""
    if changes.get("parent_id") is not None:
        # Before the row's lock: whoever holds the tree may want the row next.
        await lock_tree(await driver(work.session), work.organization_id)
    cycle = await lock_cycle(work.session, work.organization_id, cycle_id)
    precondition.check(cycle.version)
    changes = differing(cycle, changes)
    if not changes:
        return
    if changes.get("parent_id") is not None:
        await check_no_ring(await driver(work.session), work.organization_id, cycle_id, parent_id=changes["parent_id"])
    moves = bool(changes.keys() & {"starts_on", "ends_on"})
    if moves:
        check_cycle_unsettled(CycleState(cycle.state))
        began = await beginning(work, cycle)
        _check_days(changes.get("starts_on", cycle.starts_on), changes.get("ends_on", cycle.ends_on))
    apply(cycle, changes, now=work.now)
    work.announce(_event(EventType.CYCLE_REVISED, cycle, changed=sorted(changes)))
    if moves:
        await _check_due_days(work, cycle)
        since = min(began, await beginning(work, cycle))
        objectives = await lock_objectives_of_cycle(work.session, work.organization_id, cycle_id)
        await _touch_all(work, cycle, objectives, since=since)


async def start_cycle(work: Work, cycle_id: UUID) -> None:
    """Activate a draft: from now on its objectives can be activated, and what it grades counts in the company's grade."""
    cycle = await lock_cycle(work.session, work.organization_id, cycle_id)
    state = activate_cycle(CycleState(cycle.state))
    apply(cycle, {"state": state.value, "activated_at": work.now}, now=work.now)
    work.announce(_event(EventType.CYCLE_ACTIVATED, cycle))
    objectives = await lock_objectives_of_cycle(work.session, work.organization_id, cycle_id)
    since = await beginning(work, cycle)
    touch(work, await _above(work, cycle, objectives, since=since), since)


async def grade_cycle(work: Work, cycle_id: UUID) -> None:
    """Start the final grading: what is measured in the cycle, and how, is settled; values and words still come in."""
    cycle = await lock_cycle(work.session, work.organization_id, cycle_id)
    state = start_grading(CycleState(cycle.state))
    apply(cycle, {"state": state.value, "grading_at": work.now}, now=work.now)
    work.announce(_event(EventType.CYCLE_GRADING_STARTED, cycle))


async def end_cycle(work: Work, cycle_id: UUID, *, accept_prefilled: bool = False) -> None:
    """Close a cycle, and in the same instant every objective in it that still is active.

    One that is being graded waits for its reviewers, unless the grades are accepted as they are.
    """
    cycle = await lock_cycle(work.session, work.organization_id, cycle_id)
    state = close_cycle(CycleState(cycle.state))
    if cycle.state == CycleState.GRADING and not accept_prefilled:
        await _check_reviewed(work, cycle_id)
    apply(cycle, {"state": state.value, "closed_at": work.now}, now=work.now)
    objectives = await lock_objectives_of_cycle(work.session, work.organization_id, cycle_id)
    for objective in objectives:
        if objective.state == ObjectiveState.ACTIVE:
            apply(objective, {"state": ObjectiveState.CLOSED.value, "closed_at": work.now}, now=work.now)
            work.announce(
                Event(EventType.OBJECTIVE_CLOSED, f"objective:{objective.id}", objective.version, {"with_cycle": True})
            )
    work.announce(_event(EventType.CYCLE_CLOSED, cycle))
    await _touch_all(work, cycle, objectives, since=work.now)


async def reopen(work: Work, cycle_id: UUID, body: CycleReopen) -> None:
    """Back to grading, with the objectives that were closed with the cycle: their grades may change once more."""
    # Points pass by what is closed, and must not pass by what is just being reopened.
    await hold_points(await driver(work.session), work.organization_id)
    cycle = await lock_cycle(work.session, work.organization_id, cycle_id)
    state, closed_at = reopen_cycle(CycleState(cycle.state)), cycle.closed_at
    changes = {"closed_at": None, "grading_at": work.now, "reopened_at": work.now, "reopened_reason": body.reason}
    apply(cycle, {"state": state.value, **changes}, now=work.now)
    objectives = await lock_objectives_of_cycle(work.session, work.organization_id, cycle_id)
    for objective in objectives:
        if objective.state == ObjectiveState.CLOSED and objective.closed_at == closed_at:
            apply(objective, {"state": ObjectiveState.ACTIVE.value, "closed_at": None}, now=work.now)
            work.announce(Event(EventType.OBJECTIVE_REOPENED, f"objective:{objective.id}", objective.version))
    work.announce(_event(EventType.CYCLE_REOPENED, cycle, reason=body.reason))
    # Of any instant in its days, values may have come in while it was closed.
    await _touch_all(work, cycle, objectives, since=await beginning(work, cycle))


async def _check_reviewed(work: Work, cycle_id: UUID) -> None:
    waiting = await not_reviewed(await driver(work.session), work.organization_id, cycle_id)
    if waiting:
        titles = ", ".join(repr(title) for _, title in waiting[:NAMED])
        more = f" and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
        raise FinalGradesOpen(
            f"Nobody has reviewed the final grade of {titles}{more}: have that done, or close with accept_prefilled.",
            objective_ids=[str(id) for id, _ in waiting],
        )


def _check_days(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise EndsBeforeStart("Put the last day on or after the first.", pointer="/ends_on")
    if (ends_on - starts_on).days > LONGEST_DAYS:
        raise CycleTooLong("A cycle lasts up to five years.", pointer="/ends_on")


async def _check_due_days(work: Work, cycle: Cycle) -> None:
    """Key results that are due outside of the new days have to be moved first."""
    statement = (
        select(KeyResult.title)
        .join(Objective, col(Objective.id) == col(KeyResult.objective_id))
        .where(
            col(KeyResult.organization_id) == work.organization_id,
            col(Objective.organization_id) == work.organization_id,
            col(Objective.cycle_id) == cycle.id,
            col(KeyResult.cancelled_at).is_(None),
            (col(KeyResult.due_on) < cycle.starts_on) | (col(KeyResult.due_on) > cycle.ends_on),
        )
        .limit(1)
    )
    title = (await work.session.exec(statement)).first()
    if title is not None:
        raise DueOutsideCycle(f"The key result {title!r} would be due outside of the cycle; change its due_on first.")


async def _above(work: Work, cycle: Cycle, objectives: list[Objective], *, since: datetime) -> set[Subject]:
    return await above_objectives(
        await driver(work.session),
        work.organization_id,
        objective_ids=[objective.id for objective in objectives],
        team_ids={objective.team_id for objective in objectives},
        cycle_ids=[cycle.id],
        since=since,
    )


async def _touch_all(work: Work, cycle: Cycle, objectives: list[Objective], *, since: datetime) -> None:
    ids = [objective.id for objective in objectives]
    touch(work, await within_objectives(await driver(work.session), work.organization_id, ids), since)
    touch(work, await _above(work, cycle, objectives, since=since), since)


def _event(type: EventType, cycle: Cycle, **data: Any) -> Event:
    return Event(type, f"cycle:{cycle.id}", cycle.version, data)
