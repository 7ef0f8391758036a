"""The schema: migrations and tables agree, the guard knows old from new, and the application cannot touch history."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import pytest
from alembic import command

from company import a_company, a_key_result, a_metric, an_objective, push
from okr.db.migrate import SchemaTooOld, alembic_config, check_schema, upgrade
from okr.db.partitions import PARTITIONED, Partitions, make_ahead, month_of, months_from
from okr.db.points import NewPoint
from okr.db.tables import metadata
from servers import Database


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def app(app_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app_url)
    yield connection
    await connection.close()


def test_migrations_and_tables_agree(database: Database) -> None:
    command.check(alembic_config(database.owner_url))


def test_migrating_twice_changes_nothing(database: Database) -> None:
    upgrade(database.owner_url)
    command.check(alembic_config(database.owner_url))


async def test_the_guard_refuses_an_empty_and_an_older_schema_and_accepts_a_newer_one(
    owner: asyncpg.Connection, app: asyncpg.Connection, database: Database
) -> None:
    await check_schema(app)
    await owner.execute("UPDATE alembic_version SET version_num = '9999'")
    await check_schema(app)
    await owner.execute("DELETE FROM alembic_version")
    with pytest.raises(SchemaTooOld, match="okr migrate"):
        await check_schema(app)
    await owner.execute("DROP TABLE alembic_version")
    with pytest.raises(SchemaTooOld, match="no schema yet"):
        await check_schema(app)


def test_every_key_leads_with_the_organization() -> None:
    for table in metadata.sorted_tables:
        assert next(iter(table.primary_key.columns)).name == "organization_id", table.name
        for foreign_key in table.foreign_key_constraints:
            assert foreign_key.column_keys[0] == "organization_id", (table.name, foreign_key.column_keys)
        for unique in (one for one in table.constraints if type(one).__name__ == "UniqueConstraint"):
            assert next(iter(unique.columns)).name == "organization_id", table.name


HISTORY = ("score_snapshot", "metric_point", "check_in", "key_result_version")


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET organization_id = organization_id", "DELETE FROM {}", "TRUNCATE {}"]
)
async def test_the_application_cannot_change_history(app: asyncpg.Connection, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement.format(table))


async def test_the_application_cannot_go_round_history_by_its_partitions(app: asyncpg.Connection) -> None:
    rows = await app.fetch(r"SELECT relname FROM pg_class WHERE relname ~ '_y\d{4}m\d{2}$'")
    assert len(rows) >= len(PARTITIONED)
    for row in rows:
        for statement in (
            "SELECT FROM {}",
            "INSERT INTO {} DEFAULT VALUES",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "DROP TABLE {}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement.format(row["relname"]))


async def test_the_application_cannot_make_tables_nor_other_partitions(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("CREATE TABLE mine (id int)")
    for parent, month in (
        ("person", date(2026, 1, 1)),
        ("metric_point", date(1900, 1, 1)),
        ("metric_point", date(2300, 1, 1)),
    ):
        with pytest.raises(asyncpg.RaiseError):
            await app.execute("SELECT okr_make_partition($1, $2)", parent, month)


async def partitions_of(connection: asyncpg.Connection, table: str) -> set[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass", table
    )
    return {row["name"] for row in rows}


@pytest.mark.parametrize("table", PARTITIONED)
async def test_months_are_made_ahead(app: asyncpg.Connection, table: str) -> None:
    await make_ahead(app, date(2031, 11, 30))
    made = {f"{table}_y2031m11", f"{table}_y2031m12", f"{table}_y2032m01", f"{table}_y2032m02"}
    assert made <= await partitions_of(app, table)


async def test_a_late_point_gets_its_month(app: asyncpg.Connection) -> None:
    company = await a_company(app)
    await a_key_result(company, await an_objective(company), metric_id=await a_metric(company, "arr"))
    at = datetime(2019, 2, 3, tzinfo=UTC)
    assert "metric_point_y2019m02" not in await partitions_of(app, "metric_point")
    await push(company, NewPoint("arr", Decimal(3), at))
    assert await app.fetchval("SELECT value FROM metric_point WHERE observed_at = $1", at) == 3
    assert "metric_point_y2019m02" in await partitions_of(app, "metric_point")


async def test_two_that_make_the_same_month_at_once_both_succeed(app_url: str) -> None:
    connections = [await asyncpg.connect(app_url) for _ in range(6)]
    await asyncio.gather(*(Partitions().make(one, "metric_point", [date(2018, 7, 1)]) for one in connections))
    assert "metric_point_y2018m07" in await partitions_of(connections[0], "metric_point")
    for one in connections:
        await one.close()


def test_months_are_cut_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-03-01T00:30:00+01:00")
    assert month_of(berlin) == date(2026, 2, 1)
    assert months_from(date(2026, 11, 22), 3) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
