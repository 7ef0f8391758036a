"""Draining: serve an organization's demand, batch by batch, until nothing that may be claimed is left."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog

from okr import telemetry
from okr.db import demand, regrades, runs
from okr.db.demand import Claim
from okr.db.engine import connection_of
from okr.db.partitions import Partitions
from okr.db.tables.scoring import KINDS_BY_NUMBER
from okr.domain.adjusting import CONDITION_FAILED
from okr_scoring.rescore import Served, serve

BATCH = 500
BROKEN_SECONDS = 30.0
"""How long a subject that cannot be graded is left alone before it is tried again."""
OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What says nothing about the subject: PostgreSQL is away or was told to stop. OSError includes refused connections, and the
driver calls what it meets on a connection that is being ended its own internal error."""
log = structlog.get_logger(__name__)


class Drainer:
    """Serves demand for one worker process: one batch of an organization at a time, several organizations side by side.

    Whoever asks while an organization is being drained is heard: the drain looks once more before it ends.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        lease_seconds: float = 2.0,
        roll_up_distance_seconds: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self.lease_seconds = lease_seconds
        self._distance_seconds = roll_up_distance_seconds
        self._now = now
        self._partitions = Partitions()
        self._draining: dict[UUID, bool] = {}
        self._later: dict[UUID, asyncio.Task[None]] = {}
        self._soon: dict[UUID, asyncio.Task[None]] = {}
        self._is_closing = False

    async def drain(self, organization_id: UUID, *, older_than_seconds: float = 0) -> int:
        """Serve all that may be claimed; answers how many grades were written. Demand that comes meanwhile is served too."""
        if organization_id in self._draining:
            self._draining[organization_id] = True
            return 0
        written = 0
        try:
            self._draining[organization_id] = True
            while self._draining[organization_id]:
                self._draining[organization_id] = False
                written += await self._drain_once(organization_id, older_than_seconds)
        finally:
            del self._draining[organization_id]
        await self._look_again(organization_id)
        return written

    def drain_soon(self, organization_id: UUID) -> None:
        """Have all that may be claimed served beside whatever the caller does; a failure is logged."""
        if organization_id in self._draining:
            self._draining[organization_id] = True
        elif organization_id not in self._soon and not self._is_closing:
            self._soon[organization_id] = asyncio.create_task(self._drain_soon(organization_id))

    async def _drain_soon(self, organization_id: UUID) -> None:
        with _told_if_it_fails():
            try:
                await self.drain(organization_id)
            finally:
                self._soon.pop(organization_id, None)

    async def _drain_once(self, organization_id: UUID, older_than_seconds: float) -> int:
        """Serve what may be claimed; where that is much, in two lanes: PostgreSQL works for one while the other grades."""
        second: list[asyncio.Task[int]] = []

        def open_second() -> None:
            if not second:
                second.append(asyncio.create_task(self._lane(organization_id, older_than_seconds)))

        try:
            written = await self._lane(organization_id, older_than_seconds, when_full=open_second)
            return written + sum(await asyncio.gather(*second))
        finally:
            for task in second:
                task.cancel()
            await asyncio.gather(*second, return_exceptions=True)

    async def _lane(
        self, organization_id: UUID, older_than_seconds: float, *, when_full: Callable[[], None] | None = None
    ) -> int:
        written = 0
        async with connection_of(self._pool) as connection:
            while claims := await demand.claim(
                connection,
                organization_id,
                lease_seconds=self.lease_seconds,
                limit=BATCH,
                older_than_seconds=older_than_seconds,
            ):
                if when_full and len(claims) >= BATCH:
                    when_full()
                written += await self.serve(connection, organization_id, claims)
        return written

    async def serve(self, connection: asyncpg.Connection, organization_id: UUID, claims: list[Claim]) -> int:
        """Grade the batch; where that fails, its subjects one by one, so that one broken thing does not stop all the others."""
        try:
            served = await serve(
                connection,
                organization_id,
                claims,
                now=self._now(),
                partitions=self._partitions,
                roll_up_distance_seconds=self._distance_seconds,
            )
        except OUTAGES:
            raise
        except Exception:
            telemetry.DRAIN_FAILURES.inc()
            if len(claims) > 1:
                log.warning("batch failed, grading its subjects one by one", subjects=len(claims))
                return sum([await self.serve(connection, organization_id, [claim]) for claim in claims])
            log.exception("cannot be graded", subject=str(claims[0].subject), organization_id=str(organization_id))
            await demand.release(connection, organization_id, claims, after_seconds=BROKEN_SECONDS)
            await runs.fail(connection, organization_id, claims[0].subject)
            await regrades.note_ungradable(connection, organization_id, claims[0].subject)
            return 0
        _count(served, self._now())
        return len(served.written)

    async def _look_again(self, organization_id: UUID) -> None:
        """Come back for what may not be claimed yet: roll-ups kept at a distance, and what waits for another's lease."""
        if organization_id in self._later or self._is_closing:
            return
        async with connection_of(self._pool) as connection:
            seconds = await demand.seconds_until_claimable(connection, organization_id)
        if seconds is not None:
            self._later[organization_id] = asyncio.create_task(self._drain_later(organization_id, seconds))

    async def _drain_later(self, organization_id: UUID, seconds: float) -> None:
        with _told_if_it_fails():
            try:
                wait: float | None = seconds
                while wait is not None and not self._is_closing:
                    await asyncio.sleep(max(wait, 0.005))
                    await self.drain(organization_id)
                    async with connection_of(self._pool) as connection:
                        wait = await demand.seconds_until_claimable(connection, organization_id)
            finally:
                self._later.pop(organization_id, None)

    async def close(self) -> None:
        """Give up what was planned for later, and what nobody waits for."""
        self._is_closing = True
        later = [*self._later.values(), *self._soon.values()]
        for task in later:
            task.cancel()
        await asyncio.gather(*later, return_exceptions=True)


@contextlib.contextmanager
def _told_if_it_fails() -> Iterator[None]:
    """For drains that nobody waits for."""
    try:
        yield
    except OUTAGES as error:
        log.warning("drain failed; the sweeper will serve it", error=f"{type(error).__name__}: {error}")
    except Exception:
        telemetry.DRAIN_FAILURES.inc()
        log.exception("drain failed; the sweeper will serve it")


def _count(served: Served, now: datetime) -> None:
    telemetry.FENCED.inc(served.fenced)
    written = [one for one in served.scored if one.claim.subject in served.written]
    telemetry.FAILED_CONDITIONS.inc(sum(CONDITION_FAILED in one.current.grade.reasons for one in written))
    telemetry.SNAPSHOTS.inc(sum(len(one.snapshots) for one in written))
    for number, kind in KINDS_BY_NUMBER.items():
        waited = [now - one.claim.requested_at for one in written if one.claim.subject.number == number]
        if waited:
            telemetry.GRADED.labels(kind.value).inc(len(waited))
            freshness = telemetry.FRESHNESS.labels(kind.value)
            for wait in waited:
                freshness.observe(max(wait.total_seconds(), 0))
