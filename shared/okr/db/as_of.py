"""Pace and freshness of an instant: they move while nothing happens, so snapshots do not hold them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from okr.db.packing import unpack_roll_up, unpack_window
from okr.db.rulebooks import named_rules
from okr.db.stored_grades import StoredGrade
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.timelines import Row
from okr.domain import pace
from okr.domain.calendar import last_ended_day
from okr.domain.grading import grade
from okr.domain.ruleset import STANDARD, Ruleset
from okr.domain.timeline import PERIOD_DAYS
from okr.domain.values import Freshness, Part, RulesetRef, SubjectKind, Window

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
_KEY_RESULT = KIND_NUMBERS[SubjectKind.KEY_RESULT]

# When a key result's value was last observed, under the version in force: a value that is sent again unchanged makes no
# snapshot, and yet is fresh. Composites have no values of their own and answer null.
_LAST_SEEN = """
SELECT k.id, coalesce(
    (SELECT p.observed_at FROM metric_point p
      WHERE p.organization_id = $1 AND p.metric_id = v.metric_id AND p.observed_at <= $3 AND p.recorded_at <= $4
      ORDER BY p.observed_at DESC LIMIT 1),
    (SELECT max(c.observed_at) FROM check_in c
      WHERE v.metric_id IS NULL AND c.organization_id = $1 AND c.key_result_id = k.id AND c.observed_at <= $3
        AND c.recorded_at <= $4 AND num_nonnulls(c.value, c.zone, c.milestone) > 0)) AS observed_at, m.frequency
  FROM unnest($2::uuid[]) AS w (id)
  JOIN key_result k ON k.organization_id = $1 AND k.id = w.id
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = k.metric_id
 CROSS JOIN LATERAL (
    SELECT metric_id FROM key_result_version
     WHERE organization_id = $1 AND key_result_id = k.id AND (valid_from <= $3 OR revision = 1)
     ORDER BY revision DESC LIMIT 1) AS v
"""

_FRAMES = """
SELECT o.id, c.starts_on, c.ends_on FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
 WHERE o.organization_id = $1 AND o.id = ANY($2)
"""


@dataclass(frozen=True, slots=True)
class Then:
    """What must be known to bring stored grades up to an instant: `expected` moves with the days, freshness with the hours,
    and neither alone makes a snapshot. `frames` are the days of objectives; `seen` says of key results when their
    values were last observed, and how often those are expected; `rules` are those that the grades were made under.
    """

    at: datetime
    zone: ZoneInfo
    frames: dict[str, tuple[date, date]]
    seen: dict[str, tuple[datetime, timedelta]]
    rules: dict[RulesetRef, Ruleset]

    def applied_to(self, stored: StoredGrade, window_now: list[str] | None) -> StoredGrade:
        """The stored grade as it stood at the instant; `window_now` are its days as they have been set since."""
        packed, was = stored.inputs, stored.grade
        # What cannot be read any more is rare, and pace and freshness under other rules are better than no answer.
        rules = self.rules.get(was.ruleset, STANDARD)
        if "w" in packed:
            was = replace(was, expected=self._expected(packed["w"], window_now, rules))
        if stored.subject.number == _KEY_RESULT:
            freshness = self._freshness(str(stored.subject.id), rules, was.freshness)
            return replace(stored, grade=replace(was, freshness=freshness))
        inputs = unpack_roll_up(packed, instant=self.at)
        parts = tuple(self._part(part, rules) for part in inputs.parts)
        again = grade(replace(inputs, parts=parts), rules)
        expected = was.expected if "w" in packed else again.expected
        return replace(stored, grade=replace(was, expected=expected, freshness=again.freshness))

    def _expected(self, packed: list[str], window_now: list[str] | None, rules: Ruleset) -> Decimal:
        window = unpack_window(packed)
        if not window.is_closed:
            days = unpack_window(window_now) if window_now else window
            window = replace(days, ended_on=last_ended_day(self.at, self.zone))
        return pace.expected_by(window, rules.pace)

    def _part(self, part: Part, rules: Ruleset) -> Part:
        if part.id in self.frames:
            starts_on, due_on = self.frames[part.id]
            window = Window(starts_on, due_on, last_ended_day(self.at, self.zone))
            return replace(part, expected=pace.expected_by(window, rules.pace))
        return replace(part, freshness=self._freshness(part.id, rules, part.freshness))

    def _freshness(self, id: str, rules: Ruleset, was: Freshness) -> Freshness:
        if id not in self.seen:
            return was
        observed_at, period = self.seen[id]
        return (
            Freshness.LATE if self.at - observed_at > rules.staleness.late_after_periods * period else Freshness.FRESH
        )


async def then(
    connection: asyncpg.Connection,
    organization_id: UUID,
    stored: Collection[StoredGrade],
    *,
    as_of: datetime,
    known_at: datetime | None,
) -> Then:
    """Read what brings these grades up to `as_of`, as known at `known_at`."""
    key_results = {one.subject.id for one in stored if one.subject.number == _KEY_RESULT}
    objectives: set[UUID] = set()
    for one in stored:
        for kind, id, *_ in one.inputs.get("parts", ()):
            (key_results if kind == _KEY_RESULT else objectives).add(UUID(id))
    seen = await connection.fetch(_LAST_SEEN, organization_id, list(key_results), as_of, known_at or FOREVER)
    frames = await connection.fetch(_FRAMES, organization_id, list(objectives)) if objectives else []
    return Then(
        at=as_of,
        zone=await time_zone_of(connection, organization_id),
        frames={str(row["id"]): (row["starts_on"], row["ends_on"]) for row in frames},
        seen={str(row["id"]): (row["observed_at"], _period(row)) for row in seen if row["observed_at"] is not None},
        rules=await named_rules(connection, organization_id, (one.grade.ruleset for one in stored)),
    )


def _period(row: Row) -> timedelta:
    return timedelta(days=PERIOD_DAYS.get(row["frequency"] or "", PERIOD_DAYS["weekly"]))


async def time_zone_of(connection: asyncpg.Connection, organization_id: UUID) -> ZoneInfo:
    """The zone in which the organization's days end."""
    name = await connection.fetchval("SELECT time_zone FROM organization WHERE organization_id = $1", organization_id)
    return ZoneInfo(name)
