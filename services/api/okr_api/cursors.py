"""Cursors of lists: where a page ended, signed, and good for the same list only."""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

import orjson

from okr.domain.errors import Invalid

_MAC_BYTES = 16


class InvalidCursor(Invalid):
    """The cursor is none of ours, or belongs to another list, other filters or another sort.

    Start again without a cursor, and change nothing else from page to page.
    """

    code = "invalid_cursor"


class Cursors:
    """Writes and reads cursors with the service's secret.

    `binding` is the list that a cursor belongs to: organization, route, filters and sort. A cursor gives no rights: the
    request that brings it is checked like every other.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = hashlib.sha256(b"okr cursors\0" + secret_key.encode()).digest()

    def write(self, binding: bytes, after: tuple[str, UUID]) -> str:
        """The cursor of what follows the thing with this sort key and id."""
        key, id = after
        payload = orjson.dumps([key, str(id)])
        return base64.urlsafe_b64encode(self._mac(binding, payload) + payload).decode().rstrip("=")

    def read(self, binding: bytes, cursor: str) -> tuple[str, UUID]:
        """What the cursor says. Raises InvalidCursor unless we wrote it for this very list."""
        try:
            content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        mac, payload = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(binding, payload)):
            raise _invalid()
        key, id = orjson.loads(payload)
        return key, UUID(id)

    def _mac(self, binding: bytes, payload: bytes) -> bytes:
        # The length keeps a binding's end from passing for a payload's start.
        message = len(binding).to_bytes(4) + binding + payload
        return hmac.digest(self._key, message, hashlib.sha256)[:_MAC_BYTES]


def _invalid() -> InvalidCursor:
    return InvalidCursor("The cursor does not belong to this list with these filters and this sort: start without one.")
