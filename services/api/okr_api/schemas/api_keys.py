"""API keys on the wire. Only the answer to their making holds the key itself."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from okr.db.api_keys import StoredKey
from okr.keys import Scope
from okr_api.lists import Items
from okr_api.schemas.fields import Instant, Name, one_of
from okr_api.schemas.models import Representation, Schema, shown_as


class ApiKeyCreate(Schema):
    """A new key. It cannot have a scope that the caller's key lacks."""

    model_config = shown_as(name="Warehouse job", scopes=["metrics:write"], expires_at="2027-06-30T00:00:00Z")

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Instant | None = None


class ApiKeyRead(Representation):
    """A key without its secret. `public_id` is the part of it after the prefix, by which its holder can tell it."""

    id: UUID
    public_id: str
    name: str
    scopes: list[Annotated[str, one_of(Scope)]]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def etag(self) -> str | None:
        """A key changes once, when it is revoked."""
        return '"1.0.0"' if self.revoked_at is None else '"2.0.0"'


class ApiKeyMade(ApiKeyRead):
    """A new key. `key` is shown this once; when an idempotent request is answered again it is null."""

    key: str | None

    def without_secrets(self) -> Self:
        """The answer without the key: nothing that opens a door is kept."""
        return self.model_copy(update={"key": None})


class ApiKeyList(Items[ApiKeyRead]):
    """One page of keys."""


def api_key_read(stored: StoredKey) -> ApiKeyRead:
    """The key as it is answered."""
    return ApiKeyRead(
        id=stored.id,
        public_id=stored.public_id,
        name=stored.name,
        scopes=sorted(stored.scopes),
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        revoked_at=stored.revoked_at,
    )


def api_key_made(stored: StoredKey, *, shown: str) -> ApiKeyMade:
    """The new key as it is answered."""
    return ApiKeyMade(**dict(api_key_read(stored)), key=shown)
