"""API keys: `okr_live_` + public id (12) + secret (32) + checksum (6), all base62.

The prefix lets scanners find a leaked key, the checksum lets them and us drop a mistyped one without asking a database, the
public id finds its row. The secret has 190 random bits, so a keyed hash of the whole is enough to keep: nothing of the
secret is stored, and whoever reads the table cannot make keys without the service's own secret.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "okr_live_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PUBLIC_ID_LENGTH = 12
_SECRET_LENGTH = 32
_CHECKSUM_LENGTH = 6
_LENGTH = len(PREFIX) + _PUBLIC_ID_LENGTH + _SECRET_LENGTH + _CHECKSUM_LENGTH


class Scope(StrEnum):
    """What a key may do. No scope contains another."""

    OKR_READ = "okr:read"
    OKR_WRITE = "okr:write"
    METRICS_WRITE = "metrics:write"
    HISTORY_READ = "history:read"
    RULES_ADMIN = "rules:admin"
    KEYS_ADMIN = "keys:admin"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is shown, once. It never appears in a log: its repr hides it."""

    public_id: str
    shown: str

    def __repr__(self) -> str:
        return f"Key(public_id={self.public_id!r})"

    def hmac(self, secret_key: str) -> bytes:
        """What is stored of the key: HMAC-SHA256 of all of it under the service's secret."""
        return hmac.digest(secret_key.encode(), self.shown.encode(), hashlib.sha256)

    def matches(self, stored: bytes, *, secret_key: str) -> bool:
        """Whether `stored` was made from this key, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(self.hmac(secret_key), stored)


def make_key() -> Key:
    """A new random key."""
    public_id = _random(_PUBLIC_ID_LENGTH)
    body = PREFIX + public_id + _random(_SECRET_LENGTH)
    return Key(public_id, body + _checksum(body))


def parse_key(shown: str) -> Key | None:
    """The key in `shown`, or None if its form or checksum is wrong. Says nothing of whether the key exists."""
    if len(shown) != _LENGTH or not shown.startswith(PREFIX) or not shown.isascii():
        return None
    body, checksum = shown[:-_CHECKSUM_LENGTH], shown[-_CHECKSUM_LENGTH:]
    if _checksum(body) != checksum:
        return None
    return Key(body[len(PREFIX) :][:_PUBLIC_ID_LENGTH], shown)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    """CRC32 in base62, six digits."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
