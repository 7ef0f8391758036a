"""Scoring workers as the processes they are in production, for tests that freeze, kill and count them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from company import Company

Drain = Callable[[], Awaitable[None]]
"""Serves all demand of the test's company; see tests/scoring/conftest.py."""


@contextlib.asynccontextmanager
async def scoring_workers(
    environment: Mapping[str, str], folder: Path, *, count: int = 1, **settings: str
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """`count` workers on the test's servers, all of them at work; `settings` are further variables, without their OKR_."""
    variables = os.environ | environment | {f"OKR_{name.upper()}": value for name, value in settings.items()}
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    beats = [folder / f"worker-{number}.beat" for number in range(count)]
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "okr_scoring", env=variables | {"OKR_HEARTBEAT_PATH": str(beat)}
        )
        for beat in beats
    ]
    try:
        async with asyncio.timeout(60):
            while not all(beat.exists() for beat in beats):
                assert all(worker.returncode is None for worker in workers), "a worker did not start"
                await asyncio.sleep(0.02)
        yield workers
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in workers:
            await worker.wait()


async def until_nothing_is_stale(connection: asyncpg.Connection, *, timeout_seconds: float = 30) -> None:
    """Wait until every subject's grade includes everything asked for."""
    async with asyncio.timeout(timeout_seconds):
        while await connection.fetchval(
            "SELECT count(*) FROM rescore_demand WHERE requested_seq > computed_seq OR dirty"
        ):
            await asyncio.sleep(0.02)


class Interrupted:
    """A connection on which something else happens right before the statement that contains `words`."""

    def __init__(self, connection: asyncpg.Connection, words: str, happens: Callable[[], Awaitable[None]]) -> None:
        self._connection, self._words, self._happens = connection, words, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        if self._words in statement:
            await self._happens()
        return await self._connection.fetch(statement, *arguments)


async def grade_of(company: Company, id: object) -> Decimal | None:
    grade: Decimal | None = await company.connection.fetchval("SELECT grade FROM grade WHERE subject_id = $1", id)
    return grade
