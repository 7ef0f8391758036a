"""From whatever was raised to the problem that the caller reads: refusals, the framework's own, the database's, and bugs."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from okr.domain.errors import Conflict, DomainError, Invalid
from okr_api.errors import TITLES, Unavailable, Unexpected, problem, refusal, status_of

_MOST_ERRORS = 50
_LONGEST_NAME = 100
_CODES = {
    "extra_forbidden": "unknown_field",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "string_pattern_mismatch": "wrong_form",
    "string_unicode": "wrong_form",
    "number": "wrong_type",
}
_CODES_BY_ENDING = {
    "_type": "wrong_type",
    "_parsing": "wrong_form",
    "too_short": "wrong_length",
    "too_long": "wrong_length",
    "than": "out_of_range",
    "than_equal": "out_of_range",
}
_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed"}

log = structlog.get_logger(__name__)


async def on_domain_error(request: Request, error: Exception) -> Response:
    """A rule of the field, or of the edge, says no."""
    assert isinstance(error, DomainError)
    return refusal(request.scope, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The framework says no: unknown path, wrong method."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(_methods_of(request))
    code = _FRAMEWORK_CODES.get(status, f"http_{status}")
    return problem(
        request.scope, status, code=code, detail=TITLES.get(status, str(error.detail)) + ".", headers=headers
    )


def _methods_of(request: Request) -> list[str]:
    """Every method that some route answers at this path; the framework names those of the first one only."""
    path = request.scope["path"]
    methods: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.path_regex.match(path):
            methods |= route.methods or set()
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """The request does not have the form that the operation's schema asks for."""
    assert isinstance(error, RequestValidationError)
    errors = [error_item(found) for found in error.errors()[:_MOST_ERRORS]]
    count = len(error.errors())
    detail = "One value is not as it must be." if count == 1 else f"{count} values are not as they must be."
    return problem(request.scope, status_of(Invalid), code="invalid_request", detail=detail, errors=errors)


def error_item(found: Mapping[str, Any]) -> dict[str, str]:
    """One of the library's findings in our words; the first part of its `loc` says whether it lies in the body."""
    where, *path = found["loc"]
    item = {"code": _code(found["type"]), "detail": _sentence(found)}
    if where == "body":
        item["pointer"] = "".join("/" + _token(part) for part in path)
    else:
        item["parameter"] = str(path[0])[:_LONGEST_NAME] if path else str(where)
    return item


def _code(type: str) -> str:
    """Our word for what the validation library found; its own words may change with it."""
    if type in _CODES:
        return _CODES[type]
    return next((ours for ending, ours in _CODES_BY_ENDING.items() if type.endswith(ending)), type)


def _token(part: str | int) -> str:
    """One reference token of a JSON Pointer."""
    name = str(part)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
    return name.replace("~", "~0").replace("/", "~1")


def _sentence(found: Mapping[str, Any]) -> str:
    """What is wrong, without the value: some of the library's messages quote it."""
    if found["type"].endswith(("_parsing", "_from_date_parsing", "_unicode")):
        return "cannot be read as what it must be"
    return str(found["msg"])


async def on_database_error(request: Request, error: Exception) -> Response:
    """PostgreSQL refused or is away. A broken constraint is the caller's conflict, for what use cases check can change."""
    cause = getattr(error.orig, "__cause__", None) if isinstance(error, DBAPIError) else error
    match cause:
        case asyncpg.UniqueViolationError():
            return problem(
                request.scope,
                status_of(Conflict),
                code="already_exists",
                detail="Something with the same identifying value is already there.",
                errors=_columns(cause),
            )
        case asyncpg.ForeignKeyViolationError():
            return problem(
                request.scope, status_of(Conflict), code="reference_gone", detail="Something it refers to is not there."
            )
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.InterfaceError()
            | asyncpg.OperatorInterventionError()
            | asyncpg.InsufficientResourcesError()
            | asyncpg.TransactionRollbackError()
            | asyncpg.ObjectNotInPrerequisiteStateError()
            | asyncpg.InvalidAuthorizationSpecificationError()
            | asyncpg.InvalidCatalogNameError()
            | asyncpg.IdleInTransactionSessionTimeoutError()
            | OSError()
            | TimeoutError()
            | PoolTimeout()
        ):
            log.warning("database unavailable", error=type(cause).__name__)
            return refusal(request.scope, Unavailable("The database cannot serve this right now."))
        case _:
            return unexpected(request.scope, error)


def _columns(cause: asyncpg.UniqueViolationError) -> list[dict[str, str]]:
    """Pointers to the columns of the broken constraint: they are called `<table>_organization_id_<columns>_key`."""
    name = str(cause.constraint_name or "")
    column = name.removeprefix(f"{cause.table_name}_organization_id_").removesuffix("_key")
    if column == name or not name.endswith("_key"):
        return []
    return [{"code": "already_exists", "detail": "is taken", "pointer": f"/{column}"}]


def unexpected(scope: Any, error: BaseException) -> Response:
    """What nobody foresaw: logged with its traceback, told without."""
    log.error("request failed", exc_info=error, path=scope["path"])
    return refusal(scope, Unexpected("The failure was recorded under this request_id."))


HANDLERS: dict[Any, Any] = {
    DomainError: on_domain_error,
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid_request,
    DBAPIError: on_database_error,
    PoolTimeout: on_database_error,
    asyncpg.PostgresError: on_database_error,
    asyncpg.InterfaceError: on_database_error,
    OSError: on_database_error,
    TimeoutError: on_database_error,
}
