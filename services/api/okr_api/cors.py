"""Which pages of other origins may call, and what a browser is told whose page may not."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from okr_api.errors import PreflightRefused, refusal

ALLOWED_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Cors(CORSMiddleware):
    """The framework's rules; its refusals become problems."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight; let everything else pass, with the headers that let a page read the answer."""
        if not _is_preflight(scope):
            await super().__call__(scope, receive, send)
            return
        found = self.preflight_response(Headers(scope=scope))
        await (found if found.status_code < 400 else self._refused(scope, found))(scope, receive, send)

    def _refused(self, scope: Scope, found: Response) -> Response:
        """`found` says which parts do not fit; its headers say which origin may read that."""
        parts = bytes(found.body).decode().removeprefix("Disallowed CORS ")
        headers = {name: value for name, value in found.headers.items() if not name.startswith("content-")}
        detail = f"A page may not send this from its origin; what does not fit is: {parts}."
        return refusal(scope, PreflightRefused(detail), headers=headers)


def _is_preflight(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    headers = Headers(scope=scope)
    return "origin" in headers and "access-control-request-method" in headers
