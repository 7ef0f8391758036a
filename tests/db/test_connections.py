"""Connections that are lent and taken back: never more than agreed, never one that is in the middle of something."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from okr.db.connections import Connections
from okr.domain.errors import NotFound
from servers import Database


@pytest.fixture
async def two(app_url: str) -> AsyncIterator[Connections]:
    connections = Connections(app_url, size=2, settings={})
    yield connections
    await connections.close()


async def _pid(connections: Connections) -> int:
    async with connections.lend() as connection:
        return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def test_a_connection_is_used_again(two: Connections) -> None:
    assert await _pid(two) == await _pid(two)


async def test_no_more_are_open_than_agreed_and_who_waits_gets_one(two: Connections) -> None:
    free, pids = asyncio.Event(), set()

    async def use() -> None:
        async with two.lend() as connection:
            pids.add(connection.get_server_pid())
            await free.wait()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(use())
        while len(pids) < 2:
            await asyncio.sleep(0.01)
        free.set()
    assert len(pids) == 2


async def test_a_refusal_leaves_the_connection_as_it_is(two: Connections) -> None:
    before = await _pid(two)
    with pytest.raises(NotFound):
        async with two.lend():
            raise NotFound("There is no such thing.")
    with pytest.raises(asyncpg.UndefinedTableError):
        async with two.lend() as connection:
            await connection.fetch("SELECT * FROM nowhere")
    assert await _pid(two) == before


async def test_one_that_was_left_in_the_middle_of_something_is_not_lent_again(two: Connections) -> None:
    async def ask(connections: Connections) -> None:
        async with connections.lend() as connection:
            await connection.fetch("SELECT pg_sleep(60)")

    before = await _pid(two)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ask(two)
    after = await _pid(two)
    async with two.lend() as connection:
        await connection.execute("BEGIN")
    assert len({before, after, await _pid(two)}) == 3


async def test_one_whose_server_went_away_is_replaced(two: Connections, database: Database) -> None:
    before = await _pid(two)
    admin = await asyncpg.connect(database.superuser_url)
    await admin.execute("SELECT pg_terminate_backend($1, 5000)", before)
    await admin.close()
    async with asyncio.timeout(20):
        while (await _pid(two)) == before:
            await asyncio.sleep(0.01)


async def test_a_server_that_cannot_be_reached_takes_no_place_for_good() -> None:
    connections = Connections("postgresql://nobody@127.0.0.1:1/nowhere", size=1, settings={})
    async with asyncio.timeout(20):
        for _ in range(3):
            with pytest.raises(OSError):
                await _pid(connections)
        await connections.close()


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(app_url: str) -> None:
    connections = Connections(app_url, size=1, settings={})
    async with asyncio.timeout(20):
        async with connections.lend():
            impatient, patient = [asyncio.create_task(_pid(connections)) for _ in range(2)]
            await asyncio.sleep(0)
            impatient.cancel()
        assert await patient
        # Given up in the very moment in which the turn came.
        async with connections.lend():
            impatient, patient = [asyncio.create_task(_pid(connections)) for _ in range(2)]
            await asyncio.sleep(0)
        impatient.cancel()
        assert await patient
        assert await _pid(connections)
        await connections.close()


async def test_closing_waits_for_what_is_lent_and_lends_no_more(app_url: str) -> None:
    connections = Connections(app_url, size=1, settings={})
    async with asyncio.timeout(20):
        async with connections.lend() as connection:
            closing = asyncio.create_task(connections.close())
            await asyncio.sleep(0)
            with pytest.raises(asyncpg.InterfaceError):
                await _pid(connections)
            assert not closing.done()
            assert await connection.fetchval("SELECT 1") == 1
        await closing
        assert connection.is_closed()
