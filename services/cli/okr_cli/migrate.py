"""`okr migrate`: the schema, on servers of one's own."""

from okr.db.migrate import upgrade
from okr.settings import settings
from okr_cli.console import say
from okr_cli.errors import CommandFailed
from okr_cli.reaching import address, reaching


def migrate() -> None:
    """Bring the configured database to this version's schema and give the application's role its rights.

    Raises CommandFailed when owner and application are one role: its rights would be taken away from itself.
    """
    owner_url, application = settings().owner_url, address(settings().database_url).username
    if application is None or application == address(owner_url).username:
        raise CommandFailed("OKR_DATABASE_OWNER_URL and OKR_DATABASE_URL must name two different roles")
    with reaching(owner_url):
        upgrade(owner_url, application_role=application)
    say("the database is up to date")
