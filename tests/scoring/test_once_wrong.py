"""Long histories, late values, workers out of step: what once went wrong, each with the story that showed it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

import asyncpg

from company import (
    NOW,
    Company,
    a_company,
    a_cycle,
    a_key_result,
    a_metric,
    a_team,
    a_version,
    an_alignment,
    an_objective,
    insert,
    push,
    touch,
)
from okr.db import demand
from okr.db.demand import Claim, subject
from okr.db.history import current_grades, grades_as_of
from okr.db.partitions import Partitions
from okr.db.points import NewPoint
from okr.domain.calendar import end_of_day
from okr.domain.values import Grade, SubjectKind
from okr.ids import new_id
from okr_scoring.drain import Drainer
from okr_scoring.rescore import serve
from okr_scoring.schedule import keep_up
from workers import Drain, Interrupted, grade_of

KEY_RESULT, OBJECTIVE = SubjectKind.KEY_RESULT, SubjectKind.OBJECTIVE
TEAM, ORGANIZATION = SubjectKind.TEAM, SubjectKind.ORGANIZATION


async def serve_now(
    company: Company,
    claims: list[Claim],
    connection: asyncpg.Connection | None = None,
    *,
    interrupted_by: Callable[[], Awaitable[None]] | None = None,
    later: timedelta = timedelta(0),
) -> None:
    """Serve claims the way a worker does; `interrupted_by` happens right before the effect."""
    connection = connection or company.connection
    if interrupted_by is not None:
        connection = cast("asyncpg.Connection", Interrupted(connection, "INSERT INTO score_snapshot", interrupted_by))
    await serve(connection, company.id, claims, now=datetime.now(UTC) + later, partitions=Partitions())


async def read(company: Company, kind: SubjectKind, id: UUID, at: datetime | None = None) -> Grade:
    """The grade in force at an instant, a minute from now by default."""
    one = subject(kind, id)
    at = at or datetime.now(UTC) + timedelta(minutes=1)
    return (await grades_as_of(company.connection, company.id, [one], as_of=at))[one].grade


async def test_sets_are_read_as_far_back_as_they_are_graded(company: Company, drain: Drain) -> None:
    team = await a_team(company)
    today = datetime.now(UTC).astimezone(company.zone).date()
    old_cycle = await a_cycle(
        company, id=new_id(), starts_on=today - timedelta(days=110), ends_on=today - timedelta(days=30)
    )
    a = await an_objective(company, team_id=team, cycle_id=old_cycle)
    b = await an_objective(company, team_id=team)
    await a_key_result(company, a, metric_id=await a_metric(company, "a"))
    await a_key_result(company, b, metric_id=await a_metric(company, "b"))
    then = datetime.now(UTC) - timedelta(days=50)
    await push(company, NewPoint("a", Decimal(80), then), NewPoint("b", Decimal(20), then))
    await drain()
    at = end_of_day(today - timedelta(days=40), company.zone)
    assert (await read(company, TEAM, team, at)).grade == Decimal("0.5")
    # The team is dirty since now (somebody else's push); a late point reaches b 45 days back; one batch takes all of it.
    await touch(company, subject(TEAM, team), since=datetime.now(UTC))
    await push(company, NewPoint("b", Decimal(40), datetime.now(UTC) - timedelta(days=45)))
    await drain()
    assert (await read(company, TEAM, team, at)).grade == Decimal("0.6")


async def test_the_last_instant_of_several_parts_has_its_snapshot(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(
        company, objective, metric_id=await a_metric(company, "arr"), target_value=Decimal(1000)
    )
    await drain()
    now = datetime.now(UTC)
    await push(company, *(NewPoint("arr", Decimal(n), now - timedelta(minutes=500 - n)) for n in range(1, 501)))
    await drain()
    assert await grade_of(company, key_result) == Decimal("0.5")
    assert (await read(company, KEY_RESULT, key_result)).grade == Decimal("0.5")
    assert (await read(company, OBJECTIVE, objective)).grade == Decimal("0.5")


async def test_a_cut_of_another_key_results_reading_skips_no_instant(company: Company, drain: Drain) -> None:
    metric = await a_metric(company, "arr")
    one, other = await an_objective(company), await an_objective(company)
    old = await a_key_result(company, one, metric_id=metric, target_value=Decimal(1000))
    await drain()
    now = datetime.now(UTC)
    await push(company, *(NewPoint("arr", Decimal(n), now - timedelta(hours=450 - n)) for n in range(1, 450)))
    await drain()
    # A key result is added to the same metric (its history begins with the cycle) and a value is pushed.
    await a_key_result(company, other, metric_id=metric)
    at = datetime.now(UTC)
    await push(company, NewPoint("arr", Decimal(900), at))
    await drain()
    assert await grade_of(company, old) == Decimal("0.9")
    assert (await read(company, KEY_RESULT, old)).grade == Decimal("0.9")


async def test_a_worker_that_wakes_up_between_anothers_read_and_effect(
    company: Company, drain: Drain, app_url: str
) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    at = datetime.now(UTC) - timedelta(days=1)
    await push(company, NewPoint("arr", Decimal(40), at))
    await drain()
    other = await asyncpg.connect(app_url)
    late, awake = asyncio.Event(), asyncio.Event()
    await push(company, NewPoint("arr", Decimal(10), at, corrects=True))
    slow = await demand.claim(other, company.id, lease_seconds=0)

    async def freezes() -> None:
        late.set()
        await awake.wait()

    sleeping = asyncio.create_task(
        serve(
            cast("asyncpg.Connection", Interrupted(other, "INSERT INTO score_snapshot", freezes)),
            company.id,
            slow,
            now=datetime.now(UTC),
            partitions=Partitions(),
        )
    )
    await late.wait()
    await push(company, NewPoint("arr", Decimal(40), at, corrects=True))
    claims = await demand.claim(company.connection, company.id, lease_seconds=30)

    async def the_other_wakes_up() -> None:
        awake.set()
        await sleeping

    await serve(
        cast("asyncpg.Connection", Interrupted(company.connection, "INSERT INTO score_snapshot", the_other_wakes_up)),
        company.id,
        claims,
        now=datetime.now(UTC),
        partitions=Partitions(),
    )
    await drain()
    await other.close()
    assert await grade_of(company, key_result) == Decimal("0.4")
    assert (await read(company, KEY_RESULT, key_result)).grade == Decimal("0.4")


async def test_a_fenced_parent_is_raised_by_its_child(company: Company, drain: Drain, app_url: str) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(10), datetime.now(UTC)))
    await drain()
    await push(company, NewPoint("arr", Decimal(40), datetime.now(UTC)))
    slow = await demand.claim(company.connection, company.id, lease_seconds=0)  # both, and the lease runs out
    other = await asyncpg.connect(app_url)

    async def another_batch_has_the_objective() -> None:
        theirs = [
            one for one in await demand.claim(other, company.id, lease_seconds=0.05) if one.subject.id == objective
        ]
        await serve(
            other, company.id, theirs, now=datetime.now(UTC) + timedelta(seconds=2), partitions=Partitions()
        )  # patience is over
        assert await grade_of(company, objective) == Decimal("0.1")

    await serve(
        cast(
            "asyncpg.Connection",
            Interrupted(company.connection, "INSERT INTO score_snapshot", another_batch_has_the_objective),
        ),
        company.id,
        slow,
        now=datetime.now(UTC),
        partitions=Partitions(),
    )
    await asyncio.sleep(0.1)
    await drain()
    await other.close()
    assert await grade_of(company, key_result) == Decimal("0.4")
    assert await grade_of(company, objective) == Decimal("0.4")


async def test_a_closed_objective_is_closed_in_history_too(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC) - timedelta(days=60)))
    await drain()
    closed_at = datetime.now(UTC)  # the request to close arrives, and waits for a lock
    await push(company, NewPoint("arr", Decimal(60), datetime.now(UTC)))
    await drain()
    await company.connection.execute(
        "UPDATE objective SET state = 'closed', closed_at = $2 WHERE id = $1", objective, closed_at
    )
    ids = [
        row["subject_id"]
        for row in await company.connection.fetch("SELECT subject_id FROM rescore_demand WHERE subject_kind = 1")
    ]
    await touch(company, subject(OBJECTIVE, objective), *(subject(KEY_RESULT, id) for id in ids), since=closed_at)
    await drain()
    one = subject(OBJECTIVE, objective)
    current = (await current_grades(company.connection, company.id, [one]))[one].grade
    assert (current.status, current.grade) == ("missed", Decimal("0.5"))
    later = await read(company, OBJECTIVE, objective, datetime.now(UTC) + timedelta(days=1))
    assert (later.status, later.grade) == ("missed", Decimal("0.5"))


async def test_a_late_point_of_the_metric_that_fed_it_then(company: Company, drain: Drain) -> None:
    objective = await an_objective(company)
    first, second = await a_metric(company, "first"), await a_metric(company, "second")
    key_result = await a_key_result(company, objective, metric_id=first)
    now = datetime.now(UTC)
    await push(company, NewPoint("first", Decimal(10), now - timedelta(days=30)))
    await a_version(
        company,
        key_result,
        revision=2,
        kind="increase",
        metric_id=second,
        start_value=Decimal(0),
        target_value=Decimal(100),
        valid_from=now,
    )
    await company.connection.execute(
        "UPDATE key_result SET revision = 2, metric_id = $2 WHERE id = $1", key_result, second
    )
    await touch(company, subject(KEY_RESULT, key_result), since=now)
    await drain()
    await push(company, NewPoint("first", Decimal(70), now - timedelta(days=20)))
    await drain()
    before = (await read(company, KEY_RESULT, key_result, now - timedelta(days=10))).grade
    await touch(company, subject(KEY_RESULT, key_result), since=now - timedelta(days=25))
    await drain()
    assert (await read(company, KEY_RESULT, key_result, now - timedelta(days=10))).grade == before


async def test_freshness_of_an_objective_as_of_now(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain
) -> None:
    objective = await an_objective(company)
    key_result = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(100), datetime.now(UTC) - timedelta(days=60)))
    await drain()
    one, kr = subject(OBJECTIVE, objective), subject(KEY_RESULT, key_result)
    current = await current_grades(company.connection, company.id, [one, kr])
    then = await grades_as_of(company.connection, company.id, [one, kr], as_of=datetime.now(UTC))
    assert {id: grade.grade.freshness for id, grade in then.items()} == {
        id: grade.grade.freshness for id, grade in current.items()
    }


async def test_expected_of_a_team_as_of_now(company: Company, drain: Drain) -> None:
    team = await a_team(company)
    objective = await an_objective(company, team_id=team)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(100), datetime.now(UTC) - timedelta(days=60)))
    await drain()
    one = subject(TEAM, team)
    current = (await current_grades(company.connection, company.id, [one]))[one].grade
    assert (await read(company, TEAM, team, datetime.now(UTC))).expected == current.expected


async def test_what_was_expected_of_a_closed_objective_is_final(company: Company, drain: Drain) -> None:
    closed = datetime.now(UTC) - timedelta(days=30)
    objective = await an_objective(company, state="closed", closed_at=closed)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC) - timedelta(days=60)))
    await drain()
    await touch(company, subject(OBJECTIVE, objective), since=company.begins_at)
    await drain()
    one = subject(OBJECTIVE, objective)
    current = (await current_grades(company.connection, company.id, [one]))[one].grade
    assert (await read(company, OBJECTIVE, objective, datetime.now(UTC))).expected == current.expected


async def test_a_closed_parent_is_final(company: Company, drain: Drain) -> None:
    parent, child = await an_objective(company), await an_objective(company)
    await an_alignment(company, child, parent_objective_id=parent)
    await a_key_result(company, child, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC) - timedelta(days=60)))
    await drain()
    closed = datetime.now(UTC)
    await company.connection.execute(
        "UPDATE objective SET state = 'closed', closed_at = $2 WHERE id = $1", parent, closed
    )
    await touch(company, subject(OBJECTIVE, parent), since=closed)
    await drain()
    final = await grade_of(company, parent)
    await push(company, NewPoint("arr", Decimal(90), datetime.now(UTC) - timedelta(days=10)))
    await drain()
    assert await grade_of(company, parent) == final


async def test_one_organization_does_not_stop_the_days_of_others(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company
) -> None:
    await insert(
        company.connection,
        "organization",
        organization_id=new_id(),
        name="Bad",
        time_zone="Not/There",
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    last = await a_company(company.connection)
    drainer = Drainer(pool, roll_up_distance_seconds=0)
    await keep_up(pool, drainer)
    await drainer.close()
    rows = await company.connection.fetch(
        "SELECT name, paced_through FROM organization WHERE organization_id = $1", last.id
    )
    assert rows[0]["paced_through"] is not None


async def test_a_composite_of_child_objectives_is_as_fresh_as_they_are(company: Company, drain: Drain) -> None:
    parent, child = await an_objective(company), await an_objective(company)
    composite = await a_key_result(
        company, parent, kind="composite", target_value=Decimal(1), formula={"op": "mean", "of": []}
    )
    await an_alignment(company, child, parent_key_result_id=composite)
    await a_key_result(company, child, metric_id=await a_metric(company, "arr"))
    await push(company, NewPoint("arr", Decimal(50), datetime.now(UTC)))
    await drain()
    rows = {
        row["subject_id"]: row["freshness"]
        for row in await company.connection.fetch("SELECT subject_id, freshness FROM grade")
    }
    assert (await grade_of(company, composite)) == Decimal("0.5")
    assert (rows[child], rows[composite], rows[parent]) == ("fresh", "fresh", "fresh")


async def test_one_old_point_is_not_decades_of_work(
    pool: "asyncpg.Pool[asyncpg.Record]", company: Company, drain: Drain
) -> None:
    objective = await an_objective(company)
    await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await drain()
    await push(company, NewPoint("arr", Decimal(5), datetime(1990, 1, 1, tzinfo=UTC)))
    drainer = Drainer(pool, roll_up_distance_seconds=0)
    before = await company.connection.fetchval("SELECT computed_seq FROM rescore_demand WHERE subject_kind = 5")
    while await company.connection.fetchval("SELECT count(*) FROM rescore_demand WHERE dirty"):
        await drainer.drain(company.id)
    await drainer.close()
    parts = await company.connection.fetchval("SELECT computed_seq FROM rescore_demand WHERE subject_kind = 5") - before
    assert parts <= 3


async def test_what_two_workers_did_leaves_a_clean_row(company: Company, drain: Drain, app_url: str) -> None:
    objective = await an_objective(company)
    kr = await a_key_result(company, objective, metric_id=await a_metric(company, "arr"))
    await drain()
    await push(company, NewPoint("arr", Decimal(10), company.begins_at))
    slow = await demand.claim(company.connection, company.id, lease_seconds=0)
    theirs = await demand.claim(company.connection, company.id, lease_seconds=30)
    await serve_now(company, slow)
    await serve_now(company, theirs)
    row = await company.connection.fetchrow(
        "SELECT dirty, claimed_from = 'infinity' AS clean, claimed_until - now() AS left FROM rescore_demand WHERE subject_id = $1",
        kr,
    )
    assert row["clean"]
    assert row["left"].total_seconds() < 1


async def test_a_late_release_does_not_open_anothers_lease(company: Company, drain: Drain) -> None:
    await an_objective(company)
    await drain()
    await touch(company, subject(ORGANIZATION, company.id), since=datetime.now(UTC))
    slow = await demand.claim(company.connection, company.id, lease_seconds=0)
    theirs = await demand.claim(company.connection, company.id, lease_seconds=30)
    assert len(theirs) == 1
    await demand.release(company.connection, company.id, slow)
    await asyncio.sleep(0.01)
    assert await demand.claim(company.connection, company.id, lease_seconds=30) == []


async def test_an_alignment_taken_out_of_the_past_does_not_grade_the_parent_before_its_child(
    company: Company, drain: Drain
) -> None:
    one, two = await an_objective(company), await an_objective(company)
    for objective, key, value in ((one, "low", 20), (two, "high", 80)):
        await a_key_result(company, objective, metric_id=await a_metric(company, key))
        await push(company, NewPoint(key, Decimal(value), datetime.now(UTC)))
    tie = await an_alignment(company, one, parent_objective_id=two)
    await drain()
    assert await grade_of(company, two) == Decimal("0.5")
    await company.connection.execute("UPDATE alignment SET ended_at = $1 WHERE id = $2", company.begins_at, tie)
    await an_alignment(company, two, parent_objective_id=one)
    for objective in (one, two):
        await touch(company, subject(OBJECTIVE, objective), since=company.begins_at)
    await drain()
    assert (await grade_of(company, two), await grade_of(company, one)) == (Decimal("0.8"), Decimal("0.5"))
