"""People: who can own, sponsor and check in."""

from typing import Any
from uuid import UUID

import asyncpg

from okr.db import directory
from okr.db.tables import Person
from okr.db.work import Work
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.people import PersonCreate, PersonRead, person_read
from okr_api.use_cases.changes import apply, differing


async def show_person(connection: asyncpg.Connection, organization_id: UUID, person_id: UUID) -> PersonRead:
    """The person as it is answered. Raises NotFound."""
    return person_read(await directory.read_person(connection, organization_id, person_id))


async def create_person(work: Work, body: PersonCreate) -> UUID:
    """Add a person; answers the id. An email or external id that is taken fails at the database's own constraint."""
    person = Person(organization_id=work.organization_id, created_at=work.now, updated_at=work.now, **body.model_dump())
    work.session.add(person)
    work.announce(Event(EventType.PERSON_ADDED, f"person:{person.id}", person.version))
    return person.id


async def revise_person(work: Work, person_id: UUID, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change a person."""
    person = await directory.lock_person(work.session, work.organization_id, person_id)
    precondition.check(person.version)
    changes = differing(person, changes)
    if not changes:
        return
    apply(person, changes, now=work.now)
    work.announce(Event(EventType.PERSON_REVISED, f"person:{person.id}", person.version, {"changed": sorted(changes)}))
