"""Runs: long work, and how far it has come."""

from uuid import UUID

import asyncpg

from okr.db import runs
from okr.db.engine import driver
from okr.db.regrades import cancel_regrade
from okr.db.work import Work
from okr_api.schemas.runs import RunRead, run_read


async def show_run(connection: asyncpg.Connection, organization_id: UUID, run_id: UUID) -> RunRead:
    """The run as it is answered. Raises NotFound."""
    return run_read(await runs.read_run(connection, organization_id, run_id))


async def cancel_run(work: Work, run_id: UUID) -> None:
    """End a run that regrades everything. Raises NotFound, RunNotCancellable."""
    connection = await driver(work.session)
    await cancel_regrade(connection, work.organization_id, run_id, by=work.actor, now=work.now)
