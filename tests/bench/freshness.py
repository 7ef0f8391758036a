"""`freshness_p50` and `freshness_p99`: from a push's answer until its objective's grade includes it.

The whole service is at work. Pushes come at a steady rate, each of another metric, whether or not earlier ones are graded.
After each answer the objective's demand is read: from then on it waits for the `requested_seq` found there, which may include
later pushes too. A look every few milliseconds finds what has been graded, so a wait is told too long by up to that, never too
short. There is no floor to compare a wait with.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from bench.estate import Estate
from bench.figures import Figure
from bench.load import Client, post
from bench.service import CONNECTIONS, a_token, ours
from bench.stage import Stage
from workers import scoring_workers

RATE = 300
_LOOK_SECONDS = 0.004
_PATIENCE_SECONDS = 30


class _Watch:
    """Waits for grades: of each objective that was pushed to, since when and for which sequence number."""

    def __init__(self, connection: asyncpg.Connection, organization_id: UUID) -> None:
        self._connection, self._organization_id = connection, organization_id
        self._answered: dict[UUID, float] = {}
        self._wanted: dict[UUID, tuple[float, int]] = {}
        self.milliseconds: list[float] = []

    def answered(self, objective_id: UUID) -> None:
        """A push that touches this objective was answered now. One that is waited for already is not asked twice."""
        if objective_id not in self._wanted:
            self._answered.setdefault(objective_id, time.perf_counter())

    @property
    def is_waiting(self) -> bool:
        return bool(self._answered or self._wanted)

    async def look(self) -> None:
        """Note what has been graded, and the sequence numbers to wait for of what was answered meanwhile."""
        new, self._answered = self._answered, {}
        rows = await self._connection.fetch(
            """
            SELECT subject_id, requested_seq, computed_seq FROM rescore_demand
             WHERE organization_id = $1 AND subject_kind = 2 AND subject_id = ANY($2)
            """,
            self._organization_id,
            [*new, *self._wanted],
        )
        now = time.perf_counter()
        for row in rows:
            id = row["subject_id"]
            if id in new:
                self._wanted[id] = (new[id], row["requested_seq"])
            since, wanted = self._wanted[id]
            if row["computed_seq"] >= wanted:
                del self._wanted[id]
                self.milliseconds.append((now - since) * 1000)


async def freshness(stage: Stage, estate: Estate, *, seconds: float, say: Callable[[str], None]) -> list[Figure]:
    """Push for so many seconds, after as many (two at most) to warm up, and tell how long grades took."""
    async with stage.owner() as owner, stage.app() as app:
        token = await a_token(owner, estate)
        rows = await owner.fetch("SELECT n, objective_id FROM bench_key_result")
        await estate.tidy()
        async with (
            ours(stage) as server,
            scoring_workers(stage.environment, stage.folder / "workers", log_level="WARNING"),
        ):
            say(f"freshness: {RATE} pushes a second for {seconds:g} s")
            # The key results of one objective lie side by side: step over them, so that each push finds another objective.
            step = len(rows) // 3 + 1
            order = sorted(rows, key=lambda row: row["n"] * step % (len(rows) + 1))
            warm_up = _Watch(app, estate.organization_id)
            await _push(server.port, token, order, watch=warm_up, count=int(RATE * min(seconds, 2)))
            watch = _Watch(app, estate.organization_id)
            took = await _push(server.port, token, order, watch=watch, count=int(RATE * seconds))
    ordered = sorted(watch.milliseconds)
    note = f"{len(ordered)} waits, longest {ordered[-1]:.0f} ms; {int(RATE * seconds) / took:.0f} pushes/s"
    return [
        Figure("freshness_p50", ordered[len(ordered) // 2], None, None, "ms", note=note),
        Figure("freshness_p99", ordered[int(len(ordered) * 0.99)], None, None, "ms"),
    ]


class _Pusher:
    """One connection that pushes when told to."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        self._next: bytes | None = None
        self._objective_id: UUID | None = None
        self.refused: list[bytes] = []
        self.client = Client(self._request, self._answered)

    def send(self, request: bytes, objective_id: UUID) -> None:
        self._next, self._objective_id = request, objective_id
        self.client.ask()

    def _request(self) -> bytes | None:
        request, self._next = self._next, None
        return request

    def _answered(self, _: float, status: bytes) -> None:
        assert self._objective_id is not None
        if not status.startswith(b"HTTP/1.1 201"):
            self.refused.append(status)
        self._watch.answered(self._objective_id)


async def _push(port: int, token: str, rows: list[asyncpg.Record], *, watch: _Watch, count: int) -> float:
    """Send `count` pushes at the rate, then wait for their grades; answers how many seconds the sending took."""
    loop = asyncio.get_running_loop()
    pushers = [_Pusher(watch) for _ in range(CONNECTIONS)]
    for pusher in pushers:
        await loop.create_connection(lambda client=pusher.client: client, "127.0.0.1", port)
    watching = asyncio.create_task(_keep_looking(watch))
    begun = time.perf_counter()
    for number, row in zip(range(count), itertools.cycle(rows), strict=False):
        await asyncio.sleep(max(begun + number / RATE - time.perf_counter(), 0))
        while not (idle := [pusher for pusher in pushers if pusher.client.is_idle]):
            await asyncio.sleep(0.001)
        body = b'{"value":%d,"observed_at":"%s"}' % (number % 97, datetime.now(UTC).isoformat().encode())
        path = f"/v1/metrics/metric-{row['n']}/points"
        idle[0].send(post(path, body, host="127.0.0.1", token=token), row["objective_id"])
    took = time.perf_counter() - begun
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while watch.is_waiting or not all(pusher.client.is_idle for pusher in pushers):
            await asyncio.sleep(0.01)
    watching.cancel()
    for pusher in pushers:
        pusher.client.close()
        if pusher.refused:
            raise AssertionError(f"pushes were refused: {pusher.refused[:3]}")
    return took


async def _keep_looking(watch: _Watch) -> None:
    while True:
        await watch.look()
        await asyncio.sleep(_LOOK_SECONDS)
