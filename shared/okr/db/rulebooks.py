"""The rules of an organization as grading wants them: stored documents compiled, each once in a process, into a rule book."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
import structlog

from okr import telemetry
from okr.db.demand import Subject
from okr.domain.errors import Conflict
from okr.domain.rulebook import RuleBook, RulesInForce, Scope, ScopeKind, Spell
from okr.domain.ruleset import STANDARD, Ruleset
from okr.domain.values import RulesetRef, SubjectKind
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.spelling import RulesetInvalid, parse_document

COMPILED_AT_MOST = 2_000
"""Versions that a process keeps compiled; those that were not asked for the longest go first."""

log = structlog.get_logger(__name__)


class RulesUnreadable(Conflict):
    """The grade was made under rules that this version of the service cannot read any more.

    The grade itself stands. Tell whoever runs the service: the log names the version of the ruleset.
    """

    code = "ruleset_unreadable"


# What ended before it began was never in force. The document comes along only for the versions that are not compiled yet.
_SPELLS = """
SELECT r.scope_kind, r.scope_id, r.key, v.id, v.number, v.effective_from, v.effective_until,
       CASE WHEN v.id = ANY($2) THEN NULL ELSE v.document::text END AS document
  FROM ruleset_version v JOIN ruleset r ON r.organization_id = $1 AND r.id = v.ruleset_id
 WHERE v.organization_id = $1 AND v.effective_from IS NOT NULL
   AND (v.effective_until IS NULL OR v.effective_until > v.effective_from)
 ORDER BY v.effective_from
"""

_TEAMS = "SELECT id, parent_id FROM team WHERE organization_id = $1 AND parent_id IS NOT NULL"

_VERSION = """
SELECT v.id, r.key, v.number, v.document::text AS document
  FROM ruleset r JOIN ruleset_version v ON v.organization_id = $1 AND v.ruleset_id = r.id
 WHERE r.organization_id = $1 AND v.effective_from IS NOT NULL
   AND (r.key, v.number) IN (SELECT * FROM unnest($2::text[], $3::int[]))
"""

_PLACES = """
SELECT 2 AS kind, o.id, o.team_id, o.cycle_id FROM objective o WHERE o.organization_id = $1 AND o.id = ANY($2)
UNION ALL
SELECT 1, k.id, o.team_id, o.cycle_id
  FROM key_result k JOIN objective o ON o.organization_id = $1 AND o.id = k.objective_id
 WHERE k.organization_id = $1 AND k.id = ANY($3)
"""


class _Compiled:
    """Compiled versions by id. What was activated never changes, so neither does what is kept; None: it does not compile."""

    def __init__(self) -> None:
        self._kept: dict[UUID, OrderedDict[UUID, Ruleset | None]] = defaultdict(OrderedDict)
        self._size = 0

    def ids_of(self, organization_id: UUID) -> list[UUID]:
        """The versions of the organization that need not be read."""
        return list(self._kept.get(organization_id, ()))

    def of(self, organization_id: UUID, row: asyncpg.Record) -> Ruleset | None:
        """The version in the row, whose document may be left out where the version is kept."""
        kept = self._kept[organization_id]
        if row["id"] not in kept:
            if self._size >= COMPILED_AT_MOST:
                self._kept.clear()
                self._size, kept = 0, self._kept[organization_id]
            kept[row["id"]] = _compiled(organization_id, row)
            self._size += 1
        return kept[row["id"]]


_KEPT = _Compiled()


def _compiled(organization_id: UUID, row: asyncpg.Record) -> Ruleset | None:
    try:
        document = parse_document(orjson.loads(row["document"]))
        return compile_ruleset(document, key=row["key"], version=row["number"])
    except (RulesetInvalid, ValueError, ArithmeticError) as error:
        # It was checked when it was written: a later version of this code has become stricter. The worker goes on.
        telemetry.BROKEN_RULESETS.inc()
        log.error(
            "a stored ruleset cannot be read, the next scope's rules hold in its place",
            organization_id=str(organization_id),
            ruleset=row["key"],
            number=row["number"],
            error=f"{type(error).__name__}: {error}",
        )
        return None


async def first_rules_of_teams(connection: asyncpg.Connection, organization_id: UUID) -> datetime | None:
    """The instant from which on a grade may depend on where a team stands; None if none does yet."""
    found: datetime | None = await connection.fetchval(
        """
        SELECT min(v.effective_from) FROM ruleset_version v JOIN ruleset r ON r.organization_id = $1 AND r.id = v.ruleset_id
         WHERE v.organization_id = $1 AND r.scope_kind = 'team' AND v.effective_from <= clock_timestamp()
           AND (v.effective_until IS NULL OR v.effective_until > v.effective_from)
        """,
        organization_id,
    )
    return found


async def load_rulebook(connection: asyncpg.Connection, organization_id: UUID) -> RuleBook:
    """All rules that ever were in force in the organization, or will be by what is planned today.

    In place of a version that cannot be read any more the next scope's rules hold.
    """
    rows = await connection.fetch(_SPELLS, organization_id, _KEPT.ids_of(organization_id))
    if not rows:
        return RuleBook()
    spells: dict[Scope, list[Spell]] = defaultdict(list)
    for row in rows:
        ruleset = _KEPT.of(organization_id, row)
        if ruleset is not None:
            scope = Scope(ScopeKind(row["scope_kind"]), row["scope_id"])
            spells[scope].append(Spell(row["effective_from"], row["effective_until"], ruleset))
    teams_above: Mapping[UUID, UUID] = {}
    if any(scope.kind is ScopeKind.TEAM for scope in spells):
        teams_above = {row["id"]: row["parent_id"] for row in await connection.fetch(_TEAMS, organization_id)}
    return RuleBook({scope: tuple(mine) for scope, mine in spells.items()}, teams_above)


async def have_conditions(connection: asyncpg.Connection, organization_id: UUID) -> bool:
    """Whether any rules that ever held, or will, ask about more of a subject than its values."""
    book = await load_rulebook(connection, organization_id)
    return any(spell.ruleset.adjustments for spells in book.spells.values() for spell in spells)


async def rules_of(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, RulesInForce]:
    """The rules of each subject, over all time: those of where it belongs today."""
    book = await load_rulebook(connection, organization_id)
    places: dict[Subject, tuple[UUID | None, UUID | None]] = {}
    if book.looks_at_places:
        ids = {kind: [one.id for one in subjects if one.number == kind] for kind in (1, 2)}
        rows = await connection.fetch(_PLACES, organization_id, ids[2], ids[1])
        places = {Subject(kind, id): (team_id, cycle_id) for kind, id, team_id, cycle_id in rows}
    return {one: _rules(book, one, places) for one in subjects}


def _rules(book: RuleBook, one: Subject, places: Mapping[Subject, tuple[UUID | None, UUID | None]]) -> RulesInForce:
    match one.kind:
        case SubjectKind.TEAM:
            return book.for_team(one.id)
        case SubjectKind.CYCLE:
            return book.for_cycle(one.id)
        case SubjectKind.ORGANIZATION:
            return book.for_organization()
        case _:
            team_id, cycle_id = places.get(one, (None, None))
            return book.for_objective(team_id=team_id, cycle_id=cycle_id)


async def rules_at(
    connection: asyncpg.Connection, organization_id: UUID, subject: Subject, instant: datetime
) -> Ruleset:
    """The rules in force for the subject at the instant."""
    return (await rules_of(connection, organization_id, [subject]))[subject].at(instant)


async def named_rules(
    connection: asyncpg.Connection, organization_id: UUID, names: Iterable[RulesetRef]
) -> dict[RulesetRef, Ruleset]:
    """The rules that grades say they were made under; those that cannot be read any more are missing."""
    wanted = set(names)
    found = {STANDARD.ref: STANDARD} if STANDARD.ref in wanted else {}
    others = list(wanted - found.keys())
    if not others:
        return found
    rows = await connection.fetch(
        _VERSION, organization_id, [name.key for name in others], [name.version for name in others]
    )
    compiled = (_KEPT.of(organization_id, row) for row in rows)
    return found | {ruleset.ref: ruleset for ruleset in compiled if ruleset is not None}


async def rules_named(connection: asyncpg.Connection, organization_id: UUID, name: RulesetRef) -> Ruleset:
    """The rules that a grade says it was made under. Raises RulesUnreadable."""
    found = await named_rules(connection, organization_id, [name])
    if name not in found:
        raise RulesUnreadable(
            f"Version {name.version} of the ruleset {name.key} cannot be read by this version of the service.",
            ruleset=name.key,
        )
    return found[name]
