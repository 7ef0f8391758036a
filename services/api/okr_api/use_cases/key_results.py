"""Key results: how they are measured, in versions that never change, and their end by cancelling."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from okr.db.demand import subject
from okr.db.engine import driver
from okr.db.goals import (
    check_people,
    lock_key_result,
    lock_objective,
    metric_id_of,
)
from okr.db.key_result_facts import measure_of
from okr.db.key_result_reads import read_key_result
from okr.db.key_result_uses import check_not_in_use, check_operands
from okr.db.measures import MEASURED_COLUMNS, last_confidence, milestones_now, next_version
from okr.db.points import hold_points
from okr.db.reach import around_key_result, beginning, touch
from okr.db.rulebooks import have_conditions
from okr.db.tables import CheckIn, Cycle, KeyResult, KeyResultVersion, Objective
from okr.db.work import Work
from okr.domain.errors import Conflict, Invalid
from okr.domain.measures import DIRECT_KINDS
from okr.domain.states import (
    CycleState,
    ObjectiveState,
    check_cycle_open,
    check_cycle_unsettled,
    check_objective_open,
)
from okr.domain.validation import FieldNotForKind, check_measure
from okr.domain.values import Kind, SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.key_results import KeyResultCreate, KeyResultRead, key_result_read, stored_measure
from okr_api.use_cases.changes import apply, differing

# Columns of the key result itself; what else a body may name belongs to its version.
OWN_COLUMNS = ("title", "unit", "value_class", "indicator", "owner_id", "due_on")

# What conditions of rules may ask about.
ASKED_ABOUT = frozenset({"value_class", "indicator"})


class KindFixed(Invalid):
    """A key result is of one kind for its whole life.

    Cancel it and make a new one of the other kind.
    """

    code = "kind_fixed"


class DueDayOutsideCycle(Invalid):
    """The day does not belong to the objective's cycle.

    Choose a day of the cycle, whose first and last day the answer names.
    """

    code = "due_outside_cycle"


class KeyResultCancelled(Conflict):
    """The key result was cancelled.

    Make a new key result, or choose another one.
    """

    code = "key_result_cancelled"


async def show_key_result(connection: asyncpg.Connection, organization_id: UUID, key_result_id: UUID) -> KeyResultRead:
    """The key result as it is answered. Raises NotFound."""
    return key_result_read(await read_key_result(connection, organization_id, key_result_id))


async def create_key_result(work: Work, objective_id: UUID, body: KeyResultCreate) -> UUID:
    """Add a key result to an open objective; answers its id."""
    await hold_points(await driver(work.session), work.organization_id)
    objective, cycle, _ = await lock_objective(work.session, work.organization_id, objective_id)
    return await add_key_result(work, objective, cycle, body, made_at=work.now)


async def add_key_result(
    work: Work, objective: Objective, cycle: Cycle, body: KeyResultCreate, *, made_at: datetime
) -> UUID:
    """Add a key result to a locked objective, with the organization's points held; answers its id."""
    _check_unsettled(objective, cycle)
    given = {name: getattr(body, name) for name in KeyResultCreate.model_fields}
    own = {name: given[name] for name in OWN_COLUMNS}
    await _check_own(work, own, cycle)
    measure = await _measure(work, body.kind, given)
    await _check_measure(work, objective.id, {**measure, "kind": body.kind})
    key_result = KeyResult(
        organization_id=work.organization_id,
        objective_id=objective.id,
        kind=body.kind.value,
        metric_id=measure["metric_id"],
        created_at=made_at,
        updated_at=made_at,
        **own,
    )
    work.session.add(key_result)
    # The rows below refer to it.
    await work.session.flush()
    work.session.add(_first_version(work, key_result, measure, reason=body.reason))
    if body.confidence is not None:
        _say_confidence(work, key_result, body.confidence)
    since = await beginning(work, cycle)
    work.expect_grades_of(subject(SubjectKind.KEY_RESULT, key_result.id), since)
    work.touch(subject(SubjectKind.OBJECTIVE, objective.id), since)
    work.announce(_event(EventType.KEY_RESULT_ADDED, key_result, title=key_result.title))
    return key_result.id


async def revise_key_result(
    work: Work, key_result_id: UUID, changes: Mapping[str, Any], precondition: Precondition
) -> None:
    """Change a key result; a change of how it is measured makes a new version, which holds from now on."""
    if "metric_key" in changes or "formula" in changes:
        await hold_points(await driver(work.session), work.organization_id)
    key_result, version, objective, cycle = await lock_key_result(work.session, work.organization_id, key_result_id)
    precondition.check(key_result.version)
    _check_open(objective, cycle)
    check_not_cancelled(key_result)
    if changes.get("kind", key_result.kind) != key_result.kind:
        raise KindFixed(f"This key result is of kind {key_result.kind}; make a new one.", pointer="/kind")
    own = differing(key_result, {name: changes[name] for name in OWN_COLUMNS if name in changes})
    await _check_own(work, own, cycle)
    successor = await _successor(work, version, changes, objective_id=objective.id)
    if successor is not None or "due_on" in own:
        _check_unsettled(objective, cycle)
    confidence = await _new_confidence(work, key_result, changes.get("confidence"))
    if not own and successor is None and confidence is None:
        return
    names = {*own, *(["confidence"] if confidence is not None else []), *(["revision"] if successor else [])}
    if successor is not None:
        work.session.add(successor)
        own |= {"revision": successor.revision, "metric_id": successor.metric_id}
    if confidence is not None:
        _say_confidence(work, key_result, confidence)
    apply(key_result, own, now=work.now)
    work.announce(_event(EventType.KEY_RESULT_REVISED, key_result, changed=sorted(names)))
    # Whatever changed, it is part of how the objective reads: asking for its grade moves the objective's entity tag.
    work.touch(subject(SubjectKind.OBJECTIVE, objective.id), work.now)
    if successor is not None or confidence is not None:
        await _touch_around(work, key_result)
    elif own.keys() & ASKED_ABOUT and await have_conditions(await driver(work.session), work.organization_id):
        work.touch(subject(SubjectKind.KEY_RESULT, key_result.id), work.now)
    if "due_on" in own:
        since = await beginning(work, cycle)
        work.touch(subject(SubjectKind.KEY_RESULT, key_result.id), since)
        work.touch(subject(SubjectKind.OBJECTIVE, objective.id), since)


async def cancel_key_result(work: Work, key_result_id: UUID, precondition: Precondition) -> None:
    """Give a key result up: from now on it counts nowhere; its past stays."""
    key_result, _, objective, cycle = await lock_key_result(work.session, work.organization_id, key_result_id)
    precondition.check(key_result.version)
    _check_unsettled(objective, cycle)
    check_not_cancelled(key_result)
    await check_not_in_use(
        await driver(work.session), work.organization_id, key_result_id=key_result_id, objective_id=objective.id
    )
    apply(key_result, {"cancelled_at": work.now}, now=work.now)
    work.announce(_event(EventType.KEY_RESULT_CANCELLED, key_result))
    await _touch_around(work, key_result)


async def _touch_around(work: Work, key_result: KeyResult) -> None:
    around = await around_key_result(
        await driver(work.session),
        work.organization_id,
        key_result_id=key_result.id,
        objective_id=key_result.objective_id,
    )
    touch(work, around, work.now)


def _check_open(objective: Objective, cycle: Cycle) -> None:
    check_objective_open(ObjectiveState(objective.state))
    check_cycle_open(CycleState(cycle.state))


def _check_unsettled(objective: Objective, cycle: Cycle) -> None:
    check_objective_open(ObjectiveState(objective.state))
    check_cycle_unsettled(CycleState(cycle.state))


def check_not_cancelled(key_result: KeyResult) -> None:
    """Raises KeyResultCancelled."""
    if key_result.cancelled_at is not None:
        raise KeyResultCancelled("The key result was cancelled; make a new one.", cancelled_at=key_result.cancelled_at)


async def _check_own(work: Work, values: Mapping[str, Any], cycle: Cycle) -> None:
    due_on = values.get("due_on")
    if due_on is not None and not cycle.starts_on <= due_on <= cycle.ends_on:
        raise DueDayOutsideCycle(
            f"Choose a day of the cycle, from {cycle.starts_on} to {cycle.ends_on}.", pointer="/due_on"
        )
    await check_people(work.session, work.organization_id, {"/owner_id": values.get("owner_id")})


async def _measure(work: Work, kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The version's columns for those fields of a body that are given."""
    columns = stored_measure(given)
    if "metric_key" in given:
        metric_key = given["metric_key"]
        if metric_key is not None and kind not in DIRECT_KINDS:
            raise FieldNotForKind(f"No metric can feed a key result of kind {kind}.", pointer="/metric_key")
        columns["metric_id"] = (
            None if metric_key is None else await metric_id_of(work.session, work.organization_id, metric_key)
        )
    return columns


async def _check_measure(work: Work, objective_id: UUID, columns: Mapping[str, Any]) -> None:
    """The measure makes sense by itself, and its operands are key results that a formula may stand on."""
    measure = measure_of(columns)
    check_measure(measure)
    if measure.formula is not None and measure.formula.of:
        connection = await driver(work.session)
        operands = [UUID(id) for id in measure.formula.of]
        await check_operands(connection, work.organization_id, objective_id=objective_id, operand_ids=operands)


def _first_version(
    work: Work, key_result: KeyResult, measure: Mapping[str, Any], *, reason: str | None
) -> KeyResultVersion:
    return KeyResultVersion(
        organization_id=work.organization_id,
        key_result_id=key_result.id,
        revision=1,
        kind=key_result.kind,
        valid_from=work.now,
        changed_by=work.actor,
        reason=reason,
        **measure,
    )


async def _successor(
    work: Work, version: KeyResultVersion, changes: Mapping[str, Any], *, objective_id: UUID
) -> KeyResultVersion | None:
    """The next version; None when the changes say nothing new about how it is measured."""
    now = {name: getattr(version, name) for name in ("kind", *MEASURED_COLUMNS)}
    # What check-ins have named done under this version they would not have named under the next.
    now["milestones"] = await milestones_now(await driver(work.session), version)
    proposed = {**now, **await _measure(work, Kind(version.kind), changes)}
    same_terms = (now["weight"], now["metric_id"]) == (proposed["weight"], proposed["metric_id"])
    if same_terms and measure_of(now) == measure_of(proposed):
        return None
    await _check_measure(work, objective_id, proposed)
    # Versions follow each other in time too, whatever the clocks of two processes say.
    valid_from = max(work.now, version.valid_from + timedelta(microseconds=1))
    return next_version(version, proposed, valid_from=valid_from, changed_by=work.actor, reason=changes.get("reason"))


async def _new_confidence(work: Work, key_result: KeyResult, confidence: Decimal | None) -> Decimal | None:
    """The confidence, unless it is the one that was said last."""
    if confidence is None:
        return None
    last = await last_confidence(await driver(work.session), work.organization_id, key_result.id)
    return None if confidence == last else confidence


def _say_confidence(work: Work, key_result: KeyResult, confidence: Decimal) -> None:
    work.session.add(
        CheckIn(
            organization_id=work.organization_id,
            key_result_id=key_result.id,
            confidence=confidence,
            observed_at=work.now,
            recorded_at=work.now,
        )
    )


def _event(type: EventType, key_result: KeyResult, **data: Any) -> Event:
    data["objective_id"] = str(key_result.objective_id)
    return Event(type, f"key_result:{key_result.id}", key_result.version, data)
