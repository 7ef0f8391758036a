"""Builders: a small company put straight into the tables, for tests beneath HTTP.

`company = await a_company(connection)`, then `await a_key_result(company, objective, kind="increase", …)` and so on; each
answers the id. Everything is active unless said otherwise, and has its demand row.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from okr.db import demand
from okr.db.demand import Subject, subject
from okr.db.partitions import Partitions
from okr.db.points import NewPoint, Recorded, record_points
from okr.domain.calendar import end_of_day
from okr.domain.values import SubjectKind
from okr.ids import new_id

NOW = datetime.now(UTC)


@dataclass(slots=True)
class Company:
    """An organization with a cycle that began `days` ago and ends `days` from now, and one person."""

    connection: asyncpg.Connection
    id: UUID
    cycle_id: UUID
    person_id: UUID
    starts_on: date
    ends_on: date
    zone: ZoneInfo
    partitions: Partitions

    @property
    def begins_at(self) -> datetime:
        """The start of the cycle's first day."""
        return end_of_day(self.starts_on - timedelta(days=1), self.zone)


async def insert(connection: asyncpg.Connection, table: str, **values: Any) -> None:
    """One row."""
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *values.values())


def _times(now: datetime) -> dict[str, Any]:
    return {"version": 1, "created_at": now, "updated_at": now}


async def a_company(connection: asyncpg.Connection, *, zone: str = "Europe/Berlin", days: int = 120) -> Company:
    """An organization with one running cycle and one person."""
    id, person_id, today = new_id(), new_id(), datetime.now(ZoneInfo(zone)).date()
    await insert(connection, "organization", organization_id=id, name="Acme", time_zone=zone, **_times(NOW))
    await insert(connection, "person", organization_id=id, id=person_id, name="Ada", is_active=True, **_times(NOW))
    company = Company(
        connection,
        id,
        new_id(),
        person_id,
        today - timedelta(days=days),
        today + timedelta(days=days),
        ZoneInfo(zone),
        Partitions(),
    )
    await a_cycle(company, id=company.cycle_id, starts_on=company.starts_on, ends_on=company.ends_on)
    await demand.make(connection, id, [(subject(SubjectKind.ORGANIZATION, id), company.begins_at)])
    return company


async def a_cycle(company: Company, *, id: UUID, starts_on: date, ends_on: date, state: str = "active") -> UUID:
    """A cycle with these days."""
    await insert(
        company.connection,
        "cycle",
        organization_id=company.id,
        id=id,
        name="Cycle",
        starts_on=starts_on,
        ends_on=ends_on,
        cadence="custom",
        state=state,
        **_times(NOW),
    )
    await demand.make(company.connection, company.id, [(subject(SubjectKind.CYCLE, id), company.begins_at)])
    return id


async def a_team(company: Company, *, parent_id: UUID | None = None) -> UUID:
    """A team, perhaps below another."""
    id = new_id()
    await insert(
        company.connection,
        "team",
        organization_id=company.id,
        id=id,
        name="Team",
        kind="team",
        parent_id=parent_id,
        **_times(NOW),
    )
    await demand.make(company.connection, company.id, [(subject(SubjectKind.TEAM, id), company.begins_at)])
    return id


async def an_objective(company: Company, **values: Any) -> UUID:
    """An active objective; `values` are columns."""
    id = new_id()
    row = {
        "title": "Objective",
        "commitment": "committed",
        "cycle_id": company.cycle_id,
        "owner_id": company.person_id,
        "contributor_ids": [],
        "weight": Decimal(1),
        "visibility": "public",
        "tags": [],
        "state": "active",
        "activated_at": NOW,
    } | values
    await insert(company.connection, "objective", organization_id=company.id, id=id, **row, **_times(NOW))
    await demand.make(company.connection, company.id, [(subject(SubjectKind.OBJECTIVE, id), company.begins_at)])
    return id


async def a_key_result(
    company: Company, objective_id: UUID, *, kind: str = "increase", metric_id: UUID | None = None, **version: Any
) -> UUID:
    """A key result of one version; `version` are columns of key_result_version. Increase goes from 0 to 100 by default."""
    id = new_id()
    if kind in ("increase", "reach", "composite"):
        version = {"start_value": Decimal(0), "target_value": Decimal(100)} | version
    await insert(
        company.connection,
        "key_result",
        organization_id=company.id,
        id=id,
        objective_id=objective_id,
        title="Key result",
        kind=kind,
        metric_id=metric_id,
        revision=1,
        **_times(NOW),
    )
    await a_version(company, id, revision=1, kind=kind, metric_id=metric_id, **version)
    await demand.make(company.connection, company.id, [(subject(SubjectKind.KEY_RESULT, id), company.begins_at)])
    return id


async def a_version(company: Company, key_result_id: UUID, **values: Any) -> None:
    """A version of a key result; milestones, zones and formula are given as plain lists and dicts."""
    row = {"weight": Decimal(1), "valid_from": NOW, "changed_by": "test"} | values
    for name in ("milestones", "zones", "formula"):
        if name in row:
            row[name] = orjson.dumps(row[name]).decode()
    await insert(
        company.connection, "key_result_version", organization_id=company.id, key_result_id=key_result_id, **row
    )


async def an_alignment(company: Company, objective_id: UUID, **values: Any) -> UUID:
    """A child objective's tie; `values` name the parent."""
    id = new_id()
    row = {"weight": Decimal(1), "mode": "contribute"} | values
    await insert(
        company.connection,
        "alignment",
        organization_id=company.id,
        id=id,
        objective_id=objective_id,
        **row,
        **_times(NOW),
    )
    return id


async def a_metric(company: Company, key: str, *, frequency: str = "weekly") -> UUID:
    """A metric of the catalogue."""
    id = new_id()
    await insert(
        company.connection,
        "metric",
        organization_id=company.id,
        id=id,
        key=key,
        name=key,
        direction="up",
        is_core=False,
        frequency=frequency,
        **_times(NOW),
    )
    return id


async def push(company: Company, *points: NewPoint, connection: asyncpg.Connection | None = None) -> Recorded:
    """Record points the way that the API does: their months first, then one transaction."""
    connection = connection or company.connection
    months = company.partitions.missing("metric_point", [point.observed_at for point in points])
    await company.partitions.make(connection, "metric_point", months)
    async with connection.transaction():
        return await record_points(connection, company.id, points, now=datetime.now(UTC))


async def check_in(company: Company, key_result_id: UUID, objective_id: UUID, **values: Any) -> None:
    """What a person says of a key result; `observed_at` and the fields of check_in."""
    async with company.connection.transaction():
        await insert(
            company.connection,
            "check_in",
            organization_id=company.id,
            id=new_id(),
            key_result_id=key_result_id,
            recorded_at=datetime.now(UTC),
            **values,
        )
        touched = [subject(SubjectKind.KEY_RESULT, key_result_id), subject(SubjectKind.OBJECTIVE, objective_id)]
        await demand.raise_demand(company.connection, company.id, [(one, values["observed_at"]) for one in touched])


async def touch(company: Company, *subjects: Subject, since: datetime) -> None:
    """Have subjects graded again."""
    await demand.raise_demand(company.connection, company.id, [(one, since) for one in subjects])


async def override(company: Company, one: Subject, grade: str, *, reason: str = "I was there") -> datetime:
    """A person's word on a grade, in place of the one before it; the instant from which it stands."""
    async with company.connection.transaction():
        made_at = await end_override(company, one)
        number: int = await company.connection.fetchval(
            "SELECT count(*) FROM override WHERE subject_kind = $1 AND subject_id = $2", one.number, one.id
        )
        await insert(
            company.connection,
            "override",
            organization_id=company.id,
            subject_kind=one.number,
            subject_id=one.id,
            number=number + 1,
            id=new_id(),
            grade=Decimal(grade),
            reason=reason,
            person_id=company.person_id,
            made_at=made_at,
            made_by="test",
        )
    return made_at


async def end_override(company: Company, one: Subject) -> datetime:
    """Take back the word on a grade; the instant from which the rules' word stands again."""
    now = datetime.now(UTC)
    await company.connection.execute(
        "UPDATE override SET ended_at = $3 WHERE subject_kind = $1 AND subject_id = $2 AND ended_at IS NULL",
        one.number,
        one.id,
        now,
    )
    await touch(company, one, since=now)
    return now
