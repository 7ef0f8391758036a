"""All that is graded again in a preview, read at one instant in a transaction that can write nothing.

A key result's inputs are those that its grade was made from, brought up to the instant: reading tens of thousands of them takes
less than a second. Where that is not what a worker would read (something waits to be graded; a composite; rules that look at
the values of all periods) they are made from the facts, as a worker makes them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db.as_of import time_zone_of
from okr.db.contexts import Context, load_contexts
from okr.db.demand import Subject, subject
from okr.db.distributions import TeamInTree, read_teams
from okr.db.key_result_facts import Outline, Values, load_outlines, load_periods, load_values
from okr.db.rulebooks import load_rulebook
from okr.db.timelines import load_latest
from okr.db.words import RawsThen, load_raws_then, load_words
from okr.domain.rulebook import RuleBook, Scope, ScopeKind, Spell
from okr.domain.ruleset import Ruleset
from okr.domain.values import Grade, Kind, Level, SubjectKind
from okr.domain.what_if import Rules
from okr.domain.words import Words

# What counts and can still change; of one cycle also what has ended, for it is asked how that would have been graded.
_UNIVERSE = """
o.organization_id = $1 AND o.activated_at IS NOT NULL AND o.cancelled_at IS NULL
   AND (o.cycle_id = $2 OR ($2::uuid IS NULL AND o.state <> 'closed' AND c.state <> 'closed'))"""

_OBJECTIVES = f"""
SELECT o.id, o.team_id, o.cycle_id, o.commitment, o.closed_at, c.starts_on, c.ends_on,
       g.grade, g.status, g.label, g.computed_seq, g.observed_at
  FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = 2 AND g.subject_id = o.id
 WHERE {_UNIVERSE}
 ORDER BY o.id
"""

# $3 now, $4 kinds whose periods the rules read. A version that begins later, or has begun since the grade was made, is left to
# the facts, which know the one in force; and so is a person's word (u), which may be older than what was measured since.
_KEY_RESULTS = f"""
SELECT k.id, k.objective_id, coalesce(k.due_on, c.ends_on) AS due_on, v.kind, v.start_value, v.target_value, v.commit_value,
       v.stretch_value, v.band_low, v.band_high, nullif(v.milestones, 'null')::text AS milestones,
       nullif(v.zones, 'null')::text AS zones, nullif(v.formula, 'null')::text AS formula, v.weight,
       g.grade, g.status, g.label, g.computed_seq, g.observed_at, g.inputs::text AS inputs,
       d.dirty OR g.subject_id IS NULL OR v.kind = 'composite' OR v.kind = ANY($4::text[]) OR v.valid_from > $3
       OR (g.inputs -> 'r')::int <> v.revision OR g.inputs ? 'u' AS needs_facts
  FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  JOIN key_result k ON k.organization_id = $1 AND k.objective_id = o.id AND k.cancelled_at IS NULL
  JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
  JOIN rescore_demand d ON d.organization_id = $1 AND d.subject_kind = 1 AND d.subject_id = k.id
  LEFT JOIN grade g ON g.organization_id = $1 AND g.subject_kind = 1 AND g.subject_id = k.id
 WHERE {_UNIVERSE}
 ORDER BY k.objective_id, k.id
"""

# A tie made again after it ended stands for the whole past; the ended one before it does not count beside it.
_CHILDREN = f"""
SELECT DISTINCT ON (a.parent_objective_id, a.objective_id)
       a.parent_objective_id, a.objective_id, a.weight, least(a.ended_at, b.cancelled_at) AS until
  FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  JOIN alignment a ON a.organization_id = $1 AND a.parent_objective_id = o.id AND a.mode = 'contribute'
  JOIN objective b ON b.organization_id = $1 AND b.id = a.objective_id AND b.activated_at IS NOT NULL
 WHERE {_UNIVERSE}
 ORDER BY a.parent_objective_id, a.objective_id, a.ended_at DESC NULLS FIRST
"""

_id = itemgetter("id")


_TITLES = """
SELECT w.kind, w.id, coalesce(k.title, o.title) AS title
  FROM unnest($2::smallint[], $3::uuid[]) AS w (kind, id)
  LEFT JOIN key_result k ON w.kind = 1 AND k.organization_id = $1 AND k.id = w.id
  LEFT JOIN objective o ON w.kind = 2 AND o.organization_id = $1 AND o.id = w.id
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What if these rules came into force in the scope now: for everything that runs, or as if they had been in one cycle's time.

    With a cycle nobody's nearer rules stand in the way: of a team's scope what is the team's is graded under them, else all.
    """

    rules: Ruleset
    scope: Scope
    now: datetime
    cycle_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of the key results that are graded from them, and the values that these need."""

    outlines: Mapping[UUID, Outline] = field(default_factory=dict)
    values: Values = field(default_factory=lambda: Values({}, {}, {}))


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that was read. `rules` are those of each objective and its key results; `stands` the grades that stay."""

    question: Question
    zone: ZoneInfo
    teams: list[TeamInTree]
    objectives: list[asyncpg.Record]
    key_results: list[asyncpg.Record]
    children: list[asyncpg.Record]
    rules: Mapping[UUID, Rules]
    facts: Facts
    stands: Mapping[Subject, Grade | None]
    contexts: Mapping[Subject, Context]
    words: Mapping[UUID, Words]
    raws_then: RawsThen


async def read_material(connection: asyncpg.Connection, organization_id: UUID, question: Question) -> Material:
    """Read everything that runs, or everything in the question's cycle. Nothing is graded while the transaction lasts."""
    rules, cycle_id = question.rules, question.cycle_id
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        zone = await time_zone_of(connection, organization_id)
        teams = await read_teams(connection, organization_id)
        book = await load_rulebook(connection, organization_id)
        periodic = [kind.value for kind in Kind if rules.reads_periods(kind)]
        objectives = await connection.fetch(_OBJECTIVES, organization_id, cycle_id)
        key_results = await connection.fetch(_KEY_RESULTS, organization_id, cycle_id, question.now, periodic)
        children = await connection.fetch(_CHILDREN, organization_id, cycle_id)
        by_objective = _by_objective(objectives, _rules_of(question, book, teams))
        facts = await _facts(connection, organization_id, key_results, zone, question)
        reached = _reached(by_objective, children, facts.outlines.values())
        staying = _staying(by_objective, reached, key_results, children, facts.outlines.values())
        latest = await load_latest(connection, organization_id, staying)
        subjects = _asked_about(by_objective, reached, key_results)
        said = await load_words(connection, organization_id, 2, [row["id"] for row in objectives])
        words = {id: mine for id, mine in said.items() if mine.said}
        then = _spoken_of(words, key_results, children, facts.outlines.values())
        return Material(
            question=question,
            zone=zone,
            teams=teams,
            objectives=objectives,
            key_results=key_results,
            children=children,
            rules=by_objective,
            facts=facts,
            stands={one: found.current for one, found in latest.items()},
            contexts=await load_contexts(connection, organization_id, subjects) if subjects else {},
            words=words,
            raws_then=await load_raws_then(connection, organization_id, then),
        )


def _rules_of(question: Question, book: RuleBook, teams: Iterable[TeamInTree]) -> Callable[[asyncpg.Record], Rules]:
    """The rules of an objective's row if those in question came into force."""
    above = {team.id: team.parent_id for team in teams if team.parent_id is not None}
    new, scope, now = question.rules, question.scope, question.now
    planned = tuple(spell for spell in book.spells.get(scope, ()) if not spell.holds_at(now))
    what_if = RuleBook({**book.spells, scope: (*planned, Spell(now, None, new))}, above)
    if question.cycle_id is not None:
        stored = RuleBook(book.spells, above)
        alone = RuleBook({scope: (Spell(now, None, new),)} if scope.kind is ScopeKind.TEAM else {}, above)
        everything = scope.kind is not ScopeKind.TEAM

        def of_then(row: asyncpg.Record) -> Rules:
            team_id, cycle_id = row["team_id"], row["cycle_id"]
            if everything or alone.for_objective(team_id=team_id, cycle_id=cycle_id).at(now) is new:
                return Rules(new, True)
            instant = row["closed_at"] or now
            return Rules(stored.for_objective(team_id=team_id, cycle_id=cycle_id).at(instant), False)

        return of_then

    def of_now(row: asyncpg.Record) -> Rules:
        ruleset = what_if.for_objective(team_id=row["team_id"], cycle_id=row["cycle_id"]).at(now)
        return Rules(ruleset, ruleset is new)

    return of_now


def _by_objective(
    objectives: Iterable[asyncpg.Record], rules_of: Callable[[asyncpg.Record], Rules]
) -> dict[UUID, Rules]:
    """The rules of each objective, worked out once for those of the same place."""
    known: dict[tuple[UUID | None, UUID, datetime | None], Rules] = {}
    found = {}
    for row in objectives:
        place = row["team_id"], row["cycle_id"], row["closed_at"]
        if place not in known:
            known[place] = rules_of(row)
        found[row["id"]] = known[place]
    return found


async def _facts(
    connection: asyncpg.Connection,
    organization_id: UUID,
    key_results: list[asyncpg.Record],
    zone: ZoneInfo,
    question: Question,
) -> Facts:
    ids = [row["id"] for row in key_results if row["needs_facts"]]
    if not ids:
        return Facts()
    outlines = await load_outlines(connection, organization_id, ids, zone=zone)
    # Only so many points are read at once: from the instant on that is graded, and of the periods before it the last ones.
    ends = {outline.id: outline.facts.frame.last for outline in outlines.values()}
    since = {id: min(question.now, end or question.now) for id, end in ends.items()}
    values = await load_values(connection, organization_id, outlines.values(), since=since)
    looking_back = [one for one in outlines.values() if _looks_at_periods(one, question.rules)]
    if looking_back:
        await load_periods(connection, organization_id, looking_back, values=values, since=since)
    return Facts(outlines, values)


def _looks_at_periods(outline: Outline, rules: Ruleset) -> bool:
    return any(rules.reads_periods(version.measure.kind) for version in outline.facts.versions)


def _reached(rules: Mapping[UUID, Rules], children: Iterable[asyncpg.Record], outlines: Iterable[Outline]) -> set[UUID]:
    """The objectives that are graded again: where the new rules hold, and all that is made from one of these."""
    parents: dict[UUID, set[UUID]] = defaultdict(set)
    for row in children:
        parents[row["objective_id"]].add(row["parent_objective_id"])
    for outline in outlines:
        for tie in outline.children:
            parents[tie.objective_id].add(outline.objective_id)
    reached: set[UUID] = set()
    ahead = [id for id, one in rules.items() if one.are_new]
    while ahead:
        id = ahead.pop()
        if id not in reached:
            reached.add(id)
            ahead.extend(parents[id] & rules.keys())
    return reached


def _staying(
    rules: Mapping[UUID, Rules],
    reached: Collection[UUID],
    key_results: Iterable[asyncpg.Record],
    children: Iterable[asyncpg.Record],
    outlines: Iterable[Outline],
) -> set[Subject]:
    """What a new grade is made from without being graded again itself, or perhaps not."""
    ids = {row["objective_id"] for row in children if row["parent_objective_id"] in reached}
    ids.update(tie.objective_id for outline in outlines for tie in outline.children)
    staying = {subject(SubjectKind.OBJECTIVE, id) for id in ids if id not in reached}
    if all(one.are_new for one in rules.values()):
        return staying
    for row in key_results:
        if row["objective_id"] in reached and not rules[row["objective_id"]].are_new:
            staying.add(subject(SubjectKind.KEY_RESULT, row["id"]))
    return staying


def _asked_about(
    rules: Mapping[UUID, Rules], reached: Collection[UUID], key_results: Iterable[asyncpg.Record]
) -> list[Subject]:
    """The subjects that conditions of their rules ask about."""
    found = [subject(SubjectKind.OBJECTIVE, id) for id in reached if rules[id].ruleset.adjusts(Level.OBJECTIVE)]
    asking = {id for id in reached if rules[id].ruleset.adjusts(Level.KEY_RESULT)}
    if asking:
        found += [subject(SubjectKind.KEY_RESULT, row["id"]) for row in key_results if row["objective_id"] in asking]
    return found


def _spoken_of(
    words: Mapping[UUID, Words],
    key_results: Iterable[asyncpg.Record],
    children: Iterable[asyncpg.Record],
    outlines: Iterable[Outline],
) -> set[tuple[Subject, datetime]]:
    """What words on objectives and composites were said in view of: each part, when each word was said."""
    found: set[tuple[Subject, datetime]] = set()
    if words:
        parts = [(row["objective_id"], subject(SubjectKind.KEY_RESULT, row["id"])) for row in key_results]
        parts += [(row["parent_objective_id"], subject(SubjectKind.OBJECTIVE, row["objective_id"])) for row in children]
        found = {(part, word.made_at) for id, part in parts if id in words for word in words[id].said}
    for outline in outlines:
        ties = [subject(SubjectKind.OBJECTIVE, tie.objective_id) for tie in outline.children]
        found.update((tie, word.made_at) for tie in ties for word in outline.facts.words.said)
    return found


async def read_titles(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, str]:
    """What the key results and objectives are called."""
    rows = await connection.fetch(
        _TITLES, organization_id, [one.number for one in subjects], [one.id for one in subjects]
    )
    return {Subject(row["kind"], row["id"]): row["title"] for row in rows}


async def scope_exists(connection: asyncpg.Connection, organization_id: UUID, scope: Scope) -> bool:
    """Whether there is such a team or cycle; the organization is always there."""
    if scope.kind is ScopeKind.ORGANIZATION:
        return True
    table = "team" if scope.kind is ScopeKind.TEAM else "cycle"
    query = f"SELECT EXISTS (SELECT FROM {table} WHERE organization_id = $1 AND id = $2)"
    return bool(await connection.fetchval(query, organization_id, scope.id))
