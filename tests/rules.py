"""Builders: rulesets put straight into the tables, for tests beneath HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from company import Company, insert
from okr.db.regrades import open_regrade
from okr.domain.rulebook import EVERYTHING, Scope, ScopeKind
from okr.ids import new_id
from okr.rulesets.spelling import parse_document, to_json


def a_document(*, cap: float = 1, label: str = "Fine") -> dict[str, Any]:
    """A ruleset that caps grades of key results, and calls every grade by one label."""
    return {
        "bounds": {"key_results": {"cap": cap}},
        "labels": {"bands": [{"key": "any", "label": label, "from": 0}]},
    }


def team(id: UUID) -> Scope:
    """A team and those below it."""
    return Scope(ScopeKind.TEAM, id)


def cycle(id: UUID) -> Scope:
    """A cycle."""
    return Scope(ScopeKind.CYCLE, id)


async def a_ruleset(company: Company, key: str, *, scope: Scope = EVERYTHING) -> UUID:
    """A ruleset without versions."""
    id = new_id()
    row = {"key": key, "name": key, "scope_kind": scope.kind.value, "scope_id": scope.id}
    times = {"version": 1, "created_at": company.begins_at, "updated_at": company.begins_at}
    await insert(company.connection, "ruleset", organization_id=company.id, id=id, **row, **times)
    return id


async def a_rules_version(
    company: Company,
    ruleset_id: UUID,
    *,
    number: int = 1,
    since: datetime | None = None,
    until: datetime | None = None,
    document: dict[str, Any] | None = None,
) -> UUID:
    """A version in force within [since, until); a draft without `since`. It is stored whole, as the service does."""
    id = new_id()
    written = to_json(parse_document(document or a_document()))
    row: dict[str, Any] = {"ruleset_id": ruleset_id, "number": number, "document": written, "created_by": "test"}
    if since is not None:
        row |= {"activated_at": since, "activated_by": "test", "activation_reason": "a test", "effective_from": since}
    times = {"version": 1, "created_at": company.begins_at, "updated_at": company.begins_at}
    await insert(
        company.connection,
        "ruleset_version",
        organization_id=company.id,
        id=id,
        **row,
        effective_until=until,
        **times,
    )
    return id


async def rules_in_force(
    company: Company,
    key: str,
    *,
    since: datetime,
    until: datetime | None = None,
    scope: Scope = EVERYTHING,
    **document: Any,
) -> UUID:
    """A ruleset of one version that is in force within [since, until); answers the ruleset's id."""
    id = await a_ruleset(company, key, scope=scope)
    await a_rules_version(company, id, since=since, until=until, document=a_document(**document))
    return id


async def regrade_from(
    company: Company, since: datetime, *, key: str = "house", scope: Scope = EVERYTHING, because: str = "activated"
) -> UUID:
    """The run that a version's coming into force opens."""
    return await open_regrade(
        company.connection,
        company.id,
        scope=scope,
        ruleset_id=new_id(),
        ruleset=key,
        number=1,
        because=because,
        since=since,
        by="test",
        now=since,
    )


def with_document(document: dict[str, Any]) -> str:
    """The document as the table wants it."""
    return orjson.dumps(document).decode()
