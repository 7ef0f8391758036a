"""One batch of demand: read what the claimed subjects depend on, grade children before parents, write the effect."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db import demand, runs
from okr.db.demand import Claim, Subject, subject
from okr.db.effect import Moment, Scored, write_effect
from okr.db.key_result_facts import with_values
from okr.db.packing import pack_key_result, pack_roll_up
from okr.db.partitions import Partitions
from okr.db.roll_up_facts import parents_of_objectives
from okr.db.words import RawsThen
from okr.domain.calendar import day_ends
from okr.domain.rescoring import Regraded, merged, plan, rescore
from okr.domain.timeline import KeyResultFacts, RollUpFacts
from okr.domain.values import KeyResultInputs, SubjectKind
from okr_scoring.batch import (
    KEY_RESULT,
    OBJECTIVE,
    ROLL_UPS,
    Batch,
    children_first,
    defer_unready,
    reach_back,
    read_structure,
    read_values,
)

INSTANTS_AT_ONCE = 400
PARTS_AT_ONCE = 20_000
"""Parts that one roll-up may look at in one go: a set of 1,000 objectives is graded for 20 instants at a time."""
INSTANTS_PER_BATCH = 4_000
"""Instants graded in one batch, about half a second of work: a batch must end well before its lease."""
SUBJECTS_IN_A_ROW = 100
"""Subjects, or instants of one, that are graded before other tasks of the process get a turn: about ten milliseconds."""
SECONDS_PER_MEMBER = 0.002
"""What a roll-up is kept at a distance for each member: with 30 microseconds of work for each, under two hundredths of the time."""
CLOCK_SKEW = timedelta(seconds=1)
"""How far our clock may be behind that of the process in which rules came into force: or the instant would be passed by."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock a point may be observed; the API refuses what lies further."""


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a batch; `fenced` lost to another worker's grade, `deferred` wait for a child that another worker has."""

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
    await read_structure(connection, batch)
    deferred = await defer_unready(connection, batch)
    order = children_first(batch)
    reach_back(batch, order)
    batch.awaited = {child for one in order for child in batch.children_of(one)}
    await read_values(connection, batch)
    scored = await _score_in_turn(connection, batch, order)
    parents = await _parents(connection, batch, scored)
    months = partitions.missing("score_snapshot", (moment.observed_at for one in scored for moment in one.snapshots))
    await partitions.make(connection, "score_snapshot", months)
    await runs.follow(connection, organization_id, scored)
    written = await write_effect(
        connection,
        organization_id,
        scored,
        parents=parents,
        distances=_distances(batch, roll_up_distance_seconds),
    )
    lost = [batch.claims.pop(one.claim.subject) for one in scored if one.claim.subject not in written]
    if lost:
        await demand.release(connection, organization_id, lost)
    await _raise_new_parents(connection, batch, scored, known=parents)
    return Served(scored, frozenset(written), deferred)


def _distances(batch: Batch, least_seconds: float) -> dict[Subject, float]:
    """How long each roll-up is left alone once it is graded: the more members, the longer, so that none crowds out the rest."""
    return {
        one: max(least_seconds, len(batch.grounds[one].members) * SECONDS_PER_MEMBER) if least_seconds else 0.0
        for one in batch.claims
        if one.number in ROLL_UPS
    }


async def _score_in_turn(connection: asyncpg.Connection, batch: Batch, order: Sequence[Subject]) -> list[Scored]:
    """Grade one subject after the other, letting others run in between; what is too much for one batch is given back."""
    scored: list[Scored] = []
    instants = 0
    for one in order:
        if instants >= INSTANTS_PER_BATCH:
            break
        result, graded = _score(batch, one)
        scored.append(result)
        instants += graded
        if len(scored) % SUBJECTS_IN_A_ROW == 0 or graded > SUBJECTS_IN_A_ROW:
            await asyncio.sleep(0)
    left = [batch.claims.pop(one) for one in order[len(scored) :]]
    if left:
        await demand.release(connection, batch.organization_id, left)
    return scored


def _score(batch: Batch, one: Subject) -> tuple[Scored, int]:
    """The subject's grades, and how many instants they are for."""
    claim, stored, since = batch.claims[one], batch.stored[one], batch.since[one]
    facts, candidates = _candidates(batch, one, since)
    frame = facts.frame
    last = frame.last if frame else None
    until = batch.now + CLOCK_TOLERANCE if last is None else min(last, batch.now + CLOCK_TOLERANCE)
    limit = INSTANTS_AT_ONCE
    if isinstance(facts, RollUpFacts):
        limit = min(limit, max(8, PARTS_AT_ONCE // max(len(facts.members), 1)))
    instants = candidates.union(
        stored.timeline.instants, _switches(batch, one, since), (since,), (last,) if last else ()
    )
    agenda = plan(
        _by_the_day(batch, instants, until=until) if one.number in ROLL_UPS else instants,
        since=min(since, until),
        until=until,
        limit=limit,
        complete_until=_complete_until(batch, facts, one),
    )
    result = rescore(facts, agenda=agenda, stored=stored.written, rules=batch.rules[one])
    if one in batch.awaited:
        batch.timelines[one] = merged(stored.timeline, result)
    news = tuple(_moment(regraded) for regraded in result.news)
    # Mostly the current grade is the news, and is packed once.
    final = news[-1] if result.news and result.news[-1] is result.current else _moment(result.current)
    # What had been graded for later instants before a person ended the subject reads as the end does.
    overtaken = [
        Moment(at, final.grade, final.inputs)
        for at, grade in zip(stored.written.instants, stored.written.grades, strict=True)
        if last and at > until and agenda.next_from is None and not final.grade.says_the_same_as(grade)
    ]
    scored = Scored(
        claim=claim,
        current=final,
        snapshots=(*news, *overtaken),
        before=stored.current,
        next_from=agenda.next_from,
    )
    return scored, len(agenda.instants) + 1


def _candidates(batch: Batch, one: Subject, since: datetime) -> tuple[KeyResultFacts | RollUpFacts, set[datetime]]:
    """The subject's complete facts, and the instants at which its grade may change."""
    horizon = batch.now + CLOCK_TOLERANCE
    if one.number == KEY_RESULT:
        children = {child.id: batch.timelines[child] for child in batch.children_of(one)}
        facts = with_values(
            batch.outlines[one.id],
            values=batch.values,
            outlines=batch.outlines,
            timelines=children,
            raws_then=_raws_then(batch, one),
            context=batch.contexts.get(one),
        )
        return facts, facts.moments(since, horizon).union(facts.frame.days_between(since, batch.now))
    ground = batch.grounds[one]
    roll_up = ground.with_timelines(batch.timelines, _raws_then(batch, one), context=batch.contexts.get(one))
    moments = roll_up.endings() | set(_days(roll_up, batch, since))
    seen = {moment for timeline in roll_up.timelines for moment in timeline.instants if since <= moment <= horizon}
    if one.number == OBJECTIVE and len(seen) <= INSTANTS_AT_ONCE:
        return roll_up, moments | seen
    # Above objectives, and where values come by the minute, the past is graded by the day.
    if one.number == OBJECTIVE:
        return roll_up, moments | {moment for moment in seen if moment >= batch.today}
    return roll_up, moments | ({max(seen)} if seen else set())


def _switches(batch: Batch, one: Subject, since: datetime) -> tuple[datetime, ...]:
    """When other rules came into force. Of days that have ended, sets are graded at the end only, under the rules of then."""
    first = max(since, batch.today) if one.number in ROLL_UPS else since
    return batch.rules[one].switches_within(first, batch.now + CLOCK_SKEW)


def _raws_then(batch: Batch, one: Subject) -> RawsThen:
    """What the subject's children had measured when words were said of it, before the instants that are graded now."""
    if not batch.words_of(one).said:
        return {}
    since = batch.begins(one)
    return {then: raw for then, raw in batch.raws_then.items() if then[1] < since}


def _by_the_day(batch: Batch, instants: set[datetime], *, until: datetime) -> set[datetime]:
    """Of today the last instant alone, for which it is enough to know what the members are now."""
    latest = max((moment for moment in instants if moment <= until), default=until)
    return {moment for moment in instants if moment <= batch.today or moment == latest}


def _days(roll_up: RollUpFacts, batch: Batch, since: datetime) -> list[datetime]:
    """The subject's own days; of a team or the organization those since the first of its objectives' cycles began."""
    if roll_up.frame is not None:
        return roll_up.frame.days_between(since, batch.now)
    begins = min((member.since for member in roll_up.members if member.since is not None), default=since)
    return day_ends(max(since, begins), batch.now, batch.zone)


def _complete_until(batch: Batch, facts: KeyResultFacts | RollUpFacts, one: Subject) -> datetime | None:
    """Up to where what was read for the subject has no gaps; None where it has none at all."""
    cuts = [batch.stored[of].complete_until for of in (one, *batch.children_of(one))]
    if isinstance(facts, KeyResultFacts) and batch.values.complete_until:
        parts = (facts, *facts.operands)
        feeds = {version.feed for part in parts for version in part.versions if version.feed is not None}
        cuts += [batch.values.complete_until.get(feed) for feed in feeds]
    return min((cut for cut in cuts if cut is not None), default=None)


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

    objectives = [one.id for one in changed if one.number == OBJECTIVE]
    above = await parents_of_objectives(connection, batch.organization_id, objectives) if objectives else {}
    for one, since in changed.items():
        if one.number == KEY_RESULT:
            add(subject(SubjectKind.OBJECTIVE, batch.outlines[one.id].objective_id), since)
        for parent in above.get(one.id, ()) if one.number == OBJECTIVE else ():
            add(parent, since)
    return parents


async def _raise_new_parents(
    connection: asyncpg.Connection, batch: Batch, scored: Sequence[Scored], *, known: dict[Subject, datetime]
) -> None:
    """Raise the parents that came into being between our look for them and the effect, and those of the batch that we lost.

    Such a parent may have been graded meanwhile, with the child's grade from before. One that comes after this look reads ours.
    """
    parents = await _parents(connection, batch, scored)
    missed = [(parent, since) for parent, since in parents.items() if parent not in known]
    await demand.raise_demand(connection, batch.organization_id, missed)


def _changed_since(one: Scored) -> datetime:
    return min([one.current.observed_at, *(moment.observed_at for moment in one.snapshots)])
