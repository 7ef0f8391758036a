"""Who there is: organizations, people, teams; and the keys that programs come in with."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from okr.db.tables.columns import (
    Instant,
    Organized,
    Resource,
    Texts,
    of_organization,
    one_of,
    utc_now,
    within_organization,
)
from okr.ids import new_id

TEAM_KINDS = ("company", "division", "team")


class Organization(SQLModel, table=True):
    """A company. Days end in its `time_zone`; `paced_through` is the last day whose passing has been graded."""

    __tablename__ = "organization"

    organization_id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(sa_type=Text)
    time_zone: str = Field(default="UTC", sa_type=Text)
    paced_through: date | None = None
    version: int = 1
    created_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=Instant)


class Person(Resource, table=True):
    """Somebody who can own and sponsor; never deleted, only made inactive."""

    __tablename__ = "person"
    __table_args__ = (
        of_organization(),
        UniqueConstraint("organization_id", "email"),
        UniqueConstraint("organization_id", "external_id"),
    )

    name: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    external_id: str | None = Field(default=None, sa_type=Text)
    is_active: bool = True


class Team(Resource, table=True):
    """A node of the organization's tree of teams."""

    __tablename__ = "team"
    __table_args__ = (
        of_organization(),
        within_organization("parent_id", "team"),
        within_organization("lead_id", "person"),
        CheckConstraint(one_of("kind", TEAM_KINDS), name="team_kind"),
        Index("team_parent", "organization_id", "parent_id"),
    )

    name: str = Field(sa_type=Text)
    kind: str = Field(default="team", sa_type=Text)
    parent_id: UUID | None = None
    lead_id: UUID | None = None


class ApiKey(Organized, table=True):
    """A program's key. The key itself is shown once; what stays is its public id and an HMAC of the whole."""

    __tablename__ = "api_key"
    __table_args__ = (of_organization(), Index("api_key_by_public_id", "public_id"))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    public_id: str = Field(sa_type=Text)
    hmac: bytes = Field(sa_type=LargeBinary)
    name: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_type=Texts)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class IdempotencyKey(Organized, table=True):
    """What a POST with an `Idempotency-Key` answered, written in the transaction of its effect; pruned after a day."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_age", "created_at"),)

    principal: str = Field(primary_key=True, sa_type=Text)
    route: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    status: int
    headers: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Instant)
