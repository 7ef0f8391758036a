"""`python -m okr_api`: serve HTTP until SIGTERM or SIGINT, then finish what has begun."""

import asyncio
import gc
import signal
import sys

import asyncpg
import uvicorn
from pydantic import ValidationError

from okr import logs
from okr.db.migrate import SchemaTooOld, check_schema
from okr.db.urls import for_asyncpg
from okr.settings import Settings
from okr_api.app import create_app
from okr_api.protocol import Protocol

_PATIENCE_SECONDS = 10


async def _check_database(url: str) -> None:
    connection = await asyncpg.connect(for_asyncpg(url), timeout=_PATIENCE_SECONDS)
    try:
        await check_schema(connection)
    finally:
        await connection.close()


def main() -> int:
    """Serve; answers the exit code. What keeps the service from starting is one line on standard error."""
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(f"OKR_{item['loc'][0]}".upper() for item in error.errors())
        return _refuse(f"these settings are missing or wrong: {names}")
    try:
        asyncio.run(_check_database(settings.database_url))
    except SchemaTooOld as error:
        return _refuse(str(error))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return _refuse(f"the database does not answer: {error or type(error).__name__}")
    # uvicorn ends gracefully and then raises the signal that ended it once more: that one is an ordinary end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logs.configure(level=settings.log_level, format=settings.log_format)
    _calm_the_collector()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )
    return 0


def _calm_the_collector() -> None:
    """Take what lives as long as the process out of garbage collection, and let it begin later.

    A batch of points makes thousands of objects that all die by themselves; each few hundred of them had the collector look
    through the whole application, which was a third of the time that a point cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _refuse(why: str) -> int:
    print(f"okr_api: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
