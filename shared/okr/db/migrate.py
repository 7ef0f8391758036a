"""Migrations: bring a database to this code's schema, or refuse to run on an older one."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from okr.db.partitions import make_ahead
from okr.db.roles import grant_application_role
from okr.db.urls import for_asyncpg, for_sqlalchemy


class SchemaTooOld(Exception):
    """The database has not been migrated to what this code needs."""


def alembic_config(url: str) -> Config:
    """Alembic's configuration, without an ini file: the migrations travel inside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = for_sqlalchemy(url)
    return config


def upgrade(url: str, *, application_role: str = "okr_app") -> None:
    """Bring the database at `url` (the owner's) to the newest schema, renew the application role's rights, make months ahead."""
    command.upgrade(alembic_config(url), "head")
    asyncio.run(_after_upgrade(url, application_role))


async def _after_upgrade(url: str, application_role: str) -> None:
    connection = await asyncpg.connect(for_asyncpg(url))
    try:
        await grant_application_role(connection, application_role)
        await make_ahead(connection, datetime.now(UTC).date())
    finally:
        await connection.close()


async def check_schema(connection: asyncpg.Connection) -> None:
    """Raise SchemaTooOld unless the schema is this code's or a newer one's: code rolls back more often than schemas do."""
    script = ScriptDirectory.from_config(alembic_config(""))
    known = {revision.revision for revision in script.walk_revisions()}
    head = script.get_current_head()
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        raise SchemaTooOld("the database has no schema yet: run `okr migrate` first")
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    if found is None or (found in known and found != head):
        raise SchemaTooOld(
            f"the database is at schema {found or 'none'}, this code needs {head}: run `okr migrate` first"
        )
