"""What else stands on a key result: composites of its objective, and objectives aligned to it."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from okr.db.goals import UnknownReference
from okr.domain.errors import Conflict, Invalid
from okr.domain.measures import DIRECT_KINDS
from okr.domain.values import Kind

OPERAND_KINDS = DIRECT_KINDS - {Kind.GUARDRAIL}
"""The kinds that a formula may stand on: those with a value of their own that is there to be reached."""

_OPERANDS = """
SELECT id, kind, title, cancelled_at IS NOT NULL AS cancelled FROM key_result
 WHERE organization_id = $1 AND objective_id = $2 AND id = ANY($3)
"""
_COMPOSITES_ON = """
SELECT k.title
  FROM key_result k
  JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
 WHERE k.organization_id = $1 AND k.objective_id = $2 AND k.kind = 'composite' AND k.cancelled_at IS NULL
   AND v.formula -> 'of' ? $3::text
 ORDER BY k.id LIMIT 1
"""
_ALIGNED_TO = """
SELECT o.title FROM alignment a JOIN objective o ON o.organization_id = $1 AND o.id = a.objective_id
 WHERE a.organization_id = $1 AND a.parent_key_result_id = $2 AND a.ended_at IS NULL
 ORDER BY a.id LIMIT 1
"""


class OperandNotAllowed(Invalid):
    """A formula cannot stand on this key result: it was cancelled, or has no value of its own.

    Name other key results in `formula.of`.
    """

    code = "operand_not_allowed"


class KeyResultInUse(Conflict):
    """A composite's formula or an alignment stands on this key result.

    Take it out of the formula, or end the alignment, that the answer names.
    """

    code = "key_result_in_use"


async def check_operands(
    connection: asyncpg.Connection, organization_id: UUID, *, objective_id: UUID, operand_ids: Sequence[UUID]
) -> None:
    """Raises UnknownReference or OperandNotAllowed for the first id that the objective's composites cannot stand on."""
    rows = {row["id"]: row for row in await connection.fetch(_OPERANDS, organization_id, objective_id, operand_ids)}
    for index, id in enumerate(operand_ids):
        pointer = f"/formula/of/{index}"
        row = rows.get(id)
        if row is None:
            raise UnknownReference("This objective has no such key result.", pointer=pointer)
        if row["cancelled"]:
            raise OperandNotAllowed(f"{row['title']!r} was cancelled; leave it out of the formula.", pointer=pointer)
        if row["kind"] not in OPERAND_KINDS:
            raise OperandNotAllowed(
                f"{row['title']!r} is of kind {row['kind']}; a formula takes key results with a value of their own:"
                f" {', '.join(sorted(OPERAND_KINDS))}.",
                pointer=pointer,
            )


async def check_not_in_use(
    connection: asyncpg.Connection, organization_id: UUID, *, key_result_id: UUID, objective_id: UUID
) -> None:
    """Raises KeyResultInUse while a composite's formula names the key result or an objective is aligned to it."""
    composite = await connection.fetchval(_COMPOSITES_ON, organization_id, objective_id, str(key_result_id))
    if composite is not None:
        raise KeyResultInUse(f"The formula of {composite!r} names it; take it out of there first.")
    child = await connection.fetchval(_ALIGNED_TO, organization_id, key_result_id)
    if child is not None:
        raise KeyResultInUse(f"The objective {child!r} is aligned to it; end that alignment first.")
