"""A grown company over HTTP with a worker that serves it when told to, and an account of its rules to check grades against."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from api_company import NotingBell

from company import Company, a_company
from grown import DOCUMENTS, a_grown_company
from okr.db import regrades
from okr.db.api_keys import create_key
from okr.db.demand import Subject
from okr.db.engine import make_pool
from okr.db.history import current_grades, explain, history
from okr.db.preview_cases import Cases
from okr.db.previews import Question, read_material
from okr.db.stored_grades import StoredGrade
from okr.db.tables.columns import utc_now
from okr.domain.rulebook import Scope, ScopeKind
from okr.domain.ruleset import STANDARD
from okr.domain.values import Grade, RulesetRef
from okr.keys import Scope as KeyScope
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import parse_document, to_mapping
from okr.settings import Settings
from okr_api.app import create_app
from okr_scoring.drain import Drainer
from okr_scoring.regrading import regrade

PATIENCE_SECONDS = 60
MOVERS = 50
_Term = tuple[datetime, datetime | None, RulesetRef]

LOOKING_BACK: dict[str, dict[str, Any]] = {
    "by the period": {
        "measure": {
            "kinds": {
                "increase": {"method": "linear", "of": "average"},
                "decrease": {"method": "ratio", "of": "worst"},
                "at_least": {"method": "threshold", "of": "share_of_ended_periods"},
            }
        }
    },
    "late ones fade": {"staleness": {"when_late": "decay", "decay": 0.03, "late_after_periods": 1}},
}
WRITTEN: dict[str, dict[str, Any]] = {
    **DOCUMENTS,
    **LOOKING_BACK,
    **{key: to_mapping(preset(key)) for key in preset_keys()},
}
PLACES = ("organization", "cycle", "top", "leaf")
SPOKEN_OF = ("parent", "child", "alone", "low", "composite")


def a_zone() -> str:
    """A zone in which it is about noon: no day ends between a preview and the activation after it."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


@dataclass(frozen=True)
class Served:
    """The service, with what a test needs to give it an organization."""

    http: httpx.AsyncClient
    pool: "asyncpg.Pool[asyncpg.Record]"
    secret_key: str


@asynccontextmanager
async def served(given: Settings) -> AsyncIterator[Served]:
    """The application and a worker's pool."""
    app = create_app(given, bell=NotingBell())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://okr.test") as http,
        await make_pool(given.database_url, size=4) as pool,
    ):
        yield Served(http, pool, given.secret_key.get_secret_value())


@dataclass
class House:
    """A grown company of the service, and all that was said about its rules."""

    served: Served
    company: Company
    made: dict[str, UUID]
    key: str
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def of(cls, served: Served, connection: asyncpg.Connection) -> "House":
        """A new one, in which everything is graded."""
        company = await a_company(connection, zone=a_zone())
        made = await a_grown_company(company)
        given = {"scopes": list(KeyScope), "secret_key": served.secret_key, "now": utc_now()}
        key, _ = await create_key(connection, company.id, name="test", **given)  # type: ignore[arg-type]  # of any type
        house = cls(served, company, made, key.shown)
        await house.settle()
        return house

    async def ask(self, method: str, path: str, body: Any = None, *, expect: tuple[int, ...] = (200, 201)) -> Any:
        """The answer's JSON, its numbers to the last digit."""
        headers = {"Authorization": f"Bearer {self.key}", "If-Match": "*"}
        if path.endswith("/override") and method == "PUT":
            del headers["If-Match"]
        answer = await self.served.http.request(method, f"/v1/{path}", json=body, headers=headers)
        assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return json.loads(answer.content, parse_float=Decimal) if answer.content else None

    async def send(self, path: str, body: str, *, media_type: str = "application/json") -> httpx.Response:
        """The answer to a body of whatever sort."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": media_type}
        return await self.served.http.post(f"/v1/{path}", content=body.encode(), headers=headers)

    async def settle(self) -> None:
        """Drive the runs that are due, and grade, until nothing is left to do."""
        drainer = Drainer(self.served.pool, roll_up_distance_seconds=0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                due = [
                    run for of, run in await regrades.next_regrades(self.company.connection) if of == self.company.id
                ]
                for run in due:
                    await regrade(self.served.pool, drainer, self.company.id, run)
                await drainer.drain(self.company.id)
                if not due and not await self._count("rescore_demand WHERE organization_id = $1 AND dirty"):
                    break
        await drainer.close()
        assert not await self._count("run WHERE organization_id = $1 AND state = 'failed'")

    async def _count(self, what: str) -> int:
        found: int = await self.company.connection.fetchval(f"SELECT count(*) FROM {what}", self.company.id)
        return found

    async def subjects(self) -> list[Subject]:
        """All key results and objectives."""
        query = "SELECT subject_kind, subject_id FROM rescore_demand WHERE organization_id = $1 AND subject_kind <= 2"
        return [Subject(*row) for row in await self.company.connection.fetch(query, self.company.id)]

    async def current(self) -> dict[str, Grade]:
        """Every current grade by id."""
        found = await current_grades(self.company.connection, self.company.id, await self.subjects())
        return {str(one.id): stored.grade for one, stored in found.items()}

    def scope(self, place: str) -> Scope:
        """What rules of that place are for."""
        if place == "organization":
            return Scope(ScopeKind.ORGANIZATION)
        if place == "cycle":
            return Scope(ScopeKind.CYCLE, self.company.cycle_id)
        return Scope(ScopeKind.TEAM, self.made[place])

    async def draft(self, place: str, document: str) -> int:
        """A draft for the place; its number."""
        if place not in self.numbers:
            scope = self.scope(place)
            body = {"key": place, "scope_kind": scope.kind.value, "scope_id": scope.id and str(scope.id)}
            await self.ask("POST", "rulesets", body)
        draft = await self.ask("POST", f"rulesets/{place}/versions", {"document": WRITTEN[document]})
        self.numbers[place] = draft["number"]
        return self.numbers[place]

    async def previewed(self, place: str, number: int) -> tuple[dict[str, Grade], Any]:
        """The new grades by id, and what is told of them over HTTP."""
        path = f"rulesets/{place}/versions/{number}"
        document = (await self.ask("GET", path))["document"]
        rules = compile_ruleset(parse_document(document), key=place, version=number)
        asked = Question(rules, self.scope(place), utc_now())
        what_if = Cases(await read_material(self.company.connection, self.company.id, asked)).what_if()
        what_if.regrade()
        return what_if.grades, await self.ask("POST", f"{path}/preview", {"movers": MOVERS})

    async def activate(self, place: str, document: str) -> None:
        """Preview a new version, bring it into force, and compare what that wrote with what the preview said."""
        await self.activate_version(place, await self.draft(place, document))

    async def activate_version(self, place: str, number: int) -> None:
        """The same with a draft that is there."""
        before = await self.current()
        grades, told = await self.previewed(place, number)
        await self.ask("POST", f"rulesets/{place}/versions/{number}/activate", {"reason": "Agreed."})
        await self.settle()
        after = await self.current()
        assert {id: after[id] for id in grades} == grades
        assert {id for id, one in after.items() if id not in grades and not one.says_the_same_as(before[id])} == set()
        for mover in (*told["objective_movers"], *told["key_result_movers"]):
            said, written = mover["after"]["grade"], after[mover["subject"].partition(":")[2]]
            assert (said["grade"], said["status"], said["label"]) == (written.grade, written.status, written.label)
            assert (said["ruleset"]["key"], said["ruleset"]["version"]) == written.ruleset

    async def versions(self, *states: str) -> list[Any]:
        """All versions in one of the states."""
        found = []
        for key in self.numbers:
            found += (await self.ask("GET", f"rulesets/{key}/versions?limit=200"))["items"]
        return [one for one in found if one["state"] in states]

    async def retire(self, version: Mapping[str, Any]) -> None:
        """End a version that is in force or planned."""
        path = f"rulesets/{version['ruleset_key']}/versions/{version['number']}/retire"
        await self.ask("POST", path, {"reason": "Enough."})
        await self.settle()

    async def schedule(self, place: str, document: str, *, ahead: timedelta) -> None:
        """Plan a version, and wait until it has come if that is soon."""
        number = await self.draft(place, document)
        path = f"rulesets/{place}/versions/{number}"
        body = {"reason": "Agreed.", "effective_from": (utc_now() + ahead).isoformat()}
        await self.ask("POST", f"{path}/activate", body)
        while ahead < timedelta(minutes=1) and (await self.ask("GET", path))["state"] == "scheduled":
            await asyncio.sleep(0.02)
        await self.settle()

    def _path(self, name: str) -> str:
        kind = "key-results" if name in ("low", "composite") else "objectives"
        return f"{kind}/{self.made[name]}"

    async def speak(self, name: str, grade: float) -> None:
        """A person's word on a grade, unless the rules in force do not allow for such a one."""
        body = {"grade": grade, "reason": "I was there.", "person_id": str(self.company.person_id)}
        await self.ask("PUT", f"{self._path(name)}/override", body, expect=(200, 201, 409, 422))
        await self.settle()

    async def take_back(self, name: str) -> None:
        """No word, where there is one and it can still be taken back."""
        await self.ask("DELETE", f"{self._path(name)}/override", expect=(200, 404, 409))
        await self.settle()

    async def close(self, name: str) -> None:
        """The objective is over."""
        await self.ask("POST", f"{self._path(name)}/close")
        await self.settle()

    async def move_team(self, *, below: bool) -> None:
        """The leaf hangs below the top, or beside it."""
        parent = str(self.made["top"]) if below else None
        await self.ask("PATCH", f"teams/{self.made['leaf']}", {"parent_id": parent})
        await self.settle()

    async def check_current(self) -> None:
        """Every current grade explains itself, and was made under the rules of its instant."""
        await self._check(
            [*(await current_grades(self.company.connection, self.company.id, await self.subjects())).values()]
        )

    async def check_history(self) -> None:
        """So does every snapshot."""
        connection, id = self.company.connection, self.company.id
        for one in await self.subjects():
            await self._check([snapshot async for snapshot in history(connection, id, one)])

    async def _check(self, stored: Sequence[StoredGrade]) -> None:
        terms, places = await self._terms(), await self._places()
        for snapshot in stored:
            scopes = places[snapshot.subject.id]
            expected = next(
                (ref for scope in scopes for ref in _held(terms.get(scope, ()), snapshot.observed_at)), STANDARD.ref
            )
            assert snapshot.grade.ruleset == expected, (str(snapshot.subject), snapshot.observed_at)
            explained = await explain(self.company.connection, self.company.id, snapshot)
            assert explained.graded.grade == snapshot.grade

    async def _terms(self) -> dict[Any, list[_Term]]:
        """When which version held, or will, by what its ruleset is for."""
        terms: dict[Any, list[_Term]] = {}
        for one in await self.versions("active", "retired", "scheduled"):
            since, until = (
                one[name] and datetime.fromisoformat(one[name]) for name in ("effective_from", "effective_until")
            )
            ref = RulesetRef(one["ruleset_key"], one["number"])
            terms.setdefault(self.scope(one["ruleset_key"]).id, []).append((since, until, ref))
        return terms

    async def _places(self) -> dict[UUID, list[Any]]:
        """The ids of the scopes that each subject lies in, nearest first; None is the organization."""
        connection, id = self.company.connection, self.company.id
        above = dict(await connection.fetch("SELECT id, parent_id FROM team WHERE organization_id = $1", id))
        rows = await connection.fetch(_PLACES, id)
        found = {}
        for row in rows:
            team, scopes = row["team_id"], []
            while team is not None:
                scopes.append(team)
                team = above[team]
            found[row["id"]] = [*scopes, row["cycle_id"], None]
        return found


_PLACES = """
SELECT id, team_id, cycle_id FROM objective WHERE organization_id = $1
UNION ALL
SELECT k.id, o.team_id, o.cycle_id FROM key_result k JOIN objective o ON o.organization_id = $1 AND o.id = k.objective_id
 WHERE k.organization_id = $1
"""


def _held(terms: Iterable[_Term], at: datetime) -> list[RulesetRef]:
    """What was in force; two at once would be one too many."""
    held = [ref for since, until, ref in terms if since <= at and (until is None or at < until)]
    assert len(held) <= 1, held
    return held
