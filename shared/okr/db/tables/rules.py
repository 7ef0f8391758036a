"""Calibration: rulesets, and their versions, which never change once they were activated."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from okr.db.tables.columns import Instant, Resource, of_organization, one_of, within_organization
from okr.domain.rulebook import ScopeKind

BUILT_IN_KEY = "standard"


class RulesetRow(Resource, table=True):
    """Rules of the organization, of one cycle or of one team with the teams below it (`scope_id`). The key names it for ever."""

    __tablename__ = "ruleset"
    __table_args__ = (
        of_organization(),
        UniqueConstraint("organization_id", "key"),
        CheckConstraint(one_of("scope_kind", ScopeKind), name="ruleset_scope_kind"),
        CheckConstraint("(scope_kind = 'organization') = (scope_id IS NULL)", name="ruleset_scope_id"),
        CheckConstraint(f"key <> '{BUILT_IN_KEY}'", name="ruleset_key"),
    )

    key: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    scope_kind: str = Field(sa_type=Text)
    scope_id: UUID | None = None


class RulesetVersionRow(Resource, table=True):
    """One version of a ruleset: `document` as its author wrote it, in force within [effective_from, effective_until).

    Its state follows from the two (okr.domain.rule_versions). A trigger keeps what was activated as it is; only its end moves.
    `run_id` is the last run that regraded what it reaches; runs are pruned, versions are not.
    """

    __tablename__ = "ruleset_version"
    __table_args__ = (
        within_organization("ruleset_id", "ruleset"),
        UniqueConstraint("organization_id", "ruleset_id", "number"),
        CheckConstraint(
            "num_nulls(activated_at, activated_by, activation_reason, effective_from) IN (0, 4)",
            name="ruleset_version_activation",
        ),
        CheckConstraint(
            "num_nulls(retired_at, retired_by, retirement_reason) IN (0, 3)", name="ruleset_version_retirement"
        ),
        CheckConstraint(
            "effective_until IS NULL OR (effective_from IS NOT NULL AND effective_until >= effective_from)",
            name="ruleset_version_term",
        ),
    )

    ruleset_id: UUID
    number: int
    document: dict[str, Any] = Field(sa_type=JSONB)
    note: str | None = Field(default=None, sa_type=Text)
    created_by: str = Field(sa_type=Text)
    activated_at: datetime | None = Field(default=None, sa_type=Instant)
    activated_by: str | None = Field(default=None, sa_type=Text)
    activation_reason: str | None = Field(default=None, sa_type=Text)
    effective_from: datetime | None = Field(default=None, sa_type=Instant)
    effective_until: datetime | None = Field(default=None, sa_type=Instant)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    retired_by: str | None = Field(default=None, sa_type=Text)
    retirement_reason: str | None = Field(default=None, sa_type=Text)
    run_id: UUID | None = None
