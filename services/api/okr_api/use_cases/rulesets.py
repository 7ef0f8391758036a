"""Rulesets: made, drafted, activated, retired. What changes grades opens the run that makes them anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, select

from okr.db import rulesets
from okr.db.engine import driver
from okr.db.goals import UnknownReference
from okr.db.rulebooks import RulesUnreadable
from okr.db.rulesets import VersionView
from okr.db.tables import Cycle, RulesetRow, Team
from okr.db.tables.rules import BUILT_IN_KEY
from okr.db.work import Work
from okr.domain.errors import Conflict, Invalid, NotFound
from okr.domain.rule_versions import (
    VersionNotDraft,
    VersionState,
)
from okr.domain.rulebook import ScopeKind
from okr.events import Event, EventType
from okr.ids import new_id
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.document import RulesetDocument
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import RulesetInvalid, parse_document, to_json, to_mapping
from okr_api.errors import AlreadyExists, InvalidRequest
from okr_api.etag import Precondition
from okr_api.findings import document_items
from okr_api.schemas.rulesets import (
    PresetItem,
    PresetList,
    PresetRead,
    RulesetCreate,
    RulesetFull,
    VersionCreate,
    VersionRead,
    ruleset_read,
    version_read,
)
from okr_api.use_cases.changes import apply, differing


class ScopeIncomplete(Invalid):
    """A ruleset is for the organization, or for one cycle or team.

    Give the `scope_id` of the cycle or the team, and none for the organization.
    """

    code = "scope_incomplete"


class DocumentOrPreset(Invalid):
    """A version is made from a document or from a preset.

    Give one of the two.
    """

    code = "document_or_preset"


class RulesetInUse(Conflict):
    """Versions of the ruleset were activated, and grades name them.

    Retire the version that is in force instead.
    """

    code = "ruleset_in_use"


@dataclass(frozen=True, slots=True)
class Shown:
    """One version, named by its ruleset's key and its number."""

    key: str
    number: int

    async def __call__(self, connection: asyncpg.Connection, organization_id: UUID, _: UUID) -> VersionRead:
        """The version as it is answered. Raises NotFound."""
        return version_read(await rulesets.read_version(connection, organization_id, self.key, self.number))


async def show_ruleset(connection: asyncpg.Connection, organization_id: UUID, _: UUID, *, key: str) -> RulesetFull:
    """The ruleset as it is answered. Raises NotFound."""
    return ruleset_read(await rulesets.read_ruleset(connection, organization_id, key))


def parsed_or_unreadable(document: Mapping[str, Any]) -> RulesetDocument:
    """A stored document. Raises RulesUnreadable."""
    try:
        return parse_document(document)
    except RulesetInvalid:
        raise RulesUnreadable("This document cannot be read by this version of the service any more.") from None


def show_presets() -> PresetList:
    """All presets."""
    return PresetList(items=[PresetItem(key=key, title=_title(key)) for key in preset_keys()])


def show_preset(key: str) -> PresetRead:
    """A preset with its document. Raises NotFound."""
    if key not in preset_keys():
        raise NotFound("There is no such preset: /v1/presets lists those there are.")
    return PresetRead(key=key, title=_title(key), document=to_mapping(preset(key), whole=False))


def _title(key: str) -> str:
    return preset(key).title or key


async def create_ruleset(work: Work, body: RulesetCreate) -> UUID:
    """Make a ruleset without versions; answers its id."""
    await _check_scope(work, body)
    if body.key == BUILT_IN_KEY:
        raise AlreadyExists("That is the built-in ruleset's key: choose another one.", pointer="/key")
    ruleset = RulesetRow(
        organization_id=work.organization_id,
        key=body.key,
        name=body.name or body.key,
        scope_kind=body.scope_kind.value,
        scope_id=body.scope_id,
        created_at=work.now,
        updated_at=work.now,
    )
    work.session.add(ruleset)
    scope = {"scope_kind": ruleset.scope_kind, "scope_id": None if body.scope_id is None else str(body.scope_id)}
    work.announce(event_of(EventType.RULESET_ADDED, ruleset.id, 1, key=body.key, **scope))
    return ruleset.id


async def _check_scope(work: Work, body: RulesetCreate) -> None:
    if (body.scope_kind is ScopeKind.ORGANIZATION) != (body.scope_id is None):
        raise ScopeIncomplete("Give the id of the cycle or team, and none for the organization.", pointer="/scope_id")
    if body.scope_id is None:
        return
    table = Team if body.scope_kind is ScopeKind.TEAM else Cycle
    found = await work.session.exec(
        select(table.id).where(col(table.organization_id) == work.organization_id, col(table.id) == body.scope_id)
    )
    if found.first() is None:
        raise UnknownReference(f"There is no such {body.scope_kind}.", pointer="/scope_id")


async def revise_ruleset(work: Work, key: str, changes: dict[str, Any], precondition: Precondition) -> UUID:
    """Give a ruleset another name; answers its id."""
    statement = select(RulesetRow).where(
        col(RulesetRow.organization_id) == work.organization_id, col(RulesetRow.key) == key
    )
    ruleset = (await work.session.exec(statement.with_for_update(key_share=True))).first()
    if ruleset is None:
        raise NotFound("There is no such ruleset.")
    precondition.check(ruleset.version)
    changes = differing(ruleset, changes)
    if changes:
        apply(ruleset, changes, now=work.now)
        work.announce(event_of(EventType.RULESET_REVISED, ruleset.id, ruleset.version, key=key))
    return ruleset.id


async def remove_ruleset(work: Work, key: str, precondition: Precondition) -> None:
    """Delete a ruleset with its drafts. Raises RulesetInUse where a version was activated."""
    connection = await driver(work.session)
    await rulesets.lock_rules(connection, work.organization_id)
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, key, for_change=True)
    precondition.check(ruleset.version)
    if await rulesets.has_activated_versions(connection, work.organization_id, ruleset.id):
        raise RulesetInUse("Grades name versions of this ruleset: retire the one in force instead.")
    await rulesets.delete_ruleset(connection, work.organization_id, ruleset.id)
    work.announce(event_of(EventType.RULESET_REMOVED, ruleset.id, key=key))


async def draft_version(work: Work, key: str, body: VersionCreate) -> VersionView:
    """Add a draft to the ruleset."""
    if (body.document is None) == (body.preset is None):
        raise DocumentOrPreset("Give a document or the key of a preset, one of the two.")
    if body.preset is not None and body.preset not in preset_keys():
        raise UnknownReference("There is no such preset: /v1/presets lists those there are.", pointer="/preset")
    if body.preset is not None:
        return await add_draft(work, key, to_json(preset(body.preset)), note=body.note)
    assert body.document is not None, "one of the two is there"
    return await add_draft(work, key, checked(body.document, at="/document"), note=body.note)


async def add_draft(work: Work, key: str, document: str, *, note: str | None = None) -> VersionView:
    """Add a draft of a document that was checked, which is JSON."""
    connection = await driver(work.session)
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, key, for_change=True)
    number = await rulesets.add_version(
        connection,
        work.organization_id,
        ruleset.id,
        id=new_id(),
        document=document,
        note=note,
        by=work.actor,
        now=work.now,
    )
    work.announce(event_of(EventType.RULESET_VERSION_ADDED, ruleset.id, key=key, number=number))
    return await rulesets.read_version(connection, work.organization_id, key, number)


def checked(document: str | Mapping[str, Any], *, at: str) -> str:
    """The whole document as JSON; a text is YAML. Raises InvalidRequest with every finding; `at` points to the document."""
    try:
        parsed = parse_document(document)
        compile_ruleset(parsed, key="draft", version=1)
    except RulesetInvalid as error:
        items = document_items(((finding.path, finding.message) for finding in error.findings), at=at)
        raise InvalidRequest(
            "The ruleset cannot be used: mend what `errors` names and send it again.", items=items
        ) from None
    return to_json(parsed)


async def revise_version(work: Work, shown: Shown, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change a draft. Raises VersionNotDraft."""
    connection = await driver(work.session)
    version = await lock_draft(connection, work, shown, precondition)
    if "document" in changes:
        changes["document"] = checked(changes["document"], at="/document")
    if not changes:
        return
    await rulesets.update_version(connection, work.organization_id, version.id, now=work.now, **changes)
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, shown.key)
    work.announce(
        event_of(
            EventType.RULESET_VERSION_REVISED, ruleset.id, key=shown.key, number=shown.number, changed=sorted(changes)
        )
    )


async def remove_version(work: Work, shown: Shown, precondition: Precondition) -> None:
    """Delete a draft. Raises VersionNotDraft."""
    connection = await driver(work.session)
    version = await lock_draft(connection, work, shown, precondition)
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, shown.key)
    await rulesets.delete_version(connection, work.organization_id, version.id)
    work.announce(event_of(EventType.RULESET_VERSION_REMOVED, ruleset.id, key=shown.key, number=shown.number))


async def lock_draft(
    connection: asyncpg.Connection, work: Work, shown: Shown, precondition: Precondition | None
) -> VersionView:
    """The version, held until the transaction ends. Raises NotFound, PreconditionFailed, VersionNotDraft."""
    version = await rulesets.read_version(connection, work.organization_id, shown.key, shown.number, for_change=True)
    if precondition is not None:
        precondition.check(version.version)
    if version.state is not VersionState.DRAFT:
        raise VersionNotDraft("This version was activated and never changes: add another one to the ruleset.")
    return version


def event_of(type: EventType, ruleset_id: UUID, version: int | None = None, /, **data: Any) -> Event:
    """What happened to the ruleset; `version` is its own, where that was raised."""
    return Event(type, f"ruleset:{ruleset_id}", version, data)
