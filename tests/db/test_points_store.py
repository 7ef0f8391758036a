"""Points in a real database: what is new, what is known, what contradicts, and who is told."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from okr.db.demand import Subject, subject
from okr.db.engine import make_engine, session_of
from okr.db.partitions import Partitions
from okr.db.points import (
    CREATED,
    DUPLICATE,
    UNKNOWN_METRIC,
    NewPoint,
    Outcome,
    Recorded,
    hold_points,
    make_months,
    point_conflict,
    record_points,
)
from okr.db.tables import Cycle, KeyResult, KeyResultVersion, Metric, Objective, Organization, Person
from okr.db.work import Work
from okr.db.writers import Writers
from okr.domain.values import SubjectKind
from okr.ids import new_id

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def a_point(value: int | str = 1, *, metric: str = "signups", at: datetime = NOON, **more: Any) -> NewPoint:
    return NewPoint(metric, Decimal(value), at, **more)


@dataclass
class World:
    """An organization with a cycle, to hang metrics, objectives and key results on."""

    engine: AsyncEngine
    writers: Writers
    organization_id: UUID = field(default_factory=new_id)
    cycle_id: UUID = field(default_factory=new_id)
    person_id: UUID = field(default_factory=new_id)
    partitions: Partitions = field(default_factory=Partitions)

    async def begin(self, *metrics: str) -> "World":
        async with self.work() as work:
            work.session.add(Organization(organization_id=self.organization_id, name="A company"))
            await work.session.flush()
            work.session.add(Person(organization_id=self.organization_id, id=self.person_id, name="Ada"))
            work.session.add(
                Cycle(
                    organization_id=self.organization_id,
                    id=self.cycle_id,
                    name="Q4",
                    starts_on=date(2026, 10, 1),
                    ends_on=date(2026, 12, 31),
                )
            )
            work.session.add_all(Metric(organization_id=self.organization_id, key=key, name=key) for key in metrics)
        return self

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with session_of(self.engine) as session:
            work = Work(session, organization_id=self.organization_id, actor="test", now=NOW)
            yield work
            await work.settle()
            await session.commit()

    async def objective(self, **fields: Any) -> Subject:
        row = Objective(
            organization_id=self.organization_id,
            title="Grow",
            cycle_id=fields.pop("cycle_id", self.cycle_id),
            owner_id=self.person_id,
            **fields,
        )
        return await self._graded(row, SubjectKind.OBJECTIVE)

    async def key_result(self, objective: Subject, *, metric: str | None = None, **fields: Any) -> Subject:
        metric_id = None
        if metric is not None:
            metric_id = (await self.fetch("SELECT id FROM metric WHERE key = $2 AND organization_id = $1", metric))[0][
                0
            ]
        row = KeyResult(
            organization_id=self.organization_id,
            objective_id=objective.id,
            title="More",
            kind=fields.pop("kind", "increase"),
            metric_id=metric_id,
            **fields,
        )
        version = KeyResultVersion(
            organization_id=self.organization_id,
            key_result_id=row.id,
            revision=1,
            kind=row.kind,
            metric_id=metric_id,
            valid_from=LONG_AGO,
            changed_by="test",
        )
        return await self._graded(row, SubjectKind.KEY_RESULT, version)

    async def _graded(self, row: Objective | KeyResult, kind: SubjectKind, *beside: KeyResultVersion) -> Subject:
        async with self.work() as work:
            work.session.add(row)
            await work.session.flush()
            work.session.add_all(beside)
            work.expect_grades_of(subject(kind, row.id), LONG_AGO)
        await self.serve_demand()
        return subject(kind, row.id)

    async def serve_demand(self) -> None:
        """Mark all demand as served, as a worker would."""
        async with self.writers.transaction() as connection:
            await connection.execute(
                "UPDATE rescore_demand SET computed_seq = requested_seq, dirty = false, touched_from = 'infinity'"
            )

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.writers.transaction() as connection:
            return await connection.fetch(query, self.organization_id, *arguments)

    async def push(self, *points: NewPoint, now: datetime = NOW) -> Recorded:
        await make_months(self.writers, self.partitions, self.organization_id, points)
        async with self.writers.transaction() as connection:
            return await record_points(connection, self.organization_id, points, now=now)

    async def outcomes(self, *points: NewPoint, now: datetime = NOW) -> list[Outcome]:
        return (await self.push(*points, now=now)).outcomes

    async def stored(self) -> list[tuple[Any, ...]]:
        """(dedupe_key, revision, value) of every point."""
        rows = await self.fetch(
            "SELECT dedupe_key, revision, value FROM metric_point WHERE organization_id = $1 ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]

    async def stale(self) -> dict[Subject, datetime]:
        """The subjects to be graded again, each with the instant from which on."""
        rows = await self.fetch(
            "SELECT subject_kind, subject_id, touched_from FROM rescore_demand WHERE organization_id = $1 AND dirty"
        )
        return {Subject(row["subject_kind"], row["subject_id"]): row["touched_from"] for row in rows}

    async def events(self) -> list[dict[str, Any]]:
        rows = await self.fetch(
            "SELECT data::text FROM outbox_event WHERE organization_id = $1 AND type = 'okr.metric.points_recorded.v1'"
            " ORDER BY data->>'key', written"
        )
        return [orjson.loads(row["data"]) for row in rows]


@asynccontextmanager
async def a_world(app_url: str) -> AsyncIterator[World]:
    engine, writers = make_engine(app_url), await Writers.of(app_url)
    yield await World(engine, writers).begin("signups", "revenue", "churn")
    await writers.close()
    await engine.dispose()


@pytest.fixture
async def world(app_url: str) -> AsyncIterator[World]:
    async with a_world(app_url) as world:
        yield world


async def test_a_point_is_new_once_and_known_afterwards(world: World) -> None:
    assert await world.outcomes(a_point(5)) == [CREATED]
    assert await world.outcomes(a_point(5)) == [DUPLICATE]
    assert await world.outcomes(a_point("5.000")) == [DUPLICATE]
    assert await world.stored() == [("", 0, Decimal(5))]


async def test_another_value_under_the_same_key_is_refused_with_what_is_stored(world: World) -> None:
    await world.push(a_point(5, source="crm", dedupe_key="a"))
    assert await world.outcomes(a_point(6, source="crm", dedupe_key="a")) == [point_conflict(Decimal(5))]
    assert await world.stored() == [("a", 0, Decimal(5))]


@pytest.mark.parametrize(
    "other",
    [
        {"metric": "revenue"},
        {"at": NOON + timedelta(microseconds=1)},
        {"source": "crm"},
        {"dedupe_key": "b"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_point_that_differs_in_any_part_of_its_key_is_another_point(
    world: World, other: dict[str, Any]
) -> None:
    await world.push(a_point(5))
    assert await world.outcomes(a_point(6, **other)) == [CREATED]


async def test_the_same_instant_in_another_zone_is_the_same_point(world: World) -> None:
    await world.push(a_point(5))
    elsewhere = datetime.fromisoformat("2026-11-18T17:30:00+05:30")
    assert await world.outcomes(a_point(5, at=elsewhere)) == [DUPLICATE]


async def test_a_correction_is_a_new_revision_and_the_newest_counts(world: World) -> None:
    await world.push(a_point(5))
    assert await world.outcomes(a_point(6, corrects=True)) == [CREATED]
    assert await world.outcomes(a_point(6)) == [DUPLICATE]
    assert await world.outcomes(a_point(6, corrects=True)) == [DUPLICATE]
    assert await world.outcomes(a_point(5)) == [point_conflict(Decimal(6))]
    assert await world.outcomes(a_point(5, corrects=True)) == [CREATED]
    assert await world.stored() == [("", 0, Decimal(5)), ("", 1, Decimal(6)), ("", 2, Decimal(5))]


async def test_a_correction_of_nothing_is_a_first_value(world: World) -> None:
    assert await world.outcomes(a_point(5, corrects=True)) == [CREATED]
    assert await world.stored() == [("", 0, Decimal(5))]


async def test_a_correction_is_never_recorded_before_what_it_corrects(world: World) -> None:
    await world.push(a_point(5))
    await world.push(a_point(6, corrects=True), now=NOW - timedelta(seconds=1))
    rows = await world.fetch("SELECT recorded_at FROM metric_point WHERE organization_id = $1 ORDER BY revision")
    assert [row["recorded_at"] for row in rows] == [NOW, NOW]


async def test_a_batch_is_taken_in_its_order(world: World) -> None:
    outcomes = await world.outcomes(
        a_point(1, dedupe_key="a"),
        a_point(1, dedupe_key="a"),
        a_point(2, dedupe_key="a"),
        a_point(2, dedupe_key="a", corrects=True),
        a_point(1, dedupe_key="a"),
        a_point(3, dedupe_key="a", corrects=True),
        a_point(9, dedupe_key="b"),
    )
    conflicts = [point_conflict(Decimal(1)), point_conflict(Decimal(2))]
    assert outcomes == [CREATED, DUPLICATE, conflicts[0], CREATED, conflicts[1], CREATED, CREATED]
    assert await world.stored() == [
        ("a", 0, Decimal(1)),
        ("a", 1, Decimal(2)),
        ("a", 2, Decimal(3)),
        ("b", 0, Decimal(9)),
    ]


async def test_a_refused_point_does_not_make_the_next_one_a_duplicate(world: World) -> None:
    await world.push(a_point(1))
    assert await world.outcomes(a_point(2), a_point(2)) == [point_conflict(Decimal(1))] * 2


async def test_a_bad_point_refuses_no_other(world: World) -> None:
    outcomes = await world.outcomes(a_point(metric="nobody.knows"), a_point(3), a_point(4), a_point(5, metric="churn"))
    assert outcomes == [UNKNOWN_METRIC, CREATED, point_conflict(Decimal(3)), CREATED]


async def test_points_of_one_moment_are_recorded_in_their_order(world: World) -> None:
    """The newest recorded counts, so that "as if each came alone" must hold for the clock too."""
    await world.push(
        a_point(1, dedupe_key="z"),
        a_point(2, dedupe_key="z", corrects=True),
        a_point(3, dedupe_key="a"),
        a_point(8, metric="churn"),
    )
    rows = await world.fetch("SELECT value FROM metric_point WHERE organization_id = $1 ORDER BY recorded_at, value")
    assert [row["value"] for row in rows] == [1, 8, 2, 3]


async def test_another_organizations_metric_is_unknown(world: World) -> None:
    other = await World(world.engine, world.writers).begin("theirs", "signups")
    assert await world.outcomes(a_point(metric="theirs"), a_point(1)) == [UNKNOWN_METRIC, CREATED]
    assert await other.outcomes(a_point(2)) == [CREATED]
    assert await other.stored() == [("", 0, Decimal(2))]


async def test_months_without_a_partition_are_made_for_late_points(world: World) -> None:
    late = [datetime(1970, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    # In UTC this is still January, beside a February that is met first.
    west = datetime.fromisoformat("2001-02-01T00:30:00+01:00")
    points = [a_point(at=at) for at in (*late, datetime(2001, 2, 9, tzinfo=UTC), west)]
    assert await world.outcomes(*points) == [CREATED] * 4


async def test_a_point_that_will_be_refused_makes_no_month(world: World) -> None:
    [outcome] = await world.outcomes(a_point(metric="nobody knows it", at=datetime(1988, 8, 8, tzinfo=UTC)))
    assert outcome.code == "unknown_metric"
    rows = await world.fetch(
        "SELECT relname FROM pg_class WHERE relname = 'metric_point_y1988m08' AND $1::uuid IS NOT NULL"
    )
    assert rows == []


async def test_values_keep_every_digit(world: World) -> None:
    values = ["123456.789012345", "-1000000000000000", "0.000000001", "999999999999999", "0"]
    await world.push(*(a_point(value, dedupe_key=str(place)) for place, value in enumerate(values)))
    assert [value for _, _, value in await world.stored()] == [Decimal(value) for value in values]


async def test_a_push_has_what_it_feeds_graded_from_its_earliest_new_point_on(world: World) -> None:
    objective = await world.objective()
    fed = await world.key_result(objective, metric="signups")
    composite = await world.key_result(objective, kind="composite")
    await world.key_result(objective, metric="churn")
    await world.key_result(objective)
    await world.push(a_point(1, at=NOON - timedelta(days=9)))
    await world.serve_demand()

    recorded = await world.push(
        a_point(1, at=NOON - timedelta(days=9)), a_point(2), a_point(3, at=NOON - timedelta(days=1)), a_point(2)
    )

    since = NOON - timedelta(days=1)
    assert await world.stale() == {fed: since, composite: since, objective: since}
    assert recorded.wanted == {fed: 3, composite: 3, objective: 3}


async def test_metrics_of_one_request_touch_each_subject_once(world: World) -> None:
    objective = await world.objective()
    signups = await world.key_result(objective, metric="signups")
    churn = await world.key_result(objective, metric="churn")

    recorded = await world.push(a_point(1), a_point(2, metric="churn", at=NOON - timedelta(days=3)))

    assert recorded.wanted == {signups: 2, churn: 2, objective: 2}
    assert await world.stale() == {signups: NOON, churn: NOON - timedelta(days=3), objective: NOON - timedelta(days=3)}


async def test_what_has_ended_is_not_graded_again(world: World) -> None:
    for state in ("closed", "cancelled"):
        await world.key_result(await world.objective(state=state), metric="signups")
    await world.key_result(await world.objective(), metric="signups", cancelled_at=NOW)
    cancelled_composite = await world.objective()
    fed = await world.key_result(cancelled_composite, metric="signups")
    await world.key_result(cancelled_composite, kind="composite", cancelled_at=NOW)
    over = new_id()
    async with world.work() as work:
        work.session.add(
            Cycle(
                organization_id=world.organization_id,
                id=over,
                name="Q3",
                starts_on=date(2026, 7, 1),
                ends_on=date(2026, 9, 30),
                state="closed",
            )
        )
    await world.key_result(await world.objective(cycle_id=over), metric="signups")

    assert set((await world.push(a_point(1))).wanted) == {fed, cancelled_composite}


async def test_each_metric_is_told_of_once_per_request(world: World) -> None:
    await world.push(
        a_point(1, at=NOON - timedelta(hours=1)),
        a_point("2.5"),
        a_point(3, at=NOON - timedelta(hours=2)),
        a_point(3, at=NOON - timedelta(hours=2)),
        a_point(9, metric="churn"),
        a_point(1, metric="nobody.knows"),
    )
    one = {"first_observed_at": "2026-11-18T12:00:00Z", "last_observed_at": "2026-11-18T12:00:00Z"}
    assert await world.events() == [
        {"key": "churn", "count": 1, "value": 9.0, **one},
        {
            "key": "signups",
            "count": 3,
            "first_observed_at": "2026-11-18T10:00:00Z",
            "last_observed_at": "2026-11-18T12:00:00Z",
            "value": 2.5,
        },
    ]


async def test_nothing_new_is_told_to_nobody_and_grades_nothing(world: World) -> None:
    await world.key_result(await world.objective(), metric="signups")
    await world.push(a_point(1))
    await world.serve_demand()

    recorded = await world.push(a_point(1), a_point(2), a_point(1, metric="nobody.knows"))

    assert recorded.wanted == {}
    assert await world.stale() == {}
    assert len(await world.events()) == 1


async def test_a_change_of_what_is_fed_waits_for_the_pushes_under_way(world: World) -> None:
    async with asyncio.timeout(20):
        async with world.writers.transaction() as push:
            await record_points(push, world.organization_id, [a_point(1)], now=NOW)
            change = asyncio.create_task(_hold(world))
            await _until_somebody_waits(world)
            assert not change.done()
        assert await change == [("", 0, Decimal(1))]


async def _hold(world: World) -> list[tuple[Any, ...]]:
    async with world.writers.transaction() as connection:
        await hold_points(connection, world.organization_id)
        return await world.stored()


async def _until_somebody_waits(world: World) -> None:
    """Asks the server until a connection waits for one of our locks."""
    waiting: list[asyncpg.Record] = []
    while not waiting:
        waiting = await world.fetch("SELECT $1::uuid FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")


async def test_overlapping_pushes_at_once_lose_nothing_and_count_nothing_twice(world: World) -> None:
    """Eight writers send the same 300 points in batches of their own order; some are sent again as corrections."""
    objective = await world.objective()
    fed = [await world.key_result(objective, metric=metric) for metric in ("signups", "revenue", "churn")]
    points = [
        a_point(
            number,
            metric=("signups", "revenue", "churn")[number % 3],
            at=NOON - timedelta(minutes=number),
            dedupe_key=str(number),
        )
        for number in range(300)
    ]
    corrections = [point._replace(value=point.value + 1000, corrects=True) for point in points[::10]]

    async def write(seed: int) -> list[Recorded]:
        order = random.Random(seed)
        mine = order.sample(points, len(points))
        answers = [await world.push(*mine[start : start + 100]) for start in range(0, 300, 100)]
        return [*answers, await world.push(*order.sample(corrections, len(corrections)))]

    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(write(seed) for seed in range(8)))

    created = sum(outcome == CREATED for writer in answers for batch in writer[:3] for outcome in batch.outcomes)
    assert created == 300
    corrected = sum(outcome == CREATED for writer in answers for outcome in writer[3].outcomes)
    stored = await world.stored()
    assert len(stored) == 300 + corrected
    assert [row for row in stored if row[1] == 0] == sorted((str(n), 0, Decimal(n)) for n in range(300))
    newest = {key: value for key, _, value in stored}
    assert {key: value for key, value in newest.items() if value >= 1000} == {
        str(n): Decimal(n + 1000) for n in range(0, 300, 10)
    }
    assert sum(event["count"] for event in await world.events()) == len(stored)
    assert set(await world.stale()) == {*fed, objective}


async def test_corrections_at_once_make_revisions_without_gaps(world: World) -> None:
    await world.push(a_point(0), a_point(0, metric="churn"))
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(
                world.push(
                    *[a_point(value, corrects=True), a_point(value, metric="churn", corrects=True)][
                        :: 1 if value % 2 else -1
                    ]
                )
                for value in range(1, 13)
            )
        )
    rows = await world.fetch(
        "SELECT metric_id, array_agg(revision ORDER BY revision) AS revisions, count(DISTINCT value)"
        " FROM metric_point WHERE organization_id = $1 GROUP BY metric_id"
    )
    assert [(row["revisions"], row["count"]) for row in rows] == [(list(range(13)), 13)] * 2


@dataclass
class Oracle:
    """What should become of points that come one by one."""

    newest: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    revisions: int = 0

    def outcome(self, point: NewPoint) -> Outcome:
        if point.metric == "nobody.knows":
            return UNKNOWN_METRIC
        stored = self.newest.get((point.metric, point.dedupe_key))
        if stored == point.value:
            return DUPLICATE
        if stored is not None and not point.corrects:
            return point_conflict(stored)
        self.newest[point.metric, point.dedupe_key] = point.value
        self.revisions += 1
        return CREATED


SOME_POINTS = st.lists(
    st.builds(
        a_point,
        st.integers(0, 2),
        metric=st.sampled_from(["signups", "churn", "nobody.knows"]),
        dedupe_key=st.sampled_from(["", "a", "b"]),
        corrects=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(SOME_POINTS, min_size=1, max_size=4))
def test_any_batches_end_as_if_each_point_had_come_alone(app_url: str, batches: list[Sequence[NewPoint]]) -> None:
    async def compare() -> None:
        async with a_world(app_url) as world:
            oracle = Oracle()
            for batch in batches:
                assert await world.outcomes(*batch) == [oracle.outcome(point) for point in batch]
            assert len(await world.stored()) == oracle.revisions
            assert sum(event["count"] for event in await world.events()) == oracle.revisions

    asyncio.run(compare())
