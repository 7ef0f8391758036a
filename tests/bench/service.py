"""`read_objective`, `list_objectives`, `push_point`, `push_batch`: requests over HTTP, ours and the floor in turn.

Both are one process with the same database beneath, and get the same requests from the same sixteen connections. Rounds alternate,
so that what else the machine does hits both alike. What they answer and what they write is compared in the run.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import orjson

from bench.estate import Estate
from bench.figures import Figure, compared, cpu_seconds
from bench.load import PLACE_OF_STAMP
from bench.stage import SECRET_KEY, Stage
from okr.db.api_keys import create_key
from okr.keys import Scope

CONNECTIONS = 16
_BATCH, _METRICS_OF_BATCH, _FEEDING = 1000, 100, 20
_PUSHED = 500
_PATIENCE_SECONDS = 60
_WARM_UP_SECONDS = 0.5

# Rows that pushes leave, of all kinds; each side must leave as many for each request.
_LEFT = """
SELECT (SELECT count(*) FROM metric_point) AS points, (SELECT count(*) FROM outbox_event) AS events,
       (SELECT sum(requested_seq)::bigint FROM rescore_demand) AS raised
"""
_UNPUBLISHED = """
SELECT EXISTS (SELECT FROM outbox_event WHERE position IS NULL) OR (SELECT published < position FROM event_relay)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test: its process and its port."""

    name: str
    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class Duel:
    """One figure: what is asked, and how much of it one request is."""

    name: str
    make: str
    paths: list[str]
    expected: str
    unit: str
    body: str = ""
    per_request: int = 1


@dataclass(slots=True)
class Side:
    """What a server did in all rounds of a duel."""

    per_second: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def serving(name: str, words: list[str], environment: dict[str, str], *, port: int) -> AsyncIterator[Server]:
    """A server as a child process, once it answers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env=os.environ | environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient() as client:
            while True:
                if process.returncode is not None:
                    raise RuntimeError(f"the server of {name} did not start")
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/livez")
                    break
                await asyncio.sleep(0.05)
        yield Server(name, process.pid, port)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


def a_free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def ours(stage: Stage) -> AsyncIterator[Server]:
    """The API as it runs in production."""
    port = a_free_port()
    async with serving("ours", ["okr_api"], stage.environment | {"OKR_PORT": str(port)}, port=port) as server:
        yield server


@contextlib.asynccontextmanager
async def floor(stage: Stage, estate: Estate) -> AsyncIterator[Server]:
    """The floor's server."""
    port = a_free_port()
    environment = stage.environment | {"BENCH_ORGANIZATION": str(estate.organization_id)}
    async with serving("floor", ["bench.floor", str(port)], environment, port=port) as server:
        yield server


class Load:
    """The load's process; see bench.load."""

    def __init__(self, process: asyncio.subprocess.Process, token: str) -> None:
        self._process, self.token = process, token

    async def run(self, duel: Duel, server: Server, *, seconds: float) -> dict[str, Any]:
        """Keep one server busy and answer what the load saw. Raises AssertionError if a request was refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "name": duel.name,
            "make": duel.make,
            "paths": duel.paths,
            "body": duel.body,
            "expected": f"HTTP/1.1 {duel.expected}",
            "host": "127.0.0.1",
            "token": self.token,
            "port": server.port,
            "connections": CONNECTIONS,
            "seconds": seconds,
        }
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load's process ended")
        seen: dict[str, Any] = orjson.loads(line)
        if seen["refused"]:
            raise AssertionError(f"{server.name} refused {duel.name}: {seen['refused']}")
        return seen


@contextlib.asynccontextmanager
async def loading(token: str) -> AsyncIterator[Load]:
    """A process that makes load."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Load(process, token)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def a_token(connection: asyncpg.Connection, estate: Estate) -> str:
    """A key that may do everything."""
    key, _ = await create_key(
        connection,
        estate.organization_id,
        name="bench",
        scopes=list(Scope),
        secret_key=SECRET_KEY,
        now=datetime.now(UTC),
    )
    return key.shown


async def duels(connection: asyncpg.Connection, estate: Estate) -> list[Duel]:
    """What is asked of both sides."""
    objectives = [str(row["id"]) for row in await connection.fetch("SELECT id FROM objective ORDER BY id")]
    teams = [
        str(row["team_id"])
        for row in await connection.fetch("SELECT team_id FROM objective GROUP BY team_id HAVING count(*) = 50")
    ]
    keys = [
        row["key"] for row in await connection.fetch("SELECT key FROM metric WHERE key LIKE 'metric-%' ORDER BY id")
    ]
    spare = [
        row["key"] for row in await connection.fetch("SELECT key FROM metric WHERE key LIKE 'spare-%' ORDER BY id")
    ]
    return [
        Duel("read_objective", "read", [f"/v1/objectives/{id}" for id in objectives], "200", "requests/s"),
        # A team's objectives: all fifty on one page, found by an index. A list of everything would have the database sort
        # thousands of rows for it, on both sides alike, and hide what answering costs.
        Duel("list_objectives", "read", [f"/v1/objectives?team_id={id}" for id in teams], "200", "requests/s"),
        # The same metrics again and again, as those who measure push them.
        Duel("push_point", "push", [f"/v1/metrics/{key}/points" for key in keys[:_PUSHED]], "201", "points/s"),
        Duel(
            "push_batch",
            "batch",
            ["/v1/metric-points"],
            "207",
            "points/s",
            body=_batch([*keys[:_FEEDING], *spare][:_METRICS_OF_BATCH]),
            per_request=_BATCH,
        ),
    ]


def _batch(keys: list[str]) -> str:
    """A body of a thousand points: of each metric ten, a minute apart; the microsecond is the load's to fill in."""
    begun = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    points = [
        {
            "metric": keys[number % len(keys)],
            "value": number % 997 / 4,
            "observed_at": f"{begun + timedelta(minutes=number // len(keys)):%Y-%m-%dT%H:%M:%S}.{PLACE_OF_STAMP.decode()}Z",
        }
        for number in range(_BATCH)
    ]
    return orjson.dumps({"points": points}).decode()


async def fight(
    duel: Duel, *, load: Load, sides: tuple[Server, Server], stage: Stage, rounds: int, seconds: float
) -> Figure:
    """Measure one figure in alternating rounds."""
    seen = {server.name: Side() for server in sides}
    async with stage.owner() as owner:
        await _same_answers(owner, duel, load, sides)
        for server in sides:
            await load.run(duel, server, seconds=min(_WARM_UP_SECONDS, seconds))
        for number in range(rounds):
            # Whoever is second finds what the first left in the caches: take turns at it.
            for server in sides if number % 2 == 0 else reversed(sides):
                side, told, used = (
                    seen[server.name],
                    *await _round(owner, duel, load, server, ours=sides[0], seconds=seconds),
                )
                side.per_second.append(told["answered"] * duel.per_request / told["seconds"])
                side.microseconds.append(used / told["answered"] * 1e6)
                side.p99.append(told["p99"])
    mine, its = (seen[server.name] for server in sides)
    note = (
        f"server's CPU a request {_middle(mine.microseconds):.0f} us, floor {_middle(its.microseconds):.0f} us; "
        f"p99 {_middle(mine.p99):.1f} ms, floor {_middle(its.p99):.1f} ms"
    )
    return compared(duel.name, mine.per_second, its.per_second, unit=duel.unit, note=note)


async def _round(
    owner: asyncpg.Connection, duel: Duel, load: Load, server: Server, *, ours: Server, seconds: float
) -> tuple[dict[str, Any], float]:
    """One round of one side: what the load saw, and the seconds of CPU that the server has used when all is done.

    Our API also numbers and publishes what the outbox holds. While the floor is measured it is frozen, so that it takes nothing
    from the floor; before it is measured it has published what the floor left, and what it does after its own round counts as used.
    """
    before, used = await owner.fetchrow(_LEFT), cpu_seconds(server.pid)
    if server is not ours:
        os.kill(ours.pid, signal.SIGSTOP)
    try:
        told = await load.run(duel, server, seconds=seconds)
    finally:
        os.kill(ours.pid, signal.SIGCONT)
    _check_left(duel, server, told["answered"], before, await owner.fetchrow(_LEFT))
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await owner.fetchval(_UNPUBLISHED):
            await asyncio.sleep(0.02)
    return told, cpu_seconds(server.pid) - used


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


async def _same_answers(owner: asyncpg.Connection, duel: Duel, load: Load, sides: tuple[Server, Server]) -> None:
    """Both must answer a read with the same bytes; pushes differ by their instants and are compared by what they leave."""
    if duel.make != "read":
        return
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {load.token}"}) as client:
        for path in duel.paths[:20]:
            mine, its = [(await client.get(f"http://127.0.0.1:{server.port}{path}")).content for server in sides]
            if mine != its:
                raise AssertionError(f"{duel.name}: the answers differ\n{mine!r}\n{its!r}")


def _check_left(duel: Duel, server: Server, answered: int, before: asyncpg.Record, after: asyncpg.Record) -> None:
    """Each side must leave the rows that its requests ask for: points, an event per metric, demand of what is fed."""
    left = {name: after[name] - before[name] for name in ("points", "events", "raised")}
    match duel.name:
        case "push_point":
            each = {"points": 1, "events": 1, "raised": 2}
        case "push_batch":
            each = {"points": _BATCH, "events": _METRICS_OF_BATCH, "raised": left["raised"] // max(answered, 1)}
        case _:
            each = {"points": 0, "events": 0, "raised": 0}
    wanted = {name: count * answered for name, count in each.items()}
    if left != wanted:
        raise AssertionError(f"{duel.name}: {server.name} left {left} instead of {wanted}")


async def service(
    stage: Stage, estate: Estate, *, only: Collection[str], rounds: int, seconds: float, say: Callable[[str], None]
) -> list[Figure]:
    """Measure the figures named on a company that is graded, with no worker at work."""
    figures = []
    async with stage.owner() as owner:
        token = await a_token(owner, estate)
        wanted = [duel for duel in await duels(owner, estate) if duel.name in only]
        await estate.tidy()
    async with ours(stage) as mine, floor(stage, estate) as its, loading(token) as load:
        for duel in wanted:
            say(f"{duel.name}: {rounds} rounds of {seconds:g} s for each side")
            figures.append(await fight(duel, load=load, sides=(mine, its), stage=stage, rounds=rounds, seconds=seconds))
    return figures
