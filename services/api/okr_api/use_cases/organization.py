"""The organization itself: its name, and the zone in which its days end."""

from typing import Any
from uuid import UUID

import asyncpg

from okr.db import directory
from okr.db.demand import subject
from okr.db.work import Work
from okr.domain.values import SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.organization import OrganizationRead, organization_read


async def show_organization(connection: asyncpg.Connection, organization_id: UUID, _: UUID) -> OrganizationRead:
    """The organization as it is answered."""
    return organization_read(await directory.read_organization(connection, organization_id))


async def revise_organization(work: Work, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change the organization. A new zone moves the ends of its days, so its own grade is made again for all of history."""
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
        work.touch(subject(SubjectKind.ORGANIZATION, work.organization_id), min(old_start, new_start))
    work.announce(
        Event(
            EventType.ORGANIZATION_REVISED,
            f"organization:{work.organization_id}",
            organization.version,
            {"changed": changed},
        )
    )
