"""The fixtures themselves: what a test gets is its own, and both roles can do what they should and no more."""

import asyncpg
import pytest
import redis.asyncio as redis
from arq.connections import RedisSettings

from okr.db.engine import make_engine
from servers import Database, Servers


async def test_a_test_database_is_migrated_and_empty(app_url: str) -> None:
    connection = await asyncpg.connect(app_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM organization") == 0
    finally:
        await connection.close()


async def test_the_applications_role_cannot_change_tables(database: Database) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DROP TABLE organization")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (id int)")
    finally:
        await connection.close()


async def test_what_one_database_holds_another_does_not(servers: Servers) -> None:
    with servers.database() as first, servers.database() as second:
        for database, tables_expected in ((first, 1), (second, 0)):
            connection = await asyncpg.connect(database.owner_url)
            if database is first:
                await connection.execute("CREATE TABLE mine (id int)")
            found = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'")
            await connection.close()
            assert found == tables_expected


async def test_the_addresses_suit_every_library_that_takes_them(app_url: str, redis_url: str) -> None:
    engine = make_engine(app_url)
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT current_user")).scalar() == "okr_app"
    await engine.dispose()
    arq_settings = RedisSettings.from_dsn(redis_url)
    by_address = redis.Redis.from_url(redis_url)
    by_arq = redis.Redis(unix_socket_path=arq_settings.unix_socket_path, db=arq_settings.database)
    await by_address.set("key", "value")
    assert await by_arq.get("key") == b"value"
    await by_address.aclose()
    await by_arq.aclose()
