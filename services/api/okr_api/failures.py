"""From whatever was raised to the problem that the caller reads: refusals, the framework's own, the database's, and bugs."""

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

from okr.domain.errors import DomainError, NotFound
from okr_api.errors import (
    AlreadyExists,
    InvalidRequest,
    MethodNotAllowed,
    ReferenceGone,
    Unavailable,
    Unexpected,
    refusal,
)
from okr_api.findings import error_item

_MOST_ERRORS = 50

log = structlog.get_logger(__name__)


async def on_domain_error(request: Request, error: Exception) -> Response:
    """A rule of the field, or of the edge, says no."""
    assert isinstance(error, DomainError)
    items = error.facts.get("items")
    return refusal(request.scope, error, errors=items if isinstance(items, list) else None)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The framework says no: unknown path, wrong method."""
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return refusal(
                request.scope, NotFound("No operation has this address: /openapi.json lists those there are.")
            )
        case 405:
            allowed = ", ".join(_methods_of(request))
            wrong = MethodNotAllowed(f"This address answers {allowed}.")
            return refusal(request.scope, wrong, headers={"Allow": allowed})
        case _:
            return unexpected(request.scope, error)


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
    found = error.errors()
    wrong = "One value is not as it must be" if len(found) == 1 else f"{len(found)} values are not as they must be"
    invalid = InvalidRequest(f"{wrong}: mend what `errors` names and send it again.")
    return refusal(request.scope, invalid, errors=[error_item(one) for one in found[:_MOST_ERRORS]])


async def on_database_error(request: Request, error: Exception) -> Response:
    """PostgreSQL refused or is away. A broken constraint is the caller's conflict, for what use cases check can change."""
    cause = getattr(error.orig, "__cause__", None) if isinstance(error, DBAPIError) else error
    match cause:
        case asyncpg.UniqueViolationError():
            taken = AlreadyExists("Something with the same identifying value is there already: choose another value.")
            return refusal(request.scope, taken, errors=_columns(cause))
        case asyncpg.ForeignKeyViolationError():
            return refusal(request.scope, ReferenceGone("Something it refers to was just removed: read what there is."))
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.InterfaceError()
            # The server ended the connection, and the driver has read why but not yet that it is over.
            | asyncpg.InternalClientError()
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
            return refusal(
                request.scope, Unavailable("The database cannot serve this right now: try again in a moment.")
            )
        case _:
            return unexpected(request.scope, error)


def _columns(cause: asyncpg.UniqueViolationError) -> list[dict[str, str]]:
    """Pointers to the columns of the broken constraint: they are called `<table>_organization_id_<columns>_key`."""
    name = str(cause.constraint_name or "")
    column = name.removeprefix(f"{cause.table_name}_organization_id_").removesuffix("_key")
    if column == name or not name.endswith("_key"):
        return []
    return [{"code": AlreadyExists.code, "detail": "is taken: choose another", "pointer": f"/{column}"}]


def unexpected(scope: Any, error: BaseException) -> Response:
    """What nobody foresaw: logged with its traceback, told without."""
    log.error("request failed", exc_info=error, path=scope["path"])
    return refusal(scope, Unexpected("The fault was recorded: tell whoever runs the service this request_id."))


HANDLERS: dict[Any, Any] = {
    DomainError: on_domain_error,
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid_request,
    DBAPIError: on_database_error,
    PoolTimeout: on_database_error,
    asyncpg.PostgresError: on_database_error,
    asyncpg.InterfaceError: on_database_error,
    asyncpg.InternalClientError: on_database_error,
    OSError: on_database_error,
    TimeoutError: on_database_error,
}
