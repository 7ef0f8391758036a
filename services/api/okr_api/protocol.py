"""HTTP/1.1 as the server speaks it, with two things put right: a message is bounded, and what is no HTTP is told so.

The server's own protocol keeps headers and trailers for as long as they come, and refuses in plain text.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from okr.domain.errors import DomainError
from okr.ids import new_id
from okr_api.errors import BodyTooLarge, BrokenHttp, HeadersTooLarge, refusal
from okr_api.middleware import LARGEST_HEAD_BYTES, REQUEST_ID
from okr_api.strict_json import LARGEST_BODY_BYTES

# A body in the smallest of chunks is six times as long.
_LARGEST_MESSAGE_BYTES = 8 * LARGEST_BODY_BYTES

_LINGER_SECONDS = 5.0


class Protocol(HttpToolsProtocol):
    """One connection.

    Heads and bodies are measured by the application, which answers them like every request. What is cut here is what it
    never gets to see: a head or a trailer without an end.
    """

    _message_bytes = 0
    _is_refused = False

    def data_received(self, data: bytes) -> None:
        """Take what came in, and refuse a message that does not end.

        The piece in which a message begins does not count: the network hands over no large ones.
        """
        if self._is_refused:
            return
        before = self.scope
        super().data_received(data)
        if self.scope is not before:
            self._message_bytes = 0
            return
        self._message_bytes += len(data)
        if self._message_bytes <= LARGEST_HEAD_BYTES or self.transport.is_closing():
            return
        if self.scope is not None and "method" not in self.scope:
            self._refuse(HeadersTooLarge(f"Address and headers may have {LARGEST_HEAD_BYTES:,} bytes together."))
        elif self._message_bytes > _LARGEST_MESSAGE_BYTES:
            self._refuse(BodyTooLarge(f"A body may have {LARGEST_BODY_BYTES:,} bytes: send less at once."))

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP; the parser cannot go on, so the connection ends. `msg` says no more than that."""
        del msg
        self._refuse(BrokenHttp("This is not HTTP/1.1: look at what the client, or a proxy before us, really sends."))

    def _refuse(self, error: DomainError) -> None:
        cycle = self.cycle
        if cycle is not None and (cycle.more_body or not cycle.response_complete):
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or cycle.scope is not self.scope:
                # What is wrong comes after a request whose answer is not out yet: ours would be taken for that one's.
                self.transport.close()
                return
        scope: dict[str, Any] = {"path": "", "okr.request_id": str(new_id())}
        answer = refusal(scope, error, headers={REQUEST_ID: scope["okr.request_id"], "Connection": "close"})
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(STATUS_LINE[answer.status_code] + b"".join(lines) + b"\r\n" + bytes(answer.body))
        # Closed at once, while the client still sends, the connection would be reset and the answer lost on its way.
        self._is_refused = True
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
