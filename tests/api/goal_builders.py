"""Goals made over HTTP, and a look at the demand that a request raised."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from api_company import Company

from company import insert
from okr.db.demand import Subject
from okr.ids import new_id

ZONE = ZoneInfo("Europe/Berlin")
TODAY = datetime.now(ZONE).date()
STARTS_ON = TODAY - timedelta(days=30)
ENDS_ON = TODAY + timedelta(days=60)


def begin_of(day: date) -> datetime:
    """The instant at which the day begins in the company's zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


BEGIN = begin_of(STARTS_ON)

# One body per kind that is right in every respect. A composite needs the id of what it is made of.
KINDS: dict[str, dict[str, Any]] = {
    "increase": {"start_value": 10, "target_value": 20, "commit_value": 15, "stretch_value": 30},
    "decrease": {"start_value": 20, "target_value": 10, "stretch_value": 5},
    "reach": {"start_value": -5, "target_value": 5},
    "at_least": {"target_value": 95.5},
    "at_most": {"target_value": 3, "start_value": 9},
    "band": {"band_low": 40, "band_high": 60},
    "binary": {},
    "milestone": {"milestones": [{"title": "Plan", "weight": 1, "done": True}, {"title": "Ship", "weight": 3}]},
    "ordinal": {"zones": [{"name": "poor", "grade": 0.2}, {"name": "good", "grade": 0.9}]},
    "count_ratio": {"target_value": 12},
    "composite": {"start_value": 0, "target_value": 100},
    "guardrail": {"band_high": 5},
}


@dataclass
class Raised:
    """The subjects whose grade was asked for, as `kind:id`, each with the earliest instant that it may change at."""

    since: dict[str, datetime] = field(default_factory=dict)

    def kinds(self) -> list[str]:
        """The kinds, in the order of grading."""
        return [subject.partition(":")[0] for subject in self.since]


class Goals:
    """A company's goals, made through its client. Everything answers the JSON that the service gave."""

    def __init__(self, company: Company, person_id: UUID) -> None:
        self.company = company
        self.client: httpx.AsyncClient = company.client
        self.connection: asyncpg.Connection = company.connection
        self.person_id = str(person_id)

    @classmethod
    async def of(cls, company: Company) -> "Goals":
        """The goals of a company that has one person so far."""
        return cls(company, await company.add_person())

    async def post(self, path: str, json: Any = None, *, expect: int = 201) -> Any:
        """POST and check the status."""
        return _checked(await self.client.post(f"/v1/{path}", json=json), expect)

    async def get(self, path: str, *, expect: int = 200) -> Any:
        """GET and check the status."""
        return _checked(await self.client.get(f"/v1/{path}"), expect)

    async def patch(self, path: str, json: Any, *, expect: int = 200, match: str = "*") -> Any:
        """PATCH whatever version is there, unless `match` says otherwise, and check the status."""
        return _checked(await self.client.patch(f"/v1/{path}", json=json, headers={"If-Match": match}), expect)

    async def put(self, path: str, json: Any, *, expect: int = 200) -> Any:
        """PUT and check the status."""
        return _checked(await self.client.put(f"/v1/{path}", json=json), expect)

    async def delete(self, path: str, *, expect: int = 200) -> Any:
        """DELETE and check the status."""
        return _checked(await self.client.delete(f"/v1/{path}", headers={"If-Match": "*"}), expect)

    async def refused(self, method: str, path: str, json: Any = None) -> tuple[int, str, str | None]:
        """(status, code, pointer) of a request that must be refused."""
        # A PUT also makes what is not there, which no version matches.
        headers = {} if method == "PUT" else {"If-Match": "*"}
        answer = await self.client.request(method, f"/v1/{path}", json=json, headers=headers)
        problem = answer.json()
        assert answer.status_code >= 400, problem
        errors = problem["errors"]
        return answer.status_code, problem["code"], errors[0].get("pointer") if errors else None

    async def team(self, **fields: Any) -> Any:
        """A team."""
        return await self.post("teams", {"name": "Team", **fields})

    async def metric(self, key: str) -> UUID:
        """A metric's id; put in directly, for it is not what is tested."""
        id, now = new_id(), datetime.now(UTC)
        row = {"name": key, "direction": "up", "is_core": False, "frequency": "weekly", "version": 1}
        values = row | {"organization_id": self.company.id, "id": id, "key": key, "created_at": now, "updated_at": now}
        await insert(self.connection, "metric", **values)
        return id

    async def cycle(self, *, active: bool = True, **fields: Any) -> Any:
        """A cycle that began thirty days ago; active unless said otherwise."""
        body = {"name": "Cycle", "starts_on": STARTS_ON.isoformat(), "ends_on": ENDS_ON.isoformat(), **fields}
        cycle = await self.post("cycles", body)
        return await self.post(f"cycles/{cycle['id']}/activate", expect=200) if active else cycle

    async def objective(self, cycle: Any, *, active: bool = False, **fields: Any) -> Any:
        """An objective, a draft unless said otherwise."""
        body = {"title": "Delight", "cycle_id": cycle["id"], "owner_id": self.person_id, **fields}
        objective = await self.post("objectives", body)
        return await self.post(f"objectives/{objective['id']}/activate", expect=200) if active else objective

    async def key_result(self, objective: Any, *, kind: str = "increase", **fields: Any) -> Any:
        """A key result with values that suit its kind."""
        body = {"title": f"A {kind}", "kind": kind, **KINDS[kind], **fields}
        return await self.post(f"objectives/{objective['id']}/key-results", body)

    async def align(self, child: Any, **parent: Any) -> Any:
        """An alignment."""
        return await self.post(f"objectives/{child['id']}/alignments", parent)

    @asynccontextmanager
    async def raising(self) -> AsyncIterator[Raised]:
        """What the block asks for: `since` is filled when it ends. Everything asked for before counts as served."""
        await self.connection.execute(
            """
            UPDATE rescore_demand SET computed_seq = requested_seq, dirty = false, touched_from = 'infinity'
             WHERE organization_id = $1
            """,
            self.company.id,
        )
        raised = Raised()
        yield raised
        rows = await self.connection.fetch(
            """
            SELECT subject_kind, subject_id, touched_from FROM rescore_demand
             WHERE organization_id = $1 AND dirty AND requested_seq > computed_seq ORDER BY 1, 2
            """,
            self.company.id,
        )
        for row in rows:
            raised.since[str(Subject(row["subject_kind"], row["subject_id"]))] = row["touched_from"]

    async def events(self, subject: str) -> list[tuple[str, int | None]]:
        """(type, version) of everything announced about `kind:id`, in order."""
        rows = await self.connection.fetch(
            "SELECT type, (data->>'version')::int AS version FROM outbox_event WHERE subject = $1 ORDER BY written",
            subject,
        )
        return [(row["type"], row["version"]) for row in rows]


def _checked(answer: httpx.Response, expect: int) -> Any:
    assert answer.status_code == expect, f"{answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None
