"""The life of a ruleset's version: draft, then in force for one term of a scope's time, then retired.

A scope's terms never overlap. States follow from terms and the clock; nobody has to notice that an instant has come.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from okr.domain.errors import Conflict


class VersionState(StrEnum):
    """Where a version stands. Only a draft can be changed."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    RETIRED = "retired"


class VersionNotDraft(Conflict):
    """The version was activated, and what grades were made under never changes.

    Add another version to the ruleset, and activate that.
    """

    code = "ruleset_version_not_draft"


class VersionNotInForce(Conflict):
    """Only a version that is in force or scheduled can be retired.

    Look at its `state`: a draft can be deleted, and a retired version is retired.
    """

    code = "ruleset_version_not_in_force"


@dataclass(frozen=True, slots=True)
class Term:
    """A version's time in its scope, [since, until); None: no end yet. Without a length it never was in force.

    `was_retired`: a person ended it, and not its successor's beginning.
    """

    id: UUID
    since: datetime
    until: datetime | None = None
    was_retired: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it ended as it began."""
        return self.until is not None and self.until <= self.since

    def holds_at(self, instant: datetime) -> bool:
        """Whether the version is in force at the instant."""
        return self.since <= instant and (self.until is None or instant < self.until)


def state_at(now: datetime, *, since: datetime | None, until: datetime | None) -> VersionState:
    """The state of a version with this term; `since` is None for one that was never activated."""
    if since is None:
        return VersionState.DRAFT
    if until is not None and until <= max(now, since):
        return VersionState.RETIRED
    return VersionState.SCHEDULED if now < since else VersionState.ACTIVE


def begin_term(terms: Iterable[Term], id: UUID, *, at: datetime) -> tuple[Term, Term | None]:
    """The term of a version that comes into force at the instant, and the one that it ends, as that will be.

    It lasts until the next one that is planned begins.
    """
    others = [term for term in terms if not term.is_empty]
    until = min((term.since for term in others if term.since > at), default=None)
    former = next((term for term in others if term.holds_at(at)), None)
    return Term(id, at, until), None if former is None else replace(former, until=at)


def end_term(terms: Iterable[Term], id: UUID, *, now: datetime) -> tuple[Term, Term | None]:
    """The version's term as a person's word ends it, and the one that then goes on, as that will be.

    One that is in force ends now, and the next scope's rules hold. One that is planned never comes, and what it would have
    ended goes on in its place.
    """
    terms = list(terms)
    mine = next(term for term in terms if term.id == id)
    if mine.since <= now:
        return replace(mine, until=now, was_retired=True), None
    former = next(
        (term for term in terms if term.until == mine.since and not (term.is_empty or term.was_retired)), None
    )
    ended = replace(mine, until=mine.since, was_retired=True)
    return ended, None if former is None else replace(former, until=mine.until)
