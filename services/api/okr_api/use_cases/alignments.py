"""Alignments: how objectives hang together, without a ring, now or in the past."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, select

from okr.db.alignments import lock_graph, read_alignment, ties_above, ties_that_would_ring
from okr.db.demand import Subject, subject
from okr.db.engine import driver
from okr.db.goals import ObjectiveInCycle, UnknownReference, lock_alignment, share_objectives
from okr.db.reach import above_objectives, beginning, touch
from okr.db.tables import Alignment, KeyResult
from okr.db.work import Work
from okr.domain.errors import Conflict, Invalid, NotFound
from okr.domain.states import (
    CycleState,
    ObjectiveState,
    check_cycle_not_in_grading,
    check_cycle_unsettled,
    check_objective_open,
)
from okr.domain.values import Kind, SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.alignments import AlignmentCreate, AlignmentRead, alignment_read
from okr_api.use_cases.changes import apply, differing
from okr_api.use_cases.key_results import KeyResultCancelled


class OneParent(Invalid):
    """An alignment has one parent: an objective or a key result.

    Send `parent_objective_id` or `parent_key_result_id`, and not both.
    """

    code = "one_parent"


class ContributeNeedsComposite(Invalid):
    """A grade cannot count in a key result that is measured by itself.

    Align as `support`, or to the objective, or to a composite key result.
    """

    code = "contribute_needs_composite"


class AlreadyAligned(Conflict):
    """The two are aligned already.

    Change the alignment that the answer names.
    """

    code = "already_aligned"


class AlignmentEnded(Conflict):
    """The alignment has ended; its past stays as it is.

    Make a new alignment.
    """

    code = "alignment_ended"


async def show_alignment(connection: asyncpg.Connection, organization_id: UUID, alignment_id: UUID) -> AlignmentRead:
    """The alignment as it is answered, ended or not. Raises NotFound."""
    return alignment_read(await read_alignment(connection, organization_id, alignment_id))


async def create_alignment(work: Work, objective_id: UUID, body: AlignmentCreate) -> UUID:
    """Align an objective to a parent; answers the alignment's id. It holds for the past too."""
    if (body.parent_objective_id is None) == (body.parent_key_result_id is None):
        raise OneParent("Name parent_objective_id or parent_key_result_id, one of them.")
    connection = await driver(work.session)
    await lock_graph(connection, work.organization_id)
    child, parent = await _ends_to_be(work, objective_id, body)
    _check_open(child, parent)
    key_result = await _parent_key_result(work, body.parent_key_result_id)
    alignment = Alignment(
        organization_id=work.organization_id,
        objective_id=objective_id,
        parent_objective_id=body.parent_objective_id,
        parent_key_result_id=body.parent_key_result_id,
        weight=body.weight,
        mode=_mode(body.mode, key_result),
        created_at=work.now,
        updated_at=work.now,
    )
    await _check_new(work, alignment)
    ties = await ties_above(connection, work.organization_id, parent.objective.id)
    ringing = ties_that_would_ring(ties, child_id=objective_id, parent_id=parent.objective.id)
    await _take_back(work, [tie.id for tie in ringing])
    work.session.add(alignment)
    work.announce(_event(EventType.ALIGNMENT_ADDED, alignment))
    await _touch_for_all_time(work, alignment, child, parent)
    return alignment.id


async def revise_alignment(
    work: Work, alignment_id: UUID, changes: Mapping[str, Any], precondition: Precondition
) -> None:
    """Change weight or mode, for the past too."""
    await lock_graph(await driver(work.session), work.organization_id)
    alignment = await lock_alignment(work.session, work.organization_id, alignment_id)
    precondition.check(alignment.version)
    _check_not_ended(alignment)
    changes = differing(alignment, changes)
    if not changes:
        return
    child, parent = await _both_ends(work, alignment)
    _check_open(child, parent)
    if "mode" in changes:
        _mode(changes["mode"], await _parent_key_result(work, alignment.parent_key_result_id))
    apply(alignment, changes, now=work.now)
    work.announce(_event(EventType.ALIGNMENT_REVISED, alignment, changed=sorted(changes)))
    await _touch_for_all_time(work, alignment, child, parent)


async def end_alignment(work: Work, alignment_id: UUID, precondition: Precondition) -> None:
    """End it from now on; what it counted until now stays counted."""
    await lock_graph(await driver(work.session), work.organization_id)
    alignment = await lock_alignment(work.session, work.organization_id, alignment_id)
    precondition.check(alignment.version)
    _check_not_ended(alignment)
    child, parent = await _both_ends(work, alignment)
    for end in (child, parent):
        check_cycle_not_in_grading(CycleState(end.cycle.state))
    apply(alignment, {"ended_at": work.now}, now=work.now)
    work.announce(_event(EventType.ALIGNMENT_ENDED, alignment))
    touch(work, _parent_subjects(alignment, parent), work.now)
    touch(work, await _around_child(work, child, since=work.now), work.now)


async def _ends_to_be(
    work: Work, objective_id: UUID, body: AlignmentCreate
) -> tuple[ObjectiveInCycle, ObjectiveInCycle]:
    """Child and parent objective of an alignment to be made, both held against being closed."""
    parent_id = body.parent_objective_id or await _objective_of(work, body.parent_key_result_id)
    found = await share_objectives(work.session, work.organization_id, {objective_id, parent_id})
    if objective_id not in found:
        raise NotFound("There is no such objective.", objective_id=objective_id)
    if parent_id not in found:
        raise UnknownReference("There is no such objective.", pointer="/parent_objective_id")
    return found[objective_id], found[parent_id]


async def _take_back(work: Work, alignment_ids: list[UUID]) -> None:
    """Take ended alignments out of the past as well.

    The new one holds there too; with them it would close a ring, in which nobody's grade has a beginning.
    """
    for alignment_id in alignment_ids:
        alignment = await lock_alignment(work.session, work.organization_id, alignment_id)
        child, parent = await _both_ends(work, alignment)
        since = await beginning(work, child.cycle, parent.cycle)
        if alignment.ended_at is not None and alignment.ended_at > since:
            apply(alignment, {"ended_at": since}, now=work.now)
            work.announce(_event(EventType.ALIGNMENT_REVISED, alignment, changed=["ended_at"]))
            await _touch_for_all_time(work, alignment, child, parent)


async def _touch_for_all_time(
    work: Work, alignment: Alignment, child: ObjectiveInCycle, parent: ObjectiveInCycle
) -> None:
    """The parent since its cycle began; and whatever holds the child, in which it may now count through the parent."""
    touch(work, _parent_subjects(alignment, parent), await beginning(work, parent.cycle))
    since = await beginning(work, child.cycle)
    touch(work, await _around_child(work, child, since=since), since)


def _parent_subjects(alignment: Alignment, parent: ObjectiveInCycle) -> list[Subject]:
    subjects = [subject(SubjectKind.OBJECTIVE, parent.objective.id)]
    if alignment.parent_key_result_id is not None:
        subjects.append(subject(SubjectKind.KEY_RESULT, alignment.parent_key_result_id))
    return subjects


async def _around_child(work: Work, child: ObjectiveInCycle, *, since: datetime) -> set[Subject]:
    """The teams, the cycle and the company; no aligned parents: what the child is to others has not changed."""
    return await above_objectives(
        await driver(work.session),
        work.organization_id,
        objective_ids=[],
        team_ids=[child.objective.team_id],
        cycle_ids=[child.cycle.id],
        since=since,
    )


async def _both_ends(work: Work, alignment: Alignment) -> tuple[ObjectiveInCycle, ObjectiveInCycle]:
    parent_id = alignment.parent_objective_id or await _objective_of(work, alignment.parent_key_result_id)
    found = await share_objectives(work.session, work.organization_id, {alignment.objective_id, parent_id})
    return found[alignment.objective_id], found[parent_id]


def _check_open(child: ObjectiveInCycle, parent: ObjectiveInCycle) -> None:
    """What has ended keeps the grade that it ended with, and so keeps its alignments."""
    for end in (child, parent):
        check_objective_open(ObjectiveState(end.objective.state))
        check_cycle_unsettled(CycleState(end.cycle.state))


def _check_not_ended(alignment: Alignment) -> None:
    if alignment.ended_at is not None:
        raise AlignmentEnded("The alignment has ended; make a new one.", ended_at=alignment.ended_at)


async def _check_new(work: Work, alignment: Alignment) -> None:
    statement = select(Alignment.id).where(
        col(Alignment.organization_id) == work.organization_id,
        col(Alignment.objective_id) == alignment.objective_id,
        col(Alignment.parent_objective_id).is_not_distinct_from(alignment.parent_objective_id),
        col(Alignment.parent_key_result_id).is_not_distinct_from(alignment.parent_key_result_id),
        col(Alignment.ended_at).is_(None),
    )
    if (existing := (await work.session.exec(statement)).first()) is not None:
        raise AlreadyAligned(f"The alignment {existing} says this already; change that one.", alignment_id=existing)


async def _objective_of(work: Work, key_result_id: UUID | None) -> UUID:
    statement = select(KeyResult.objective_id).where(
        col(KeyResult.organization_id) == work.organization_id, col(KeyResult.id) == key_result_id
    )
    objective_id = (await work.session.exec(statement)).first()
    if objective_id is None:
        raise UnknownReference("There is no such key result.", pointer="/parent_key_result_id")
    return objective_id


async def _parent_key_result(work: Work, key_result_id: UUID | None) -> KeyResult | None:
    """The parent, read after its objective is held: nobody can cancel it any more."""
    if key_result_id is None:
        return None
    statement = select(KeyResult).where(
        col(KeyResult.organization_id) == work.organization_id, col(KeyResult.id) == key_result_id
    )
    key_result = (await work.session.exec(statement)).one()
    if key_result.cancelled_at is not None:
        raise KeyResultCancelled(
            "The key result was cancelled; choose another parent.", pointer="/parent_key_result_id"
        )
    return key_result


def _mode(wanted: str | None, key_result: KeyResult | None) -> str:
    """The mode asked for, or the one that fits the parent. Only an objective and a composite can take up a child's grade."""
    takes_grades = key_result is None or key_result.kind == Kind.COMPOSITE
    if wanted == "contribute" and not takes_grades:
        raise ContributeNeedsComposite(
            "A child's grade counts in an objective or in a composite key result; use support for this one.",
            pointer="/mode",
        )
    return wanted or ("contribute" if takes_grades else "support")


def _event(type: EventType, alignment: Alignment, **data: Any) -> Event:
    data |= {
        "objective_id": str(alignment.objective_id),
        "parent_objective_id": alignment.parent_objective_id and str(alignment.parent_objective_id),
        "parent_key_result_id": alignment.parent_key_result_id and str(alignment.parent_key_result_id),
    }
    return Event(type, f"alignment:{alignment.id}", alignment.version, data)
