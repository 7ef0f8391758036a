"""Rulesets, their versions and presets on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, Strict, StringConstraints

from okr.db.rulesets import RulesetView, VersionView
from okr.domain.rule_versions import VersionState
from okr.domain.rulebook import ScopeKind
from okr_api.lists import Items
from okr_api.schemas.fields import Id, Instant, Key, Name, one_of
from okr_api.schemas.models import OMITTED, Patch, Representation, Schema, Versioned, shown_as

Why = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
Document = Annotated[
    dict[str, Any],
    Field(
        description="The ruleset, as the reference of rulesets has it; what is left out is as in the built-in ruleset.",
        json_schema_extra={"additionalProperties": True},
    ),
]
_STATES = tuple(VersionState)
_DOCUMENT = {"title": "Ours", "success": {"aspirational": 0.75}}


class RulesetCreate(Schema):
    """A new ruleset: its key names it for ever, the name is the key if left out. Nothing changes until a version is activated.

    `scope_id` is the id of the cycle or the team that it is for, null for the organization. A team's rules hold for the teams
    below it too, and win over those of a cycle, and those over the organization's.
    """

    model_config = shown_as(key="sales-2026", name="Sales, from 2026", scope_kind="team", scope_id=None)

    key: Key
    name: Name | None = None
    scope_kind: ScopeKind = ScopeKind.ORGANIZATION
    scope_id: Id | None = None


class RulesetPatch(Patch):
    """What may change of a ruleset: its name."""

    model_config = shown_as(name="Sales")

    name: Name = OMITTED


class RulesetFull(Versioned):
    """A ruleset. `active_number` is its version in force now, if one is; `newest_number` the one made last."""

    key: str
    name: str
    scope_kind: Annotated[str, one_of(ScopeKind)]
    scope_id: UUID | None
    active_number: int | None
    newest_number: int | None

    def etag(self) -> str | None:
        """The version, and which of its own versions is in force: that changes with time alone."""
        return f'"{self.version}.{self.newest_number or 0}.{self.active_number or 0}"'


class RulesetList(Items[RulesetFull]):
    """One page of rulesets."""


class VersionCreate(Schema):
    """A draft: a document of one's own, or that of a preset; one of the two. `note` says what is new in it."""

    model_config = shown_as(document=_DOCUMENT, note="Aspirational goals count from 0.75.")

    document: Document | None = None
    preset: Key | None = None
    note: Why | None = None


class VersionPatch(Patch):
    """What may change of a draft; the document is replaced as a whole."""

    model_config = shown_as(note="Aspirational goals count from 0.75, as agreed in May.")

    document: Document = OMITTED
    note: Why | None = OMITTED


class Activation(Schema):
    """Why, and from when on if not from now; the instant lies ahead."""

    model_config = shown_as(reason="Agreed in the review of May.", effective_from="2027-01-01T00:00:00Z")

    reason: Why
    effective_from: Instant | None = None


class Retirement(Schema):
    """Why."""

    model_config = shown_as(reason="The pilot is over.")

    reason: Why


class VersionItem(Versioned):
    """A version of a ruleset without its document. It is in force within [effective_from, effective_until); null: no end yet.

    One that ended as it began never was in force. `run_id` is the run that regrades what its activation or retirement reaches.
    """

    ruleset_key: str
    number: int
    state: Annotated[str, one_of(VersionState)]
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

    def etag(self) -> str | None:
        """The version, and the state, which changes with time alone."""
        return f'"{self.version}.{_STATES.index(VersionState(self.state))}.0"'


class VersionRead(VersionItem):
    """A version of a ruleset: a draft until it is activated, and never changed from then on."""

    document: Document


class VersionList(Items[VersionItem]):
    """One page of a ruleset's versions."""


class PresetRead(Representation):
    """Rules that come with the product, to begin from."""

    key: str
    title: str
    document: Document


class PresetItem(Representation):
    """A preset without its document."""

    key: str
    title: str


class PresetList(Representation):
    """All presets."""

    items: list[PresetItem]


def ruleset_read(view: RulesetView) -> RulesetFull:
    """The ruleset as it is answered."""
    return RulesetFull.model_construct(**{name: getattr(view, name) for name in RulesetFull.model_fields})


def version_item(view: VersionView) -> VersionItem:
    """The version as lists have it."""
    return VersionItem.model_construct(**{name: getattr(view, name) for name in VersionItem.model_fields})


def version_read(view: VersionView) -> VersionRead:
    """The version as it is answered."""
    return VersionRead.model_construct(**{name: getattr(view, name) for name in VersionRead.model_fields})
