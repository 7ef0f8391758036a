"""Driving the runs that regrade all that a ruleset's version reaches, step by step, while their demand is served."""

import asyncio
from uuid import UUID

import asyncpg
import structlog

from okr.db import regrades
from okr.db.engine import connection_of
from okr_scoring.drain import OUTAGES, Drainer

LOOK_SECONDS = 0.5
WAIT_SECONDS = 0.03
LANES = 2
log = structlog.get_logger(__name__)


async def regrade(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, organization_id: UUID, run_id: UUID) -> None:
    """Take the run's steps until it is over, in two lanes: PostgreSQL works for one while the other grades.

    Any number of workers may do so at once.
    """
    lanes = [asyncio.create_task(_lane(pool, drainer, organization_id, run_id)) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _lane(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, organization_id: UUID, run_id: UUID) -> None:
    while True:
        async with connection_of(pool) as connection:
            step = await regrades.advance(connection, organization_id, run_id, lease_seconds=drainer.lease_seconds)
            if step.claims:
                await drainer.serve(connection, organization_id, list(step.claims))
        if step.is_over:
            return
        if len(step.claims) < step.asked_for or not step.asked_for:
            drainer.drain_soon(organization_id)
        if not step.asked_for:
            await asyncio.sleep(WAIT_SECONDS)


async def regrade_forever(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer) -> None:
    """Look for runs every half second; each organization's is driven beside the others'. What fails is logged and tried again."""
    driven: dict[UUID, asyncio.Task[None]] = {}
    try:
        while True:
            try:
                async with connection_of(pool) as connection:
                    waiting = await regrades.next_regrades(connection)
            except OUTAGES as error:
                log.warning("looking for runs failed", error=f"{type(error).__name__}: {error}")
                waiting = []
            for organization_id, run_id in waiting:
                if organization_id not in driven or driven[organization_id].done():
                    driven[organization_id] = asyncio.create_task(_drive(pool, drainer, organization_id, run_id))
            await asyncio.sleep(LOOK_SECONDS)
            driven = {one: task for one, task in driven.items() if not task.done()}
    finally:
        for task in driven.values():
            task.cancel()
        await asyncio.gather(*driven.values(), return_exceptions=True)


async def _drive(pool: "asyncpg.Pool[asyncpg.Record]", drainer: Drainer, organization_id: UUID, run_id: UUID) -> None:
    try:
        await regrade(pool, drainer, organization_id, run_id)
    except OUTAGES as error:
        log.warning("regrading broke off", error=f"{type(error).__name__}: {error}")
    except Exception:
        log.exception("regrading broke off, trying again", organization_id=str(organization_id), run_id=str(run_id))
