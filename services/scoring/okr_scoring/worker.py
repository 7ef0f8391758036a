"""The worker process: the sweeper and the schedule first, which need PostgreSQL only, then arq, begun anew whenever it dies."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from arq.worker import Retry, Worker, func
from prometheus_client import start_http_server
from redis.exceptions import RedisError

from okr.db.engine import connection_of, make_pool
from okr.db.migrate import check_schema
from okr.db.pruning import prunes
from okr.jobs import DRAIN, QUEUE, deserialize, redis_settings, serialize
from okr.settings import Settings
from okr.telemetry import OF_WORKER
from okr_scoring.drain import OUTAGES, Drainer
from okr_scoring.regrading import regrade_forever
from okr_scoring.schedule import keep_up_forever
from okr_scoring.sweeper import sweep_forever
from okr_scoring.upkeep import prune_forever, settle_runs_forever

# arq marks a job as taken for its timeout and ten seconds more: so long a killed worker's jobs wait for another. The sweeper
# does not wait for them.
JOB_TIMEOUT_SECONDS = 20
RESTART_SECONDS = 0.5
log = structlog.get_logger(__name__)


async def drain(context: dict[str, Any], organization_ids: list[str]) -> None:
    """The arq job: serve these organizations. A failure is tried again; arq by itself would not."""
    drainer: Drainer = context["drainer"]
    try:
        await asyncio.gather(*(drainer.drain(UUID(organization_id)) for organization_id in organization_ids))
    except OUTAGES as error:
        log.warning("drain failed, trying again", error=f"{type(error).__name__}: {error}", attempt=context["job_try"])
        raise Retry(defer=min(0.1 * 2 ** context["job_try"], 10)) from error


def make_worker(settings: Settings, drainer: Drainer) -> Worker:
    """arq's worker with the settings that its limits ask for: short polls, no results kept, JSON for jobs."""
    return Worker(
        functions=[func(drain, name=DRAIN, max_tries=100)],  # type: ignore[arg-type]  # arq types jobs by a bare protocol
        queue_name=QUEUE,
        redis_settings=redis_settings(settings.redis_url),
        ctx={"drainer": drainer},
        handle_signals=False,
        max_jobs=20,
        queue_read_limit=2000,
        poll_delay=0.02,
        job_timeout=JOB_TIMEOUT_SECONDS,
        keep_result=0,
        health_check_interval=3600,
        job_serializer=serialize,
        job_deserializer=deserialize,
        log_results=False,
    )


async def run_arq(settings: Settings, drainer: Drainer) -> None:
    """Run arq for ever. It gives up where Redis cannot be reached; then begin anew, for Redis will be back."""
    while True:
        worker = make_worker(settings, drainer)
        try:
            await worker.async_run()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("jobs unavailable, demand is swept", error=f"{type(error).__name__}: {error}")
        finally:
            # Saying goodbye goes through Redis too; where it is away that must not hold up the process.
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await asyncio.wait_for(worker.close(), timeout=RESTART_SECONDS)
        await asyncio.sleep(RESTART_SECONDS)


async def beat(path: Path | None, interval_seconds: float = 1.0) -> None:
    """Touch the heartbeat file, for probes: an event loop that hangs stops touching it."""
    while path is not None:
        await asyncio.to_thread(path.touch)
        await asyncio.sleep(interval_seconds)


async def run(settings: Settings) -> None:
    """Serve demand until SIGTERM or SIGINT. Raises SchemaTooOld on a database that this code does not fit."""
    pool = await make_pool(settings.database_url, size=settings.database_pool_size)
    try:
        async with connection_of(pool) as connection:
            await check_schema(connection)
        drainer = Drainer(
            pool, lease_seconds=settings.lease_seconds, roll_up_distance_seconds=settings.rollup_distance_seconds
        )
        sweep = sweep_forever(
            pool, drainer, interval_seconds=settings.sweep_interval_seconds, after_seconds=settings.sweep_after_seconds
        )
        if settings.worker_metrics_port is not None:
            start_http_server(settings.worker_metrics_port, addr=settings.host, registry=OF_WORKER)
        tasks = [
            sweep,
            settle_runs_forever(pool),
            keep_up_forever(pool, drainer),
            regrade_forever(pool, drainer),
            prune_forever(pool, prunes(events_kept=timedelta(days=settings.events_kept_days))),
            beat(settings.heartbeat_path),
            run_arq(settings, drainer),
        ]
        log.info("worker started")
        await _until_signalled(tasks)
        await drainer.close()
        log.info("worker stopped")
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pool.close(), timeout=5)


async def _until_signalled(coroutines: list[Coroutine[Any, Any, None]]) -> None:
    """Run all of them until a signal; one that fails ends the process, for a worker without one of its parts serves nobody."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    stopped = asyncio.create_task(stop.wait())
    try:
        running = {*tasks, stopped}
        while not stopped.done() and not any(task.done() and task.exception() for task in tasks):
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, stopped):
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
