"""Whether the process lives and can serve, and its figures. For operators: no key, no organization."""

import asyncio
from contextlib import suppress

import asyncpg
from fastapi import Request
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.responses import Response

from okr.db.migrate import SchemaTooOld, check_schema
from okr.telemetry import OF_API
from okr_api.deps import Ports
from okr_api.routing import Route
from okr_api.schemas.models import Schema

_PATIENCE_SECONDS = 2.0
_GOOD_SCHEMAS: set[str] = set()


class Live(Schema):
    """The process answers."""

    status: str


class Ready(Schema):
    """Whether requests can be served, which takes `database: ok`. Redis may be `unreachable`: grades then come a little later."""

    status: str
    database: str
    redis: str


async def livez() -> Response:
    """Is the process alive? It asks nobody else."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Can requests be served? 200 or 503."""
    ports: Ports = request.app.state.ports
    database, redis = await asyncio.gather(_database(ports), _redis(ports))
    is_ready = database == "ok"
    content = {"status": "ok" if is_ready else "unavailable", "database": database, "redis": redis}
    return JSONResponse(content, 200 if is_ready else 503)


async def metrics() -> Response:
    """The figures of this process, for Prometheus."""
    return Response(generate_latest(OF_API), media_type=CONTENT_TYPE_LATEST)


async def _database(ports: Ports) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), ports.readers.connection() as connection:
            found = await connection.fetchval("SELECT version_num FROM alembic_version")
            # To look through the migrations takes long; once for each schema that is met will do.
            if found not in _GOOD_SCHEMAS:
                await check_schema(connection)
                _GOOD_SCHEMAS.add(found)
    except (SchemaTooOld, asyncpg.UndefinedTableError):
        return "schema too old"
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return "unreachable"
    return "ok"


async def _redis(ports: Ports) -> str:
    client = Redis.from_url(ports.settings.redis_url)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await client.ping()
    except (OSError, TimeoutError, RedisError):
        return "unreachable"
    finally:
        with suppress(OSError, RedisError):
            await client.aclose()
    return "ok"


ROUTES = [
    Route(
        "/livez",
        livez,
        is_public=True,
        methods=["GET"],
        tags=["running"],
        operation_id="livez",
        response_model=Live,
        summary="Is the process alive?",
    ),
    Route(
        "/readyz",
        readyz,
        is_public=True,
        methods=["GET"],
        tags=["running"],
        operation_id="readyz",
        response_model=Ready,
        summary="Can requests be served?",
        responses={503: {"model": Ready, "description": "Not now."}},
    ),
    Route(
        "/metrics",
        metrics,
        is_public=True,
        methods=["GET"],
        tags=["running"],
        operation_id="metrics",
        response_model=None,
        summary="Figures for Prometheus",
        response_class=Response,
    ),
]
