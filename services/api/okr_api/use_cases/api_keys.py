"""API keys: made, listed, revoked. Two live keys side by side are how one is replaced without a gap."""

from uuid import UUID

import asyncpg

from okr.db import api_keys
from okr.db.engine import driver
from okr.db.work import Work
from okr.domain.errors import Invalid
from okr.keys import Key
from okr_api.auth import Caller
from okr_api.errors import Forbidden
from okr_api.etag import Precondition
from okr_api.schemas.api_keys import ApiKeyCreate, ApiKeyMade, ApiKeyRead, api_key_made, api_key_read


class ExpiresInPast(Invalid):
    """The key would never be good for anything.

    Give an `expires_at` later than now, or none.
    """

    code = "expires_in_past"


class NewKey:
    """The making of one key: `create` makes it, and `show` can show it because it is still at hand."""

    def __init__(self, body: ApiKeyCreate, *, caller: Caller, secret_key: str) -> None:
        self._body = body
        self._caller = caller
        self._secret_key = secret_key
        self._key: Key | None = None

    async def create(self, work: Work) -> UUID:
        """Make it; answers its id. Raises Forbidden for scopes that the caller lacks."""
        if not self._caller.scopes.issuperset(self._body.scopes):
            raise Forbidden("A key can only hand on scopes that it has itself.", pointer="/scopes")
        if self._body.expires_at is not None and self._body.expires_at <= work.now:
            raise ExpiresInPast("The key must expire later than now.", pointer="/expires_at")
        self._key, stored = await api_keys.create_key(
            await driver(work.session),
            work.organization_id,
            name=self._body.name,
            scopes=sorted(set(self._body.scopes)),
            secret_key=self._secret_key,
            now=work.now,
            expires_at=self._body.expires_at,
        )
        return stored.id

    async def show(self, connection: asyncpg.Connection, organization_id: UUID, key_id: UUID) -> ApiKeyMade:
        """The key, secret included, once it is made."""
        assert self._key is not None
        return api_key_made(await api_keys.read_key(connection, organization_id, key_id), shown=self._key.shown)


async def show_key(connection: asyncpg.Connection, organization_id: UUID, key_id: UUID) -> ApiKeyRead:
    """The key as it is answered. Raises NotFound."""
    return api_key_read(await api_keys.read_key(connection, organization_id, key_id))


async def revoke_key(work: Work, key_id: UUID, precondition: Precondition) -> None:
    """End a key, at once and for good; ending it twice changes nothing."""
    connection = await driver(work.session)
    stored = await api_keys.read_key(connection, work.organization_id, key_id, for_change=True)
    precondition.check(1 if stored.revoked_at is None else 2)
    await api_keys.revoke_key(connection, work.organization_id, key_id, now=work.now)
