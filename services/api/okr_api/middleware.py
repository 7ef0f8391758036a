"""What surrounds every request: its id, its log line and figures, the headers of every answer, and the last net for bugs.

From the outside in: `Surroundings`, cross-origin rules, `Net`, the routes.
"""

import re
import time
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from okr import telemetry
from okr.domain.errors import DomainError, Invalid
from okr.ids import new_id
from okr_api.errors import HeadersTooLarge, refusal
from okr_api.failures import unexpected

REQUEST_ID = "X-Request-Id"
LARGEST_HEAD_BYTES = 32 * 1024
# No status of HTTP: what logs and figures say of a caller who hung up before the answer.
CLIENT_GONE = 499
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_QUIET = ("/livez", "/readyz", "/metrics")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_NO_CACHE = (b"cache-control", b"private, no-cache")

log = structlog.get_logger(__name__)


class NulCharacter(Invalid):
    """The address holds a NUL, which no text can.

    Leave out `%00`.
    """

    code = "nul_character"


class AddressNotUtf8(Invalid):
    """The address holds bytes that are no UTF-8.

    Write text in UTF-8 before percent-encoding it.
    """

    code = "address_not_utf8"


class Surroundings:
    """ASGI middleware; the outermost, so that every answer passes through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scopes pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        if scope["method"] == "HEAD":
            # What GET answers; the server leaves the body out.
            scope = {**scope, "method": "GET"}
        told = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = told if _REQUEST_ID.fullmatch(told) else str(new_id())
        scope["okr.request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["okr.status"] = message["status"]
                message["headers"] = _complete(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            _record(scope, scope.get("okr.status", CLIENT_GONE), time.perf_counter() - started)


class Net:
    """ASGI middleware around the routes: what they cannot be asked, and what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scopes pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (wrong := _wrong_address(scope)) is not None:
            await refusal(scope, wrong)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            # Nobody is left to answer, and nothing is wrong with us.
            return
        except Exception as error:
            answer = unexpected(scope, error)
            if "okr.status" in scope:  # too late for another answer: the server cuts the connection
                raise
            await answer(scope, receive, send)


def _wrong_address(scope: Scope) -> DomainError | None:
    """What keeps a request from being looked at by any route."""
    query: bytes = scope["query_string"]
    size = len(scope["path"]) + len(query) + sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LARGEST_HEAD_BYTES:
        return HeadersTooLarge(f"Address and headers may have {LARGEST_HEAD_BYTES:,} bytes together: leave some out.")
    if "\0" in scope["path"] or (b"%" in query and b"\0" in unquote_to_bytes(query)):
        return NulCharacter("The address holds a NUL: leave out %00.")
    if not (_is_utf8(scope["raw_path"]) and _is_utf8(query)):
        return AddressNotUtf8("The address is no UTF-8: encode its text in UTF-8, then in percents.")
    return None


def _is_utf8(encoded: bytes) -> bool:
    if b"%" not in encoded:
        return True
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True


def _complete(headers: Sequence[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
    complete = [*headers, *_HEADERS, (b"x-request-id", request_id.encode())]
    if not any(name == b"cache-control" for name, _ in headers):
        complete.append(_NO_CACHE)
    return complete


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("route")
    template = route.path if isinstance(route, Route) else "unmatched"
    # A caller may invent methods; each would be a series of its own for ever.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    telemetry.HTTP_SECONDS.labels(method, template, str(status)).observe(seconds)
    tell = log.debug if template in _QUIET else log.info
    tell(
        "request served",
        method=scope["method"],
        route=template,
        status=status,
        milliseconds=round(seconds * 1000, 3),
    )
