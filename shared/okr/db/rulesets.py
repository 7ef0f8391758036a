"""Rulesets and their versions as they are listed, read, locked and moved through their life."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.domain.errors import NotFound
from okr.domain.rule_versions import Term, VersionState, state_at
from okr.domain.rulebook import Scope, ScopeKind

RULESET_SORTS = {
    "created_at": SortColumn("r.created_at", "timestamptz"),
    "key": SortColumn("r.key", "text"),
    "name": SortColumn("r.name", "text"),
}
VERSION_SORTS = {
    "created_at": SortColumn("v.created_at", "timestamptz"),
    "number": SortColumn("v.number", "int"),
}


@dataclass(frozen=True, slots=True)
class RulesetView:
    """A ruleset as it is read; `active_number` is its version in force now, `newest_number` that made last."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    key: str
    name: str
    scope_kind: ScopeKind
    scope_id: UUID | None
    active_number: int | None
    newest_number: int | None

    @property
    def scope(self) -> Scope:
        """What it is for."""
        return Scope(self.scope_kind, self.scope_id)


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version of a ruleset as it is read; in lists without its document."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    ruleset_key: str
    number: int
    state: VersionState
    note: str | None
    created_by: str
    activated_at: datetime | None
    activated_by: str | None
    activation_reason: str | None
    effective_from: datetime | None
    effective_until: datetime | None
    retired_at: datetime | None
    retired_by: str | None
    retirement_reason: str | None
    run_id: UUID | None
    document: dict[str, Any] | None = None


# One that ended as it began was never in force.
_IN_FORCE = "effective_from <= clock_timestamp() AND (effective_until IS NULL OR effective_until > clock_timestamp())"

_RULESETS = f"""
SELECT r.id, r.version, r.created_at, r.updated_at, r.key, r.name, r.scope_kind, r.scope_id,
       (SELECT max(number) FROM ruleset_version v
         WHERE v.organization_id = $1 AND v.ruleset_id = r.id AND {_IN_FORCE}) AS active_number,
       (SELECT max(number) FROM ruleset_version v WHERE v.organization_id = $1 AND v.ruleset_id = r.id) AS newest_number
  FROM ruleset r"""

_VERSION_COLUMNS = tuple(
    name for name in VersionView.__dataclass_fields__ if name not in {"ruleset_key", "state", "document"}
)
_VERSIONS = f"""
SELECT r.key AS ruleset_key, clock_timestamp() AS now, {", ".join(f"v.{name}" for name in _VERSION_COLUMNS)}
  FROM ruleset_version v JOIN ruleset r ON r.organization_id = v.organization_id AND r.id = v.ruleset_id"""
_VERSION = _VERSIONS.replace("clock_timestamp() AS now", "clock_timestamp() AS now, v.document::text AS document")

_TERMS = """
SELECT v.id, r.key, v.number, v.effective_from, v.effective_until, v.retired_at IS NOT NULL AS was_retired
  FROM ruleset_version v JOIN ruleset r ON r.organization_id = $1 AND r.id = v.ruleset_id
 WHERE v.organization_id = $1 AND v.effective_from IS NOT NULL AND r.scope_kind = $2 AND r.scope_id IS NOT DISTINCT FROM $3
"""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('okr.rules:' || $1::uuid::text, 0))"


async def lock_rules(connection: asyncpg.Connection, organization_id: UUID) -> None:
    """Keep other transactions from moving the organization's versions until the commit, in whatever scope."""
    await connection.execute(_LOCK, organization_id)


async def list_rulesets(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    scope_kind: ScopeKind | None = None,
    scope_id: UUID | None = None,
) -> Found[RulesetView]:
    """One page of the rulesets that match."""
    where = Where(organization_id, table="r")
    where.add("r.scope_kind = {}", scope_kind)
    where.add("r.scope_id = {}", scope_id)
    return (await fetch_page(connection, _RULESETS, where, page, table="r")).map(_ruleset)


async def read_ruleset(
    connection: asyncpg.Connection, organization_id: UUID, key: str, *, for_change: bool = False
) -> RulesetView:
    """The ruleset with this key; held until the transaction ends if it is read for a change. Raises NotFound."""
    lock = "FOR NO KEY UPDATE OF r" if for_change else ""
    row = await connection.fetchrow(
        f"{_RULESETS} WHERE r.organization_id = $1 AND r.key = $2 {lock}", organization_id, key
    )
    if row is None:
        raise NotFound("There is no such ruleset.")
    return _ruleset(row)


async def list_versions(
    connection: asyncpg.Connection, organization_id: UUID, key: str, *, page: Page
) -> Found[VersionView]:
    """One page of the ruleset's versions, without their documents. Raises NotFound."""
    ruleset = await read_ruleset(connection, organization_id, key)
    where = Where(organization_id, table="v")
    where.add("v.ruleset_id = {}", ruleset.id)
    return (await fetch_page(connection, _VERSIONS, where, page, table="v")).map(_version)


async def read_version(
    connection: asyncpg.Connection, organization_id: UUID, key: str, number: int, *, for_change: bool = False
) -> VersionView:
    """The version with its document; held until the transaction ends if it is read for a change. Raises NotFound."""
    lock = "FOR NO KEY UPDATE OF v" if for_change else ""
    row = await connection.fetchrow(
        f"{_VERSION} WHERE v.organization_id = $1 AND r.key = $2 AND v.number = $3 {lock}", organization_id, key, number
    )
    if row is None:
        raise NotFound("There is no such version of a ruleset.")
    return _version(row)


async def terms_of(
    connection: asyncpg.Connection, organization_id: UUID, scope: Scope
) -> dict[UUID, tuple[Term, str, int]]:
    """Every term in the scope, of whichever ruleset, by the version's id, each with key and number. Lock the rules first."""
    rows = await connection.fetch(_TERMS, organization_id, scope.kind.value, scope.id)
    return {
        row["id"]: (
            Term(row["id"], row["effective_from"], row["effective_until"], row["was_retired"]),
            row["key"],
            row["number"],
        )
        for row in rows
    }


async def update_version(
    connection: asyncpg.Connection, organization_id: UUID, version_id: UUID, *, now: datetime, **columns: Any
) -> None:
    """Write the columns and raise the version's version. The names are the program's own."""
    changes = "".join(f", {name} = ${number}" for number, name in enumerate(columns, start=4))
    await connection.execute(
        f"UPDATE ruleset_version SET version = version + 1, updated_at = $3{changes} WHERE organization_id = $1 AND id = $2",
        organization_id,
        version_id,
        now,
        *columns.values(),
    )


async def add_version(
    connection: asyncpg.Connection,
    organization_id: UUID,
    ruleset_id: UUID,
    *,
    id: UUID,
    document: str,
    note: str | None,
    by: str,
    now: datetime,
) -> int:
    """A draft of the document, which is JSON; answers its number. Lock the ruleset first."""
    number: int = await connection.fetchval(
        """
        INSERT INTO ruleset_version (organization_id, id, version, created_at, updated_at, ruleset_id, number, document, note,
                                     created_by)
        SELECT $1, $2, 1, $7, $7, $3, coalesce(max(number), 0) + 1, $4::text::jsonb, $5, $6
          FROM ruleset_version WHERE organization_id = $1 AND ruleset_id = $3
        RETURNING number
        """,
        organization_id,
        id,
        ruleset_id,
        document,
        note,
        by,
        now,
    )
    return number


async def delete_version(connection: asyncpg.Connection, organization_id: UUID, version_id: UUID) -> None:
    """Delete a draft."""
    await connection.execute(
        "DELETE FROM ruleset_version WHERE organization_id = $1 AND id = $2", organization_id, version_id
    )


async def delete_ruleset(connection: asyncpg.Connection, organization_id: UUID, ruleset_id: UUID) -> None:
    """Delete a ruleset with its drafts."""
    await connection.execute(
        "DELETE FROM ruleset_version WHERE organization_id = $1 AND ruleset_id = $2", organization_id, ruleset_id
    )
    await connection.execute("DELETE FROM ruleset WHERE organization_id = $1 AND id = $2", organization_id, ruleset_id)


async def has_activated_versions(connection: asyncpg.Connection, organization_id: UUID, ruleset_id: UUID) -> bool:
    """Whether any version was ever activated."""
    return bool(
        await connection.fetchval(
            "SELECT true FROM ruleset_version WHERE organization_id = $1 AND ruleset_id = $2 AND activated_at IS NOT NULL LIMIT 1",
            organization_id,
            ruleset_id,
        )
    )


def _ruleset(row: asyncpg.Record) -> RulesetView:
    plain = {name: row[name] for name in RulesetView.__dataclass_fields__ if name != "scope_kind"}
    return RulesetView(**plain, scope_kind=ScopeKind(row["scope_kind"]))


def _version(row: asyncpg.Record) -> VersionView:
    document = row.get("document")
    return VersionView(
        **{name: row[name] for name in _VERSION_COLUMNS},
        ruleset_key=row["ruleset_key"],
        state=state_at(row["now"], since=row["effective_from"], until=row["effective_until"]),
        document=None if document is None else orjson.loads(document),
    )
