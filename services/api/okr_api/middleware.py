"""What surrounds every request: its id, its log line and figures, the headers of every answer, and the last net for bugs."""

import re
import time
from collections.abc import Sequence

import structlog
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from okr import telemetry
from okr.domain.errors import Invalid
from okr.ids import new_id
from okr_api.errors import refusal
from okr_api.failures import unexpected

REQUEST_ID = "X-Request-Id"
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
    """The address holds a NUL, which no text of ours can."""

    code = "nul_character"


class Surroundings:
    """ASGI middleware; the outermost but for CORS, so that every answer passes through it."""

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
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete(message["headers"], request_id)
            await send(message)

        try:
            if b"%00" in scope["query_string"] or "\0" in scope["path"]:
                await refusal(scope, NulCharacter("The address holds a NUL."))(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if status:  # too late for another answer: the server cuts the connection
                raise
            await unexpected(scope, error)(scope, receive, send_with_headers)
        finally:
            _record(scope, status, time.perf_counter() - started)


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
