"""What every answer has: an id, a log line, headers, and a problem when it fails."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from api_problems import PROBLEM_JSON, refused
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from okr import logs
from okr.telemetry import OF_API
from okr_api.routing import Route


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://okr.test") as client:
        yield client


async def test_the_frameworks_own_refusals_are_problems_too(stranger: Any) -> None:
    expected = {
        ("GET", "/nowhere"): (404, "not_found", None),
        ("GET", "/v1/teams/"): (404, "not_found", None),
        ("DELETE", "/v1/teams"): (405, "method_not_allowed", "GET, HEAD, POST"),
        ("PUT", "/v1/teams/01890a5d-ac96-774b-bcce-b302099a8057"): (405, "method_not_allowed", "GET, HEAD, PATCH"),
        ("TRACE", "/v1/me"): (405, "method_not_allowed", "GET, HEAD"),
        ("POST", "/livez"): (405, "method_not_allowed", "GET, HEAD"),
        ("BREW", "/v1/teams"): (405, "method_not_allowed", "GET, HEAD, POST"),
    }
    found = {}
    for method, path in expected:
        answer = await stranger.request(method, path)
        found[method, path] = (*refused(answer), answer.headers.get("Allow"))
        assert answer.json()["instance"] == path
    assert found == expected


async def test_a_request_keeps_the_id_that_it_came_with(stranger: Any) -> None:
    sent = {"abc-123_X.z": True, "a" * 128: True, "a" * 129: False, "a b": False, "a\tb": False, "": False}
    for id, kept in sent.items():
        answer = await stranger.get("/livez", headers={"X-Request-Id": id})
        assert (answer.headers["X-Request-Id"] == id) is kept, id
        assert answer.headers["X-Request-Id"]
    refusal = await stranger.get("/v1/me", headers={"X-Request-Id": "mine"})
    assert refusal.json()["request_id"] == "mine"


async def test_every_answer_has_the_headers_that_keep_it_safe(stranger: Any, company: Any) -> None:
    for answer in (await stranger.get("/livez"), await stranger.get("/nowhere"), await company.client.get("/v1/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_head_is_get_without_the_body(company: Any) -> None:
    path = (await company.client.post("/v1/teams", json={"name": "A"})).headers["Location"]
    get, head = await company.client.get(path), await company.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers[name] for name in ("ETag", "Content-Length")] == [
        get.headers[name] for name in ("ETag", "Content-Length")
    ]


async def test_browsers_of_the_configured_origin_may_read_and_no_others(company: Any) -> None:
    ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "If-Match, Authorization"}
    good, bad = {"Origin": "https://app.example"}, {"Origin": "https://app.example.evil.example"}
    preflight = await company.client.options("/v1/teams", headers={**ask, **good})
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, good["Origin"])
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    unwanted = {"Access-Control-Request-Method": "TRACE", "Access-Control-Request-Headers": "X-Mine"}
    for headers, what in (({**ask, **bad}, "origin"), ({**good, **unwanted}, "method, headers")):
        answer = await company.client.options("/v1/teams", headers=headers)
        assert refused(answer) == (400, "preflight_refused")
        assert answer.json()["detail"].endswith(f": {what}.")
    read = await company.client.get("/v1/teams", headers=good)
    assert read.headers["Access-Control-Allow-Origin"] == good["Origin"]
    exposed = {name.strip() for name in read.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed >= {"ETag", "Location", "Retry-After", "Idempotent-Replayed", "Preference-Applied", "X-Request-Id"}
    # A failure that a page may not read is a failure that nobody understands.
    failed = await company.client.get("/v1/teams?x=1", headers=good)
    assert failed.headers["Access-Control-Allow-Origin"] == good["Origin"]
    assert "Access-Control-Allow-Origin" not in (await company.client.get("/v1/teams", headers=bad)).headers


async def test_a_bug_is_told_without_its_details(app: FastAPI, company: Any) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("the reactor leaks")

    app.router.routes.append(Route("/v1/broken", broken, methods=["GET"]))
    headers = {"X-Request-Id": "mine", "Origin": "https://app.example"}
    with structlog.testing.capture_logs() as lines:
        answer = await company.client.get("/v1/broken", headers=headers)
    assert refused(answer) == (500, "internal_error")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "reactor" not in answer.text
    failed = next(line for line in lines if line["event"] == "request failed")
    assert (failed["log_level"], str(failed["exc_info"])) == ("error", "the reactor leaks")


async def test_a_bug_in_the_middle_of_an_answer_is_recorded_too(app: FastAPI, company: Any) -> None:
    async def begun() -> AsyncIterator[bytes]:
        yield b"["
        raise RuntimeError("the reactor leaks")

    async def broken(request: Request) -> Response:
        return StreamingResponse(begun(), media_type="application/json")

    app.router.routes.append(Route("/v1/broken", broken, methods=["GET"]))
    with structlog.testing.capture_logs() as lines:
        await company.client.get("/v1/broken")
    failed = [line for line in lines if line["event"] == "request failed"]
    assert [(line["log_level"], str(line["exc_info"])) for line in failed] == [("error", "the reactor leaks")]


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_traceback_in_the_log_has_places_and_no_values(format: str) -> None:
    secret = "-".join(["open", "sesame"])

    def operate(key: str) -> None:
        raise RuntimeError("the reactor leaks")

    try:
        operate(secret)
    except RuntimeError as error:
        line: Any = {"event": "request failed", "exc_info": error}
    for render in logs.renderers(format):
        line = render(None, "error", line)
    assert "the reactor leaks" in line
    assert "operate" in line
    assert secret not in line


async def test_an_unreachable_database_is_503_and_comes_back(app: FastAPI, company: Any, database: Any) -> None:
    path = (await company.client.post("/v1/teams", json={"name": "A"})).headers["Location"]
    name = database.name
    await _as_superuser(database, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = 'okr_app'"
    await _as_superuser(database, ours, name)
    try:
        for answer in (await company.client.get(path), await company.client.post("/v1/teams", json={"name": "B"})):
            assert refused(answer) == (503, "unavailable")
            assert answer.headers["Retry-After"] == "1"
    finally:
        await _as_superuser(database, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await company.client.get(path)).status_code == 200


async def _as_superuser(database: Any, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(database.superuser_url.replace(database.name, "postgres"))
    await connection.execute(statement, *arguments)
    await connection.close()


async def test_requests_are_counted_by_the_template_of_their_route(company: Any, stranger: Any) -> None:
    labels = {"method": "GET", "route": "/v1/teams/{team_id}", "status": "404"}

    def count() -> float:
        return OF_API.get_sample_value("okr_http_request_seconds_count", labels) or 0.0

    before = count()
    await company.client.get("/v1/teams/01890a5d-ac96-774b-bcce-b302099a8057")
    assert count() == before + 1
    await stranger.request("BREW", "/v1/teams")
    told = (await stranger.get("/metrics")).text
    assert "BREW" not in told
    assert "okr_http_request_seconds_bucket" in told
    # No id is ever a label: the number of series must not grow with the data.
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", told)


async def test_ready_without_redis_and_unready_without_the_schema(stranger: Any, app: FastAPI, owner: Any) -> None:
    assert (await stranger.get("/livez")).json() == {"status": "ok"}
    ready = await stranger.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "database": "ok", "redis": "ok"})
    settings = app.state.ports.settings
    settings.redis_url = "unix:///nowhere/valkey.sock"
    alone = await stranger.get("/readyz")
    assert (alone.status_code, alone.json()) == (200, {"status": "ok", "database": "ok", "redis": "unreachable"})
    await owner.execute("UPDATE alembic_version SET version_num = 'newer_than_us'")
    assert (await stranger.get("/readyz")).status_code == 200
    await owner.execute("DELETE FROM alembic_version")
    unready = await stranger.get("/readyz")
    assert (unready.status_code, unready.json()["database"]) == (503, "schema too old")
    assert unready.headers["Content-Type"] != PROBLEM_JSON
