"""Who calls: an API key becomes a Caller, or a refusal that does not say how close the key was."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from okr.db.api_keys import StoredKey, find_key
from okr.db.readers import Readers
from okr.db.tables.columns import utc_now
from okr.keys import Scope, parse_key
from okr_api.errors import Forbidden, Unauthenticated

CACHE_SECONDS = 2.0
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request acts: the organization comes from here and from nowhere else."""

    organization_id: UUID
    key_id: UUID
    key_name: str
    scopes: frozenset[str]
    expires_at: datetime | None

    @property
    def actor(self) -> str:
        """The caller as history names it."""
        return f"api_key:{self.key_id}"

    def needs(self, scope: Scope | None) -> None:
        """Raise Forbidden without the scope; None asks for nothing more than to be known."""
        if scope is not None and scope not in self.scopes:
            raise Forbidden(f"This needs a key with the scope {scope}.")


class Authenticator:
    """Knows callers by their keys. A key that was looked up is good for two seconds more, so a revoked one ends within them."""

    def __init__(
        self,
        readers: Readers,
        *,
        secret_key: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readers = readers
        self._secret_key = secret_key
        self._clock = clock
        self._memory_key = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[float, StoredKey]] = {}

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of an Authorization header. Raises Unauthenticated."""
        scheme, _, credential = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Send an API key as `Authorization: Bearer okr_live_…`.")
        stored = await self._stored_key(credential.strip())
        if stored is None or not stored.is_live(utc_now()):
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        return Caller(stored.organization_id, stored.id, stored.name, stored.scopes, stored.expires_at)

    def forget(self, key_id: UUID) -> None:
        """Ask the database again when this key comes next. Other processes do so within two seconds."""
        self._known = {digest: known for digest, known in self._known.items() if known[1].id != key_id}

    async def _stored_key(self, credential: str) -> StoredKey | None:
        # By a keyed hash under a secret of this process, so that no key stays in memory as it was sent.
        digest, now = blake2b(credential.encode(errors="replace"), key=self._memory_key).digest(), self._clock()
        known = self._known.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        key = parse_key(credential)
        if key is None:
            return None
        async with self._readers.connection() as connection:
            found = await find_key(connection, key, secret_key=self._secret_key)
        if found is not None:
            if len(self._known) >= _CACHE_SIZE:
                self._known.clear()
            self._known[digest] = (now + CACHE_SECONDS, found)
        return found
