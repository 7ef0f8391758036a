"""A batch of claimed subjects, and everything that must be read to grade it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db import demand
from okr.db.contexts import Context, load_contexts
from okr.db.demand import Claim, Subject, subject
from okr.db.key_result_facts import Outline, Values, load_outlines, load_periods, load_values
from okr.db.roll_up_facts import Ground, load_objectives, load_sets
from okr.db.rulebooks import rules_of
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.timelines import StoredTimeline, load_latest, load_timelines
from okr.db.words import RawsThen, load_raws_then
from okr.domain.calendar import end_of_day, last_ended_day
from okr.domain.rulebook import RulesInForce
from okr.domain.timeline import Timeline
from okr.domain.values import SubjectKind
from okr.domain.words import NO_WORDS, Words

DEFERRED_SECONDS = 0.02
PATIENCE = timedelta(seconds=1)
"""How long an objective's grade waits for key results that other workers hold: under load one of them always does."""
ROLL_UPS = frozenset(KIND_NUMBERS[kind] for kind in (SubjectKind.TEAM, SubjectKind.CYCLE, SubjectKind.ORGANIZATION))
KEY_RESULT = KIND_NUMBERS[SubjectKind.KEY_RESULT]
OBJECTIVE = KIND_NUMBERS[SubjectKind.OBJECTIVE]


@dataclass(slots=True)
class Batch:
    """The claimed subjects of one organization, and what has been read for them; `awaited` are children of any of them."""

    organization_id: UUID
    zone: ZoneInfo
    now: datetime
    claims: dict[Subject, Claim]
    since: dict[Subject, datetime]
    rules: dict[Subject, RulesInForce] = field(default_factory=dict)
    contexts: dict[Subject, Context] = field(default_factory=dict)
    outlines: dict[UUID, Outline] = field(default_factory=dict)
    grounds: dict[Subject, Ground] = field(default_factory=dict)
    values: Values = field(default_factory=lambda: Values({}, {}, {}))
    stored: dict[Subject, StoredTimeline] = field(default_factory=dict)
    timelines: dict[Subject, Timeline] = field(default_factory=dict)
    awaited: set[Subject] = field(default_factory=set)
    raws_then: RawsThen = field(default_factory=dict)

    @property
    def today(self) -> datetime:
        """The instant at which the organization's day began."""
        return end_of_day(last_ended_day(self.now, self.zone), self.zone)

    def begins(self, one: Subject) -> datetime:
        """The earliest instant that is graded: where a person has ended the subject, no later than that."""
        last = self.last(one)
        return self.since[one] if last is None else min(self.since[one], last)

    def last(self, one: Subject) -> datetime | None:
        """When a person ended the subject, if so."""
        frame = self.outlines[one.id].facts.frame if one.number == KEY_RESULT else self.grounds[one].frame
        return frame.last if frame else None

    def words_of(self, one: Subject) -> Words:
        """What people said of the subject's grade."""
        if one.number == KEY_RESULT:
            return self.outlines[one.id].facts.words if one.id in self.outlines else NO_WORDS
        return self.grounds[one].words if one in self.grounds else NO_WORDS

    def children_of(self, one: Subject) -> Sequence[Subject]:
        """What the grade of `one` is made from that has grades of its own."""
        if one.number == KEY_RESULT:
            outline = self.outlines.get(one.id)
            ties = outline.children if outline else ()
            return [subject(SubjectKind.OBJECTIVE, tie.objective_id) for tie in ties]
        ground = self.grounds.get(one)
        return ground.children if ground else ()


async def read_structure(connection: asyncpg.Connection, batch: Batch) -> None:
    """Read what the batch's subjects are made of, and the rules that hold for each."""
    key_results = [one.id for one in batch.claims if one.number == KEY_RESULT]
    objectives = [one.id for one in batch.claims if one.number == OBJECTIVE]
    sets = [one for one in batch.claims if one.number in ROLL_UPS]
    batch.rules = await rules_of(connection, batch.organization_id, batch.claims)
    asked_about = [one for one in batch.claims if batch.rules[one].have_conditions]
    if asked_about:
        batch.contexts = await load_contexts(connection, batch.organization_id, asked_about)
    if key_results:
        batch.outlines = await load_outlines(connection, batch.organization_id, key_results, zone=batch.zone)
    if objectives:
        batch.grounds |= await load_objectives(connection, batch.organization_id, objectives, zone=batch.zone)
    if sets:
        since = min(batch.since.values())  # reaching back may take them to the earliest of all
        batch.grounds |= await load_sets(connection, batch.organization_id, sets, since=since, zone=batch.zone)


async def defer_unready(connection: asyncpg.Connection, batch: Batch) -> int:
    """Put off objectives with a key result that is dirty but not ours: its new value would be missing from their grade.

    Whoever has the key result raises the objective again when it is done, or finds nothing changed and it is tried again.
    """
    wanting = {
        one: [child for child in batch.children_of(one) if child.number == KEY_RESULT and child not in batch.claims]
        for one in batch.claims
        if one.number == OBJECTIVE and batch.now - batch.claims[one].requested_at < PATIENCE
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
        KEY_RESULT,
        strangers,
    )
    dirty = {row["subject_id"] for row in rows}
    deferred = [one for one, children in wanting.items() if any(child.id in dirty for child in children)]
    if deferred:
        claims = [batch.claims.pop(one) for one in deferred]
        await demand.release(connection, batch.organization_id, claims, after_seconds=DEFERRED_SECONDS)
    return len(deferred)


def children_first(batch: Batch) -> list[Subject]:
    """The claimed subjects, each after those of its children that are claimed too."""
    ordered = sorted(batch.claims)
    if all(child.number < one.number for one in ordered for child in batch.children_of(one) if child in batch.claims):
        return ordered
    graph = {one: [child for child in batch.children_of(one) if child in batch.claims] for one in batch.claims}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        # The API refuses rings of alignments; should one exist, lowest kinds first is as good as any order.
        return ordered


def reach_back(batch: Batch, order: list[Subject]) -> None:
    """Grade parents from the earliest instant on that one of their children in the batch is graded from."""
    for one in order:
        starts = [batch.since[child] for child in batch.children_of(one) if child in batch.claims]
        batch.since[one] = min([batch.since[one], *starts])


async def read_values(connection: asyncpg.Connection, batch: Batch) -> None:
    """Read the timelines and the values that the batch's grades are made from."""
    wanted = _timelines_wanted(batch)
    batch.stored = await load_timelines(connection, batch.organization_id, wanted.whole)
    if wanted.by_day:
        batch.stored |= await load_timelines(connection, batch.organization_id, wanted.by_day, by_day_in=batch.zone)
    if wanted.latest:
        batch.stored |= await load_latest(connection, batch.organization_id, wanted.latest)
    batch.timelines = {one: stored.timeline for one, stored in batch.stored.items()}
    # What a word was said in view of: where grading begins later, the timelines do not tell it.
    then = {
        (child, word.made_at)
        for one in batch.claims
        for word in batch.words_of(one).said
        if word.made_at < batch.begins(one)
        for child in batch.children_of(one)
    }
    batch.raws_then = await load_raws_then(connection, batch.organization_id, then)
    claimed = [batch.outlines[one.id] for one in batch.claims if one.number == KEY_RESULT and one.id in batch.outlines]
    if not claimed:
        return
    # Operands are read as far back as the earliest composite that reads them.
    since = {outline.id: batch.since[subject(SubjectKind.KEY_RESULT, outline.id)] for outline in claimed}
    for outline in claimed:
        for id in outline.operand_ids:
            since[id] = min(since[outline.id], since.get(id, since[outline.id]))
    read = [outline for id, outline in batch.outlines.items() if id in since]
    batch.values = await load_values(connection, batch.organization_id, read, since=since)
    by_period = [outline for outline in claimed if _looks_at_periods(batch, outline)]
    if by_period:
        await load_periods(connection, batch.organization_id, by_period, values=batch.values, since=since)


def _looks_at_periods(batch: Batch, outline: Outline) -> bool:
    rules = batch.rules[subject(SubjectKind.KEY_RESULT, outline.id)]
    return any(rules.read_periods(version.measure.kind) for version in outline.facts.versions)


class _Wanted(NamedTuple):
    """Whose timelines are needed, and since when: whole, or what only sets look at, by the day or as it is now."""

    whole: dict[Subject, datetime]
    by_day: dict[Subject, datetime]
    latest: set[Subject]


def _timelines_wanted(batch: Batch) -> _Wanted:
    wanted = _Wanted({}, {}, set())
    for one in batch.claims:
        since, children = batch.begins(one), batch.children_of(one)
        wanted.whole[one] = min(since, wanted.whole.get(one, since))
        if one.number in ROLL_UPS and since > batch.today and batch.last(one) is None:
            wanted.latest.update(children)
            continue
        of_children = wanted.by_day if one.number in ROLL_UPS else wanted.whole
        for child in children:
            of_children[child] = min(since, of_children.get(child, since))
    for both in wanted.whole.keys() & wanted.by_day.keys():
        wanted.whole[both] = min(wanted.whole[both], wanted.by_day.pop(both))
    wanted.latest.difference_update(wanted.whole, wanted.by_day)
    return wanted
