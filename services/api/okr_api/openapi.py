"""The OpenAPI document, made true: every answer is a problem or what the route declares, and every header is named."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from okr_api.errors import Problem

ETAG_HEADER = {"ETag": {"description": '`"<version>.<requested_seq>.<computed_seq>"`', "schema": {"type": "string"}}}
LOCATION_HEADER = {"Location": {"description": "The path of what was made.", "schema": {"type": "string"}}}
_DROPPED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def header_parameters(method: str, *, single: bool) -> list[dict[str, Any]]:
    """The request headers that an operation reads besides Authorization."""
    match method:
        case "GET":
            return [_header("If-None-Match", "ETag of the copy that the caller has.")] if single else []
        case "PATCH" | "DELETE":
            told = "ETag of what was read, of which the version counts; or `*`."
            return [_header("If-Match", told, required=True), _PREFER]
        case "POST":
            told = "The same key with the same request has one effect, and is answered alike for 24 hours."
            return [_header("Idempotency-Key", told, longest=255), _PREFER]
        case _:
            return [_PREFER]


def _header(name: str, description: str, *, required: bool = False, longest: int | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"} | ({"maxLength": longest} if longest else {}),
    }


_PREFER = _header("Prefer", "`wait=N`: answer when the grade is computed, after N seconds (0..30) at the latest.")


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once per process."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _DROPPED_SCHEMAS:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas[Problem.__name__] = problem
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: `okr_live_…`."}
    }
    for operations in made["paths"].values():
        for method, operation in operations.items():
            if method == "patch":
                _say_merge_patch(operation)
    app.openapi_schema = made
    return made


def _say_merge_patch(operation: dict[str, Any]) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        content["application/merge-patch+json"] = content["application/json"]
