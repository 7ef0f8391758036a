"""Bad input on every operation that there is: each answer is a problem by which the caller can mend the request."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import orjson
import pytest
from api_problems import blamed, refused
from fastapi import FastAPI
from operations import METHODS, Operation, Place, World, operations, places, with_value

from okr.ids import new_id
from okr.keys import Scope

Fault = tuple[int, str]
# What these end has no others below it any more: they come last.
ENDS = ("cancel_objective", "close_objective", "close_cycle")
BOUNDS = (("minimum", -1.0), ("maximum", 1.0))
RAW_HUGE = "a number beyond any bound"


@pytest.fixture
def every(app: FastAPI) -> list[Operation]:
    """Every operation."""
    found = operations(orjson.loads(orjson.dumps(app.openapi())))
    assert len(found) > 40
    return found


@pytest.fixture
async def world(company: Any) -> World:
    """One thing of each kind."""
    return await World.of(company)


def mendable(answer: httpx.Response) -> Fault:
    """(status, code); the problem must say what to do, and each place to mend must have a code and a sentence."""
    found = refused(answer)
    problem = answer.json()
    assert len(problem["detail"].split()) > 3, problem
    assert "Traceback" not in answer.text
    for item in problem["errors"]:
        assert item["code"], problem
        assert len(item["detail"].split()) > 1, problem
        assert ("pointer" in item) != ("parameter" in item), problem
        assert re.fullmatch(r"(/.*)?", item.get("pointer", ""), re.DOTALL), problem
    return found


async def test_the_right_request_is_served(every: list[Operation], world: World) -> None:
    # What follows tells something only if the request is right but for its fault.
    known = {
        ("activate_cycle", "cycle_already_active"),
        ("activate_objective", "objective_already_active"),
        ("close_objective", "objective_cancelled"),
        ("delete_ruleset", "ruleset_in_use"),
        ("delete_ruleset_version", "ruleset_version_not_draft"),
        ("patch_ruleset_version", "ruleset_version_not_draft"),
    }
    wrong = {}
    for operation in sorted(every, key=lambda one: (one.name in ENDS, one.method == "DELETE", one.name)):
        answer = await world.send(operation)
        if answer.status_code >= 400 and (operation.name, answer.json()["code"]) not in known:
            wrong[str(operation)] = answer.text
    assert wrong == {}


async def test_without_a_key_or_with_a_broken_one(every: list[Operation], world: World, app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://okr.test") as stranger:
        for sent in (None, "Basic b2tyOm9rcg==", "Bearer okr_live_broken", "Bearer", "Bearer \x7f\xff", ""):
            headers = {"Authorization": sent and sent.encode("latin-1")}
            for operation in every:
                answer = await world.send(operation, client=stranger, headers=headers)
                assert mendable(answer) == (401, "unauthenticated"), f"{operation} with {sent!r}"
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_with_a_key_of_every_other_scope(
    every: list[Operation], world: World, company: Any, clients: Any
) -> None:
    lacking = {
        scope: await clients(company.id, scopes=[one for one in Scope if one.value != scope])
        for scope in {scope for operation in every for scope in operation.scopes}
    }
    for operation in every:
        for scope in operation.scopes:
            answer = await world.send(operation, client=lacking[scope])
            assert mendable(answer) == (403, "forbidden"), str(operation)
            assert scope in answer.json()["detail"]


async def test_what_is_anothers_is_told_like_what_is_not_there(
    every: list[Operation], world: World, other: Any
) -> None:
    theirs = (await World.of(other)).ids | {"key": "their-metric", "ruleset_key": "their-rules", "number": "7"}
    await other.client.post("/v1/metrics", json={"key": "their-metric"})
    await other.client.post("/v1/rulesets", json={"key": "their-rules"})
    theirs["preset_key"] = "nobodys-preset"  # presets are everybody's
    for operation in every:
        # A PUT makes what is not there.
        for name in operation.parameters if operation.method != "PUT" else ():
            told = []
            nobody = {"key": "nobodys-metric", "number": "9"}.get(name, str(new_id()))
            for id in (theirs[name], nobody):
                answer = await world.send(operation, path=world.path(operation, **{name: id}))
                assert mendable(answer) == (404, "not_found"), f"{operation}: {answer.text}"
                told.append({**answer.json(), "instance": None, "request_id": None})
            assert told[0] == told[1], str(operation)


async def test_ids_that_are_none(every: list[Operation], world: World) -> None:
    for operation in every:
        for name in operation.parameters:
            undashed = () if name.endswith("key") else ("01890a5dac96774bbcceb302099a8057",)
            for id in ("sesame!", "-", "a" * 3000, "%F0%9F%8E%AF", *undashed):
                answer = await world.send(operation, path=world.path(operation, **{name: id}))
                assert mendable(answer) == (422, "invalid_request"), f"{operation} {id[:50]}"
                assert {place for _, place in blamed(answer)} == {name}
                assert len(answer.content) < 4000
            for id, code in (("%00", "nul_character"), ("%ff", "address_not_utf8")):
                answer = await world.send(operation, path=world.path(operation, **{name: id}))
                assert mendable(answer) == (422, code), f"{operation} {id}"


async def test_addresses_and_methods_that_are_none(every: list[Operation], world: World) -> None:
    methods: dict[str, set[str]] = {}
    for operation in every:
        methods.setdefault(operation.template, set()).add(operation.method)
    for operation in every:
        path = world.path(operation)
        for wrong in (f"{path}/", path.replace("/v1/", "/v1//"), path.upper(), f"{path}/a/b/c/d"):
            answer = await world.send(operation, path=wrong)
            assert mendable(answer) == (404, "not_found"), f"{operation.method} {wrong}"
            assert "openapi.json" in answer.json()["detail"]
        allowed = methods[operation.template] | ({"HEAD"} if "GET" in methods[operation.template] else set())
        for method in {"HEAD", "OPTIONS", "TRACE", "BREW", *(one.upper() for one in METHODS)} - allowed:
            answer = await world.client.request(method, path)
            if method == "HEAD":
                assert answer.status_code == 405
            else:
                assert mendable(answer) == (405, "method_not_allowed"), f"{method} {path}"
            assert set(answer.headers["Allow"].split(", ")) == allowed, path


def wrong_queries(operation: Operation) -> Iterator[tuple[str, str]]:
    """(name, value) of query parameters that cannot be."""
    for name, schema in operation.queries.items():
        kinds = schema.get("anyOf", [schema])
        formats = {kind.get("format") for kind in kinds}
        types = {kind.get("type") for kind in kinds}
        if types & {"integer", "boolean"} or formats & {"uuid", "date", "date-time"} or any("enum" in k for k in kinds):
            yield from ((name, value) for value in ("", "sesame", "1e999", "NaN", "[]", "١", "0x1"))
        if "date-time" in formats:
            yield name, "2026-09-30T12:00:00"
        if "integer" in types:
            yield from ((name, value) for value in ("0", "-1", "1.0", "99999999999999999999"))
        longest = next((kind["maxLength"] for kind in kinds if "maxLength" in kind), None)
        if longest is not None:
            yield name, "a" * (longest + 1)


async def test_queries_that_are_none(every: list[Operation], world: World) -> None:
    seen = 0
    for operation in every:
        right = world.query(operation)
        answer = await world.send(operation, params={**right, "sesame": "1"})
        assert mendable(answer) == (422, "unknown_parameter"), str(operation)
        assert all(name in answer.json()["detail"] for name in operation.queries)
        for name, value in wrong_queries(operation):
            answer = await world.send(operation, params={**right, name: value})
            status, code = mendable(answer)
            assert status == 422, f"{operation} {name}={value[:20]}"
            assert code != "invalid_request" or (name in {place for _, place in blamed(answer)}), answer.text
            seen += 1
        for name in operation.queries:
            twice = [*((key, one) for key, one in right.items() if key != name), (name, "a"), (name, "a")]
            answer = await world.send(operation, params=twice)
            assert mendable(answer) == (422, "unknown_parameter"), f"{operation} {name} twice"
            for value, code in (("%00", "nul_character"), ("a%FFb", "address_not_utf8"), ("%C3", "address_not_utf8")):
                path = f"{world.path(operation)}?{name}={value}"
                answer = await world.send(operation, path=path, params=None)
                assert mendable(answer) == (422, code), f"{operation} {name}={value}"
    assert seen > 100


async def test_cursors_of_somewhere_else(every: list[Operation], world: World, other: Any) -> None:
    pages = [one for one in every if "cursor" in one.queries]
    assert len(pages) > 8
    for name in ("A", "B"):
        await world.client.post("/v1/people", json={"name": name})
        await other.client.post("/v1/people", json={"name": name})
    ours = (await world.client.get("/v1/people?limit=1")).json()["next_cursor"]
    theirs = (await other.client.get("/v1/people?limit=1")).json()["next_cursor"]
    changed = ("B" if ours[0] == "A" else "A") + ours[1:]
    for operation in pages:
        foreign = [theirs, changed, ours[:-4], "sesame", "A" * 80, "!", "é"]
        if operation.template != "/v1/people":
            foreign.append(ours)
        for cursor in foreign:
            answer = await world.send(operation, params={**world.query(operation), "cursor": cursor})
            assert mendable(answer) == (422, "invalid_cursor"), f"{operation} {cursor}"
    assert (await world.client.get("/v1/people", params={"cursor": ours})).status_code == 200
    for changed_list in ("sort=name", "q=A", "is_active=true"):
        answer = await world.client.get(f"/v1/people?cursor={ours}&{changed_list}")
        assert mendable(answer) == (422, "invalid_cursor"), changed_list


async def test_headers_that_are_none(every: list[Operation], world: World) -> None:
    for operation in every:
        for name, value in (("X-Long", "a" * 40_000), ("Cookie", "a=b; " * 10_000), ("Authorization", "b" * 33_000)):
            answer = await world.send(operation, headers={name: value})
            assert mendable(answer) == (431, "headers_too_large"), f"{operation} {name}"
        if operation.needs_version:
            answer = await world.send(operation, headers={"If-Match": None})
            assert mendable(answer) == (428, "precondition_required"), str(operation)
        for name in ("If-Match", "If-None-Match") if operation.method != "POST" else ():
            if name.lower() not in operation.headers:
                continue
            for tag in ("1.0.0", '"1', "", '"a" "b"', "W/1", '"é', ","):
                answer = await world.send(operation, headers={name: tag.encode("latin-1")})
                assert mendable(answer) == (422, "invalid_header"), f"{operation} {name}: {tag}"
        if operation.needs_version or "if-match" in operation.headers:
            for tag in ('"999.0.0"', '"1e0.0.0"', 'W/"1.0.0"', '"*"', '""', '"999.0.0", "998"'):
                answer = await world.send(operation, headers={"If-Match": tag})
                assert mendable(answer) == (412, "precondition_failed"), f"{operation} If-Match: {tag}"
        if "idempotency-key" in operation.headers:
            for key in ("", "with space", '"', "a" * 256, "é"):
                answer = await world.send(operation, headers={"Idempotency-Key": key.encode("latin-1")})
                assert mendable(answer) == (422, "invalid_header"), f"{operation} {key[:20]}"


async def test_a_header_that_is_there_twice(world: World) -> None:
    key = world.client.headers["Authorization"]
    json_type = ("Content-Type", "application/json")
    cases: list[tuple[list[tuple[str, str]], Fault]] = [
        ([("If-Match", "*"), ("If-Match", '"9.0.0"'), json_type], (422, "invalid_header")),
        ([("If-Match", '"9.0.0"'), ("If-Match", '"8.0.0"'), json_type], (412, "precondition_failed")),
        ([("If-Match", "*"), json_type, ("Content-Type", "text/plain")], (415, "unsupported_media_type")),
        ([("If-Match", "*"), json_type, ("Authorization", key)], (401, "unauthenticated")),
    ]
    for headers, expected in cases:
        sent = [("Authorization", key), *headers]
        answer = await world.client.patch(f"/v1/teams/{world.ids['team_id']}", headers=sent, content=b"{}")
        assert mendable(answer) == expected, headers
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await world.client.post("/v1/teams", headers=keys, json={"name": "A"})
    assert mendable(answer) == (422, "invalid_header")
    # Several entity tags of one header are one list, wherever they stand.
    right = [("If-Match", '"9.0.0"'), ("If-Match", '"1.0.0"')]
    answer = await world.client.patch(f"/v1/teams/{world.ids['team_id']}", headers=right, json={"name": "B"})
    assert answer.status_code == 200, answer.text


async def test_a_key_for_another_request(every: list[Operation], world: World) -> None:
    tried = 0
    for operation in every:
        if "idempotency-key" not in operation.headers or operation.body is None:
            continue
        key = {"Idempotency-Key": f"key of {operation.name}".replace(" ", "-")}
        assert (await world.send(operation, headers=key)).status_code < 300, str(operation)
        spaced = orjson.dumps(world.body(operation)) + b" "
        answer = await world.send(operation, headers=key, content=spaced)
        assert mendable(answer) == (422, "idempotency_key_reused"), str(operation)
        tried += 1
    assert tried > 5


def taking_bodies(every: list[Operation]) -> list[Operation]:
    """The operations that have a body."""
    found = [operation for operation in every if operation.body is not None]
    assert len(found) > 15
    return found


async def test_bodies_that_are_no_json(every: list[Operation], world: World) -> None:
    for operation in taking_bodies(every):
        right = orjson.dumps(world.body(operation))
        bodies = [
            b" ",
            right[:-1],
            right + b"}",
            b"\xef\xbb\xbf" + right,
            right.decode().encode("utf-16"),
            b'{"a": "\xff"}',
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 1, "a": 1}',
            b'{"a": ' + b"1" * 5000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"<xml/>",
        ]
        for body in bodies:
            answer = await world.send(operation, content=body)
            assert mendable(answer) == (422, "malformed_json"), f"{operation} {body[:30]!r}"
        for body in (b"[]", b"null", b'"text"', b"1", b"1.5", b"true"):
            answer = await world.send(operation, content=body)
            assert mendable(answer) == (422, "invalid_request"), f"{operation} {body!r}"
            assert blamed(answer) == {("wrong_type", "")}
        if not operation.needs_body:
            continue
        # Nothing at all, whatever the content type says of it.
        answer = await world.send(operation, content=b"")
        assert mendable(answer) == (422, "invalid_request"), str(operation)
        assert blamed(answer) == {("missing", "")}


async def test_bodies_of_another_kind(every: list[Operation], world: World) -> None:
    for operation in taking_bodies(every):
        right = orjson.dumps(world.body(operation))
        kinds = ["", "text/plain", "application/xml", "application/json; charset=latin-1", "multipart/form-data"]
        if operation.method != "PATCH":
            kinds.append("application/merge-patch+json")
        for kind in kinds:
            answer = await world.send(operation, content=right, headers={"Content-Type": kind})
            assert mendable(answer) == (415, "unsupported_media_type"), f"{operation} {kind}"
        answer = await world.send(operation, content=right, headers={"Content-Encoding": "gzip"})
        assert mendable(answer) == (415, "unsupported_media_type"), f"{operation} gzip"


async def test_bodies_of_ten_megabytes(every: list[Operation], world: World) -> None:
    body = b'{"a": "' + b"a" * 10_000_000 + b'"}'

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000_000):
            yield body[start : start + 1_000_000]

    for operation in taking_bodies(every):
        for content in (body, parts()):
            answer = await world.send(operation, content=content)
            assert mendable(answer) == (413, "body_too_large"), str(operation)


_SAMPLES: dict[str, Any] = {
    "string": "sesame",
    "integer": 4711,
    "number": 0.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


def wrong_values(place: Place) -> Iterator[tuple[Any, set[str]]]:
    """Values that cannot stand at the place, each with the codes that may be said of it."""
    mistyped = {"wrong_type", "wrong_form", "not_one_of", "missing"}
    for type, value in _SAMPLES.items():
        if type not in place.types:
            yield value, mistyped
    for schema in place.schemas:
        match schema.get("type"):
            case "string" if "enum" in schema or "const" in schema:
                yield "sesame", {"not_one_of"}
            case "string":
                yield "a\0b", {"wrong_form", "not_one_of"}
                yield "\ud800", {"wrong_form", "not_one_of"}
                if "format" in schema and schema["format"] != "email":
                    yield from ((text, {"wrong_form"}) for text in ("sesame", "2026-09-30T12:00:00", "2026-02-30", "0"))
                if "maxLength" in schema:
                    yield "a" * (schema["maxLength"] + 1), {"wrong_length", "wrong_form"}
                if schema.get("minLength"):
                    yield "", {"wrong_length", "wrong_form"}
            case "number":
                yield RAW_HUGE, {"wrong_type", "out_of_range"}
                yield from (
                    (schema[end] * 1.1 + step, {"wrong_type", "out_of_range"}) for end, step in BOUNDS if end in schema
                )
            case "array" if "maxItems" in schema and schema["maxItems"] <= 1000:
                yield [_SAMPLES["string"]] * (schema["maxItems"] + 1), {"wrong_length"}


def body_with(world: World, operation: Operation, place: Place, value: Any) -> bytes:
    """The right body with the wrong value, as bytes."""
    assert operation.body is not None
    # With escapes, which can write what no UTF-8 can.
    text = json.dumps(with_value(world.body(operation), place, value, world.ids, operation.body))
    return text.replace(f'"{RAW_HUGE}"', "1e999").encode()


def faults_of(answer: httpx.Response) -> set[tuple[str, str]]:
    """(code, pointer) of what is wrong; a batch tells it of each item instead of refusing the whole."""
    if answer.status_code == 207:
        return {(one["code"], one["pointer"]) for one in answer.json()["results"] if one["status"] == "rejected"}
    assert mendable(answer) == (422, "invalid_request"), answer.text
    return {(code, place) for code, place in blamed(answer)}


async def test_values_that_are_none_are_told_by_their_place(every: list[Operation], world: World) -> None:
    wrong: list[str] = []
    seen = 0
    for operation in taking_bodies(every):
        assert operation.body is not None
        for place in places(operation.body):
            for value, codes in wrong_values(place) if place.steps else ():
                seen += 1
                answer = await world.send(operation, content=body_with(world, operation, place, value))
                if answer.status_code not in (207, 422):
                    wrong.append(f"{operation} {place.pointer}={str(value)[:30]!r}: {answer.status_code}")
                elif not any(code in codes and pointer == place.pointer for code, pointer in faults_of(answer)):
                    wrong.append(f"{operation} {place.pointer}={str(value)[:30]!r}: {answer.text[:300]}")
    assert wrong == [], "\n".join(wrong)
    assert seen > 500


async def test_fields_that_nobody_knows(every: list[Operation], world: World) -> None:
    for operation in taking_bodies(every):
        assert operation.body is not None
        for place in places(operation.body):
            if "object" not in place.types:
                continue
            extra = Place((*place.steps, "sesame~/"), ())
            answer = await world.send(operation, content=body_with(world, operation, extra, 1))
            assert ("unknown_field", extra.pointer) in faults_of(answer), f"{operation}: {answer.text}"
