"""Runs over HTTP: how far long work has come. What makes them is tested beside the worker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from api_company import Company
from api_problems import blamed, refused
from goal_builders import Goals

from company import insert
from okr.ids import new_id
from okr.keys import Scope

THEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def a_run(company: Company, *, at: datetime = THEN, detail: Any = None, **values: Any) -> str:
    """A run's id."""
    id = new_id()
    row = {
        "kind": "regrade",
        "state": "running",
        "done": 10,
        "total": 40,
        "unit": "seconds of history",
        "detail": orjson.dumps(detail or {}).decode(),
        "version": 3,
        "created_at": at,
        "updated_at": at + timedelta(seconds=2),
        "started_at": at,
    } | values
    await insert(company.connection, "run", organization_id=company.id, id=id, **row)
    return str(id)


async def listed(company: Company, query: str = "") -> list[str]:
    """The ids of the runs that a query finds."""
    answer = await company.client.get(f"/v1/runs{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_run_is_read_with_how_far_it_has_come(company: Company) -> None:
    subject_id = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
    id = await a_run(company, subject_kind=2, subject_id=subject_id, detail={"from": "2026-08-01T00:00:00+00:00"})
    answer = await company.client.get(f"/v1/runs/{id}")
    assert answer.json() == {
        "id": id,
        "version": 3,
        "created_at": "2026-11-01T12:00:00Z",
        "updated_at": "2026-11-01T12:00:02Z",
        "kind": "regrade",
        "state": "running",
        "subject": f"objective:{subject_id}",
        "done": 10,
        "total": 40,
        "unit": "seconds of history",
        "detail": {"from": "2026-08-01T00:00:00Z"},
        "error": None,
        "created_by": None,
        "started_at": "2026-11-01T12:00:00Z",
        "finished_at": None,
    }
    assert answer.headers["etag"] == '"3.0.0"'
    same = await company.client.get(f"/v1/runs/{id}", headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304
    (item,) = (await company.client.get("/v1/runs")).json()["items"]
    assert item == answer.json()


async def test_a_run_of_no_subject_and_without_a_known_total(company: Company) -> None:
    run = (await company.client.get(f"/v1/runs/{await a_run(company, total=None, done=7)}")).json()
    assert (run["subject"], run["done"], run["total"]) == (None, 7, None)


async def test_runs_are_found_by_state_kind_and_subject(company: Company) -> None:
    goals = await Goals.of(company)
    cycle = await goals.cycle()
    about = {"subject_kind": 4, "subject_id": UUID(cycle["id"])}
    ended = await a_run(company, state="succeeded", finished_at=THEN, **about)
    of_cycle = await a_run(company, at=THEN + timedelta(hours=1), **about)
    of_company = await a_run(
        company, at=THEN + timedelta(hours=2), state="failed", finished_at=THEN, subject_kind=5, subject_id=company.id
    )
    assert await listed(company) == [ended, of_cycle, of_company]
    assert await listed(company, "?sort=-created_at") == [of_company, of_cycle, ended]
    assert await listed(company, "?sort=-updated_at&limit=1") == [of_company]
    assert await listed(company, "?state=running") == [of_cycle]
    assert await listed(company, "?state=failed") == [of_company]
    assert await listed(company, "?state=cancelled") == []
    assert await listed(company, "?kind=regrade&state=succeeded") == [ended]
    assert await listed(company, f"?subject=cycle:{cycle['id']}") == [ended, of_cycle]
    assert await listed(company, f"?subject=objective:{cycle['id']}") == []
    assert await listed(company, "?subject=organization") == [of_company]
    assert await listed(company, f"?subject=organization:{company.id}") == [of_company]


async def test_what_is_asked_wrongly_is_refused(company: Company) -> None:
    answer = await company.client.get("/v1/runs?state=open&kind=dance&subject=person:1")
    assert blamed(answer) == {("not_one_of", "state"), ("not_one_of", "kind"), ("wrong_form", "subject")}
    assert refused(await company.client.get("/v1/runs?sort=done")) == (422, "unknown_sort")
    assert (await company.client.get("/v1/runs/first")).status_code == 422


async def test_another_companys_runs_are_not_there(company: Company, other: Company) -> None:
    id = await a_run(company)
    assert refused(await other.client.get(f"/v1/runs/{id}")) == (404, "not_found")
    assert await listed(other) == []


@pytest.mark.parametrize("path", ["/v1/runs", f"/v1/runs/{UUID(int=7)}"])
async def test_runs_need_a_key_that_may_read(company: Company, clients: Any, path: str) -> None:
    client = await clients(company.id, scopes=[scope for scope in Scope if scope is not Scope.OKR_READ])
    assert (await client.get(path)).status_code == 403
