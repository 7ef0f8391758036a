"""Check-ins: people say where a key result stands, how sure they are, and what is in the way."""

from uuid import UUID

import asyncpg

from okr.db.check_ins import read_check_in
from okr.db.engine import driver
from okr.db.goals import check_people, lock_key_result
from okr.db.key_result_facts import measure_of
from okr.db.reach import around_key_result, touch
from okr.db.tables import CheckIn
from okr.db.work import Work
from okr.domain.errors import Invalid
from okr.domain.states import CycleState, ObjectiveState, check_cycle_open, check_objective_open
from okr.domain.validation import check_reading
from okr.events import Event, EventType
from okr_api.schemas.check_ins import CheckInCreate, CheckInRead, check_in_read
from okr_api.schemas.points import check_observed
from okr_api.use_cases.key_results import KeyResultCancelled

_SAYING = ("value", "zone", "milestone", "confidence", "comment", "blockers")


class EmptyCheckIn(Invalid):
    """The check-in says nothing.

    Send a value, zone, milestone, confidence, comment or blockers.
    """

    code = "empty_check_in"


class ValueComesFromMetric(Invalid):
    """A metric feeds the key result: its value is pushed, not said.

    Push a point to the metric; a check-in may still say confidence, comment and blockers.
    """

    code = "value_comes_from_metric"


async def show_check_in(connection: asyncpg.Connection, organization_id: UUID, check_in_id: UUID) -> CheckInRead:
    """The check-in as it is answered. Raises NotFound."""
    return check_in_read(await read_check_in(connection, organization_id, check_in_id))


async def record_check_in(work: Work, key_result_id: UUID, body: CheckInCreate) -> UUID:
    """Record what is said of a key result that is still open; answers the check-in's id."""
    if all(getattr(body, name) is None for name in _SAYING):
        raise EmptyCheckIn(f"Say at least one of {', '.join(_SAYING)}.")
    observed_at = body.observed_at or work.now
    check_observed(observed_at, now=work.now)
    # Locked, so that a check-in and the close of its objective come one after the other.
    place = await lock_key_result(work.session, work.organization_id, key_result_id)
    check_objective_open(ObjectiveState(place.objective.state))
    check_cycle_open(CycleState(place.cycle.state))
    if place.key_result.cancelled_at is not None:
        raise KeyResultCancelled("The key result was cancelled; nothing more can be said of it.")
    if body.value is not None and place.version.metric_id is not None:
        raise ValueComesFromMetric("Push the value to the metric that feeds this key result.", pointer="/value")
    check_reading(measure_of(place.version.model_dump()), value=body.value, zone=body.zone, milestone=body.milestone)
    await check_people(work.session, work.organization_id, {"/person_id": body.person_id})
    check_in = CheckIn(
        organization_id=work.organization_id,
        key_result_id=key_result_id,
        recorded_at=work.now,
        **{**body.model_dump(), "observed_at": observed_at},
    )
    work.session.add(check_in)
    connection = await driver(work.session)
    objective_id = place.objective.id
    around = await around_key_result(
        connection, work.organization_id, key_result_id=key_result_id, objective_id=objective_id
    )
    touch(work, around, observed_at)
    said = {
        "key_result_id": str(key_result_id),
        "objective_id": str(objective_id),
        "observed_at": observed_at,
    }
    work.announce(Event(EventType.CHECK_IN_RECORDED, f"check_in:{check_in.id}", data=said))
    return check_in.id
