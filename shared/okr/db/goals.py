"""Finding and locking goals for a change. Locks are taken from the top down, cycle, objective, key result, each in order of id:
whoever follows that order waits for others, and never in a ring.

Readers take no locks. A cycle is locked shared by what happens inside it and exclusively by what happens to it, so that
nothing slips into a cycle while it is being closed.
"""

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db.engine import driver
from okr.db.tables import Alignment, Cycle, KeyResult, KeyResultVersion, Objective, Organization
from okr.domain.errors import Conflict, Invalid, NotFound


class UnknownReference(Invalid):
    """The body names something that is not there, or is another organization's.

    Make it first, or mend the id or key at `pointer`.
    """

    code = "unknown_reference"


class PersonInactive(Invalid):
    """The person has left.

    Name somebody who is active.
    """

    code = "person_inactive"


class ChangedMeanwhile(Conflict):
    """Somebody else's change came in between.

    Read the thing again and repeat the request.
    """

    code = "changed_meanwhile"


class DueOutsideCycle(Conflict):
    """Key results would be due on a day that does not belong to their cycle.

    Change their `due_on` first.
    """

    code = "key_results_due_outside_cycle"


class ObjectiveInCycle(NamedTuple):
    """A locked objective and the cycle that it is in; `joining` is the one that it is to move to, if it is to move."""

    objective: Objective
    cycle: Cycle
    joining: Cycle | None = None


class KeyResultInPlace(NamedTuple):
    """A key result with its newest version, under its locked objective."""

    key_result: KeyResult
    version: KeyResultVersion
    objective: Objective
    cycle: Cycle


async def zone_of(session: AsyncSession, organization_id: UUID) -> tzinfo:
    """The time zone in which the organization's days end."""
    found = await session.exec(
        select(Organization.time_zone).where(col(Organization.organization_id) == organization_id)
    )
    return ZoneInfo(found.one())


async def lock_cycle(session: AsyncSession, organization_id: UUID, cycle_id: UUID) -> Cycle:
    """The cycle, held against everything that happens in it. Raises NotFound."""
    statement = select(Cycle).where(col(Cycle.organization_id) == organization_id, col(Cycle.id) == cycle_id)
    cycle = (await session.exec(statement.with_for_update(key_share=True))).first()
    if cycle is None:
        raise NotFound("There is no such cycle.", cycle_id=cycle_id)
    return cycle


async def share_cycles(session: AsyncSession, organization_id: UUID, cycle_ids: Iterable[UUID]) -> dict[UUID, Cycle]:
    """Those of the cycles that there are, each held against being closed or moved."""
    statement = (
        select(Cycle)
        .where(col(Cycle.organization_id) == organization_id, col(Cycle.id).in_(set(cycle_ids)))
        .order_by(col(Cycle.id))
        .with_for_update(read=True)
    )
    return {cycle.id: cycle for cycle in await session.exec(statement)}


async def lock_objective(
    session: AsyncSession, organization_id: UUID, objective_id: UUID, *, joining: UUID | None = None
) -> ObjectiveInCycle:
    """The objective, locked, and its cycle, shared; `joining` is a second cycle to hold, for a move.

    Raises NotFound without such an objective, UnknownReference without such a cycle to join, ChangedMeanwhile when the
    objective moved to another cycle while this waited.
    """
    here = col(Objective.organization_id) == organization_id, col(Objective.id) == objective_id
    cycle_id = (await session.exec(select(Objective.cycle_id).where(*here))).first()
    if cycle_id is None:
        raise NotFound("There is no such objective.", objective_id=objective_id)
    cycles = await share_cycles(session, organization_id, {cycle_id, joining or cycle_id})
    if joining is not None and joining not in cycles:
        raise UnknownReference("There is no such cycle.", pointer="/cycle_id")
    objective = (await session.exec(select(Objective).where(*here).with_for_update(key_share=True))).one()
    if objective.cycle_id != cycle_id:
        raise ChangedMeanwhile("The objective was moved to another cycle in this moment; read it and try again.")
    return ObjectiveInCycle(objective, cycles[cycle_id], None if joining is None else cycles[joining])


async def share_objectives(
    session: AsyncSession, organization_id: UUID, objective_ids: Iterable[UUID]
) -> dict[UUID, ObjectiveInCycle]:
    """Those of the objectives that there are, each held against being closed, with their cycles."""
    statement = (
        select(Objective)
        .where(col(Objective.organization_id) == organization_id, col(Objective.id).in_(set(objective_ids)))
        .order_by(col(Objective.id))
        .with_for_update(read=True)
    )
    objectives = (await session.exec(statement)).all()
    cycles = {
        cycle.id: cycle
        for cycle in await session.exec(
            select(Cycle).where(
                col(Cycle.organization_id) == organization_id,
                col(Cycle.id).in_({objective.cycle_id for objective in objectives}),
            )
        )
    }
    return {objective.id: ObjectiveInCycle(objective, cycles[objective.cycle_id]) for objective in objectives}


async def lock_objectives_of_cycle(session: AsyncSession, organization_id: UUID, cycle_id: UUID) -> list[Objective]:
    """All objectives of a cycle, locked. Lock the cycle first."""
    statement = (
        select(Objective)
        .where(col(Objective.organization_id) == organization_id, col(Objective.cycle_id) == cycle_id)
        .order_by(col(Objective.id))
        .with_for_update(key_share=True)
    )
    return list(await session.exec(statement))


async def lock_key_result(session: AsyncSession, organization_id: UUID, key_result_id: UUID) -> KeyResultInPlace:
    """The key result with its newest version; its objective is locked, which serializes all changes below it.

    Raises NotFound.
    """
    here = col(KeyResult.organization_id) == organization_id, col(KeyResult.id) == key_result_id
    objective_id = (await session.exec(select(KeyResult.objective_id).where(*here))).first()
    if objective_id is None:
        raise NotFound("There is no such key result.", key_result_id=key_result_id)
    objective, cycle, _ = await lock_objective(session, organization_id, objective_id)
    key_result = (await session.exec(select(KeyResult).where(*here).with_for_update(key_share=True))).one()
    version = (
        await session.exec(
            select(KeyResultVersion).where(
                col(KeyResultVersion.organization_id) == organization_id,
                col(KeyResultVersion.key_result_id) == key_result_id,
                col(KeyResultVersion.revision) == key_result.revision,
            )
        )
    ).one()
    return KeyResultInPlace(key_result, version, objective, cycle)


async def lock_alignment(session: AsyncSession, organization_id: UUID, alignment_id: UUID) -> Alignment:
    """The alignment, ended or not, held until the transaction ends. Raises NotFound."""
    statement = select(Alignment).where(
        col(Alignment.organization_id) == organization_id, col(Alignment.id) == alignment_id
    )
    alignment = (await session.exec(statement.with_for_update(key_share=True))).first()
    if alignment is None:
        raise NotFound("There is no such alignment.", alignment_id=alignment_id)
    return alignment


_PEOPLE = "SELECT id, is_active FROM person WHERE organization_id = $1 AND id = ANY($2)"
_TEAM = "SELECT true FROM team WHERE organization_id = $1 AND id = $2"


async def check_people(
    session: AsyncSession,
    organization_id: UUID,
    people: Mapping[str, UUID | None],
    *,
    active: Iterable[str] = (),
) -> None:
    """Raises UnknownReference for a person who is not there, PersonInactive for one who left and is named in `active`.

    `people` and `active` hold JSON Pointers, so that a refusal names the place to mend.
    """
    wanted = {pointer: id for pointer, id in people.items() if id is not None}
    if not wanted:
        return
    connection = await driver(session)
    rows = await connection.fetch(_PEOPLE, organization_id, list(set(wanted.values())))
    is_active = {row["id"]: row["is_active"] for row in rows}
    for pointer, id in wanted.items():
        if id not in is_active:
            raise UnknownReference("There is no such person.", pointer=pointer)
        if pointer in active and not is_active[id]:
            raise PersonInactive("This person is no longer active; name somebody who is.", pointer=pointer)


async def check_team(session: AsyncSession, organization_id: UUID, team_id: UUID | None) -> None:
    """Raises UnknownReference for a team that is not there."""
    if team_id is not None:
        connection = await driver(session)
        if not await connection.fetchval(_TEAM, organization_id, team_id):
            raise UnknownReference("There is no such team.", pointer="/team_id")


async def metric_id_of(session: AsyncSession, organization_id: UUID, metric_key: str) -> UUID:
    """The metric's id. Raises UnknownReference for a key that is not in the catalogue."""
    connection = await driver(session)
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM metric WHERE organization_id = $1 AND key = $2", organization_id, metric_key
    )
    if found is None:
        raise UnknownReference("There is no such metric; add it to the catalogue first.", pointer="/metric_key")
    return found
