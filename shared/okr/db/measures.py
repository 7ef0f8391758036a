"""How one version of a key result follows another, and what check-ins add to the milestones of the newest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from okr.db.tables import KeyResultVersion

MEASURED_COLUMNS = (
    "start_value",
    "target_value",
    "commit_value",
    "stretch_value",
    "band_low",
    "band_high",
    "milestones",
    "zones",
    "formula",
    "weight",
    "metric_id",
)
"""What a change of makes a new version. The kind is not among them: it holds for a key result's whole life."""

# Milestones that check-ins have named count as done as long as the version is in force that was in force when they did; the
# first version is also in force before it was made.
_NAMED = """
SELECT DISTINCT milestone FROM check_in
 WHERE organization_id = $1 AND key_result_id = $2 AND milestone IS NOT NULL AND ($3 = 1 OR observed_at >= $4)
"""


def with_done(milestones: Sequence[Mapping[str, Any]] | None, named: set[str]) -> list[dict[str, Any]] | None:
    """The milestones of a version, those that check-ins have named marked as done."""
    if milestones is None:
        return None
    return [{**one, "done": one["done"] or one["title"] in named} for one in milestones]


async def milestones_now(connection: asyncpg.Connection, version: KeyResultVersion) -> list[dict[str, Any]] | None:
    """The version's milestones as they stand: declared done, or named by a check-in since; None where there are none."""
    if version.milestones is None:
        return None
    rows = await connection.fetch(
        _NAMED, version.organization_id, version.key_result_id, version.revision, version.valid_from
    )
    return with_done(version.milestones, {row["milestone"] for row in rows})


def next_version(
    version: KeyResultVersion, changes: Mapping[str, Any], *, valid_from: datetime, changed_by: str, reason: str | None
) -> KeyResultVersion:
    """The version after this one, with `changes` of MEASURED_COLUMNS."""
    values = {**version.model_dump(), **changes}
    values.update(revision=version.revision + 1, valid_from=valid_from, changed_by=changed_by, reason=reason)
    return KeyResultVersion(**values)


async def last_confidence(connection: asyncpg.Connection, organization_id: UUID, key_result_id: UUID) -> Decimal | None:
    """The confidence that was said last, 0..1; None when nobody has said one."""
    confidence: Decimal | None = await connection.fetchval(
        """
        SELECT confidence FROM check_in
         WHERE organization_id = $1 AND key_result_id = $2 AND confidence IS NOT NULL
         ORDER BY observed_at DESC, recorded_at DESC LIMIT 1
        """,
        organization_id,
        key_result_id,
    )
    return confidence
