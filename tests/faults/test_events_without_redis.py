"""Events while Redis is stopped, comes back, and forgets everything: none is lost, none is told twice, all are in order."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis
from demo_service import running_service

from okr.stream import STREAM
from okr_cli.client import Client
from okr_cli.valkey import ValkeyServer
from running import wait_for

METRICS = 4
WRITERS = 4


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, to stop and start."""
    server = ValkeyServer(tmp_path / "valkey", sockets=tmp_path / "run", log=tmp_path / "valkey.log")
    server.start()
    server.wait()
    yield server
    server.stop()


class Written:
    """Writes that go on while things happen to Redis, and what there is to be read of them."""

    def __init__(self, client: Client, database_url: str, valkey: ValkeyServer) -> None:
        self._client, self._database_url, self._valkey = client, database_url, valkey
        self.metrics = [f"metric-{number}" for number in range(METRICS)]
        for metric in self.metrics:
            client.put(f"/v1/metrics/{metric}", {"name": metric})
        self.points = 0

    def write(self, count: int) -> None:
        """Some points from several clients at once; each tells of its metric."""

        def push(number: int) -> None:
            metric = self.metrics[number % METRICS]
            self._client.post(f"/v1/metrics/{metric}/points", {"value": number, "dedupe_key": str(number)})

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(push, range(self.points, self.points + count)))
        self.points += count

    def pulled(self) -> list[dict[str, Any]]:
        """All events, page after page, once as many are numbered as there are in the outbox."""
        wait_for(lambda: not self._ask("SELECT count(*) FROM outbox_event WHERE position IS NULL"), timeout_seconds=10)
        events: list[dict[str, Any]] = []
        cursor, has_more = None, True
        while has_more:
            page = self._client.get("/v1/events", limit=23, cursor=cursor)
            events += page["items"]
            cursor, has_more = page["next_cursor"], page["has_more"]
        return events

    def positions(self) -> list[int]:
        """What the ids of the stream's entries say, first to last."""
        with redis.Redis.from_url(self._valkey.url()) as client:
            return [int(id.split(b"-")[0]) for id, _ in client.xrange(STREAM)]

    def published(self) -> int:
        """The last position in the stream, once everything is published."""
        told = "SELECT CASE WHEN position = published THEN position END FROM event_relay"
        unnumbered = "SELECT count(*) FROM outbox_event WHERE position IS NULL"
        wait_for(lambda: not self._ask(unnumbered) and self._ask(told), timeout_seconds=15)
        return self._ask(told)

    def _ask(self, statement: str) -> Any:
        async def ask() -> Any:
            connection = await asyncpg.connect(self._database_url)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return asyncio.run(ask())


def test_no_event_is_lost_and_none_told_twice(
    valkey: ValkeyServer, environment: dict[str, str], tmp_path: Path
) -> None:
    variables = environment | {"OKR_REDIS_URL": valkey.url()}
    with running_service(variables, tmp_path) as service, service.client() as client:
        written = Written(client, environment["OKR_DATABASE_URL"], valkey)
        written.write(40)
        before = written.published()
        assert written.positions() == list(range(1, before + 1))

        valkey.stop()
        written.write(80)
        # Whoever pulls notices nothing.
        assert len(of_metrics(written.pulled())) == METRICS + 120
        valkey.start()
        valkey.wait()
        written.write(40)
        after = written.published()
        assert written.positions() == list(range(1, after + 1))

        with redis.Redis.from_url(valkey.url()) as forgetful:
            forgetful.flushall()
        written.write(20)
        end = written.published()
        assert written.positions() == list(range(after + 1, end + 1))

        events = written.pulled()
    assert len({event["id"] for event in events}) == len(events) >= end
    counts: dict[str, int] = {}
    for event in events:
        counts[event["subject"]] = counts.get(event["subject"], 0) + 1
        assert int(event["sequence"]) == counts[event["subject"]]
    assert [counts[subject] for subject in {event["subject"] for event in of_metrics(events)}] == [46] * METRICS


def of_metrics(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was written here; the worker tells of grades meanwhile."""
    return [event for event in events if event["subject"].startswith("metric:")]
