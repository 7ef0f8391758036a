"""What time asks for: the end of each day regrades what is running, once, and makes up for days that nobody was there."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg

from company import Company, a_key_result, a_metric, an_objective, push
from okr.db.engine import connection_of
from okr.db.partitions import MONTHS_AHEAD, PARTITIONED, months_from
from okr.db.points import NewPoint
from okr.domain.calendar import end_of_day
from okr_scoring.drain import Drainer
from okr_scoring.schedule import keep_up, pass_days
from workers import Drain


async def statuses(company: Company, id: object) -> list[tuple[datetime, str]]:
    rows = await company.connection.fetch(
        "SELECT observed_at, status FROM score_snapshot WHERE subject_id = $1 ORDER BY observed_at, computed_seq", id
    )
    return [(row["observed_at"], row["status"]) for row in rows]


async def test_a_goal_that_nobody_moves_falls_behind_day_by_day(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain
) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC)))
    await drain()
    assert [status for _, status in await statuses(company, key_result)] == ["on_track"]

    later = datetime.now(UTC) + timedelta(days=90)
    assert await pass_days(company.connection, company.id, now=datetime.now(UTC)) > 0
    assert await pass_days(company.connection, company.id, now=later) == 4  # key result, objective, cycle, organization
    drainer = Drainer(pool, roll_up_distance_seconds=0, now=lambda: later)
    await drainer.drain(company.id)
    await drainer.close()
    for id in (key_result, objective, company.cycle_id):
        history = await statuses(company, id)
        assert [status for _, status in history][-2:] == ["at_risk", "off_track"], id
        day = (history[-1][0] + timedelta(hours=1)).astimezone(company.zone).date() - timedelta(days=1)
        assert history[-1][0] == end_of_day(day, company.zone)


async def test_a_day_is_passed_once_however_many_workers_ask(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain
) -> None:
    await a_key_result(company, await an_objective(company))
    await drain()
    now = datetime.now(UTC)

    async def ask() -> int:
        async with connection_of(pool) as connection:
            return await pass_days(connection, company.id, now=now)

    assert sorted(await asyncio.gather(ask(), ask(), ask()))[:2] == [0, 0]
    assert await pass_days(company.connection, company.id, now=now) == 0


async def test_what_is_closed_stays_as_it_is(company: Company, drain: Drain) -> None:
    objective = await an_objective(company, state="closed", closed_at=datetime.now(UTC))
    await a_key_result(company, objective)
    await drain()
    await pass_days(company.connection, company.id, now=datetime.now(UTC))
    dirty = await company.connection.fetch("SELECT subject_kind FROM rescore_demand WHERE dirty ORDER BY 1")
    assert [row["subject_kind"] for row in dirty] == [5]


async def test_upkeep_makes_months_ahead(pool: "asyncpg.Pool[asyncpg.Record]", company: Company) -> None:
    now = datetime.now(UTC)
    drainer = Drainer(pool)
    await keep_up(pool, drainer)
    await drainer.close()
    for table in PARTITIONED:
        names = [f"{table}_y{month:%Y}m{month:%m}" for month in months_from(now.date(), MONTHS_AHEAD + 1)]
        for name in names:
            assert await company.connection.fetchval("SELECT to_regclass($1)", name) is not None, name
