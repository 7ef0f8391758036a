"""Runs: long work, and how far it has come."""

from uuid import UUID

import asyncpg

from okr.db import runs
from okr_api.schemas.runs import RunRead, run_read


async def show_run(connection: asyncpg.Connection, organization_id: UUID, run_id: UUID) -> RunRead:
    """The run as it is answered. Raises NotFound."""
    return run_read(await runs.read_run(connection, organization_id, run_id))
