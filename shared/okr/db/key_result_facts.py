"""What is known of key results, read for grading: versions, points, check-ins; one query for each, however many they are."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.timelines import Row
from okr.domain.timeline import PERIOD_DAYS, Child, Frame, KeyResultFacts, Observation, Timeline, Version
from okr.domain.values import Commitment, Formula, FormulaOp, Kind, Measure, Milestone, Zone

POINTS_AT_ONCE = 400
"""Instants with points that are read of one metric at once; more are left to the next grading of the same key result."""

_KEY_RESULTS = """
SELECT k.id, k.objective_id, k.kind, k.due_on, k.cancelled_at, m.frequency, o.commitment, o.closed_at,
       o.cancelled_at AS objective_cancelled_at, c.starts_on, c.ends_on
  FROM key_result k
  JOIN objective o ON o.organization_id = $1 AND o.id = k.objective_id
  JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = k.metric_id
 WHERE k.organization_id = $1 AND k.id = ANY($2)
"""

_VERSIONS = """
SELECT * FROM key_result_version WHERE organization_id = $1 AND key_result_id = ANY($2) ORDER BY key_result_id, revision
"""

_CHECK_INS = """
SELECT key_result_id, value, zone, milestone, confidence, observed_at FROM check_in
 WHERE organization_id = $1 AND key_result_id = ANY($2) ORDER BY key_result_id, observed_at, recorded_at, id
"""

# Of several points at one instant the one recorded last counts. Besides those from `since` on it takes the last one before, and
# the newest of all, so that the current grade is right even where the limit cuts.
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
      ORDER BY observed_at, recorded_at DESC, revision DESC, source DESC, dedupe_key DESC LIMIT $4)
    UNION ALL
    (SELECT observed_at, value, false FROM metric_point
      WHERE organization_id = $1 AND metric_id = f.metric_id ORDER BY {_NEWEST_FIRST} LIMIT 1)) AS p
 ORDER BY 1, 2
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
            tie = ChildOf(row["objective_id"], row["weight"], row["until"])
            outlines[row["parent_key_result_id"]].children.append(tie)
    return outlines


async def _outlines(
    connection: asyncpg.Connection, organization_id: UUID, ids: Iterable[UUID], zone: tzinfo
) -> dict[UUID, Outline]:
    wanted = list(ids)
    rows = await connection.fetch(_KEY_RESULTS, organization_id, wanted)
    versions: dict[UUID, list[Version]] = defaultdict(list)
    for row in await connection.fetch(_VERSIONS, organization_id, wanted):
        versions[row["key_result_id"]].append(version_of(row))
    return {row["id"]: _outline(row, tuple(versions[row["id"]]), zone) for row in rows}


def _outline(row: asyncpg.Record, versions: tuple[Version, ...], zone: tzinfo) -> Outline:
    ends = [end for end in (row["cancelled_at"], row["objective_cancelled_at"]) if end is not None]
    facts = KeyResultFacts(
        id=str(row["id"]),
        commitment=Commitment(row["commitment"]),
        frame=Frame(
            starts_on=row["starts_on"],
            due_on=row["due_on"] or row["ends_on"],
            zone=zone,
            closed_at=row["closed_at"],
            ended_at=min(ends, default=None),
        ),
        versions=versions,
        period_days=PERIOD_DAYS.get(row["frequency"] or "", PERIOD_DAYS["weekly"]),
    )
    formulas = [version.measure.formula for version in versions if version.measure.formula is not None]
    operand_ids = tuple({UUID(id): None for formula in formulas for id in formula.of})
    return Outline(row["id"], row["objective_id"], facts, operand_ids)


def _is_composite(facts: KeyResultFacts) -> bool:
    return any(version.measure.kind is Kind.COMPOSITE for version in facts.versions)


def version_of(row: Row) -> Version:
    """The domain's version from a row of key_result_version."""
    return Version(
        revision=row["revision"],
        valid_from=row["valid_from"],
        measure=measure_of(row),
        weight=row["weight"],
        feed=str(row["metric_id"]) if row["metric_id"] else None,
    )


def measure_of(row: Row) -> Measure:
    """The domain's measure from a row of key_result_version."""
    formula = _json(row["formula"])
    return Measure(
        kind=Kind(row["kind"]),
        start=row["start_value"],
        target=row["target_value"],
        commit=row["commit_value"],
        stretch=row["stretch_value"],
        band_low=row["band_low"],
        band_high=row["band_high"],
        milestones=tuple(
            Milestone(part["title"], Decimal(str(part["weight"])), bool(part["done"]))
            for part in _json(row["milestones"]) or ()
        ),
        zones=tuple(Zone(part["name"], Decimal(str(part["grade"]))) for part in _json(row["zones"]) or ()),
        formula=Formula(FormulaOp(formula["op"]), tuple(formula["of"])) if formula else None,
    )


def _json(stored: Any) -> Any:
    """jsonb as the driver gives it (text) or as the toolkit does (decoded)."""
    return orjson.loads(stored) if isinstance(stored, str) else stored


@dataclass(frozen=True, slots=True)
class Values:
    """Points by metric and check-ins by key result; `complete_until` by metric, where more points wait than were read."""

    points: dict[str, list[Observation]]
    complete_until: dict[str, datetime]
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
                feed = UUID(version.feed)
                feeds[feed] = min(since[outline.id], feeds.get(feed, since[outline.id]))
    points: dict[str, list[Observation]] = defaultdict(list)
    forward: dict[str, list[datetime]] = defaultdict(list)
    if feeds:
        rows = await connection.fetch(_POINTS, organization_id, list(feeds), list(feeds.values()), POINTS_AT_ONCE)
        for row in rows:
            points[str(row["metric_id"])].append(Observation(row["observed_at"], value=row["value"]))
            if row["forward"]:
                forward[str(row["metric_id"])].append(row["observed_at"])
    check_ins: dict[UUID, list[Observation]] = defaultdict(list)
    for row in await connection.fetch(_CHECK_INS, organization_id, ids):
        seen = Observation(row["observed_at"], row["value"], row["zone"], row["milestone"], row["confidence"])
        check_ins[row["key_result_id"]].append(seen)
    await asyncio.sleep(0)  # large batches: let the lease's clock and other tasks run
    cut = {feed: instants[-1] for feed, instants in forward.items() if len(instants) == POINTS_AT_ONCE}
    return Values(points, cut, check_ins)


def with_values(
    outline: Outline, *, values: Values, outlines: Mapping[UUID, Outline], timelines: Mapping[UUID, Timeline]
) -> KeyResultFacts:
    """The complete facts of a key result; `timelines` are those of its child objectives."""
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
    )
