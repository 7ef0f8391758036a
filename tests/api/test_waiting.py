"""After the commit: the bell, and `Prefer: wait`."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from okr.db.urls import for_asyncpg
from okr_api.prefer import wait_seconds

SERVE = "UPDATE rescore_demand SET computed_seq = requested_seq, dirty = false WHERE subject_kind = 3 AND dirty"


async def serve_teams(url: str) -> None:
    """A worker, as far as a waiting client can tell: marks teams as graded until it is cancelled."""
    connection = await asyncpg.connect(for_asyncpg(url))
    try:
        while True:
            await connection.execute(SERVE)
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def test_a_write_that_waits_answers_with_its_grade(company: Any, owner_url: str, bell: Any) -> None:
    worker = asyncio.create_task(serve_teams(owner_url))
    try:
        headers = {"Prefer": "respond-async, wait=20", "Idempotency-Key": "k"}
        answer = await company.client.post("/v1/teams", json={"name": "A"}, headers=headers)
        again = await company.client.post("/v1/teams", json={"name": "A"}, headers=headers)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.headers["ETag"] == '"1.1.1"'
    assert answer.headers["Location"] == f"/v1/teams/{answer.json()['id']}"
    assert answer.json()["grade"]["computed_seq"] == 1
    # The key keeps what the transaction knew.
    assert (again.headers["ETag"], again.json()["id"]) == ('"1.1.0"', answer.json()["id"])
    assert bell.rung == [company.id]


async def test_a_write_that_waits_in_vain_answers_all_the_same(company: Any) -> None:
    for seconds in (0, 1):
        started = time.perf_counter()
        answer = await company.client.post("/v1/teams", json={"name": "A"}, headers={"Prefer": f"wait={seconds}"})
        assert seconds <= time.perf_counter() - started < seconds + 10
        assert (answer.status_code, answer.headers["Preference-Applied"]) == (201, f"wait={seconds}")
        assert answer.json()["grade"]["stale"] is True


async def test_a_write_that_touches_no_grade_does_not_wait(company: Any, bell: Any) -> None:
    started = time.perf_counter()
    answer = await company.client.post("/v1/people", json={"name": "Ada"}, headers={"Prefer": "wait=30"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (201, "wait=30")
    assert time.perf_counter() - started < 10
    assert bell.rung == []


async def test_nobody_waits_unasked(company: Any) -> None:
    answer = await company.client.post("/v1/teams", json={"name": "A"})
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("wait=5", 5),
        ("WAIT = 5", 5),
        ('wait="5"', 5),
        ("return=minimal, wait=10; foo=bar", 10),
        ("wait=31", 30),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait", None),
        ("await=5", None),
        ("respond-async", None),
    ],
)
def test_what_a_preference_says(header: str | None, seconds: int | None) -> None:
    assert wait_seconds(header) == seconds
