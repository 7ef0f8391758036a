"""The application: its routes, and what lives as long as the process."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from okr.db.engine import make_engine
from okr.db.point_columns import MetricIds
from okr.db.readers import Readers
from okr.db.writers import Writers
from okr.jobs import Doorbell
from okr.settings import Settings
from okr_api.auth import Authenticator
from okr_api.cors import ALLOWED_METHODS, Cors
from okr_api.cursors import Cursors
from okr_api.deps import Bell, Ports
from okr_api.failures import HANDLERS
from okr_api.middleware import REQUEST_ID, Net, Surroundings
from okr_api.openapi.document import document
from okr_api.relay import Relay
from okr_api.routes import (
    alignments,
    api_keys,
    check_ins,
    cycles,
    events,
    final_grades,
    grades,
    health,
    history,
    key_results,
    metrics,
    objectives,
    organization,
    overrides,
    people,
    points,
    previews,
    reports,
    rulesets,
    runs,
    scoreboard,
    teams,
)
from okr_api.routing import Routes

RESOURCES: Iterable[Routes] = (
    # Asked by far the most often, and routes are tried in order.
    points.routes,
    objectives.routes,
    organization.routes,
    people.routes,
    teams.routes,
    api_keys.routes,
    cycles.routes,
    key_results.routes,
    alignments.routes,
    check_ins.routes,
    metrics.routes,
    grades.routes,
    overrides.routes,
    final_grades.routes,
    history.routes,
    scoreboard.routes,
    reports.routes,
    previews.routes,
    rulesets.routes,
    runs.routes,
    events.routes,
)

_EXPOSED_HEADERS = ["ETag", "Location", "Idempotent-Replayed", "Preference-Applied", "Retry-After", REQUEST_ID]
_ALLOWED_HEADERS = [
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Prefer",
    REQUEST_ID,
]


def create_app(settings: Settings, *, bell: Bell | None = None) -> FastAPI:
    """The service as an ASGI application; `bell` stands in for the doorbell on Redis."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with ports_of(settings, bell) as ports:
            app.state.ports = ports
            yield

    app = FastAPI(
        title="OKR service",
        version="1.0.0",
        summary="Objectives, key results, and grades that explain themselves.",
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        redirect_slashes=False,
    )
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # the documented way to extend it
    # Before the framework's own (documents) and ours (health): routes are tried in order.
    app.router.routes[:0] = [route for resource in RESOURCES for route in resource.all]
    app.router.routes.extend(health.ROUTES)
    # The last one added is the outermost.
    app.add_middleware(Net)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_methods=ALLOWED_METHODS,
        allow_headers=_ALLOWED_HEADERS,
        expose_headers=_EXPOSED_HEADERS,
        max_age=600,
    )
    app.add_middleware(Surroundings)
    return app


@asynccontextmanager
async def ports_of(settings: Settings, bell: Bell | None = None) -> AsyncIterator[Ports]:
    """Connections of a process, closed at the end. Neither PostgreSQL nor Redis needs to be there yet."""
    secret_key = settings.secret_key.get_secret_value()
    engine = make_engine(settings.database_url, pool_size=settings.database_pool_size)
    readers = await Readers.of(settings.database_url, size=settings.database_pool_size)
    writers = await Writers.of(settings.database_url, size=settings.database_pool_size)
    if bell is None:
        bell = Doorbell(settings.redis_url, interval_seconds=settings.doorbell_interval_seconds)
    relay = await Relay.of(settings)
    await bell.start()
    await relay.start()
    try:
        yield Ports(
            settings=settings,
            engine=engine,
            readers=readers,
            writers=writers,
            bell=bell,
            relay=relay,
            authenticator=Authenticator(readers, secret_key=secret_key),
            cursors=Cursors(secret_key),
            metric_ids=MetricIds(readers),
        )
    finally:
        await relay.close()
        await bell.close()
        await readers.close()
        await writers.close()
        await engine.dispose()
