"""Teams: a tree, in which each grades what its own objectives and those below it reach."""

from typing import Any
from uuid import UUID

import asyncpg

from okr.db import directory
from okr.db.demand import subject
from okr.db.engine import driver
from okr.db.goals import check_people
from okr.db.listing import Found, Page
from okr.db.regrades import open_regrade
from okr.db.rulebooks import first_rules_of_teams
from okr.db.tables import Team
from okr.db.work import Work
from okr.domain.rulebook import Scope, ScopeKind
from okr.domain.values import SubjectKind
from okr.events import Event, EventType
from okr_api.etag import Precondition
from okr_api.schemas.teams import TeamCreate, TeamRead, team_read
from okr_api.use_cases.changes import apply, differing


async def show_team(connection: asyncpg.Connection, organization_id: UUID, team_id: UUID) -> TeamRead:
    """The team as it is answered. Raises NotFound."""
    return team_read(await directory.read_team(connection, organization_id, team_id))


async def find_teams(
    connection: asyncpg.Connection, organization_id: UUID, *, page: Page, filters: directory.TeamFilters
) -> Found[TeamRead]:
    """One page of the teams that match."""
    return (await directory.list_teams(connection, organization_id, page=page, filters=filters)).map(team_read)


async def create_team(work: Work, body: TeamCreate) -> UUID:
    """Add a team; answers its id. Nothing above it changes: it has no objective yet."""
    await check_people(work.session, work.organization_id, {"/lead_id": body.lead_id}, active=["/lead_id"])
    if body.parent_id is not None:
        await directory.check_parent_team(work.session, work.organization_id, body.parent_id)
    team = Team(organization_id=work.organization_id, created_at=work.now, updated_at=work.now, **body.model_dump())
    work.session.add(team)
    since = await directory.start_of_history(work.session, work.organization_id, now=work.now)
    work.expect_grades_of(subject(SubjectKind.TEAM, team.id), since)
    work.announce(Event(EventType.TEAM_ADDED, f"team:{team.id}", team.version, {"name": team.name}))
    return team.id


async def revise_team(work: Work, team_id: UUID, changes: dict[str, Any], precondition: Precondition) -> None:
    """Change a team. Hung elsewhere, it takes its objectives, past and present, to the teams above its new place."""
    if "parent_id" in changes:
        # Before the row's lock: whoever holds the tree may want the row next.
        await directory.lock_team_tree(work.session, work.organization_id)
    team = await directory.lock_team(work.session, work.organization_id, team_id)
    precondition.check(team.version)
    changes = differing(team, changes)
    if not changes:
        return
    if "lead_id" in changes:
        lead = {"/lead_id": changes["lead_id"]}
        await check_people(work.session, work.organization_id, lead, active=["/lead_id"])
    if "parent_id" in changes:
        await _touch_above(work, team, changes["parent_id"])
        await _regrade_within(work, team)
    apply(team, changes, now=work.now)
    work.announce(Event(EventType.TEAM_REVISED, f"team:{team.id}", team.version, {"changed": sorted(changes)}))


async def _regrade_within(work: Work, team: Team) -> None:
    """Below other teams other rules may hold: have all of the team regraded, by a run, where any team has rules of its own."""
    connection = await driver(work.session)
    since = await first_rules_of_teams(connection, work.organization_id)
    if since is not None:
        scope = Scope(ScopeKind.TEAM, team.id)
        await open_regrade(
            connection, work.organization_id, scope=scope, because="moved", since=since, by=work.actor, now=work.now
        )


async def _touch_above(work: Work, team: Team, parent_id: UUID | None) -> None:
    """Have all teams above the old and the new place graded again, for all of history."""
    above: set[UUID] = set()
    if team.parent_id is not None:
        above.update(await directory.teams_above(work.session, work.organization_id, team.parent_id))
    if parent_id is not None:
        above.update(await directory.check_parent_team(work.session, work.organization_id, parent_id, team_id=team.id))
    since = await directory.start_of_history(work.session, work.organization_id, now=work.now)
    for team_id in above:
        work.touch(subject(SubjectKind.TEAM, team_id), since)
