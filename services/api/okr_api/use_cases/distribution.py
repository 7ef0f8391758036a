"""How grades are spread over a company and its teams, of now and of any day."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from okr.db.distributions import TeamInTree, read_grades, read_teams
from okr.db.objective_reads import read_cycle
from okr.domain.distribution import Distribution, by_team, distribution, drift
from okr.domain.values import SubjectKind
from okr_api.schemas.distribution import (
    DistributionReport,
    Level,
    distribution_read,
    team_distribution,
)
from okr_api.use_cases.grades import Asked, read_when
from okr_api.use_cases.history import Reading

GradeOfTeam = tuple[UUID | None, Decimal | None]
"""A grade and the team that it belongs to."""


async def show_distribution(
    reading: Reading, organization_id: UUID, *, cycle_id: UUID | None, asked: Asked, level: Level, now: datetime
) -> DistributionReport:
    """The report. Raises NotFound for an unknown cycle. The connection is given back before anything is counted."""
    async with reading() as connection:
        if cycle_id is not None:
            await read_cycle(connection, organization_id, cycle_id)
        when = await read_when(connection, organization_id, asked)
        instant = when.instant(now)
        grades = await read_grades(
            connection,
            organization_id,
            kind=SubjectKind(level.value),
            cycle_id=cycle_id,
            instant=instant,
            is_now=when.is_now,
        )
        teams = await read_teams(connection, organization_id)
    whole = distribution(grade for _, grade in grades)
    return DistributionReport.model_construct(
        cycle_id=cycle_id,
        as_of=instant,
        level=level,
        whole=distribution_read(whole),
        teams=[
            team_distribution(team, found, drift(found, whole)) for team, found in await over_teams(grades, teams=teams)
        ],
    )


async def over_teams(
    grades: Iterable[GradeOfTeam], *, teams: Collection[TeamInTree]
) -> list[tuple[TeamInTree | None, Distribution]]:
    """How the grades of each team that has any are spread, in the teams' order; what has no team comes last.

    Others get a turn between two teams: a large company's key results are a tenth of a second's work.
    """
    groups = by_team(grades, {team.id: team.parent_id for team in teams})
    found: list[tuple[TeamInTree | None, Distribution]] = []
    for team in (*teams, None):
        group = groups.get(team.id if team else None)
        if group is not None:
            found.append((team, distribution(group)))
            await asyncio.sleep(0)
    return found
