"""The relay: every event is in the stream once, in order, whoever publishes and whatever was there before."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from okr.db.outbox import numbered_after
from okr.events import EventType, cloud_event
from okr.ids import new_id
from okr.settings import Settings
from okr.stream import STREAM, EventStream
from okr.telemetry import OF_API
from okr_api.relay import Relay
from outbox import announce, number, outbox_ids, revised, streamed


@pytest.fixture
async def connection(app_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def stream(redis_url: str) -> AsyncIterator[EventStream]:
    stream = EventStream(redis_url, length=1000)
    yield stream
    await stream.close()


@asynccontextmanager
async def relaying(settings: Settings) -> AsyncIterator[Relay]:
    relay = await Relay.of(settings)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.01)


async def some_numbered(connection: asyncpg.Connection, count: int) -> None:
    team = new_id()
    await announce(connection, new_id(), *(revised(team, version) for version in range(1, count + 1)))
    await number(connection)


async def test_an_entry_is_the_cloud_event_under_its_position(
    connection: asyncpg.Connection, redis: Redis, stream: EventStream
) -> None:
    await some_numbered(connection, 2)
    events = await numbered_after(connection, 0, limit=10)
    await stream.publish(events)
    assert await redis.xrange(STREAM) == [
        (f"{event.position}-0".encode(), {b"event": cloud_event(event)}) for event in events
    ]
    first = orjson.loads(cloud_event(events[0]))
    assert (first["type"], first["subject"], first["sequence"], first["data"]) == (
        EventType.TEAM_REVISED.value,
        events[0].subject,
        "00000000000000000001",
        {"version": 1},
    )


async def test_publishing_again_adds_what_was_missing_only(
    connection: asyncpg.Connection, redis: Redis, stream: EventStream
) -> None:
    await some_numbered(connection, 6)
    events = await numbered_after(connection, 0, limit=10)
    await stream.publish(events[:4])
    # One that stood still for a while tells what it had in hand; then one that does not know how far others were.
    await stream.publish(events[1:3])
    await stream.publish(events[2:])
    assert await streamed(redis) == await outbox_ids(connection)


async def test_a_stream_of_another_life_of_the_database_is_begun_anew(
    connection: asyncpg.Connection, redis: Redis, stream: EventStream
) -> None:
    await some_numbered(connection, 6)
    events = await numbered_after(connection, 0, limit=10)
    # The first three are the same in both lives; what came then was lost with the backup's restoring.
    await stream.publish(events[:3])
    for position in (4, 5):
        await redis.xadd(STREAM, {"event": orjson.dumps({"id": str(new_id())})}, id=f"{position}-0")
    await stream.publish(events[1:])
    assert await streamed(redis) == (await outbox_ids(connection))[1:]
    # The other life was longer than this one is yet.
    await redis.xadd(STREAM, {"event": b'{"id": ""}'}, id="100-0")
    await some_numbered(connection, 2)
    await stream.publish(await numbered_after(connection, 6, limit=10))
    assert await streamed(redis) == (await outbox_ids(connection))[6:]


async def test_the_stream_keeps_about_as_many_as_it_should(
    connection: asyncpg.Connection, redis: Redis, stream: EventStream
) -> None:
    await some_numbered(connection, 1000)
    await some_numbered(connection, 1000)
    await stream.publish(await numbered_after(connection, 0, limit=2000))
    kept = await streamed(redis)
    assert 1000 <= len(kept) <= 1200
    assert kept == (await outbox_ids(connection))[-len(kept) :]


async def test_one_of_many_relays_publishes_and_another_takes_over(
    connection: asyncpg.Connection, redis: Redis, settings: Settings
) -> None:
    organization, team = new_id(), new_id()

    async def all_told() -> bool:
        return await redis.xlen(STREAM) == await connection.fetchval("SELECT count(*) FROM outbox_event")

    async with relaying(settings), relaying(settings):
        async with relaying(settings) as first:
            for version in range(1, 41):
                await announce(connection, organization, revised(team, version))
                first.wake()
            await until(all_told)
            holder = await connection.fetchval("SELECT holder FROM event_relay")
            # The one that leads stands still, and its lease ends.
            await connection.execute("UPDATE event_relay SET holder = $1, held_until = 'infinity'", new_id())
            await announce(connection, organization, *(revised(team, version) for version in range(41, 51)))
            await connection.execute("UPDATE event_relay SET held_until = clock_timestamp()")
            await until(all_told)
            assert holder is not None
        await announce(connection, organization, *(revised(team, version) for version in range(51, 61)))
        await until(all_told)
        told, kept = await streamed(redis), await outbox_ids(connection)
        assert told == kept
        assert [position for position, _ in told] == list(range(1, 61))
    # The last one gave its lease back, and said how far it was.
    row = await connection.fetchrow("SELECT position, published, holder FROM event_relay")
    assert tuple(row) == (60, 60, None)


async def test_what_was_pruned_unpublished_is_jumped_over(
    connection: asyncpg.Connection, redis: Redis, settings: Settings
) -> None:
    await some_numbered(connection, 5)
    await connection.execute("UPDATE event_relay SET holder = NULL, held_until = '-infinity'")
    await connection.execute("DELETE FROM outbox_event WHERE position <= 3")

    async def all_told() -> bool:
        return await connection.fetchval("SELECT published = 5 FROM event_relay")

    async with relaying(settings):
        await until(all_told)
    assert [position for position, _ in await streamed(redis)] == [4, 5]


async def test_without_redis_events_are_numbered(connection: asyncpg.Connection, settings: Settings) -> None:
    await announce(connection, new_id(), revised(new_id(), 1))

    async def is_numbered() -> bool:
        return await connection.fetchval("SELECT position = 1 FROM event_relay")

    async with relaying(settings.model_copy(update={"redis_url": "unix:///nowhere.sock"})):
        await until(is_numbered)
    assert await connection.fetchval("SELECT published FROM event_relay") == 0


async def test_a_relay_stops_at_once_though_its_servers_are_away(settings: Settings) -> None:
    away = {"database_url": "postgresql://okr_app@/none?host=/nowhere", "redis_url": "unix:///nowhere.sock"}

    def failures() -> float:
        return OF_API.get_sample_value("okr_event_relay_failures_total") or 0

    before = failures()

    async def has_failed() -> bool:
        return failures() > before

    async with asyncio.timeout(5), relaying(settings.model_copy(update=away)):
        await until(has_failed)
