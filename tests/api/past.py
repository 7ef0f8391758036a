"""A quarter of the past for tests of grades: days of the running cycle, and a worker that serves what was asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
from goal_builders import TODAY, ZONE, Goals

from okr.db.engine import make_pool
from okr_scoring.drain import Drainer


def days_ago(days: int) -> date:
    """A day of the company's calendar."""
    return TODAY - timedelta(days=days)


def noon(days: int) -> str:
    """Noon of that day in the company's zone, as the wire has it."""
    day = days_ago(days)
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).astimezone(UTC).isoformat().replace("+00:00", "Z")


def now() -> str:
    """This very instant, as the wire has it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Past:
    """A company with an objective of one key result that a metric feeds, from 0 to 100, and a worker."""

    def __init__(self, goals: Goals, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.goals = goals
        self._pool = pool
        self.cycle: Any = None
        self.objective: Any = None
        self.key_result: Any = None

    @classmethod
    @asynccontextmanager
    async def of(cls, company: Any, app_url: str) -> AsyncIterator["Past"]:
        """The company's past; nothing has been measured yet."""
        async with await make_pool(app_url, size=2) as pool:
            past = cls(await Goals.of(company), pool)
            await past.goals.metric("signups")
            past.cycle = await past.goals.cycle()
            past.objective = await past.goals.objective(past.cycle, active=True, commitment="committed")
            fields = {"start_value": 0, "target_value": 100, "commit_value": None, "stretch_value": None}
            past.key_result = await past.goals.key_result(past.objective, metric_key="signups", **fields)
            yield past

    async def push(self, **values: float) -> None:
        """Points by day: `push(d10=25)` was 25 at noon ten days ago. Then everything is graded."""
        points = [
            {"metric": "signups", "value": value, "observed_at": noon(int(day[1:]))} for day, value in values.items()
        ]
        answer = await self.goals.client.post("/v1/metric-points", json={"points": points})
        assert answer.json()["created"] == len(points), answer.text
        await self.serve()

    async def serve(self) -> None:
        """Let a worker grade until nothing is asked for, and leave."""
        drainer = Drainer(self._pool, roll_up_distance_seconds=0)
        while await self.goals.connection.fetchval("SELECT count(*) FROM rescore_demand WHERE dirty"):
            await drainer.drain(self.goals.company.id)
        await drainer.close()

    async def grade(self, thing: str, query: str = "") -> float | None:
        """The grade at `thing`, a path without its beginning, as in `objectives/<id>`."""
        found: float | None = (await self.goals.get(f"{thing}/grade{query}"))["grade"]
        return found
