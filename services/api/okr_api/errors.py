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
    """There is no credential, or none that is known.

    Send `Authorization: Bearer` with an API key that has neither expired nor been revoked.
    """

    code = "unauthenticated"


class Forbidden(DomainError):
    """The credential is good, but not for this.

    Use a key with the scope that the answer names; a key can only hand on scopes that it has itself.
    """

    code = "forbidden"


class MethodNotAllowed(DomainError):
    """The address is known, but not with this method.

    Use one of the methods that the `Allow` header names.
    """

    code = "method_not_allowed"


class Gone(DomainError):
    """What is asked for was there, and is not kept any longer.

    Begin anew, without what the request still holds of it.
    """

    code = "gone"


class PreconditionFailed(DomainError):
    """The thing has changed since the caller read it.

    Read it again, look at what has become of it, and repeat the change with the new `ETag` in `If-Match`.
    """

    code = "precondition_failed"


class PreconditionRequired(DomainError):
    """A change must say which version it is meant for.

    Send `If-Match` with the `ETag` that was read, or `*` to change whatever version there is.
    """

    code = "precondition_required"


class BodyTooLarge(DomainError):
    """The body has more bytes than a request may have, 2 MiB.

    Send less at once: a batch of points can be parted at any place.
    """

    code = "body_too_large"


class HeadersTooLarge(DomainError):
    """The address and the headers have more bytes together than a request may have, 32 KiB.

    Leave out headers that are not needed, such as cookies; what is long belongs into the body.
    """

    code = "headers_too_large"


class UnsupportedMediaType(DomainError):
    """The body is of a kind that the operation does not read.

    Send JSON in UTF-8, uncompressed, as `Content-Type: application/json`; a PATCH may also be `application/merge-patch+json`.
    """

    code = "unsupported_media_type"


class BrokenHttp(DomainError):
    """What came in is not HTTP, so that nothing in it could be read.

    Look at what the client, or a proxy before the service, really sends.
    """

    code = "broken_http"


class PreflightRefused(DomainError):
    """A browser asked whether a page may send a request, and it may not.

    Add the page's origin to the service's `OKR_CORS_ORIGINS`, or leave out the method or header that the answer names.
    """

    code = "preflight_refused"


class Malformed(Invalid):
    """The body is not the JSON that it claims to be.

    Send one JSON value in UTF-8 without a byte order mark, NaN, infinities, or members that are there twice.
    """

    code = "malformed_json"


class InvalidRequest(Invalid):
    """Values in the body, the query or the path do not have the form that the operation asks for.

    Each item of `errors` has a code, and says by `pointer` or `parameter` which value to mend.
    """

    code = "invalid_request"


class AlreadyExists(Conflict):
    """Something with the same identifying value is there already.

    Choose another value, or change the thing that has it.
    """

    code = "already_exists"


class ReferenceGone(Conflict):
    """Something that the request names was removed while it was being served.

    Read again what there is, and send the request with what is still there.
    """

    code = "reference_gone"


class Unavailable(DomainError):
    """Something that the service needs is away or overloaded.

    Send the same request again after the seconds that `Retry-After` says; a POST with the same `Idempotency-Key`.
    """

    code = "unavailable"


class Unexpected(DomainError):
    """A fault of the service itself.

    Tell whoever runs it the `request_id`, under which the fault was recorded.
    """

    code = "internal_error"


# The first class in a refusal's ancestry that is listed gives its status.
STATUSES: dict[type[DomainError], int] = {
    BrokenHttp: 400,
    PreflightRefused: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    Gone: 410,
    PreconditionFailed: 412,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    Invalid: 422,
    PreconditionRequired: 428,
    HeadersTooLarge: 431,
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
    410: "It is not kept any longer",
    412: "The thing has changed in the meantime",
    413: "The request is too large",
    415: "The content type is not supported",
    422: "The request breaks a rule",
    428: "The version must be named",
    431: "The headers are too large",
    500: "Something went wrong on our side",
    503: "The service cannot answer right now",
}
_LONGEST_INSTANCE = 2000
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


def refusal(
    scope: Any,
    error: DomainError,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    more: dict[str, object] | None = None,
) -> Response:
    """The answer to a refusal; `scope` is the request's ASGI scope, `more` are members of this problem's own.

    Without `errors` the refusal's own pointer is the one place to mend.
    """
    status = status_of(error)
    if errors is None and error.pointer is not None:
        errors = [{"code": error.code, "detail": error.message, "pointer": error.pointer}]
    content: dict[str, object] = {
        "type": f"urn:okr:problem:{error.code}",
        "title": TITLES[status],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "instance": scope["path"][:_LONGEST_INSTANCE],
        "request_id": scope.get("okr.request_id", ""),
        "errors": errors or [],
        **(more or {}),
    }
    # A path may hold what is no UTF-8.
    body = orjson.dumps(_encodable(content))
    return Response(body, status, {**_HEADERS.get(status, {}), **(headers or {})}, PROBLEM_JSON)


def _encodable(content: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in content.items()
    }
