"""One batch of demand: read what the claimed subjects depend on, grade children before parents, write the effect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from graphlib import CycleError, TopologicalSorter
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db import demand
from okr.db.demand import Claim, Subject, subject
from okr.db.effect import Moment, Scored, write_effect
from okr.db.key_result_facts import Outline, Values, load_outlines, load_values, with_values
from okr.db.packing import pack_key_result, pack_roll_up
from okr.db.partitions import Partitions
from okr.db.roll_up_facts import Ground, load_objectives, load_sets, parents_of_objectives
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.timelines import StoredTimeline, load_timelines
from okr.domain.calendar import day_ends, end_of_day, last_ended_day
from okr.domain.rescoring import Regraded, merged, plan, rescore
from okr.domain.ruleset import STANDARD
from okr.domain.timeline import Frame, KeyResultFacts, RollUpFacts, Timeline
from okr.domain.values import KeyResultInputs, SubjectKind

INSTANTS_AT_ONCE = 400
PARTS_AT_ONCE = 20_000
"""Parts that one roll-up may look at in one go: a set of 1,000 objectives is graded for 20 instants at a time."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock a point may be observed; the API refuses what lies further."""
DEFERRED_SECONDS = 0.02
PATIENCE = timedelta(seconds=1)
"""How long an objective's grade waits for key results that other workers hold: under load one of them always does."""
_ROLL_UPS = frozenset(KIND_NUMBERS[kind] for kind in (SubjectKind.TEAM, SubjectKind.CYCLE, SubjectKind.ORGANIZATION))
_KEY_RESULT = KIND_NUMBERS[SubjectKind.KEY_RESULT]
_OBJECTIVE = KIND_NUMBERS[SubjectKind.OBJECTIVE]


@dataclass(slots=True)
class Batch:
    """The claimed subjects of one organization, and what has been read for them."""

    organization_id: UUID
    zone: tzinfo
    now: datetime
    claims: dict[Subject, Claim]
    since: dict[Subject, datetime]
    outlines: dict[UUID, Outline] = field(default_factory=dict)
    grounds: dict[Subject, Ground] = field(default_factory=dict)
    values: Values = field(default_factory=lambda: Values({}, {}, {}))
    stored: dict[Subject, StoredTimeline] = field(default_factory=dict)
    timelines: dict[Subject, Timeline] = field(default_factory=dict)

    def children_of(self, one: Subject) -> list[Subject]:
        """What the grade of `one` is made from that has grades of its own."""
        if one.number == _KEY_RESULT:
            outline = self.outlines.get(one.id)
            ties = outline.children if outline else []
            return [subject(SubjectKind.OBJECTIVE, tie.objective_id) for tie in ties]
        ground = self.grounds.get(one)
        return ground.children() if ground else []


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a batch; `fenced` lost to a newer grade, `deferred` wait for a child that another worker has."""

    scored: Sequence[Scored]
    written: frozenset[Subject]
    deferred: int

    @property
    def fenced(self) -> int:
        """Grades that were thrown away."""
        return len(self.scored) - len(self.written)


async def serve(
    connection: asyncpg.Connection,
    organization_id: UUID,
    claims: Iterable[Claim],
    *,
    now: datetime,
    partitions: Partitions,
    roll_up_distance_seconds: float = 0,
) -> Served:
    """Grade what was claimed and write it. Each statement is its own transaction; nothing is locked between them."""
    zone = await connection.fetchval("SELECT time_zone FROM organization WHERE organization_id = $1", organization_id)
    batch = Batch(
        organization_id,
        ZoneInfo(zone),
        now,
        claims={claim.subject: claim for claim in claims},
        since={claim.subject: claim.since for claim in claims},
    )
    await _read_structure(connection, batch)
    deferred = await _defer_unready(connection, batch)
    order = _children_first(batch)
    _reach_back(batch, order)
    await _read_values(connection, batch)
    scored = [_score(batch, one) for one in order]
    parents = await _parents(connection, batch, scored)
    months = partitions.missing("score_snapshot", (moment.observed_at for one in scored for moment in one.snapshots))
    await partitions.make(connection, "score_snapshot", months)
    written = await write_effect(
        connection,
        organization_id,
        scored,
        parents=parents,
        ruleset=(STANDARD.key, STANDARD.version),
        distances=dict.fromkeys(_ROLL_UPS, roll_up_distance_seconds),
    )
    await _raise_new_parents(connection, batch, scored, known=parents)
    return Served(scored, frozenset(written), deferred)


async def _read_structure(connection: asyncpg.Connection, batch: Batch) -> None:
    key_results = [one.id for one in batch.claims if one.number == _KEY_RESULT]
    objectives = [one.id for one in batch.claims if one.number == _OBJECTIVE]
    sets = [one for one in batch.claims if one.number in _ROLL_UPS]
    if key_results:
        batch.outlines = await load_outlines(connection, batch.organization_id, key_results, zone=batch.zone)
    if objectives:
        batch.grounds |= await load_objectives(connection, batch.organization_id, objectives, zone=batch.zone)
    if sets:
        since = min(batch.since[one] for one in sets)
        batch.grounds |= await load_sets(connection, batch.organization_id, sets, since=since, zone=batch.zone)


async def _defer_unready(connection: asyncpg.Connection, batch: Batch) -> int:
    """Put off objectives with a key result that is dirty but not ours: its new value would be missing from their grade.

    Whoever has the key result raises the objective again when it is done, or finds nothing changed and it is tried again.
    """
    wanting = {
        one: [child for child in batch.children_of(one) if child.number == _KEY_RESULT and child not in batch.claims]
        for one in batch.claims
        if one.number == _OBJECTIVE and batch.now - batch.claims[one].requested_at < PATIENCE
    }
    strangers = [child.id for children in wanting.values() for child in children]
    if not strangers:
        return 0
    rows = await connection.fetch(
        """
        SELECT subject_id FROM rescore_demand
         WHERE organization_id = $1 AND subject_kind = $2 AND subject_id = ANY($3) AND dirty
        """,
        batch.organization_id,
        _KEY_RESULT,
        strangers,
    )
    dirty = {row["subject_id"] for row in rows}
    deferred = [one for one, children in wanting.items() if any(child.id in dirty for child in children)]
    if deferred:
        claims = [batch.claims.pop(one) for one in deferred]
        await demand.release(connection, batch.organization_id, claims, after_seconds=DEFERRED_SECONDS)
    return len(deferred)


def _children_first(batch: Batch) -> list[Subject]:
    graph = {one: [child for child in batch.children_of(one) if child in batch.claims] for one in batch.claims}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        # The API refuses rings of alignments; should one exist, lowest kinds first is as good as any order.
        return sorted(batch.claims)


def _reach_back(batch: Batch, order: list[Subject]) -> None:
    """Grade parents from the earliest instant on that one of their children in the batch is graded from."""
    for one in order:
        starts = [batch.since[child] for child in batch.children_of(one) if child in batch.claims]
        batch.since[one] = min([batch.since[one], *starts])


async def _read_values(connection: asyncpg.Connection, batch: Batch) -> None:
    wanted: dict[Subject, datetime] = {}
    for one in batch.claims:
        for needed in (one, *batch.children_of(one)):
            wanted[needed] = min(batch.since[one], wanted.get(needed, batch.since[one]))
    batch.stored = await load_timelines(connection, batch.organization_id, wanted)
    batch.timelines = {one: stored.timeline for one, stored in batch.stored.items()}
    claimed = [batch.outlines[one.id] for one in batch.claims if one.number == _KEY_RESULT and one.id in batch.outlines]
    if not claimed:
        return
    # Operands are read as far back as the earliest composite that reads them.
    since = {outline.id: batch.since[subject(SubjectKind.KEY_RESULT, outline.id)] for outline in claimed}
    for outline in claimed:
        for id in outline.operand_ids:
            since[id] = min(since[outline.id], since.get(id, since[outline.id]))
    wanted_outlines = [outline for id, outline in batch.outlines.items() if id in since]
    batch.values = await load_values(connection, batch.organization_id, wanted_outlines, since=since)


def _score(batch: Batch, one: Subject) -> Scored:
    claim, stored, since = batch.claims[one], batch.stored[one], batch.since[one]
    facts, candidates = _candidates(batch, one, since)
    frame = facts.frame
    last = frame.last if frame else None
    until = batch.now + CLOCK_TOLERANCE if last is None else min(last, batch.now + CLOCK_TOLERANCE)
    cuts = [cut for cut in (stored.complete_until, *_cuts(batch, facts, one)) if cut is not None]
    limit = INSTANTS_AT_ONCE
    if isinstance(facts, RollUpFacts):
        limit = min(limit, max(8, PARTS_AT_ONCE // max(len(facts.members), 1)))
    agenda = plan(
        {*candidates, *stored.timeline.instants, since, *([last] if last else [])},
        since=min(since, until),
        until=until,
        limit=limit,
        complete_until=min(cuts, default=None),
    )
    result = rescore(facts, agenda=agenda, stored=stored.timeline, rules=STANDARD)
    batch.timelines[one] = merged(stored.timeline, result)
    return Scored(
        claim=claim,
        current=_moment(result.current),
        snapshots=tuple(_moment(regraded) for regraded in result.news),
        before=stored.current,
        next_from=agenda.next_from,
    )


def _candidates(batch: Batch, one: Subject, since: datetime) -> tuple[KeyResultFacts | RollUpFacts, set[datetime]]:
    """The subject's complete facts, and the instants at which its grade may change."""
    horizon = batch.now + CLOCK_TOLERANCE
    if one.number == _KEY_RESULT:
        children = {child.id: batch.timelines[child] for child in batch.children_of(one)}
        facts = with_values(batch.outlines[one.id], values=batch.values, outlines=batch.outlines, timelines=children)
        return facts, facts.moments(since, horizon) | set(facts.frame.days_between(since, batch.now))
    ground = batch.grounds[one]
    roll_up = ground.with_timelines(batch.timelines)
    moments = roll_up.endings() | set(_days(ground.frame, batch, since))
    seen = {moment for member in roll_up.members for moment in member.timeline.instants if since <= moment <= horizon}
    if one.number == _OBJECTIVE and len(seen) <= INSTANTS_AT_ONCE:
        return roll_up, moments | seen
    # Above objectives, and where values come by the minute, the past is graded by the day.
    today = end_of_day(last_ended_day(batch.now, batch.zone), batch.zone)
    if one.number == _OBJECTIVE:
        return roll_up, moments | {moment for moment in seen if moment >= today}
    return roll_up, moments | ({max(seen)} if seen else set())


def _days(frame: Frame | None, batch: Batch, since: datetime) -> list[datetime]:
    if frame is not None:
        return frame.days_between(since, batch.now)
    return day_ends(since, batch.now, batch.zone)


def _cuts(batch: Batch, facts: KeyResultFacts | RollUpFacts, one: Subject) -> list[datetime | None]:
    """Up to where what was read for the subject has no gaps."""
    children = [batch.stored[child].complete_until for child in batch.children_of(one)]
    if isinstance(facts, RollUpFacts):
        return children
    feeds = {version.feed for part in (facts, *facts.operands) for version in part.versions if version.feed is not None}
    return [*children, *(batch.values.complete_until.get(feed) for feed in feeds)]


def _moment(regraded: Regraded) -> Moment:
    inputs = regraded.inputs
    if isinstance(inputs, KeyResultInputs):
        return Moment(regraded.instant, regraded.grade, pack_key_result(inputs, regraded.revision or 1))
    return Moment(regraded.instant, regraded.grade, pack_roll_up(inputs))


async def _parents(connection: asyncpg.Connection, batch: Batch, scored: Sequence[Scored]) -> dict[Subject, datetime]:
    """Who must be graded again because a child's history or current grade is news, each since the earliest such instant."""
    changed = {one.claim.subject: _changed_since(one) for one in scored if one.snapshots or one.is_news}
    parents: dict[Subject, datetime] = {}

    def add(parent: Subject, since: datetime) -> None:
        if parent not in batch.claims:
            parents[parent] = min(since, parents.get(parent, since))

    objectives = [one.id for one in changed if one.number == _OBJECTIVE]
    above = await parents_of_objectives(connection, batch.organization_id, objectives) if objectives else {}
    for one, since in changed.items():
        if one.number == _KEY_RESULT:
            add(subject(SubjectKind.OBJECTIVE, batch.outlines[one.id].objective_id), since)
        for parent in above.get(one.id, ()) if one.number == _OBJECTIVE else ():
            add(parent, since)
    return parents


async def _raise_new_parents(
    connection: asyncpg.Connection, batch: Batch, scored: Sequence[Scored], *, known: dict[Subject, datetime]
) -> None:
    """Raise the parents that came into being between our look for them and the effect.

    Such a parent may have been graded meanwhile, with the child's grade from before. One that comes after this look reads ours.
    """
    parents = await _parents(connection, batch, scored)
    missed = [(parent, since) for parent, since in parents.items() if parent not in known]
    await demand.raise_demand(connection, batch.organization_id, missed)


def _changed_since(one: Scored) -> datetime:
    return min([one.current.observed_at, *(moment.observed_at for moment in one.snapshots)])
