"""What is known of objectives, teams, cycles and the organization, read for grading: their members, as of any instant."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from uuid import UUID

import asyncpg

from okr.db.contexts import Context
from okr.db.demand import Subject, subject
from okr.db.tables.scoring import KIND_NUMBERS
from okr.db.words import RawsThen, load_words
from okr.domain.calendar import end_of_day
from okr.domain.timeline import Frame, Member, RollUpFacts, Timeline
from okr.domain.values import Commitment, SubjectKind
from okr.domain.words import NO_WORDS, Words

_OBJECTIVES = """
SELECT o.id, o.commitment, o.closed_at, o.cancelled_at, c.starts_on, c.ends_on
  FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
 WHERE o.organization_id = $1 AND o.id = ANY($2)
"""

_KEY_RESULT_MEMBERS = """
SELECT k.objective_id, k.id, k.kind = 'guardrail' AS is_guardrail, k.cancelled_at,
       array_agg(v.valid_from ORDER BY v.revision) AS valid_froms, array_agg(v.weight ORDER BY v.revision) AS weights
  FROM key_result k JOIN key_result_version v ON v.organization_id = $1 AND v.key_result_id = k.id
 WHERE k.organization_id = $1 AND k.objective_id = ANY($2)
 GROUP BY k.objective_id, k.id, k.kind, k.cancelled_at ORDER BY k.id
"""

# A tie made again after it ended stands for the whole past; the ended one before it does not count beside it.
_CHILD_MEMBERS = """
SELECT DISTINCT ON (a.parent_objective_id, a.objective_id)
       a.parent_objective_id, a.objective_id, a.weight, least(a.ended_at, o.cancelled_at) AS until
  FROM alignment a JOIN objective o ON o.organization_id = $1 AND o.id = a.objective_id
 WHERE a.organization_id = $1 AND a.parent_objective_id = ANY($2) AND a.mode = 'contribute' AND o.activated_at IS NOT NULL
 ORDER BY a.parent_objective_id, a.objective_id, a.ended_at DESC NULLS FIRST
"""

# Objectives that count somewhere above: once active, in cycles that have begun to count and were not over before `since`.
_COUNTING = """
SELECT o.id, o.team_id, o.cycle_id, o.weight, o.cancelled_at, o.closed_at, c.starts_on, c.ends_on
  FROM objective o JOIN cycle c ON c.organization_id = $1 AND c.id = o.cycle_id
 WHERE o.organization_id = $1 AND o.activated_at IS NOT NULL AND c.state <> 'draft'
   AND (o.cycle_id = ANY($2) OR (c.ends_on >= $3 AND (o.team_id = ANY($4) OR $5)))
 ORDER BY o.id
"""

_CONTRIBUTIONS = """
SELECT DISTINCT ON (1, 2) a.objective_id, coalesce(a.parent_objective_id, k.objective_id) AS parent_id, a.ended_at
  FROM alignment a LEFT JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id
 WHERE a.organization_id = $1 AND a.mode = 'contribute' AND a.objective_id = ANY($2)
 ORDER BY 1, 2, a.ended_at DESC NULLS FIRST
"""

_TEAMS_BELOW = """
WITH RECURSIVE below (root, id) AS (
    SELECT id, id FROM team WHERE organization_id = $1 AND id = ANY($2)
    UNION
    SELECT b.root, t.id FROM below b JOIN team t ON t.organization_id = $1 AND t.parent_id = b.id)
SELECT root, id FROM below
"""

_CYCLES = "SELECT id, starts_on, ends_on, closed_at FROM cycle WHERE organization_id = $1 AND id = ANY($2)"


@dataclass(frozen=True, slots=True)
class Ground:
    """A roll-up before its members' timelines are known; `children` are the members as subjects, in their order."""

    members: tuple[Member, ...]
    children: tuple[Subject, ...]
    zone: tzinfo
    commitment: Commitment | None = None
    frame: Frame | None = None
    words: Words = NO_WORDS

    def with_timelines(
        self,
        timelines: Mapping[Subject, Timeline],
        raws_then: RawsThen | None = None,
        *,
        context: Context | None = None,
    ) -> RollUpFacts:
        """The complete facts; `context` is for rules with conditions (okr.db.contexts)."""
        mine = tuple(timelines[child] for child in self.children)
        words = replace(self.words, raws_then=raws_then) if raws_then else self.words
        return RollUpFacts(self.members, mine, self.zone, self.commitment, self.frame, context, words)


async def load_objectives(
    connection: asyncpg.Connection, organization_id: UUID, ids: Collection[UUID], *, zone: tzinfo
) -> dict[Subject, Ground]:
    """Objectives with their key results and the objectives that contribute to them."""
    wanted = list(ids)
    members: dict[UUID, list[Member]] = defaultdict(list)
    children: dict[UUID, list[Subject]] = defaultdict(list)
    for row in await connection.fetch(_KEY_RESULT_MEMBERS, organization_id, wanted):
        children[row["objective_id"]].append(subject(SubjectKind.KEY_RESULT, row["id"]))
        starts: list[datetime | None] = [None, *row["valid_froms"][1:]]
        members[row["objective_id"]].append(
            Member(
                kind=SubjectKind.KEY_RESULT,
                id=str(row["id"]),
                weights=tuple(zip(starts, row["weights"], strict=True)),
                ended_at=row["cancelled_at"],
                is_guardrail=row["is_guardrail"],
            )
        )
    objectives = await connection.fetch(_OBJECTIVES, organization_id, wanted)
    frames = {
        row["id"]: Frame(row["starts_on"], row["ends_on"], zone, row["closed_at"], row["cancelled_at"])
        for row in objectives
    }
    for row in await connection.fetch(_CHILD_MEMBERS, organization_id, wanted):
        # A tie that was taken out of the past would put parent and child into each other's places in the order of grading.
        if frames[row["parent_objective_id"]].is_after(row["until"]):
            continue
        children[row["parent_objective_id"]].append(subject(SubjectKind.OBJECTIVE, row["objective_id"]))
        members[row["parent_objective_id"]].append(
            Member(
                kind=SubjectKind.OBJECTIVE,
                id=str(row["objective_id"]),
                weights=((None, row["weight"]),),
                ended_at=row["until"],
            )
        )
    words = await load_words(connection, organization_id, KIND_NUMBERS[SubjectKind.OBJECTIVE], wanted)
    return {
        subject(SubjectKind.OBJECTIVE, row["id"]): Ground(
            members=tuple(members[row["id"]]),
            children=tuple(children[row["id"]]),
            zone=zone,
            commitment=Commitment(row["commitment"]),
            frame=frames[row["id"]],
            words=words[row["id"]],
        )
        for row in objectives
    }


async def load_sets(
    connection: asyncpg.Connection,
    organization_id: UUID,
    subjects: Collection[Subject],
    *,
    since: datetime,
    zone: tzinfo,
    within_cycle: UUID | None = None,
) -> dict[Subject, Ground]:
    """Teams (with their sub-teams), cycles and the organization with the objectives that may count at or after `since`.

    `within_cycle` narrows every set to the objectives of one cycle, whether it is running or not; its days are then the set's.
    """
    ids = {kind: [one.id for one in subjects if one.kind is kind] for kind in SubjectKind}
    below: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await connection.fetch(_TEAMS_BELOW, organization_id, ids[SubjectKind.TEAM]):
        below[row["root"]].add(row["id"])
    rows = await connection.fetch(
        _COUNTING,
        organization_id,
        ids[SubjectKind.CYCLE],
        since.date() - timedelta(days=2),
        list({id for teams in below.values() for id in teams}),
        bool(ids[SubjectKind.ORGANIZATION]),
    )
    contributions: dict[UUID, list[tuple[str, datetime | None]]] = defaultdict(list)
    for row in await connection.fetch(_CONTRIBUTIONS, organization_id, [row["id"] for row in rows]):
        contributions[row["objective_id"]].append((str(row["parent_id"]), row["ended_at"]))
    framing = [*ids[SubjectKind.CYCLE], *([within_cycle] if within_cycle else [])]
    cycles = {row["id"]: row for row in await connection.fetch(_CYCLES, organization_id, framing)}
    grounds: dict[Subject, Ground] = {}
    for one in subjects:
        mine = [row for row in rows if _belongs(one, row, below) and within_cycle in (None, row["cycle_id"])]
        # A cycle's own grade outlives its days; a team's and the company's are those of the cycles running at the instant.
        runs_only = one.kind is not SubjectKind.CYCLE and within_cycle is None
        cycle = cycles.get(within_cycle or one.id)
        grounds[one] = Ground(
            members=tuple(
                _objective_member(row, tuple(contributions[row["id"]]), zone=zone, runs_only=runs_only) for row in mine
            ),
            children=tuple(subject(SubjectKind.OBJECTIVE, row["id"]) for row in mine),
            zone=zone,
            frame=Frame(cycle["starts_on"], cycle["ends_on"], zone, cycle["closed_at"]) if cycle else None,
        )
    return grounds


def _belongs(one: Subject, row: asyncpg.Record, below: Mapping[UUID, set[UUID]]) -> bool:
    match one.kind:
        case SubjectKind.TEAM:
            return row["team_id"] in below[one.id]
        case SubjectKind.CYCLE:
            return bool(row["cycle_id"] == one.id)
        case _:
            return True


def _objective_member(
    row: asyncpg.Record, contributes_to: tuple[tuple[str, datetime | None], ...], *, zone: tzinfo, runs_only: bool
) -> Member:
    weight: Decimal = row["weight"]
    return Member(
        kind=SubjectKind.OBJECTIVE,
        id=str(row["id"]),
        weights=((None, weight),),
        since=end_of_day(row["starts_on"] - timedelta(days=1), zone) if runs_only else None,
        until=end_of_day(row["ends_on"], zone) if runs_only else None,
        ended_at=row["cancelled_at"],
        contributes_to=contributes_to,
        frame=Frame(row["starts_on"], row["ends_on"], zone, row["closed_at"]),
    )


_PARENTS = """
WITH RECURSIVE o AS (
    SELECT id, team_id, cycle_id FROM objective WHERE organization_id = $1 AND id = ANY($2)),
above (child, id) AS (
    SELECT o.id, o.team_id FROM o WHERE o.team_id IS NOT NULL
    UNION
    SELECT a.child, t.parent_id FROM above a JOIN team t ON t.organization_id = $1 AND t.id = a.id
     WHERE t.parent_id IS NOT NULL),
tie AS (
    SELECT a.objective_id AS child, a.parent_objective_id AS objective_id, NULL::uuid AS key_result_id
      FROM alignment a
     WHERE a.organization_id = $1 AND a.objective_id = ANY($2) AND a.mode = 'contribute' AND a.parent_objective_id IS NOT NULL
    UNION
    SELECT a.objective_id, k.objective_id, k.id
      FROM alignment a JOIN key_result k ON k.organization_id = $1 AND k.id = a.parent_key_result_id
     WHERE a.organization_id = $1 AND a.objective_id = ANY($2) AND a.mode = 'contribute'),
open AS (
    SELECT tie.* FROM tie JOIN objective p ON p.organization_id = $1 AND p.id = tie.objective_id
     WHERE p.state NOT IN ('closed', 'cancelled'))
SELECT child, 1 AS kind, key_result_id AS id FROM open WHERE key_result_id IS NOT NULL
UNION SELECT child, 2, objective_id FROM open
UNION SELECT child, 3, id FROM above
UNION SELECT id, 4, cycle_id FROM o
UNION SELECT id, 5, $1 FROM o
"""


async def parents_of_objectives(
    connection: asyncpg.Connection, organization_id: UUID, ids: Collection[UUID]
) -> dict[UUID, set[Subject]]:
    """What is graded from each objective: aligned parents that are not final, its team and those above, its cycle, the company."""
    parents: dict[UUID, set[Subject]] = defaultdict(set)
    for row in await connection.fetch(_PARENTS, organization_id, list(ids)):
        parents[row["child"]].add(Subject(row["kind"], row["id"]))
    return parents
