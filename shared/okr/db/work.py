"""One change: a session, what it will announce, and whose grade it touches. The edge opens it and settles it."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db import demand
from okr.db.demand import Subject
from okr.db.engine import driver
from okr.db.outbox import announce
from okr.events import Event


class Work:
    """What a use case gets: it reads and writes through `session`, and says here what follows from it.

    Use cases never commit. `settle` turns what was said into rows, in one statement per table and in key order, as the last
    thing before the edge commits; `wanted` then holds the sequence numbers that `Prefer: wait` waits for.
    """

    def __init__(self, session: AsyncSession, *, organization_id: UUID, actor: str, now: datetime) -> None:
        self.session = session
        self.organization_id = organization_id
        self.actor = actor
        self.now = now
        self.wanted: dict[Subject, int] = {}
        self._events: list[Event] = []
        self._new: dict[Subject, datetime] = {}
        self._touched: dict[Subject, datetime] = {}

    def announce(self, event: Event) -> None:
        """Tell of `event` when, and only when, the change commits."""
        self._events.append(event)

    def expect_grades_of(self, subject: Subject, since: datetime) -> None:
        """A new thing that will have grades: its demand row is made with it, and its history may begin at `since`."""
        self._new[subject] = since

    def touch(self, subject: Subject, since: datetime) -> None:
        """Have `subject` graded again for every instant from `since` on."""
        self._touched[subject] = min(since, self._touched.get(subject, since))

    async def settle(self) -> None:
        """Write what was said into the transaction. Nothing may be touched afterwards."""
        await self.session.flush()
        if not (self._events or self._new or self._touched):
            return
        connection = await driver(self.session)
        for subject in self._touched.keys() & self._new.keys():
            self._new[subject] = min(self._new[subject], self._touched.pop(subject))
        if self._new:
            await demand.make(connection, self.organization_id, self._new.items())
            self.wanted.update(dict.fromkeys(self._new, 1))
        self.wanted.update(await demand.raise_demand(connection, self.organization_id, self._touched.items()))
        if self._events:
            # Last, when all locks are taken: what is written later is then told later.
            await announce(connection, self.organization_id, self._events)
        self._events, self._new, self._touched = [], {}, {}
