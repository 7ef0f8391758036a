"""Job names, payloads and the doorbell: what passes through arq. Besides the worker, no other module knows arq.

Redis is a courier: a job only says where to look. Whatever it tells is in PostgreSQL too, so a lost one costs a second (the
sweeper's) and a doubled one nothing (the demand is served already).
"""

import asyncio
import contextlib
from collections.abc import Iterable
from uuid import UUID

import orjson
import structlog
from arq.connections import ArqRedis, RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from okr import telemetry

QUEUE = "okr:jobs"
DRAIN = "drain"
"""Serve the demand of the organizations named: `drain(organization_ids: list[str])`."""

_PATIENCE_SECONDS = 1.0

log = structlog.get_logger(__name__)


def serialize(job: object) -> bytes:
    """Jobs as JSON: arq's default is pickle, which lets whoever can write to Redis run code in the worker."""
    return orjson.dumps(job)


deserialize = orjson.loads


def redis_settings(url: str) -> RedisSettings:
    """arq's connection settings for a worker that outlives a restart of Redis.

    Without the builtin OSError in the list a refused connection ends the worker: that is what a connect raises.
    """
    settings = RedisSettings.from_dsn(url)
    settings.retry = Retry(ExponentialBackoff(cap=1, base=0.05), 20)
    settings.retry_on_timeout = True
    settings.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    return settings


def job_client(url: str) -> ArqRedis:
    """A client that connects when first used and gives up at once."""
    settings = RedisSettings.from_dsn(url)
    return ArqRedis(
        job_serializer=serialize,
        job_deserializer=deserialize,
        default_queue_name=QUEUE,
        host=str(settings.host),
        port=settings.port,
        unix_socket_path=settings.unix_socket_path,
        db=settings.database,
        username=settings.username,
        password=settings.password,
        ssl=settings.ssl,
        socket_connect_timeout=_PATIENCE_SECONDS,
        socket_timeout=_PATIENCE_SECONDS,
    )


async def ring(client: ArqRedis, organization_ids: Iterable[UUID], *, after_seconds: float = 0) -> None:
    """Enqueue one job for all of these organizations, to run no earlier than `after_seconds` from now."""
    await client.enqueue_job(DRAIN, sorted(map(str, organization_ids)), _defer_by=after_seconds or None)


class Doorbell:
    """Tells the workers that there is demand: at most one job per interval, however many writes.

    Ringing never blocks and never fails: while Redis is away the rings are dropped, and the sweeper serves the demand.
    """

    def __init__(self, redis_url: str, *, interval_seconds: float) -> None:
        self._client = job_client(redis_url)
        self._interval_seconds = interval_seconds
        self._waiting: set[UUID] = set()
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to pass on rings."""
        self._task = asyncio.create_task(self._pass_on(), name="doorbell")

    def ring(self, organization_id: UUID) -> None:
        """Say that this organization has demand. Call it after the commit: before it a worker would find nothing."""
        self._waiting.add(organization_id)
        self._rung.set()

    async def close(self) -> None:
        """Pass on what still waits, once, and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._waiting:
            await self._enqueue()
        await self._client.aclose(close_connection_pool=True)

    async def _pass_on(self) -> None:
        while True:
            await self._rung.wait()
            await self._enqueue()
            await asyncio.sleep(self._interval_seconds)

    async def _enqueue(self) -> None:
        self._rung.clear()
        organizations, self._waiting = self._waiting, set()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await ring(self._client, organizations)
        except (RedisError, OSError, TimeoutError) as error:
            telemetry.DOORBELL_FAILURES.inc()
            log.warning("doorbell unanswered", error=type(error).__name__, organizations=len(organizations))
