"""People's words as grading reads them: all that were ever said of a subject, and what had been measured when they were."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import asyncpg

from okr.db.demand import Subject
from okr.domain.values import Inputs, Override
from okr.domain.words import NO_WORDS, Word, Words

I = TypeVar("I", bound=Inputs)  # noqa: E741  # inputs of either kind
RawsThen = dict[tuple[str, datetime], Decimal | None]

_WORDS = """
SELECT subject_id, id, grade, made_at, ended_at FROM override
 WHERE organization_id = $1 AND subject_kind = $2 AND subject_id = ANY($3) ORDER BY subject_id, number
"""

_RAWS_THEN = """
SELECT w.id, w.at, s.raw FROM unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) AS w (kind, id, at)
  LEFT JOIN LATERAL (
    SELECT raw FROM score_snapshot
     WHERE organization_id = $1 AND subject_kind = w.kind AND subject_id = w.id AND observed_at <= w.at
     ORDER BY observed_at DESC, computed_seq DESC LIMIT 1) AS s ON true
"""

_SAID = """
SELECT o.reason, p.name FROM override o JOIN person p ON p.organization_id = $1 AND p.id = o.person_id
 WHERE o.organization_id = $1 AND o.id = $2
"""


async def load_words(
    connection: asyncpg.Connection, organization_id: UUID, kind_number: int, ids: Collection[UUID]
) -> dict[UUID, Words]:
    """What was said of each of these subjects; all of them are in the answer."""
    said: dict[UUID, list[Word]] = defaultdict(list)
    for row in await connection.fetch(_WORDS, organization_id, kind_number, list(ids)):
        said[row["subject_id"]].append(Word(str(row["id"]), row["grade"], row["made_at"], row["ended_at"]))
    return {id: Words(tuple(said[id])) if id in said else NO_WORDS for id in ids}


async def load_raws_then(
    connection: asyncpg.Connection, organization_id: UUID, wanted: Iterable[tuple[Subject, datetime]]
) -> RawsThen:
    """What each subject had measured at its instant, as history has it now; None where nothing had been."""
    pairs = list(wanted)
    if not pairs:
        return {}
    rows = await connection.fetch(
        _RAWS_THEN,
        organization_id,
        [one.number for one, _ in pairs],
        [one.id for one, _ in pairs],
        [at for _, at in pairs],
    )
    return {(str(row["id"]), row["at"]): row["raw"] for row in rows}


async def told_in_full(connection: asyncpg.Connection, organization_id: UUID, inputs: I) -> I:
    """The inputs with the reason of their override, if there is one, and with the name that its person has today."""
    if inputs.override is None:
        return inputs
    said = await connection.fetchrow(_SAID, organization_id, UUID(inputs.override.id))
    assert said is not None, "overrides are never deleted"
    override: Override = replace(inputs.override, reason=said["reason"], person=said["name"])
    return replace(inputs, override=override)
