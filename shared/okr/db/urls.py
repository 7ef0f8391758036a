"""One database URL, two spellings: `postgresql://` for asyncpg, `postgresql+asyncpg://` for SQLAlchemy."""

import re

_SCHEME = re.compile(r"^(postgres|postgresql)(\+\w+)?://")


def for_asyncpg(url: str) -> str:
    """The plain URL, whatever driver the given one names."""
    return _SCHEME.sub("postgresql://", url)


def for_sqlalchemy(url: str) -> str:
    """The same URL for SQLAlchemy's asyncpg dialect."""
    return _SCHEME.sub("postgresql+asyncpg://", url)
