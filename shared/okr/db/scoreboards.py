"""What a cycle's scoreboard shows: its objectives and their key results as they were at an instant, without the grades."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

_OBJECTIVES = """
SELECT id, title, commitment, perspective, team_id, owner_id, weight, tags, state
  FROM objective
 WHERE organization_id = $1 AND cycle_id = $2 AND created_at <= $4 AND (cancelled_at IS NULL OR cancelled_at > $3)
 ORDER BY created_at, id
"""

_KEY_RESULTS = """
SELECT k.id, k.objective_id, k.title, k.kind, k.unit, v.weight, k.owner_id, k.due_on, m.key AS metric_key,
       v.start_value, v.target_value, v.commit_value, v.stretch_value, v.band_low, v.band_high
  FROM key_result k
  JOIN LATERAL (
      SELECT * FROM key_result_version
       WHERE organization_id = $1 AND key_result_id = k.id AND (revision = 1 OR valid_from <= least($3::timestamptz, $4))
       ORDER BY revision DESC LIMIT 1) v ON true
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
 WHERE k.organization_id = $1 AND k.objective_id = ANY($2) AND k.created_at <= $4
   AND (k.cancelled_at IS NULL OR k.cancelled_at > $3)
 ORDER BY k.objective_id, k.created_at, k.id
"""


@dataclass(frozen=True, slots=True)
class ObjectiveOnBoard:
    """An objective of the cycle."""

    id: UUID
    title: str
    commitment: str
    perspective: str | None
    team_id: UUID | None
    owner_id: UUID
    weight: Decimal
    tags: list[str]
    state: str


@dataclass(frozen=True, slots=True)
class KeyResultOnBoard:
    """A key result of such an objective, measured the way that it was at the instant."""

    id: UUID
    objective_id: UUID
    title: str
    kind: str
    unit: str | None
    weight: Decimal
    owner_id: UUID | None
    due_on: date | None
    metric_key: str | None
    start_value: Decimal | None
    target_value: Decimal | None
    commit_value: Decimal | None
    stretch_value: Decimal | None
    band_low: Decimal | None
    band_high: Decimal | None


@dataclass(frozen=True, slots=True)
class Row:
    """One objective with its key results, in the order in which they were made."""

    objective: ObjectiveOnBoard
    key_results: list[KeyResultOnBoard]


async def read_board(
    connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID, *, as_of: datetime, known_at: datetime
) -> list[Row]:
    """The cycle's objectives that were made by `known_at` and not given up by `as_of`, whatever their state."""
    objectives = await connection.fetch(_OBJECTIVES, organization_id, cycle_id, as_of, known_at)
    ids = [row["id"] for row in objectives]
    key_results = await connection.fetch(_KEY_RESULTS, organization_id, ids, as_of, known_at)
    by_objective: dict[UUID, list[KeyResultOnBoard]] = {id: [] for id in ids}
    for row in key_results:
        by_objective[row["objective_id"]].append(KeyResultOnBoard(**dict(row)))
    return [Row(ObjectiveOnBoard(**dict(row)), by_objective[row["id"]]) for row in objectives]
