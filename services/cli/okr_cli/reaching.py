"""Saying which database could not be reached, without its password."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from okr_cli.errors import CommandFailed


def address(url: str) -> URL:
    """The parts of a database's address. Raises CommandFailed when it is none."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise CommandFailed("the database's address is not of the form postgresql://role@host/name") from error


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn a connection that fails inside the block into CommandFailed."""
    shown = address(url).render_as_string(hide_password=True)
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"PostgreSQL does not answer at {shown}: {error.strerror or error}") from error
