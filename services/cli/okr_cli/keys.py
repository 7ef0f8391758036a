"""`okr keys`: the first key of an organization, made beside the API because nobody has a key for the API yet."""

import asyncio
from collections.abc import Sequence

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from okr.db import api_keys
from okr.db.demand import subject
from okr.db.engine import driver, make_engine, session_of
from okr.db.tables.columns import utc_now
from okr.db.tables.directory import Organization
from okr.db.urls import for_asyncpg
from okr.db.work import Work
from okr.domain.values import SubjectKind
from okr.keys import Scope, parse_key
from okr.settings import settings
from okr_cli.console import say
from okr_cli.errors import CommandFailed
from okr_cli.reaching import reaching


def keys_create(organization: str, *, name: str, scopes: str) -> None:
    """Make a key with these scopes, separated by commas (all if empty), on the configured database, and print it."""
    wanted = [word.strip() for word in scopes.split(",") if word.strip()]
    if unknown := sorted(set(wanted) - set(Scope)):
        raise CommandFailed(f"no such scope: {', '.join(unknown)}; there are {', '.join(Scope)}", exit_code=2)
    if not organization.strip():
        raise CommandFailed("an organization needs a name", exit_code=2)
    secret_key = settings().secret_key.get_secret_value()
    chosen = [Scope(word) for word in wanted] or list(Scope)
    say(create_key(settings().database_url, organization.strip(), name=name, scopes=chosen, secret_key=secret_key))


def create_key(
    database_url: str, organization: str, *, name: str, secret_key: str, scopes: Sequence[Scope] = tuple(Scope)
) -> str:
    """Make a key for the organization of that name, and the organization too if there is none; answer the key."""
    with reaching(database_url):
        return asyncio.run(_create_key(database_url, organization, name=name, scopes=scopes, secret_key=secret_key))


def is_live_key(database_url: str, shown: str, *, secret_key: str) -> bool:
    """Whether the database knows this key as one that may come in."""
    with reaching(database_url):
        return asyncio.run(_is_live_key(database_url, shown, secret_key=secret_key))


async def _is_live_key(database_url: str, shown: str, *, secret_key: str) -> bool:
    key = parse_key(shown)
    if key is None:
        return False
    connection = await asyncpg.connect(for_asyncpg(database_url))
    try:
        stored = await api_keys.find_key(connection, key, secret_key=secret_key)
    finally:
        await connection.close()
    return stored is not None and stored.is_live(utc_now())


async def _create_key(
    database_url: str, organization: str, *, name: str, scopes: Sequence[Scope], secret_key: str
) -> str:
    engine = make_engine(database_url, pool_size=1)
    try:
        async with session_of(engine) as session:
            found = await _find_or_add(session, organization)
            key, _ = await api_keys.create_key(
                await driver(session),
                found.organization_id,
                name=name,
                scopes=scopes,
                secret_key=secret_key,
                now=utc_now(),
            )
            await session.commit()
            return key.shown
    finally:
        await engine.dispose()


async def _find_or_add(session: AsyncSession, name: str) -> Organization:
    """The oldest organization of that name, or a new one with the demand for its grade."""
    # Names are not unique, so two commands at once would each make one.
    connection = await driver(session)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
    oldest = select(Organization).where(Organization.name == name).order_by(col(Organization.created_at)).limit(1)
    if found := (await session.exec(oldest)).first():
        return found
    added = Organization(name=name)
    session.add(added)
    now = utc_now()
    work = Work(session, organization_id=added.organization_id, actor="okr keys create", now=now)
    work.expect_grades_of(subject(SubjectKind.ORGANIZATION, added.organization_id), now)
    await work.settle()
    return added
