"""Answers kept by idempotency key, written in the transaction of the effect that they tell of."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

KEPT = timedelta(hours=24)
"""How long an answer is given again; then it is pruned (okr.db.pruning), and its key is free."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Whose key it is and for which operation: the same key elsewhere is another key."""

    organization_id: UUID
    principal: str
    route: str
    key: str

    def lock_number(self) -> int:
        """A number that stands for the slot among advisory locks."""
        words = "\0".join((str(self.organization_id), self.principal, self.route, self.key))
        return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), signed=True)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given; `headers` is a JSON object of those that belong to it."""

    fingerprint: bytes
    status: int
    headers: str
    body: bytes


async def try_lock(connection: asyncpg.Connection, slot: Slot) -> bool:
    """Hold the slot until the transaction ends; False, at once, when another transaction holds it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", slot.lock_number()))


async def find(connection: asyncpg.Connection, slot: Slot) -> KeptAnswer | None:
    """The answer in the slot, unless it is older than a day."""
    row = await connection.fetchrow(
        """
        SELECT fingerprint, status, headers, body FROM idempotency_key
         WHERE organization_id = $1 AND principal = $2 AND route = $3 AND key = $4
           AND created_at > clock_timestamp() - $5::interval
        """,
        slot.organization_id,
        slot.principal,
        slot.route,
        slot.key,
        KEPT,
    )
    return KeptAnswer(**dict(row)) if row else None


async def keep(connection: asyncpg.Connection, slot: Slot, answer: KeptAnswer) -> None:
    """Put the answer into the slot, in place of one that is too old."""
    await connection.execute(
        """
        INSERT INTO idempotency_key (organization_id, principal, route, key, fingerprint, status, headers, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
        ON CONFLICT (organization_id, principal, route, key) DO UPDATE
           SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
               body = excluded.body, created_at = excluded.created_at
        """,
        slot.organization_id,
        slot.principal,
        slot.route,
        slot.key,
        answer.fingerprint,
        answer.status,
        answer.headers,
        answer.body,
    )
