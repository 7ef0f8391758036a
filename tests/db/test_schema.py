"""The schema: migrations and tables agree, the guard knows old from new, and the application cannot touch history."""

import asyncio
import contextlib
import re
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
        if table.name == "event_relay":  # one row for the whole service
            continue
        assert next(iter(table.primary_key.columns)).name == "organization_id", table.name
        for foreign_key in table.foreign_key_constraints:
            assert foreign_key.column_keys[0] == "organization_id", (table.name, foreign_key.column_keys)
        for unique in (one for one in table.constraints if type(one).__name__ == "UniqueConstraint"):
            assert next(iter(unique.columns)).name == "organization_id", table.name


LAST_YEAR = datetime.now(UTC).year - 1
HISTORY = ("score_snapshot", "metric_point", "check_in", "key_result_version")


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET organization_id = organization_id", "DELETE FROM {}", "TRUNCATE {}"]
)
async def test_the_application_cannot_change_history(app: asyncpg.Connection, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement.format(table))


async def test_the_application_cannot_go_round_history_by_its_partitions(app: asyncpg.Connection) -> None:
    for table in PARTITIONED:
        await Partitions().make(app, table, [date(1975, 1, 1), date(LAST_YEAR - 1, 1, 1)])
    rows = await app.fetch(r"SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    assert {f"{table}_y1970s" for table in PARTITIONED} < {row["relname"] for row in rows}
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
        ("person", date(1980, 1, 1)),
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
    at = datetime(LAST_YEAR, 2, 3, tzinfo=UTC)
    name = f"metric_point_y{LAST_YEAR}m02"
    assert name not in await partitions_of(app, "metric_point")
    await push(company, NewPoint("arr", Decimal(3), at))
    assert await app.fetchval("SELECT value FROM metric_point WHERE observed_at = $1", at) == 3
    assert name in await partitions_of(app, "metric_point")


@pytest.mark.parametrize(
    ("year", "name"),
    [
        (LAST_YEAR, f"metric_point_y{LAST_YEAR}m07"),
        (LAST_YEAR - 1, f"metric_point_y{LAST_YEAR - 1}"),
        (LAST_YEAR - 19, f"metric_point_y{(LAST_YEAR - 19) // 10 * 10}s"),
    ],
)
async def test_many_that_make_the_same_place_at_once_all_succeed(app_url: str, year: int, name: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        connections = [await asyncpg.connect(app_url) for _ in range(6)]
        for one in connections:
            stack.push_async_callback(one.close)
        before = await partitions_of(connections[0], "metric_point")
        await asyncio.gather(*(Partitions().make(one, "metric_point", [date(year, 7, 1)]) for one in connections))
        assert await partitions_of(connections[0], "metric_point") - before == {name}


@pytest.mark.parametrize("table", PARTITIONED)
async def test_all_the_past_there_can_be_fits_into_few_partitions(app: asyncpg.Connection, table: str) -> None:
    today = datetime.now(UTC).date()
    months = months_from(date(1970, 1, 1), (today.year - 1970) * 12 + today.month)
    await Partitions().make(app, table, months)
    made = await partitions_of(app, table)
    # Decades up to the one that ended ten years ago, then years, and at most three years of months.
    assert len(made) <= 5 + 20 + 36
    assert f"{table}_y1970s" in made
    rows = await app.fetch(
        """
        SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass
        """,
        table,
    )
    bounds = sorted(tuple(re.findall(r"'([^']*)'", row["bound"])) for row in rows)
    # No gaps: every instant since the epoch has a place.
    assert [first for first, _ in bounds][1:] == [next for _, next in bounds][:-1]
    assert bounds[0][0] == "1970-01-01 00:00:00+00"


async def test_what_has_months_inside_is_divided_further_as_it_was(
    owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    # As the schema before made them, and as they are when a young year has become an old one.
    for name, first, next in (
        ("metric_point_y2003m05", "2003-05-01", "2003-06-01"),
        ("metric_point_y1985", "1985-01-01", "1986-01-01"),
    ):
        await owner.execute(f"CREATE TABLE {name} (LIKE metric_point INCLUDING DEFAULTS)")
        await owner.execute(
            f"ALTER TABLE metric_point ATTACH PARTITION {name} FOR VALUES FROM ('{first}Z') TO ('{next}Z')"
        )
    before = await partitions_of(app, "metric_point")
    days = [date(2003, 5, 1), date(2003, 6, 1), date(2004, 6, 1), date(2004, 7, 1), date(1985, 2, 1), date(1986, 3, 1)]
    await Partitions().make(app, "metric_point", days)
    assert await partitions_of(app, "metric_point") - before == {
        "metric_point_y2003m06",
        "metric_point_y2004",
        "metric_point_y1986",
    }


def test_months_are_cut_in_utc() -> None:
    berlin = datetime.fromisoformat("2026-03-01T00:30:00+01:00")
    assert month_of(berlin) == date(2026, 2, 1)
    assert months_from(date(2026, 11, 22), 3) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
