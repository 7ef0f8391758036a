"""Many at once over real connections to two processes on one database: one effect, one winner, and nobody hangs."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_problems import refused
from api_process import running

# Where there is less to hand out than is asked for, a request waits this long for it.
WAITS_SECONDS = 5
PATIENCE_SECONDS = 120


@pytest.fixture
async def crowd(environment: dict[str, str], company: Any, tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client for each of two processes, with as many connections as it is asked for."""
    async with AsyncExitStack() as stack:
        clients = []
        for name in ("one", "two"):
            _, address = await stack.enter_async_context(running(environment, tmp_path / name))
            client = httpx.AsyncClient(
                base_url=address,
                headers=company.client.headers,
                limits=httpx.Limits(max_connections=None),
                timeout=PATIENCE_SECONDS,
            )
            clients.append(await stack.enter_async_context(client))
        yield clients


async def at_once(
    crowd: list[httpx.AsyncClient], count: int, method: str, path: str, **sent: Any
) -> list[httpx.Response]:
    """The same request `count` times, half of them at each process."""
    return await asyncio.gather(*(crowd[number % len(crowd)].request(method, path, **sent) for number in range(count)))


async def deadlocks(company: Any) -> int:
    """How many there were in this database so far."""
    found: int = await company.connection.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return found


async def test_a_thousand_requests_with_one_idempotency_key_have_one_effect(
    crowd: list[httpx.AsyncClient], company: Any
) -> None:
    sent = {"json": {"name": "Sales"}, "headers": {"Idempotency-Key": "one"}}
    waiting, made, told = 1000, [], Counter[str]()
    async with asyncio.timeout(PATIENCE_SECONDS):
        # Who comes while the first is at work, or finds no connection free, is told to come again.
        while waiting:
            answers = await at_once(crowd, waiting, "POST", "/v1/teams", **sent)
            made += [answer for answer in answers if answer.status_code == 201]
            again = [refused(answer) for answer in answers if answer.status_code != 201]
            assert set(again) <= {(409, "idempotency_key_in_flight"), (503, "unavailable")}
            told.update(code for _, code in again)
            waiting = len(again)
    print(f"\n1,000 with one key: {told or 'nobody'} had to come again")
    assert await company.connection.fetchval("SELECT count(*) FROM team") == 1
    assert await company.connection.fetchval("SELECT count(*) FROM outbox_event WHERE type = 'okr.team.added.v1'") == 1
    assert len({(answer.text, answer.headers["Location"], answer.headers["ETag"]) for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1
    assert await deadlocks(company) == 0


async def test_of_a_hundred_patches_with_one_etag_one_wins(crowd: list[httpx.AsyncClient], company: Any) -> None:
    made = await company.client.post("/v1/teams", json={"name": "Sales"})
    path, headers = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    answers = await asyncio.gather(
        *(crowd[n % 2].patch(path, json={"name": f"Sales {n}"}, headers=headers) for n in range(100))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 99}
    [won] = [answer for answer in answers if answer.status_code == 200]
    assert {refused(answer) for answer in answers if answer is not won} == {(412, "precondition_failed")}
    now = (await company.client.get(path)).json()
    assert (now["name"], now["version"]) == (won.json()["name"], 2)
    assert await deadlocks(company) == 0


async def test_a_batch_sent_fifty_times_at_once_counts_once(crowd: list[httpx.AsyncClient], company: Any) -> None:
    await company.client.post("/v1/metrics", json={"key": "revenue"})
    days = [f"2026-{month:02}-{day:02}T12:00:00Z" for month in (1, 2, 3, 4) for day in range(1, 26)]
    batch = {"points": [{"metric": "revenue", "value": n, "observed_at": day} for n, day in enumerate(days)]}
    answers = await at_once(crowd, 50, "POST", "/v1/metric-points", json=batch)
    assert {answer.status_code for answer in answers} == {207}
    told = Counter[str]()
    for answer in answers:
        told.update({name: answer.json()[name] for name in ("created", "duplicate", "rejected")})
    assert told == {"created": 100, "duplicate": 4900, "rejected": 0}
    rows = await company.connection.fetchrow("SELECT count(*), sum(value), max(revision) FROM metric_point")
    assert tuple(rows) == (100, sum(range(100)), 0)
    assert await deadlocks(company) == 0


async def test_a_point_sent_a_hundred_times_at_once_counts_once(crowd: list[httpx.AsyncClient], company: Any) -> None:
    await company.client.post("/v1/metrics", json={"key": "revenue"})
    point = {"value": 7, "observed_at": "2026-03-01T12:00:00Z"}
    answers = await at_once(crowd, 100, "POST", "/v1/metrics/revenue/points", json=point)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 99}
    other = {**point, "value": 8}
    answers = await at_once(crowd, 20, "POST", "/v1/metrics/revenue/points", json=other)
    assert {refused(answer) for answer in answers} == {(409, "point_conflict")}
    assert {answer.json()["stored_value"] for answer in answers} == {7}
    assert await company.connection.fetchval("SELECT count(*) FROM metric_point") == 1


async def test_when_every_connection_is_taken_the_rest_is_told_to_come_again(
    crowd: list[httpx.AsyncClient], company: Any
) -> None:
    # Somebody holds the row for longer than anybody waits, so that no change of it gives its connection back in time.
    path = (await company.client.post("/v1/teams", json={"name": "Sales"})).headers["Location"]
    sent = {"json": {"name": "Marketing"}, "headers": {"If-Match": "*"}}
    async with company.connection.transaction():
        await company.connection.execute("SELECT 1 FROM team FOR UPDATE")
        began = time.monotonic()
        # A few first: with all of them at once this process would be too busy to see the lock.
        first = asyncio.gather(*(crowd[0].patch(path, **sent) for _ in range(20)))
        await company.somebody_waits_for_a_lock()
        changing = asyncio.gather(first, *(crowd[0].patch(path, **sent) for _ in range(980)))
        # Reading goes on, in this process and in the other.
        assert [(await client.get(path)).status_code for client in crowd] == [200, 200]
        answers, *others = await changing
        answers += others
        took = time.monotonic() - began
    assert {(refused(answer), answer.headers["Retry-After"]) for answer in answers} == {((503, "unavailable"), "1")}
    print(f"\n1,000 changes of a row that is held: refused within {took:.1f} s")
    assert took < 6 * WAITS_SECONDS
    assert (await crowd[0].patch(path, **sent)).status_code == 200


async def test_a_thousand_readers_at_once_are_served_or_told_to_come_again(
    crowd: list[httpx.AsyncClient], company: Any
) -> None:
    path = (await company.client.post("/v1/teams", json={"name": "Sales"})).headers["Location"]
    answers = await at_once(crowd, 1000, "GET", path)
    told = Counter(answer.status_code for answer in answers)
    print(f"\n1,000 readers: {dict(told)}")
    assert set(told) <= {200, 503}
    assert told[200] > 0
    assert all(answer.headers["Retry-After"] == "1" for answer in answers if answer.status_code == 503)
