"""Refusals as HTTP answers. Status numbers of failures are written here and nowhere else.

Every failure is an RFC 9457 problem with a stable `code`; none repeats what the caller sent, for that may be a secret, or
not even be JSON.
"""

from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from okr.domain.errors import Conflict, DomainError, Invalid, NotFound

PROBLEM_JSON = "application/problem+json"


class Unauthenticated(DomainError):
    """No credential, or none that we know."""

    code = "unauthenticated"


class Forbidden(DomainError):
    """The credential is good, but not for this."""

    code = "forbidden"


class PreconditionFailed(DomainError):
    """The thing has changed since the caller read it."""

    code = "precondition_failed"


class PreconditionRequired(DomainError):
    """A change must say which version it is meant for."""

    code = "precondition_required"


class BodyTooLarge(DomainError):
    """More bytes than a request may have."""

    code = "body_too_large"


class UnsupportedMediaType(DomainError):
    """The body is of a kind that this operation does not read."""

    code = "unsupported_media_type"


class Malformed(Invalid):
    """The body is not the JSON that it claims to be."""

    code = "malformed_json"


class Unavailable(DomainError):
    """Something that we need is away; the same request may work in a moment."""

    code = "unavailable"


class Unexpected(DomainError):
    """A bug of ours."""

    code = "internal_error"


# The first class in a refusal's ancestry that is listed gives its status.
STATUSES: dict[type[DomainError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    Invalid: 422,
    PreconditionRequired: 428,
    Unexpected: 500,
    Unavailable: 503,
    DomainError: 422,
}
TITLES = {
    400: "The request cannot be understood",
    401: "A valid credential is needed",
    403: "The credential does not allow this",
    404: "There is no such thing",
    405: "The method is not allowed here",
    409: "The request does not fit what is there",
    412: "The thing has changed in the meantime",
    413: "The request is too large",
    415: "The content type is not supported",
    422: "The request breaks a rule",
    428: "The version must be named",
    500: "Something went wrong on our side",
    503: "The service cannot answer right now",
}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}


class ProblemItem(BaseModel):
    """One thing that is wrong: at a place in the body (`pointer`, RFC 6901) or in a parameter."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(BaseModel):
    """A failure, after RFC 9457. `code` is stable; `title` and `detail` are for people and may be reworded."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str
    errors: list[ProblemItem] = []


def status_of(error: DomainError | type[DomainError]) -> int:
    """The status that the refusal answers with."""
    kind = error if isinstance(error, type) else type(error)
    return next(STATUSES[parent] for parent in kind.__mro__ if parent in STATUSES)


def problem(
    scope: Any,
    status: int,
    *,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    more: dict[str, object] | None = None,
) -> Response:
    """The answer that tells of a failure; `scope` is the request's ASGI scope, `more` are members of this problem's own."""
    content: dict[str, object] = {
        "type": f"urn:okr:problem:{code}",
        "title": TITLES.get(status, "The request failed"),
        "status": status,
        "detail": detail,
        "code": code,
        "instance": scope["path"][:2000],
        "request_id": scope.get("okr.request_id", ""),
        "errors": errors or [],
        **(more or {}),
    }
    # A path may hold what is no UTF-8.
    body = orjson.dumps(_encodable(content))
    return Response(body, status, {**_HEADERS.get(status, {}), **(headers or {})}, PROBLEM_JSON)


def refusal(scope: Any, error: DomainError) -> Response:
    """The answer to a refusal of the domain or of the edge."""
    errors = [{"code": error.code, "detail": error.message, "pointer": error.pointer}] if error.pointer else None
    return problem(scope, status_of(error), code=error.code, detail=error.message, errors=errors)


def _encodable(content: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in content.items()
    }
