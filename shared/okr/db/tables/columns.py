"""The columns that many tables share, so that each is spelled once."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKeyConstraint, Numeric, Text, TypeDecorator, Uuid
from sqlmodel import Field, SQLModel

from okr.ids import new_id

# numeric without a precision: PostgreSQL keeps every digit that the domain hands over.
Number = Numeric


class Instant(TypeDecorator[datetime]):
    """timestamptz, as a class, the way that `sa_type` wants it."""

    impl = DateTime(timezone=True)
    cache_ok = True


class Texts(TypeDecorator[list[str]]):
    """text[]."""

    impl = ARRAY(Text)
    cache_ok = True


class Uuids(TypeDecorator[list[UUID]]):
    """uuid[]."""

    impl = ARRAY(Uuid)
    cache_ok = True


def utc_now() -> datetime:
    """The wall clock, for the edges only: the domain takes its instants as arguments."""
    return datetime.now(UTC)


class Organized(SQLModel):
    """A row of one organization: its id leads every key."""

    organization_id: UUID = Field(primary_key=True, nullable=False)


class Resource(Organized):
    """Something that a person can change: it carries a version that every change raises by one."""

    id: UUID = Field(default_factory=new_id, primary_key=True, nullable=False)
    version: int = Field(default=1, nullable=False)
    created_at: datetime = Field(default_factory=utc_now, sa_type=Instant, nullable=False)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=Instant, nullable=False)


def within_organization(column: str, target: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave the organization: (organization_id, column) -> target(organization_id, id)."""
    return ForeignKeyConstraint(["organization_id", column], [f"{target}.organization_id", f"{target}.id"])


def of_organization() -> ForeignKeyConstraint:
    """A foreign key to the organization itself, for the tables that stand at the top."""
    return ForeignKeyConstraint(["organization_id"], ["organization.organization_id"])


def one_of(column: str, words: type[StrEnum] | tuple[str, ...]) -> str:
    """The text of a CHECK that holds a column to a closed set."""
    allowed: Any = [word.value for word in words] if isinstance(words, type) else list(words)
    return f"{column} IN ({', '.join(repr(str(word)) for word in allowed)})"
