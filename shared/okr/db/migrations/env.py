"""Alembic's entry: runs the migrations on the URL that okr.db.migrate hands over."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from okr.db.tables import metadata


def is_ours(_thing: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Leave partitions out of the comparison: they are the product's upkeep, not the schema."""
    return not (type_ == "table" and reflected and compare_to is None and "_y" in (name or ""))


def run(connection: Connection) -> None:
    """Migrate on one connection, in one transaction, giving way to others' locks after five seconds."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=is_ours,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        context.run_migrations()


async def main() -> None:
    """Open the connection and hand it to Alembic."""
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
