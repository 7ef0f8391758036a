"""Which rules hold for a subject, and since when: the nearest scope's that has any at the instant, else the built-in ones.

A grade is made under the rules in force at its own instant, whenever it is made: last month is graded under last month's.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from okr.domain.ruleset import STANDARD, Ruleset
from okr.domain.values import Kind


class ScopeKind(StrEnum):
    """What a ruleset is made for; the nearest to a subject wins: its team and those above, its cycle, the organization."""

    ORGANIZATION = "organization"
    CYCLE = "cycle"
    TEAM = "team"


class Scope(NamedTuple):
    """All that a ruleset is made for; `id` is None for the organization."""

    kind: ScopeKind
    id: UUID | None = None


EVERYTHING = Scope(ScopeKind.ORGANIZATION)


class Spell(NamedTuple):
    """One version's time in a scope: it holds within [since, until); None stands for no end."""

    since: datetime
    until: datetime | None
    ruleset: Ruleset

    def holds_at(self, instant: datetime) -> bool:
        """Whether it is in force at the instant."""
        return self.since <= instant and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules of one subject over all time: `rulesets` has one more than the rising `switches`, that from before the first."""

    switches: tuple[datetime, ...]
    rulesets: tuple[Ruleset, ...]

    def at(self, instant: datetime) -> Ruleset:
        """The rules in force at the instant; at a switch already the new ones."""
        if not self.switches:
            return self.rulesets[0]
        return self.rulesets[bisect_right(self.switches, instant)]

    @property
    def have_conditions(self) -> bool:
        """Whether any of them asks about the subject's context."""
        return any(ruleset.adjustments for ruleset in self.rulesets)

    def read_periods(self, kind: Kind) -> bool:
        """Whether any of them looks at the values of all periods of key results of the kind."""
        return any(ruleset.reads_periods(kind) for ruleset in self.rulesets)

    def switches_within(self, since: datetime, until: datetime) -> tuple[datetime, ...]:
        """The instants within [since, until] at which the rules change."""
        return tuple(moment for moment in self.switches if since <= moment <= until)


def always(ruleset: Ruleset) -> RulesInForce:
    """These rules at every instant."""
    return RulesInForce((), (ruleset,))


BUILT_IN = always(STANDARD)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules of an organization: the spells of each scope, no two of them at once, and each team's parent.

    What holds for a subject is worked out once and remembered, for many subjects have the same scopes.
    """

    spells: Mapping[Scope, tuple[Spell, ...]] = field(default_factory=lambda: MappingProxyType({}))
    teams_above: Mapping[UUID, UUID] = field(default_factory=lambda: MappingProxyType({}))
    _known: dict[tuple[Scope, ...], RulesInForce] = field(default_factory=dict, repr=False, compare=False)

    @property
    def looks_at_places(self) -> bool:
        """Whether an objective's rules depend on its team or cycle; else nobody needs to look those up."""
        return any(scope != EVERYTHING for scope in self.spells)

    def for_objective(self, *, team_id: UUID | None, cycle_id: UUID | None) -> RulesInForce:
        """The rules of an objective and of its key results."""
        cycles = () if cycle_id is None else (Scope(ScopeKind.CYCLE, cycle_id),)
        return self.in_force((*self._teams_from(team_id), *cycles, EVERYTHING))

    def for_team(self, team_id: UUID) -> RulesInForce:
        """The rules of a team's own grade."""
        return self.in_force((*self._teams_from(team_id), EVERYTHING))

    def for_cycle(self, cycle_id: UUID) -> RulesInForce:
        """The rules of a cycle's own grade."""
        return self.in_force((Scope(ScopeKind.CYCLE, cycle_id), EVERYTHING))

    def for_organization(self) -> RulesInForce:
        """The rules of the organization's own grade."""
        return self.in_force((EVERYTHING,))

    def in_force(self, scopes: Iterable[Scope]) -> RulesInForce:
        """The rules of a subject with these scopes, nearest first."""
        with_rules = tuple(scope for scope in scopes if scope in self.spells)
        known = self._known.get(with_rules)
        if known is None:
            known = self._known[with_rules] = _merged([self.spells[scope] for scope in with_rules])
        return known

    def _teams_from(self, team_id: UUID | None) -> Iterator[Scope]:
        """The team and those above it; a ring, which nobody may make, ends where it closes."""
        seen: set[UUID] = set()
        while team_id is not None and team_id not in seen:
            seen.add(team_id)
            yield Scope(ScopeKind.TEAM, team_id)
            team_id = self.teams_above.get(team_id)


def _merged(nearest_first: list[tuple[Spell, ...]]) -> RulesInForce:
    edges = {edge for spells in nearest_first for spell in spells for edge in (spell.since, spell.until) if edge}
    instants = sorted(edges)
    rulesets = [STANDARD, *(_nearest(nearest_first, instant) for instant in instants)]
    changes = [
        (instant, after)
        for instant, (before, after) in zip(instants, pairwise(rulesets), strict=True)
        if before is not after
    ]
    return RulesInForce(tuple(at for at, _ in changes), (STANDARD, *(ruleset for _, ruleset in changes)))


def _nearest(nearest_first: list[tuple[Spell, ...]], instant: datetime) -> Ruleset:
    for spells in nearest_first:
        for spell in spells:
            if spell.holds_at(instant):
                return spell.ruleset
    return STANDARD
