"""The organization, its people and its teams: how they are read, found and locked."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db.current_grades import STANDING_COLUMNS, STATUS_IS, Standing, standing_join
from okr.db.engine import driver
from okr.db.goals import UnknownReference
from okr.db.listing import Found, Page, SortColumn, Where, fetch_page
from okr.db.reach import start_of_day
from okr.db.tables import Organization, Person, Team
from okr.domain.errors import Conflict, NotFound
from okr.domain.values import SubjectKind

_CREATED_AT = SortColumn("t.created_at", "timestamptz")
TEAM_SORTS = {"created_at": _CREATED_AT, "name": SortColumn("t.name", "text")}
PERSON_SORTS = {"created_at": _CREATED_AT, "name": SortColumn("t.name", "text")}


class TeamRing(Conflict):
    """The team would stand above itself.

    Choose a parent that is not below this team.
    """

    code = "team_ring"


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str
    kind: str
    parent_id: UUID | None
    lead_id: UUID | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class TeamFilters:
    """What a list of teams is narrowed to; None narrows nothing. `q` is contained in the name."""

    parent_id: UUID | None = None
    lead_id: UUID | None = None
    kind: str | None = None
    status: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str
    email: str | None
    external_id: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """The organization as it is read."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str
    time_zone: str
    standing: Standing


_PERSON_COLUMNS = tuple(PersonView.__dataclass_fields__)
_PEOPLE = f"SELECT {', '.join(f't.{name}' for name in _PERSON_COLUMNS)} FROM person t"
_ORGANIZATION_COLUMNS = tuple(name for name in OrganizationView.__dataclass_fields__ if name != "standing")
_ORGANIZATION = (
    f"SELECT o.organization_id AS id, {', '.join(f'o.{name}' for name in _ORGANIZATION_COLUMNS if name != 'id')},"
    f" {STANDING_COLUMNS} FROM organization o {standing_join(SubjectKind.ORGANIZATION, 'o.organization_id')}"
)
_TEAM_COLUMNS = tuple(name for name in TeamView.__dataclass_fields__ if name != "standing")
_TEAMS = (
    f"SELECT {', '.join(f't.{name}' for name in _TEAM_COLUMNS)}, {STANDING_COLUMNS}"
    f" FROM team t {standing_join(SubjectKind.TEAM, 't.id')}"
)


def _team(row: asyncpg.Record) -> TeamView:
    return TeamView(**{name: row[name] for name in _TEAM_COLUMNS}, standing=Standing.of_row(row))


def _person(row: asyncpg.Record) -> PersonView:
    return PersonView(**{name: row[name] for name in _PERSON_COLUMNS})


async def read_team(connection: asyncpg.Connection, organization_id: UUID, team_id: UUID) -> TeamView:
    """The team with its grade. Raises NotFound."""
    row = await connection.fetchrow(f"{_TEAMS} WHERE t.organization_id = $1 AND t.id = $2", organization_id, team_id)
    if row is None:
        raise NotFound("There is no such team.", team_id=team_id)
    return _team(row)


async def list_teams(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    filters: TeamFilters,
) -> Found[TeamView]:
    """One page of the teams that match."""
    where = Where(organization_id, table="t")
    where.add("t.parent_id = {}", filters.parent_id)
    where.add("t.lead_id = {}", filters.lead_id)
    where.add("t.kind = {}", filters.kind)
    where.add(STATUS_IS, filters.status)
    where.contains(filters.q, "t.name")
    return (await fetch_page(connection, _TEAMS, where, page, table="t")).map(_team)


async def read_organization(connection: asyncpg.Connection, organization_id: UUID) -> OrganizationView:
    """The organization with its grade."""
    row = await connection.fetchrow(f"{_ORGANIZATION} WHERE o.organization_id = $1", organization_id)
    if row is None:
        raise NotFound("There is no such organization.")
    return OrganizationView(**{name: row[name] for name in _ORGANIZATION_COLUMNS}, standing=Standing.of_row(row))


async def lock_organization(session: AsyncSession, organization_id: UUID) -> Organization:
    """The organization, held until the transaction ends."""
    statement = select(Organization).where(col(Organization.organization_id) == organization_id)
    return (await session.exec(statement.with_for_update(key_share=True))).one()


async def read_person(connection: asyncpg.Connection, organization_id: UUID, person_id: UUID) -> PersonView:
    """The person. Raises NotFound."""
    row = await connection.fetchrow(f"{_PEOPLE} WHERE t.organization_id = $1 AND t.id = $2", organization_id, person_id)
    if row is None:
        raise NotFound("There is no such person.", person_id=person_id)
    return _person(row)


async def list_people(
    connection: asyncpg.Connection,
    organization_id: UUID,
    *,
    page: Page,
    is_active: bool | None = None,
    external_id: str | None = None,
    email: str | None = None,
    words: str | None = None,
) -> Found[PersonView]:
    """One page of the people that match; `words` are looked for in names and emails."""
    where = Where(organization_id, table="t")
    where.add("t.is_active = {}", is_active)
    where.add("t.external_id = {}", external_id)
    where.add("t.email = {}", email)
    where.contains(words, "t.name", "t.email")
    return (await fetch_page(connection, _PEOPLE, where, page, table="t")).map(_person)


async def lock_person(session: AsyncSession, organization_id: UUID, person_id: UUID) -> Person:
    """The person, held until the transaction ends. Raises NotFound."""
    statement = select(Person).where(col(Person.organization_id) == organization_id, col(Person.id) == person_id)
    person = (await session.exec(statement.with_for_update(key_share=True))).first()
    if person is None:
        raise NotFound("There is no such person.", person_id=person_id)
    return person


async def lock_team(session: AsyncSession, organization_id: UUID, team_id: UUID) -> Team:
    """The team, held until the transaction ends. Raises NotFound."""
    statement = select(Team).where(col(Team.organization_id) == organization_id, col(Team.id) == team_id)
    team = (await session.exec(statement.with_for_update(key_share=True))).first()
    if team is None:
        raise NotFound("There is no such team.", team_id=team_id)
    return team


async def lock_team_tree(session: AsyncSession, organization_id: UUID) -> None:
    """Keep others from hanging teams elsewhere until the commit, so that two moves cannot close a ring. Take it first."""
    connection = await driver(session)
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('okr.team:' || $1::text, 0))", str(organization_id)
    )


async def teams_above(session: AsyncSession, organization_id: UUID, team_id: UUID) -> list[UUID]:
    """The team and those above it, lowest first; empty if there is no such team."""
    connection = await driver(session)
    rows = await connection.fetch(
        """
        WITH RECURSIVE above (id, parent_id, depth) AS (
            SELECT id, parent_id, 0 FROM team WHERE organization_id = $1 AND id = $2
            UNION ALL
            SELECT t.id, t.parent_id, above.depth + 1
              FROM above JOIN team t ON t.organization_id = $1 AND t.id = above.parent_id)
        SELECT id FROM above ORDER BY depth
        """,
        organization_id,
        team_id,
    )
    return [row["id"] for row in rows]


async def check_parent_team(
    session: AsyncSession, organization_id: UUID, parent_id: UUID, *, team_id: UUID | None = None
) -> list[UUID]:
    """The parent and those above it. Raises UnknownReference without such a team, TeamRing when it stands below `team_id`."""
    above = await teams_above(session, organization_id, parent_id)
    if not above:
        raise UnknownReference("There is no such team.", pointer="/parent_id")
    if team_id in above:
        raise TeamRing("The parent is this team or one of those below it.", pointer="/parent_id")
    return above


async def start_of_history(session: AsyncSession, organization_id: UUID, *, now: datetime) -> datetime:
    """The first instant whose grades can exist: the start of the earliest cycle, or `now` without one that has begun."""
    connection = await driver(session)
    row = await connection.fetchrow(
        """
        SELECT o.time_zone, (SELECT min(starts_on) FROM cycle WHERE organization_id = $1) AS starts_on
          FROM organization o WHERE o.organization_id = $1
        """,
        organization_id,
    )
    if row is None or row["starts_on"] is None:
        return now
    return min(start_of_day(row["starts_on"], ZoneInfo(row["time_zone"])), now)
