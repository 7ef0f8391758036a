"""The stream of events in Redis, for the company's own services: all organizations' events, in order of position.

Each entry is one event, in the field `event`, as CloudEvents JSON. Its id is `<position>-0`: Redis itself refuses what is in
the stream already, so that neither a crash nor a second publisher doubles or disorders anything, and a gap can be seen.
"""

from collections.abc import Sequence

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from okr.events import NumberedEvent, cloud_event

STREAM = "okr:events"
STREAM_AWAY = (RedisError, OSError, TimeoutError)
"""What publishing raises while Redis cannot take anything."""

_PATIENCE_SECONDS = 2.0
_REFUSED = "equal or smaller than the target stream top item"

log = structlog.get_logger(__name__)


class EventStream:
    """Publishes to the stream, which keeps about the last `length` events. It connects when first used."""

    def __init__(self, redis_url: str, *, length: int) -> None:
        self._client = Redis.from_url(
            redis_url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
        )
        self._length = length

    async def publish(self, events: Sequence[NumberedEvent]) -> None:
        """Have all of `events`, which are in order of position, in the stream: all or, if something is raised, perhaps none."""
        refused = await self._add(events)
        if not refused or await self._has(refused[-1]):
            return
        # Another life of the database, before a backup was restored perhaps, has published under these positions. If the last
        # of the refused is there, so are those before it: positions are given out in order.
        log.warning("the stream belongs to another database and is begun anew", position=events[0].position)
        await self._add(events, anew=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _add(self, events: Sequence[NumberedEvent], *, anew: bool = False) -> list[NumberedEvent]:
        """Add the events in one transaction, so that a failure in the middle leaves no gap; answers the refused ones."""
        async with self._client.pipeline(transaction=True) as pipeline:
            if anew:
                pipeline.delete(STREAM)
            for event in events:
                fields = {"event": cloud_event(event)}
                pipeline.xadd(STREAM, fields, id=_id(event), maxlen=self._length, approximate=True)
            answers = (await pipeline.execute(raise_on_error=False))[-len(events) :]
        refused = []
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, ResponseError) and _REFUSED in str(answer):
                refused.append(event)
            elif isinstance(answer, Exception):
                raise answer
        return refused

    async def _has(self, event: NumberedEvent) -> bool:
        """Whether this very event is in the stream."""
        entries = await self._client.xrange(STREAM, _id(event), _id(event))
        return any(orjson.loads(fields[b"event"])["id"] == str(event.id) for _, fields in entries)


def _id(event: NumberedEvent) -> str:
    return f"{event.position}-0"
