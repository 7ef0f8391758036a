"""What the application's role may do: work with resources, add to history, and never change or delete what history holds."""

import asyncpg

# DELETE is for what passes; everything a person made is ended or cancelled instead.
CHANGEABLE = (
    "organization",
    "person",
    "team",
    "cycle",
    "objective",
    "key_result",
    "alignment",
    "metric",
    "override",
    "api_key",
    "rescore_demand",
    "grade",
    "event_sequence",
)
APPEND_ONLY = ("key_result_version", "check_in", "metric_point", "score_snapshot", "final_grade")
DRAFTED = ("ruleset", "ruleset_version")
"""Drafts can be deleted; a trigger keeps what was activated."""
PASSING = ("idempotency_key", "outbox_event", "run")
FUNCTIONS = (
    "okr_make_partition(text, date)",
    "okr_number_events(uuid, double precision, integer, bigint)",
    "okr_record_points(uuid, uuid[], timestamptz[], text[], text[], numeric[], timestamptz)",
)


async def grant_application_role(connection: asyncpg.Connection, role: str) -> None:
    """Give `role` exactly the rights named here; make it first where the owner may. Safe to repeat.

    Partitions get no rights of their own: they are reached through their table only.
    """
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {_quoted(role)} LOGIN")
    name = _quoted(role)
    async with connection.transaction():
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
        await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
        await connection.execute(f"GRANT SELECT ON alembic_version TO {name}")
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(CHANGEABLE)} TO {name}")
        await connection.execute(f"GRANT SELECT, INSERT ON {', '.join(APPEND_ONLY)} TO {name}")
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join((*PASSING, *DRAFTED))} TO {name}")
        await connection.execute(f"GRANT SELECT, UPDATE ON event_relay TO {name}")
        for function in FUNCTIONS:
            await connection.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
