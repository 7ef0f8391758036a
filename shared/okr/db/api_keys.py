"""Where API keys are kept: their public id and an HMAC of the whole, never the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.domain.errors import NotFound
from okr.ids import new_id
from okr.keys import Key, Scope, make_key


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row of the table, without the HMAC."""

    organization_id: UUID
    id: UUID
    public_id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


KEY_SORTS = {"created_at": SortColumn("t.created_at", "timestamptz"), "name": SortColumn("t.name", "text")}
_COLUMNS = "organization_id, id, public_id, name, scopes, created_at, expires_at, revoked_at"


async def create_key(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    name: str,
    scopes: Sequence[Scope],
    secret_key: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[Key, StoredKey]:
    """Make a key in the surrounding transaction; `Key.shown` is what its holder needs and cannot be had again."""
    key = make_key()
    row = await connection.fetchrow(
        f"""
        INSERT INTO api_key (organization_id, id, public_id, hmac, name, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}
        """,
        organization_id,
        new_id(),
        key.public_id,
        key.hmac(secret_key),
        name,
        sorted(scopes),
        now,
        expires_at,
    )
    assert row is not None
    return key, stored_key(row)


async def find_key(connection: asyncpg.Connection, key: Key, *, secret_key: str) -> StoredKey | None:
    """The stored key that was made from `key`, live or not; None if there is none."""
    rows = await connection.fetch(f"SELECT hmac, {_COLUMNS} FROM api_key WHERE public_id = $1", key.public_id)
    return next((stored_key(row) for row in rows if key.matches(row["hmac"], secret_key=secret_key)), None)


async def revoke_key(connection: asyncpg.Connection, organization_id: UUID, id: UUID, *, now: datetime) -> None:
    """End the key; a key that has ended keeps its first end."""
    await connection.execute(
        "UPDATE api_key SET revoked_at = $3 WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL",
        organization_id,
        id,
        now,
    )


async def read_key(
    connection: asyncpg.Connection, organization_id: UUID, id: UUID, *, for_change: bool = False
) -> StoredKey:
    """The key; held until the transaction ends if it is read for a change. Raises NotFound."""
    lock = "FOR NO KEY UPDATE" if for_change else ""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM api_key WHERE organization_id = $1 AND id = $2 {lock}", organization_id, id
    )
    if row is None:
        raise NotFound("There is no such key.", key_id=id)
    return stored_key(row)


async def list_keys(
    connection: asyncpg.Connection, organization_id: UUID, *, page: Page, live_at: datetime | None = None
) -> Found[StoredKey]:
    """One page of the organization's keys, ended ones too unless only those are asked for that live at an instant."""
    where = Where(organization_id, table="t")
    where.add("t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > {})", live_at)
    found = await fetch_page(connection, f"SELECT {_COLUMNS} FROM api_key t", where, page, table="t")
    return found.map(stored_key)


def stored_key(row: asyncpg.Record) -> StoredKey:
    """The key in a row that has all its columns."""
    return StoredKey(
        organization_id=row["organization_id"],
        id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
