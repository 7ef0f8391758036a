"""The organization itself: its name, and the zone in which its days end."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db import directory
from okr.db.engine import driver
from okr.db.reach import everything_running, touch
from okr.db.work import Work
from okr.domain.calendar import last_ended_day
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.organization import OrganizationRead, organization_read


async def show_organization(connection: asyncpg.Connection, organization_id: UUID, _: UUID) -> OrganizationRead:
    """The organization as it is answered."""
    return organization_read(await directory.read_organization(connection, organization_id))


async def revise_organization(work: Work, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change the organization. A new zone moves the ends of its days, so what is not closed is graded again for all its past."""
    organization = await directory.lock_organization(work.session, work.organization_id)
    precondition.check(organization.version)
    changed = sorted(name for name, value in changes.items() if getattr(organization, name) != value)
    if not changed:
        return
    old_start = await directory.start_of_history(work.session, work.organization_id, now=work.now)
    for name in changed:
        setattr(organization, name, changes[name])
    organization.version += 1
    organization.updated_at = work.now
    await work.session.flush()
    if "time_zone" in changed:
        new_start = await directory.start_of_history(work.session, work.organization_id, now=work.now)
        # The days that have ended are others now; the schedule goes on from the last one of them.
        organization.paced_through = last_ended_day(work.now, ZoneInfo(organization.time_zone))
        await work.session.flush()
        running = await everything_running(await driver(work.session), work.organization_id)
        touch(work, running, min(old_start, new_start))
    work.announce(
        Event(
            EventType.ORGANIZATION_REVISED,
            f"organization:{work.organization_id}",
            organization.version,
            {"changed": changed},
        )
    )
