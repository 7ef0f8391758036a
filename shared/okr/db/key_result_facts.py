"""What is known of key results, read for grading: versions, points, check-ins; one query for each, however many they are."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.contexts import Context
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.timelines import Row
from okr.db.words import RawsThen, load_words
from okr.domain.timeline import PERIOD_DAYS, Child, Frame, KeyResultFacts, Observation, Timeline, Version
from okr.domain.values import Commitment, Formula, FormulaOp, Kind, Measure, Milestone, SubjectKind, Zone
from okr.domain.words import Words

_KINDS = {kind.value: kind for kind in Kind}
_COMMITMENTS = {commitment.value: commitment for commitment in Commitment}

POINTS_AT_ONCE = 400
"""Instants with points that are read of one metric at once; more are left to the next grading of the same key result."""

# A row for each version. LIMIT 1 has each row looked up by its key: left to itself, the planner rather reads all that the
# organization has, in each batch again.
_KEY_RESULTS = """
SELECT k.id, k.objective_id, o.commitment, m.frequency, c.starts_on, coalesce(k.due_on, c.ends_on) AS due_on, o.closed_at,
       least(k.cancelled_at, o.cancelled_at) AS ended_at, v.revision, v.valid_from, v.weight, v.metric_id, v.kind, v.start_value,
       v.target_value, v.commit_value, v.stretch_value, v.band_low, v.band_high, v.milestones, v.zones, v.formula
  FROM unnest($2::uuid[]) AS w (id),
       LATERAL (SELECT * FROM key_result WHERE organization_id = $1 AND id = w.id LIMIT 1) k,
       LATERAL (SELECT * FROM objective WHERE organization_id = $1 AND id = k.objective_id LIMIT 1) o,
       LATERAL (SELECT starts_on, ends_on FROM cycle WHERE organization_id = $1 AND id = o.cycle_id LIMIT 1) c,
       LATERAL (SELECT * FROM key_result_version WHERE organization_id = $1 AND key_result_id = k.id
                 ORDER BY revision LIMIT 10000) v
       LEFT JOIN LATERAL (SELECT frequency FROM metric WHERE organization_id = $1 AND id = k.metric_id LIMIT 1) m ON true
 ORDER BY k.id, v.revision
"""

_CHECK_INS = """
SELECT key_result_id, value, zone, milestone, confidence, observed_at FROM check_in
 WHERE organization_id = $1 AND key_result_id = ANY($2) ORDER BY key_result_id, observed_at, recorded_at, id
"""

# Of several points at one instant the one recorded last counts. Besides those from `since` on it takes the last one before.
_NEWEST_FIRST = "observed_at DESC, recorded_at DESC, revision DESC, source DESC, dedupe_key DESC"
_POINTS = f"""
SELECT f.metric_id, p.observed_at, p.value, p.forward
  FROM unnest($2::uuid[], $3::timestamptz[]) AS f (metric_id, since)
 CROSS JOIN LATERAL (
    (SELECT observed_at, value, false AS forward FROM metric_point
      WHERE organization_id = $1 AND metric_id = f.metric_id AND observed_at < f.since ORDER BY {_NEWEST_FIRST} LIMIT 1)
    UNION ALL
    (SELECT DISTINCT ON (observed_at) observed_at, value, true FROM metric_point
      WHERE organization_id = $1 AND metric_id = f.metric_id AND observed_at >= f.since
      ORDER BY observed_at, recorded_at DESC, revision DESC, source DESC, dedupe_key DESC LIMIT $4)) AS p
 ORDER BY 1, 2
"""

_NEWEST = f"""
SELECT f.metric_id, p.observed_at, p.value
  FROM unnest($2::uuid[]) AS f (metric_id)
 CROSS JOIN LATERAL (
    SELECT observed_at, value FROM metric_point
     WHERE organization_id = $1 AND metric_id = f.metric_id ORDER BY {_NEWEST_FIRST} LIMIT 1) AS p
"""

_CHILDREN = """
SELECT DISTINCT ON (a.parent_key_result_id, a.objective_id)
       a.parent_key_result_id, a.objective_id, a.weight, least(a.ended_at, o.cancelled_at) AS until
  FROM alignment a JOIN objective o ON o.organization_id = $1 AND o.id = a.objective_id
 WHERE a.organization_id = $1 AND a.parent_key_result_id = ANY($2) AND a.mode = 'contribute' AND o.activated_at IS NOT NULL
 ORDER BY a.parent_key_result_id, a.objective_id, a.ended_at DESC NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class ChildOf:
    """A child objective's tie to a composite, before its timeline is known."""

    objective_id: UUID
    weight: Decimal
    until: datetime | None


@dataclass(slots=True)
class Outline:
    """A key result without its values: what must be known to say which values and timelines to read."""

    id: UUID
    objective_id: UUID
    facts: KeyResultFacts
    operand_ids: tuple[UUID, ...] = ()
    children: list[ChildOf] = field(default_factory=list)


async def load_outlines(
    connection: asyncpg.Connection, organization_id: UUID, ids: Collection[UUID], *, zone: tzinfo
) -> dict[UUID, Outline]:
    """The key results `ids` and the operands of the composites among them, without values. Unknown ids are left out."""
    outlines = await _outlines(connection, organization_id, ids, zone)
    operands = {id for outline in outlines.values() for id in outline.operand_ids} - outlines.keys()
    if operands:
        outlines |= await _outlines(connection, organization_id, operands, zone)
    composites = [outline.id for outline in outlines.values() if outline.operand_ids or _is_composite(outline.facts)]
    if composites:
        for row in await connection.fetch(_CHILDREN, organization_id, composites):
            parent = outlines[row["parent_key_result_id"]]
            if not parent.facts.frame.is_after(row["until"]):
                parent.children.append(ChildOf(row["objective_id"], row["weight"], row["until"]))
    return outlines


async def _outlines(
    connection: asyncpg.Connection, organization_id: UUID, ids: Iterable[UUID], zone: tzinfo
) -> dict[UUID, Outline]:
    wanted = list(ids)
    rows = await connection.fetch(_KEY_RESULTS, organization_id, wanted)
    words = await load_words(connection, organization_id, KIND_NUMBERS[SubjectKind.KEY_RESULT], wanted)
    return {id: _outline(list(versions), words[id], zone) for id, versions in groupby(rows, key=itemgetter(0))}


def _outline(rows: Sequence[asyncpg.Record], words: Words, zone: tzinfo) -> Outline:
    """The outline of one key result from the rows of its versions."""
    id, objective_id, commitment, frequency, starts_on, due_on, closed_at, ended_at, *_ = rows[0]
    versions = tuple(version_of(row) for row in rows)
    facts = KeyResultFacts(
        id=str(id),
        commitment=_COMMITMENTS[commitment],
        frame=Frame(starts_on, due_on, zone, closed_at, ended_at),
        versions=versions,
        period_days=PERIOD_DAYS.get(frequency, PERIOD_DAYS["weekly"]),
        words=words,
    )
    formulas = [version.measure.formula for version in versions if version.measure.formula is not None]
    operand_ids = tuple({UUID(id): None for formula in formulas for id in formula.of})
    return Outline(id, objective_id, facts, operand_ids)


def _is_composite(facts: KeyResultFacts) -> bool:
    return any(version.measure.kind is Kind.COMPOSITE for version in facts.versions)


def version_of(row: Row) -> Version:
    """The domain's version from a row of key_result_version."""
    return Version(
        revision=row["revision"],
        valid_from=row["valid_from"],
        measure=measure_of(row),
        weight=row["weight"],
        feed=row["metric_id"],
    )


def measure_of(row: Row) -> Measure:
    """The domain's measure from a row of key_result_version."""
    milestones, zones, formula = _json(row["milestones"]), _json(row["zones"]), _json(row["formula"])
    return Measure(
        _KINDS[row["kind"]],
        row["start_value"],
        row["target_value"],
        row["commit_value"],
        row["stretch_value"],
        row["band_low"],
        row["band_high"],
        _milestones(milestones) if milestones else (),
        tuple(Zone(part["name"], Decimal(str(part["grade"]))) for part in zones) if zones else (),
        Formula(FormulaOp(formula["op"]), tuple(formula["of"])) if formula else None,
    )


def _milestones(stored: Sequence[Mapping[str, Any]]) -> tuple[Milestone, ...]:
    return tuple(Milestone(part["title"], Decimal(str(part["weight"])), bool(part["done"])) for part in stored)


def _json(stored: Any) -> Any:
    """jsonb as the driver gives it (text) or as the toolkit does (decoded)."""
    return orjson.loads(stored) if isinstance(stored, str) else stored


# The last value of a span of days, for rules that look at all periods of a key result.
_LAST_WITHIN = f"""
SELECT f.metric_id, p.observed_at, p.value
  FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS f (metric_id, since, until)
 CROSS JOIN LATERAL (
    SELECT observed_at, value FROM metric_point
     WHERE organization_id = $1 AND metric_id = f.metric_id AND observed_at >= f.since AND observed_at < f.until
     ORDER BY {_NEWEST_FIRST} LIMIT 1) AS p
"""


@dataclass(frozen=True, slots=True)
class Values:
    """Points by metric and check-ins by key result; `complete_until` by metric, where more points wait than were read."""

    points: dict[UUID, list[Observation]]
    complete_until: dict[UUID, datetime]
    check_ins: dict[UUID, list[Observation]]


async def load_values(
    connection: asyncpg.Connection,
    organization_id: UUID,
    outlines: Iterable[Outline],
    *,
    since: Mapping[UUID, datetime],
) -> Values:
    """The values that grading `outlines` needs, each key result's from its own `since` on."""
    feeds: dict[UUID, datetime] = {}
    ids = []
    for outline in outlines:
        ids.append(outline.id)
        for version in outline.facts.versions:
            if version.feed is not None:
                feeds[version.feed] = min(since[outline.id], feeds.get(version.feed, since[outline.id]))
    points, cut = await _points(connection, organization_id, feeds) if feeds else ({}, {})
    check_ins: dict[UUID, list[Observation]] = defaultdict(list)
    for row in await connection.fetch(_CHECK_INS, organization_id, ids):
        seen = Observation(row["observed_at"], row["value"], row["zone"], row["milestone"], row["confidence"])
        check_ins[row["key_result_id"]].append(seen)
    await asyncio.sleep(0)  # large batches: let the lease's clock and other tasks run
    return Values(points, cut, check_ins)


async def _points(
    connection: asyncpg.Connection, organization_id: UUID, feeds: Mapping[UUID, datetime]
) -> tuple[dict[UUID, list[Observation]], dict[UUID, datetime]]:
    """The points of each feed from its instant on, rising, and up to where they are complete if there were too many."""
    rows = await connection.fetch(_POINTS, organization_id, list(feeds), list(feeds.values()), POINTS_AT_ONCE)
    points: dict[UUID, list[Observation]] = {}
    cut: dict[UUID, datetime] = {}
    for feed, mine in groupby(rows, key=itemgetter(0)):
        seen = [(row[3], Observation(row[1], row[2])) for row in mine]
        points[feed] = [observation for _, observation in seen]
        if sum(forward for forward, _ in seen) == POINTS_AT_ONCE:
            cut[feed] = points[feed][-1].observed_at
    if cut:
        # The newest of all comes too, so that the current grade is right even where the limit cuts.
        for feed, observed_at, value in await connection.fetch(_NEWEST, organization_id, list(cut)):
            if observed_at > cut[feed]:
                points[feed].append(Observation(observed_at, value))
    return points, cut


async def load_periods(
    connection: asyncpg.Connection,
    organization_id: UUID,
    outlines: Iterable[Outline],
    *,
    values: Values,
    since: Mapping[UUID, datetime],
) -> None:
    """Add to the values of `outlines` the last one of each of their periods that began before their `since`.

    What was measured from then on is there already, all of it.
    """
    spans: set[tuple[UUID, datetime, datetime]] = set()
    for outline in outlines:
        facts, until = outline.facts, since[outline.id]
        days = ((facts.frame.due_on - facts.frame.starts_on).days + 1, facts.period_days)
        begins = [facts.frame.day(day) for day in range(0, days[0] + days[1], days[1])]
        for version in facts.versions:
            if version.feed is not None:
                feed = version.feed
                spans |= {(feed, begin, min(end, until)) for begin, end in pairwise(begins) if begin < until}
    if not spans:
        return
    metrics, froms, untils = zip(*sorted(spans), strict=True)
    found: dict[UUID, dict[datetime, Observation]] = defaultdict(dict)
    for metric, observed_at, value in await connection.fetch(_LAST_WITHIN, organization_id, metrics, froms, untils):
        found[metric][observed_at] = Observation(observed_at, value)
    for metric, earlier in found.items():
        known = {seen.observed_at: seen for seen in values.points.get(metric, ())}
        values.points[metric] = [seen for _, seen in sorted((earlier | known).items())]


def with_values(
    outline: Outline,
    *,
    values: Values,
    outlines: Mapping[UUID, Outline],
    timelines: Mapping[UUID, Timeline],
    raws_then: RawsThen | None = None,
    context: Context | None = None,
) -> KeyResultFacts:
    """The complete facts of a key result; `timelines` and `raws_then` are those of its child objectives.

    `context` is for rules with conditions (okr.db.contexts).
    """
    facts = outline.facts
    return KeyResultFacts(
        id=facts.id,
        commitment=facts.commitment,
        frame=facts.frame,
        versions=facts.versions,
        points=values.points,
        check_ins=values.check_ins.get(outline.id, ()),
        operands=tuple(
            with_values(outlines[id], values=values, outlines=outlines, timelines={})
            for id in outline.operand_ids
            if id in outlines and id != outline.id
        ),
        children=tuple(
            Child(str(tie.objective_id), tie.weight, timelines[tie.objective_id], tie.until)
            for tie in outline.children
            if tie.objective_id in timelines
        ),
        period_days=facts.period_days,
        context=context,
        words=replace(facts.words, raws_then=raws_then) if raws_then else facts.words,
    )
