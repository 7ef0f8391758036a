"""The relay: numbers what was committed, in every process, and publishes it to the stream, in the one that leads.

Two tasks: numbering needs PostgreSQL only and goes on while Redis is away, for cursors read the numbered outbox. Neither ends
before it is closed, whatever is away for however long.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import structlog

from okr import telemetry
from okr.db.outbox import Standing, give_back, number, numbered_after
from okr.db.writers import Writers
from okr.ids import new_id
from okr.settings import Settings
from okr.stream import STREAM_AWAY, EventStream

LEASE_SECONDS = 3.0
_COALESCE_SECONDS = 0.02
_LEADER_LOOKS_SECONDS = 0.1
_OTHERS_LOOK_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
_NUMBER_BATCH = 1000
_PUBLISH_BATCH = 500
_DATABASE_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = structlog.get_logger(__name__)


class Relay:
    """One process's relay, with two connections of its own to PostgreSQL and one to Redis, opened when they are needed."""

    def __init__(self, connections: Writers, stream: EventStream) -> None:
        self._connections = connections
        self._stream = stream
        self._id = new_id()
        self._woken = asyncio.Event()
        self._behind = asyncio.Event()
        self._standing = Standing(leads=False, numbered=0, position=0, published=0)
        self._told = 0
        self._stands_back_until = 0.0
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def of(cls, settings: Settings) -> "Relay":
        """The relay between the servers that the settings name. Neither needs to be there yet."""
        stream = EventStream(settings.redis_url, length=settings.stream_length)
        return cls(await Writers.of(settings.database_url, size=2), stream)

    async def start(self) -> None:
        """Begin to number, and to publish while this process leads."""
        self._tasks = [
            asyncio.create_task(self._repeat("events are not numbered", self._number), name="relay numbering"),
            asyncio.create_task(self._repeat("events are not published", self._publish), name="relay publishing"),
        ]

    def wake(self) -> None:
        """Say that something was committed; without this it is found a little later."""
        self._woken.set()

    async def close(self) -> None:
        """Stop, and let another process lead at once."""
        # Asked first and cancelled only if that does not help: a driver's wait that is cancelled as it ends goes on regardless.
        for event in (self._closing, self._woken, self._behind):
            event.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_PAUSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*_DATABASE_AWAY):
            async with asyncio.timeout(_PAUSE_SECONDS), self._connections.connection() as connection:
                await give_back(connection, self._id, told=self._told)
        with contextlib.suppress(*STREAM_AWAY):
            await self._stream.close()
        await self._connections.close()

    async def _number(self) -> None:
        """One look at the outbox, and the pause before the next one."""
        may_lead = asyncio.get_running_loop().time() >= self._stands_back_until
        async with self._connections.connection() as connection:
            standing = await number(
                connection,
                self._id if may_lead else None,
                lease_seconds=LEASE_SECONDS,
                batch=_NUMBER_BATCH,
                told=self._told,
            )
        self._follow(standing)
        if standing.numbered == _NUMBER_BATCH:
            return
        await asyncio.sleep(_COALESCE_SECONDS)
        await _first(self._woken, seconds=_LEADER_LOOKS_SECONDS if standing.leads else _OTHERS_LOOK_SECONDS)
        self._woken.clear()

    def _follow(self, standing: Standing) -> None:
        # Who does not lead forgets what it told: the next one to lead begins where the database says.
        self._told = max(self._told, standing.published) if standing.leads else 0
        if self._told > standing.position:
            log.warning("the database has gone back to an earlier state", told=self._told, position=standing.position)
            self._told = standing.published
        self._standing = standing
        telemetry.EVENTS_NUMBERED.inc(standing.numbered)
        telemetry.EVENTS_UNPUBLISHED.set(standing.position - max(standing.published, self._told))
        if standing.published >= standing.position:
            telemetry.OLDEST_UNPUBLISHED_SECONDS.set(0)
        if self._is_behind():
            self._behind.set()

    def _is_behind(self) -> bool:
        return self._standing.leads and self._told < self._standing.position

    async def _publish(self) -> None:
        """Publish all that is numbered. Who cannot gives up the lease, for another process may reach Redis."""
        await self._behind.wait()
        try:
            while self._is_behind() and not self._closing.is_set():
                await self._publish_batch()
        except STREAM_AWAY:
            self._stands_back_until = asyncio.get_running_loop().time() + _PAUSE_SECONDS
            async with self._connections.connection() as connection:
                await give_back(connection, self._id, told=self._told)
            raise
        self._behind.clear()

    async def _publish_batch(self) -> None:
        after = self._told
        async with self._connections.connection() as connection:
            events = await numbered_after(connection, after, limit=_PUBLISH_BATCH)
        last_missing = events[0].position - 1 if events else self._standing.position
        if last_missing > after:
            log.error("events were pruned before they were published", count=last_missing - after)
        if not events:
            self._told = last_missing
            return
        telemetry.OLDEST_UNPUBLISHED_SECONDS.set((datetime.now(UTC) - events[0].created_at).total_seconds())
        await self._stream.publish(events)
        telemetry.EVENTS_PUBLISHED.inc(len(events))
        self._told = events[-1].position

    async def _repeat(self, trouble: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work over and over. A failure is counted and logged, and the work tried again a little later."""
        while not self._closing.is_set():
            try:
                await work()
            except (*_DATABASE_AWAY, *STREAM_AWAY) as error:
                telemetry.RELAY_FAILURES.inc()
                log.warning(trouble, error=f"{type(error).__name__}: {error}")
            except Exception:
                telemetry.RELAY_FAILURES.inc()
                log.exception(trouble)
            else:
                continue
            await _first(self._closing, seconds=_PAUSE_SECONDS)


async def _first(event: asyncio.Event, *, seconds: float) -> None:
    """Wait for the event, or so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
