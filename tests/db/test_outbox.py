"""The outbox: each event gets its numbers once, without gaps, and one subject's in the order of their commits."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from alembic import command

from company import a_company, a_team
from okr.db import outbox
from okr.db.event_pages import Wanted, event_page
from okr.db.migrate import alembic_config, upgrade
from okr.db.outbox import give_back, numbered_after, prune
from okr.ids import new_id
from outbox import announce, number, revised, rows_of, sequences_of
from servers import Database


@pytest.fixture
async def connection(app_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def connections(app_url: str) -> AsyncIterator[list[asyncpg.Connection]]:
    async with AsyncExitStack() as stack:
        opened = [await asyncpg.connect(app_url) for _ in range(12)]
        for one in opened:
            stack.push_async_callback(one.close)
        yield opened


async def test_many_that_number_at_once_give_each_number_once(connections: list[asyncpg.Connection]) -> None:
    organizations, teams = [new_id(), new_id()], [new_id() for _ in range(7)]
    for version in range(60):
        events = [revised(team, version) for team in teams]
        await outbox.announce(connections[0], random.choice(organizations), events)

    async def number_all(connection: asyncpg.Connection) -> int:
        mine, left = 0, 60 * 7
        while left:
            mine += (await number(connection, batch=17)).numbered
            left = await connection.fetchval("SELECT count(*) FROM outbox_event WHERE position IS NULL")
        return mine

    async with asyncio.timeout(60):
        shares = await asyncio.gather(*map(number_all, connections))
    rows = await rows_of(connections[0])
    assert sum(shares) == len(rows) == 60 * 7
    assert [row.position for row in rows] == list(range(1, 60 * 7 + 1))
    for organization in organizations:
        for told in sequences_of([row for row in rows if row.organization_id == organization]).values():
            assert [sequence for sequence, _ in told] == list(range(1, len(told) + 1))
            assert [version for _, version in told] == sorted(version for _, version in told)
    assert (await number(connections[0])).position == 60 * 7


async def test_one_subjects_events_keep_the_order_of_their_commits(connections: list[asyncpg.Connection]) -> None:
    company = await a_company(connections[0])
    teams = [await a_team(company) for _ in range(3)]
    slow_team = await a_team(company)
    busy = 8

    async def revise(connection: asyncpg.Connection, team: UUID) -> None:
        version = await connection.fetchval(
            "UPDATE team SET version = version + 1 WHERE id = $1 RETURNING version", team
        )
        # What the clock of its process says must not matter, nor who asks first.
        await asyncio.sleep(random.random() / 500)
        await outbox.announce(connection, company.id, [revised(team, version)])

    async def write(connection: asyncpg.Connection) -> None:
        nonlocal busy
        for _ in range(25):
            async with connection.transaction():
                await revise(connection, random.choice(teams))
        busy -= 1

    async def relay(connection: asyncpg.Connection) -> None:
        while busy:
            await number(connection, batch=50)
            # Seldom enough for several events of one subject to wait.
            await asyncio.sleep(random.random() / 20)

    seen: list[int] = []

    async def pull(connection: asyncpg.Connection) -> None:
        after, is_last = 0, False
        while not is_last:
            is_last = not busy
            page = await event_page(connection, company.id, after=after, limit=7, wanted=Wanted())
            seen.extend(event.position for event in page.events)
            after, is_last = page.reached, is_last and not page.has_more

    slow, reader, *others = connections
    async with asyncio.timeout(120):
        async with slow.transaction():
            # Written first of all, and committed last.
            await revise(slow, slow_team)
            await asyncio.gather(*map(write, others[:8]), *map(relay, others[8:10]), pull(reader))
            while (await number(reader)).numbered:
                pass
        await number(reader)
    rows = await rows_of(reader)
    assert [row.position for row in rows] == list(range(1, 8 * 25 + 2))
    told = sequences_of(rows)
    for team in teams:
        assert told[f"team:{team}"] == [(count, count + 1) for count in range(1, len(told[f"team:{team}"]) + 1)]
    assert rows[-1].subject == f"team:{slow_team}"
    assert seen == list(range(1, len(seen) + 1))


async def test_a_snapshot_older_than_the_lock_numbers_nothing(connection: asyncpg.Connection) -> None:
    await announce(connection, new_id(), revised(new_id(), 1))
    async with connection.transaction(isolation="repeatable_read"):
        with pytest.raises(asyncpg.RaiseError, match="snapshot"):
            await number(connection)
    assert await rows_of(connection) == []


async def test_one_leads_until_its_lease_ends_or_is_given_back(connection: asyncpg.Connection) -> None:
    first, second = new_id(), new_id()
    await announce(connection, new_id(), revised(new_id(), 1), revised(new_id(), 1))
    assert await number(connection, first) == outbox.Standing(leads=True, numbered=2, position=2, published=0)
    assert not (await number(connection, second)).leads
    assert (await number(connection, first, told=1)).published == 1
    # Who does not lead has nothing to tell.
    assert (await number(connection, second, told=2)).published == 1
    await connection.execute("UPDATE event_relay SET held_until = clock_timestamp()")
    assert (await number(connection, second, told=1)).leads
    assert await number(connection, first, told=2) == outbox.Standing(leads=False, numbered=0, position=2, published=1)
    await give_back(connection, first, told=2)
    assert not (await number(connection, first)).leads
    await give_back(connection, second, told=2)
    assert await number(connection, first) == outbox.Standing(leads=True, numbered=0, position=2, published=2)
    # More than was ever given is the memory of another life of the database.
    assert (await number(connection, first, told=9)).published == 2


async def test_one_that_must_not_lead_numbers_all_the_same(connection: asyncpg.Connection) -> None:
    await announce(connection, new_id(), revised(new_id(), 1))
    standing = await outbox.number(connection, None, lease_seconds=600, batch=10, told=0)
    assert standing == outbox.Standing(leads=False, numbered=1, position=1, published=0)


async def test_a_lease_that_is_held_and_nothing_to_number_write_nothing(connection: asyncpg.Connection) -> None:
    holder = new_id()
    await number(connection, holder)
    before = await connection.fetchval("SELECT xmin::text FROM event_relay")
    for _ in range(3):
        await number(connection, holder)
        await number(connection)
    assert await connection.fetchval("SELECT xmin::text FROM event_relay") == before


async def test_pruning_takes_a_beginning_and_remembers_its_end(connection: asyncpg.Connection) -> None:
    organization, team = new_id(), new_id()
    await announce(connection, organization, *(revised(team, version) for version in range(1, 7)))
    await number(connection)
    await announce(connection, organization, revised(team, 7))
    now = datetime.now(UTC)
    ages = {1: 9, 2: 8, 3: 9, 4: 1, 5: 9, 6: 0, 7: 9}  # the fourth is young: the fifth must not go before it
    for version, days in ages.items():
        await connection.execute(
            "UPDATE outbox_event SET created_at = $2 WHERE (data->>'version')::int = $1",
            version,
            now - timedelta(days=days),
        )
    older_than = now - timedelta(days=7)
    assert await prune(connection, older_than=older_than, limit=2) == 2
    assert [row.version for row in await rows_of(connection)] == [3, 4, 5, 6]
    assert await connection.fetchval("SELECT pruned FROM event_relay") == 2
    assert await prune(connection, older_than=older_than, limit=100) == 1
    assert await prune(connection, older_than=older_than, limit=100) == 0
    assert await connection.fetchval("SELECT pruned FROM event_relay") == 3
    # What was not numbered stays, and its subject's count goes on.
    await number(connection)
    assert [(row.position, row.sequence, row.version) for row in await rows_of(connection)] == [
        (4, 4, 4),
        (5, 5, 5),
        (6, 6, 6),
        (7, 7, 7),
    ]


async def test_a_filtered_page_is_answered_after_a_look_at_so_many(connection: asyncpg.Connection) -> None:
    organization, common, rare = new_id(), new_id(), new_id()
    events = [revised(common, version) for version in range(1, 26)]
    await announce(connection, organization, *events, revised(rare, 1), *events, revised(rare, 2))
    await number(connection)
    wanted = Wanted(subject=f"team:{rare}")
    after, found, pages, has_more = 0, [], 0, True
    while has_more:
        page = await event_page(connection, organization, after=after, limit=1, wanted=wanted, scanned_at_once=10)
        found += [event.position for event in page.events]
        assert page.reached > after
        after, has_more, pages = page.reached, page.has_more, pages + 1
    assert (found, after, pages) == ([26, 52], 52, 6)


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(subject="team:x"), Wanted(type_prefix="okr.grade.")])
async def test_pages_and_the_relay_read_by_index(
    connection: asyncpg.Connection, owner_url: str, wanted: Wanted
) -> None:
    owner = await asyncpg.connect(owner_url)
    await owner.execute(
        """
        INSERT INTO outbox_event (organization_id, id, type, subject, data, created_at, position, sequence)
        SELECT md5((n % 20)::text)::uuid, uuidv7(), 'okr.team.revised.v1', 'team:' || n % 500, '{}', now(), n, n
          FROM generate_series(1, 20000) AS n
        """
    )
    await owner.execute("UPDATE event_relay SET position = 20000")
    await owner.execute("ANALYZE outbox_event")
    organization = await owner.fetchval("SELECT organization_id FROM outbox_event LIMIT 1")
    await owner.close()
    await connection.execute("SELECT pg_stat_force_next_flush()")
    read = "SELECT seq_scan, seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'outbox_event'"
    before = await connection.fetchrow(read)
    for after in (0, 19000, 20000):
        await event_page(connection, organization, after=after, limit=50, wanted=wanted, scanned_at_once=200)
        await numbered_after(connection, after, limit=50)
        await number(connection)
    await connection.execute("SELECT pg_stat_force_next_flush()")
    now = await connection.fetchrow(read)
    assert now["seq_tup_read"] == before["seq_tup_read"]
    assert now["idx_tup_fetch"] - before["idx_tup_fetch"] < 3 * (2 * 201 + 50)


def test_events_of_the_code_before_are_numbered_in_the_order_of_their_writing(database: Database) -> None:
    organization, team = new_id(), new_id()
    insert = """
        INSERT INTO outbox_event (organization_id, id, type, subject, sequence, data, created_at)
        SELECT $1, uuidv7(), 'okr.team.revised.v1', 'team:' || $2::uuid, v, jsonb_build_object('version', v),
               now() - v * interval '1 s'
          FROM generate_series($3::int, $4::int) AS v
    """

    async def run(*statements: tuple[object, ...]) -> None:
        connection = await asyncpg.connect(database.owner_url)
        for statement, *arguments in statements:
            await connection.execute(str(statement), *arguments)
        await connection.close()

    async def told() -> list[tuple[int, int, int]]:
        connection = await asyncpg.connect(database.app_url)
        await connection.execute(insert, organization, team, 4, 5)
        await number(connection)
        rows = await rows_of(connection)
        await connection.close()
        return [(row.position, row.sequence, row.version) for row in rows]

    asyncio.run(run(("DROP SCHEMA public CASCADE",), ("CREATE SCHEMA public",)))
    command.upgrade(alembic_config(database.owner_url), "0001")
    asyncio.run(run((insert, organization, team, 1, 3)))
    upgrade(database.owner_url)
    assert asyncio.run(told()) == [(count, count, count) for count in range(1, 6)]
