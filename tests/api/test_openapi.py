"""The OpenAPI document is true and complete, and every route says who may call it."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from okr.keys import Scope
from okr.settings import Settings
from okr_api.app import create_app
from okr_api.routing import Route

PUBLIC = {"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/oauth2-redirect"}
ANY_KEY = {"/v1/me"}
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application; it needs no servers to describe itself."""
    return create_app(Settings(secret_key="x" * 32))  # type: ignore[arg-type]  # as text, like the environment


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    """The document as clients get it."""
    made: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    return made


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each operation of the API under `METHOD /path`."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS and path.startswith("/v1/")
    }


def test_every_route_says_who_may_call_it(app: FastAPI) -> None:
    open_routes = {route.path for route in app.routes if not isinstance(route, Route) or route.is_public}
    any_key = {
        route.path for route in app.routes if isinstance(route, Route) and not route.is_public and route.scope is None
    }
    assert (open_routes, any_key) == (PUBLIC, ANY_KEY)
    writing = [route for route in app.routes if isinstance(route, Route) and not route.methods & {"GET"}]
    assert writing
    assert not [route.path for route in writing if route.scope in (None, Scope.OKR_READ, Scope.HISTORY_READ)]


def test_what_is_served_is_what_is_described(app: FastAPI, document: dict[str, Any]) -> None:
    served = {
        (route.path, method.lower()) for route in app.routes if isinstance(route, Route) for method in route.methods
    }
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    assert served == described
    assert document["openapi"].startswith("3.1")


def test_every_operation_is_named_once_and_told_about(operations: dict[str, dict[str, Any]]) -> None:
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    for name, operation in operations.items():
        assert operation["tags"], name
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert operation["security"][0]["key"] or "/v1/me" in name, name


def test_every_failure_is_a_problem_and_the_usual_ones_are_declared(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    shared = document["components"]["responses"]
    for name, operation in operations.items():
        method = name.split()[0]
        answers = operation["responses"]
        failures = {status: answer for status, answer in answers.items() if int(status) >= 400}
        for status, answer in failures.items():
            told = shared[answer["$ref"].rpartition("/")[2]]
            schema = told["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
        expected = {"401", "422", "500", "503"}
        if operation["security"][0]["key"]:
            expected |= {"403"}
        if "{" in name:
            expected |= {"404"}
        if method in ("PATCH", "DELETE"):
            expected |= {"404", "412", "428"}
        if "requestBody" in operation:
            expected |= {"413", "415"}
        assert expected <= set(failures), name


def test_headers_are_declared_where_they_count(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        method = name.split()[0]
        headers = {one["name"]: one["required"] for one in operation.get("parameters", []) if one["in"] == "header"}
        match method:
            case "PATCH" | "DELETE":
                assert headers.get("If-Match") is True, name
            case "POST":
                assert headers.get("Idempotency-Key") is False, name
        if "304" in operation["responses"]:
            assert "If-None-Match" in headers, name
        # A point has no address of its own.
        if "201" in operation["responses"] and operation["operationId"] != "add_point":
            assert "Location" in operation["responses"]["201"]["headers"], name


def test_a_patch_may_be_sent_as_a_merge_patch(operations: dict[str, dict[str, Any]]) -> None:
    patches = {name: operation for name, operation in operations.items() if name.startswith("PATCH")}
    assert patches
    for name, operation in patches.items():
        kinds = set(operation["requestBody"]["content"])
        assert kinds == {"application/json", "application/merge-patch+json"}, name


def test_bodies_are_bounded_and_closed(document: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    schemas = document["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)
    sent = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for operation in operations.values()
        if "requestBody" in operation
    }
    loose = [place for name in sorted(sent) for place in _loose(schemas[name], name)]
    assert loose == []


def _loose(schema: dict[str, Any], place: str) -> list[str]:
    """The places in an input's schema that have no bound."""
    found = []
    if "properties" in schema and schema.get("additionalProperties") is not False:
        found.append(f"{place}: takes unknown fields")
    is_free = not ({"enum", "const", "format", "pattern"} & schema.keys())
    if schema.get("type") == "string" and is_free and "maxLength" not in schema:
        found.append(f"{place}: text of any length")
    if schema.get("type") == "array" and "maxItems" not in schema:
        found.append(f"{place}: a list of any length")
    if "default" in schema and schema["default"] is None and schema.get("type") not in (None, "null"):
        found.append(f"{place}: a default that it would refuse")
    for name, inner in schema.get("properties", {}).items():
        found += _loose(inner, f"{place}.{name}")
    for inner in schema.get("anyOf", []):
        found += _loose(inner, place)
    if isinstance(schema.get("items"), dict):
        found += _loose(schema["items"], f"{place}[]")
    return found
