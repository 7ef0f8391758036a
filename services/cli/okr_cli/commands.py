"""The commands of `okr`. What fails is one line on standard error and an exit code, never a traceback."""

import contextlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx
import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from okr_cli import board
from okr_cli.console import complain, say
from okr_cli.demo.commands import demo
from okr_cli.errors import CommandFailed
from okr_cli.keys import keys_create
from okr_cli.migrate import migrate
from okr_cli.rules.commands import rulesets, runs
from okr_cli.stopping import StopRequested
from okr_cli.up import up

app = typer.Typer(
    help="Objectives and key results: run the service, and work with it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="API keys.")
app.add_typer(keys, name="keys")
app.add_typer(demo, name="demo")
app.add_typer(rulesets, name="rulesets")
app.add_typer(runs, name="runs")
app.command("board")(board.command)


@app.command("up")
def up_command(
    *,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The API's port; a free one if left out.")] = None,
    with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Begin with a demo company.")] = False,
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".okr"),
) -> None:
    """Run the whole service here: PostgreSQL, Valkey, API and worker. Ctrl-C stops it; the data stay."""
    # Typer would make an interrupt of it; here it is how a run ends well.
    with contextlib.suppress(StopRequested):
        up(data, port=port, demo=with_demo)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database at OKR_DATABASE_OWNER_URL to this version's schema."""
    migrate()


@keys.command("create")
def keys_create_command(
    *,
    organization: Annotated[str, typer.Option(help="Whose key it is; made if there is none of this name.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "first key",
    scopes: Annotated[str, typer.Option(help="What it may do, separated by commas; everything if left out.")] = "",
) -> None:
    """Make an API key and print it, this once."""
    keys_create(organization, name=name, scopes=scopes)


def run(arguments: Sequence[str]) -> int:
    """Run one command and answer the process's exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        # A terminal without our letters gets question marks, not a failure.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return app(args=list(arguments) or ["--help"], prog_name="okr", standalone_mode=False) or 0
    except Exception as error:
        if "OKR_TRACEBACK" in os.environ:
            traceback.print_exc()
        sentence, exit_code = _explain(error)
        # More than a line is a help text, for a group of commands that was named without one of them.
        (say if "\n" in sentence else complain)(sentence)
        return exit_code


def _explain(error: Exception) -> tuple[str, int]:
    """One sentence for a person, and the exit code."""
    match error:
        case CommandFailed():
            return str(error), error.exit_code
        case typer.TyperException():
            return error.format_message(), error.exit_code
        case ValidationError():
            wrong = (f"OKR_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
            return f"the settings do not do: {'; '.join(wrong)}", 1
        case httpx.TransportError():
            return f"the API does not answer: {_one_line(error)}", 1
        case DBAPIError(orig=Exception() as cause):
            return f"PostgreSQL says: {_one_line(cause.__cause__ or cause)}", 1
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return f"PostgreSQL says: {_one_line(error)}", 1
        case OSError(filename=str(path), strerror=str(reason)):
            return f"{path}: {reason}", 1
        case OSError():
            return _one_line(error), 1
        case _:
            # Not expected, so the kind of error tells more than its text.
            return f"{type(error).__name__}: {_one_line(error)} (OKR_TRACEBACK=1 shows where)", 1


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
