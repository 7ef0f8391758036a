"""What conditions may ask about a subject besides its numbers: its objective, team, cycle and metric (okr.domain.adjusting).

Read only where rules with conditions are in force.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from okr.db.demand import Subject, subject
from okr.domain.values import SubjectKind

Context = dict[str, Any]

_ABOUT_OBJECTIVE = """
    'perspective', o.perspective, 'horizon', o.horizon, 'source', o.source, 'tags', to_jsonb(o.tags)"""
_TEAM = "CASE WHEN t.id IS NOT NULL THEN jsonb_build_object('id', t.id, 'name', t.name, 'kind', t.kind) END"
_CYCLE = "CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'name', c.name, 'cadence', c.cadence) END"

_KEY_RESULTS = f"""
SELECT k.id, jsonb_build_object(
           'subject', jsonb_build_object({_ABOUT_OBJECTIVE}, 'value_class', k.value_class, 'indicator', k.indicator),
           'team', {_TEAM}, 'cycle', {_CYCLE},
           'metric', CASE WHEN m.id IS NOT NULL THEN jsonb_build_object(
               'key', m.key, 'unit', m.unit, 'is_core', m.is_core, 'source', m.source, 'frequency', m.frequency,
               'direction', m.direction) END)::text
  FROM key_result k
  JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id AND v.revision = k.revision
  JOIN objective o ON o.organization_id = $1 AND o.id = k.objective_id
  JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  LEFT JOIN team t ON t.organization_id = $1 AND t.id = o.team_id
  LEFT JOIN metric m ON m.organization_id = $1 AND m.id = v.metric_id
 WHERE k.organization_id = $1 AND k.id = ANY($2)
"""
_OBJECTIVES = f"""
SELECT o.id, jsonb_build_object('subject', jsonb_build_object('kind', 'objective', {_ABOUT_OBJECTIVE}),
                                'team', {_TEAM}, 'cycle', {_CYCLE})::text
  FROM objective o
  JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
  LEFT JOIN team t ON t.organization_id = $1 AND t.id = o.team_id
 WHERE o.organization_id = $1 AND o.id = ANY($2)
"""
_TEAMS = f"""
SELECT t.id, jsonb_build_object('subject', jsonb_build_object('kind', 'team'), 'team', {_TEAM})::text
  FROM team t WHERE t.organization_id = $1 AND t.id = ANY($2)
"""
_CYCLES = f"""
SELECT c.id, jsonb_build_object('subject', jsonb_build_object('kind', 'cycle'), 'cycle', {_CYCLE})::text
  FROM cycle c WHERE c.organization_id = $1 AND c.id = ANY($2)
"""
_QUERIES = {
    SubjectKind.KEY_RESULT: _KEY_RESULTS,
    SubjectKind.OBJECTIVE: _OBJECTIVES,
    SubjectKind.TEAM: _TEAMS,
    SubjectKind.CYCLE: _CYCLES,
}


async def load_contexts(
    connection: asyncpg.Connection, organization_id: UUID, subjects: Collection[Subject]
) -> dict[Subject, Context]:
    """What is known of each subject as it is now; one query for each kind among them."""
    found: dict[Subject, Context] = {
        one: {"subject": {"kind": one.kind.value}} for one in subjects if one.kind is SubjectKind.ORGANIZATION
    }
    for kind, query in _QUERIES.items():
        ids = [one.id for one in subjects if one.kind is kind]
        if ids:
            rows = await connection.fetch(query, organization_id, ids)
            found.update((subject(kind, id), orjson.loads(context)) for id, context in rows)
    return found
