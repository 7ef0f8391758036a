"""Servers of one's own, as the compose file sets them up: roles by script, `okr migrate`, `okr keys create`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from okr.keys import parse_key
from okr_cli.postgres import APP_ROLE, OWNER_ROLE, PostgresServer, postgres_binaries

ROOT = Path(__file__).parents[2]
OKR = Path(sys.executable).with_name("okr")
SECRET_KEY = "a-secret-for-tests-only-0123456789abcdef"


@pytest.fixture
def fresh_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A cluster as PostgreSQL's own image makes it: a superuser and nothing else."""
    server = PostgresServer(tmp_path / "data", sockets=tmp_path / "run", log=tmp_path / "log", durable=False)
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()


def okr(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with these variables and a secret."""
    environment = os.environ | {"OKR_SECRET_KEY": SECRET_KEY} | variables
    return subprocess.run([OKR, *words], env=environment, capture_output=True, text=True, check=False, timeout=60)


def make_roles_by_script(server: PostgresServer) -> None:
    environment = os.environ | {
        "PATH": f"{postgres_binaries()}:{os.environ['PATH']}",
        "PGHOST": str(server.sockets),
        "PGPORT": "5432",
        "OKR_OWNER_PASSWORD": "it's one",
        "OKR_APP_PASSWORD": "another",
    }
    subprocess.run(["sh", ROOT / "deploy" / "postgres-roles.sh"], env=environment, check=True, timeout=30)


async def rows(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def test_roles_by_script_then_schema_then_keys(fresh_postgres: PostgresServer) -> None:
    make_roles_by_script(fresh_postgres)
    assert await rows(
        fresh_postgres.url("postgres", "postgres"),
        "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname LIKE 'okr%' ORDER BY 1",
    ) == [("okr_app", False, False, False), ("okr_owner", False, False, False)]

    addresses = {
        "OKR_DATABASE_URL": fresh_postgres.url(APP_ROLE),
        "OKR_DATABASE_OWNER_URL": fresh_postgres.url(OWNER_ROLE),
    }
    too_early = okr("keys", "create", "--organization", "Acme", **addresses)
    assert too_early.returncode == 1
    assert "relation" in too_early.stderr
    assert too_early.stderr.count("\n") == 1

    for _ in range(2):
        migrated = okr("migrate", **addresses)
        assert (migrated.returncode, migrated.stderr) == (0, "")

    made = [okr("keys", "create", "--organization", "Acme", **addresses) for _ in range(2)]
    made += [okr("keys", "create", "--organization", "Zenith", "--scopes", "metrics:write", **addresses)]
    assert [(done.returncode, done.stderr) for done in made] == [(0, "")] * 3
    keys = [parse_key(done.stdout.strip()) for done in made]
    assert None not in keys
    stored = await rows(
        fresh_postgres.url(OWNER_ROLE),
        "SELECT k.public_id, o.name, k.scopes FROM api_key k JOIN organization o USING (organization_id) ORDER BY k.id",
    )
    assert [row["public_id"] for row in stored] == [key.public_id for key in keys if key]
    assert [row["name"] for row in stored] == ["Acme", "Acme", "Zenith"]
    assert stored[2]["scopes"] == ["metrics:write"]
    assert await rows(fresh_postgres.url(OWNER_ROLE), "SELECT count(*) FROM organization") == [(2,)]


def test_a_scope_that_does_not_exist_is_one_line() -> None:
    done = okr("keys", "create", "--organization", "Acme", "--scopes", "okr:read,okr:fly")
    assert done.returncode == 2
    assert done.stderr.startswith("okr: no such scope: okr:fly")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"OKR_DATABASE_OWNER_URL": "postgresql://okr_owner:hush@127.0.0.1:1/okr"}, "does not answer"),
        ({"OKR_DATABASE_OWNER_URL": "nonsense"}, "not of the form"),
        ({"OKR_DATABASE_URL": "postgresql://one@h/okr"}, "two different roles"),
        ({"OKR_SECRET_KEY": "hush"}, "OKR_SECRET_KEY"),
    ],
)
def test_a_migration_that_cannot_be_is_one_line_without_secrets(variables: dict[str, str], complaint: str) -> None:
    done = okr("migrate", **variables)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr
