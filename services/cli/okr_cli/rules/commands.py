"""The commands about rulesets and runs."""

import contextlib
from datetime import datetime
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from okr_cli.client import Client, connect
from okr_cli.console import say
from okr_cli.errors import CommandFailed
from okr_cli.options import ApiKey, Url
from okr_cli.rules.drafting import Number, RulesetKey, create_command, draft_command, preview_command
from okr_cli.rules.watching import watch
from okr_cli.wording import NOTHING

rulesets = typer.Typer(help="Rulesets: how grades are made.")
runs = typer.Typer(help="Long work, such as regrading everything.")

Detach = Annotated[bool, typer.Option("--detach", help="Do not wait until everything is regraded.")]


@rulesets.command("list")
def list_command(*, url: Url = None, api_key: ApiKey = None) -> None:
    """List rulesets, and which of their versions is in force."""
    table = Table("key", "name", "for", "in force", "newest", box=None)
    with connect(url, api_key) as client:
        for one in client.items("/v1/rulesets", sort="key"):
            scope = one["scope_kind"] if one["scope_id"] is None else f"{one['scope_kind']} {one['scope_id']}"
            table.add_row(one["key"], one["name"], scope, _number(one["active_number"]), _number(one["newest_number"]))
    Console(highlight=False).print(table if table.row_count else "no rulesets: the built-in one holds")


@rulesets.command("show")
def show_command(
    key: RulesetKey,
    number: Annotated[int | None, typer.Argument(min=1, help="A version, to print its document as YAML.")] = None,
    *,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Show a ruleset's versions, or one of them as YAML."""
    with connect(url, api_key) as client:
        if number is not None:
            say(_document(client, key, number).rstrip())
            return
        ruleset = client.get(f"/v1/rulesets/{key}")
        table = Table("version", "state", "from", "until", "why", title=ruleset["name"], title_justify="left", box=None)
        for one in client.items(f"/v1/rulesets/{key}/versions", sort="number"):
            why = one["retirement_reason"] or one["activation_reason"] or one["note"] or ""
            table.add_row(
                str(one["number"]), one["state"], _instant(one["effective_from"]), _instant(one["effective_until"]), why
            )
    Console(highlight=False).print(table)


rulesets.command("create")(create_command)
rulesets.command("draft")(draft_command)
rulesets.command("preview")(preview_command)


@rulesets.command("activate")
def activate_command(
    key: RulesetKey,
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the version.")],
    effective_from: Annotated[
        str | None, typer.Option("--from", help="An instant ahead, such as 2027-01-01T00:00:00Z; now if left out.")
    ] = None,
    detach: Detach = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Bring a version into force, and watch everything being regraded. Ctrl-C leaves the run to itself."""
    body: dict[str, Any] = {"reason": reason}
    if effective_from is not None:
        body["effective_from"] = effective_from
    console = Console(highlight=False)
    with connect(url, api_key) as client:
        version = client.post(f"/v1/rulesets/{key}/versions/{number}/activate", body)
        console.print(f"{key} version {number} is {version['state']} from {version['effective_from']}", soft_wrap=True)
        if version["state"] != "active" or detach:
            console.print(f"run {version['run_id']}", soft_wrap=True)
            return
        _watch(client, version["run_id"], console)


@rulesets.command("retire")
def retire_command(
    key: RulesetKey,
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the version.")],
    detach: Detach = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """End a version, and watch everything being regraded under the rules that hold instead. A planned one never comes."""
    console = Console(highlight=False)
    with connect(url, api_key) as client:
        version = client.post(f"/v1/rulesets/{key}/versions/{number}/retire", {"reason": reason})
        console.print(f"{key} version {number} is retired", soft_wrap=True)
        if detach:
            console.print(f"run {version['run_id']}", soft_wrap=True)
            return
        _watch(client, version["run_id"], console)


@runs.command("list")
def list_runs_command(
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """List runs, the newest first."""
    # Lines and no table, so that the ids stay whole in any window: `okr runs watch` takes them.
    with connect(url, api_key) as client:
        listed = client.get("/v1/runs", sort="-created_at", limit=limit)["items"]
    for one in listed:
        done = f"{one['done']} of {'?' if one['total'] is None else one['total']} {one['unit']}"
        say(f"{one['id']}  {one['state']:<9}  {_what(one)}: {done}")
    if not listed:
        say("no runs")


@runs.command("watch")
def watch_command(
    run_id: Annotated[str, typer.Argument(help="The run's id.")], *, url: Url = None, api_key: ApiKey = None
) -> None:
    """Watch a run until it ends."""
    with connect(url, api_key) as client:
        _watch(client, run_id, Console(highlight=False))


@runs.command("cancel")
def cancel_command(
    run_id: Annotated[str, typer.Argument(help="The run's id.")], *, url: Url = None, api_key: ApiKey = None
) -> None:
    """Cancel the regrading that a ruleset's version asked for."""
    with connect(url, api_key) as client:
        run = client.post(f"/v1/runs/{run_id}/cancel", {})
    say(f"run {run_id} {run['state']}: {run['done']} of {run['total'] or 0} {run['unit']}")


def _watch(client: Client, run_id: str, console: Console) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        watch(client, run_id, console)


def _what(run: dict[str, Any]) -> str:
    """What a run does; a team that moves is regraded without any version being named."""
    detail = run["detail"]
    if run["kind"] == "regrade":
        return f"history of {run['subject']}"
    named = f"{detail['ruleset']} version {detail['number']}" if detail["ruleset"] else detail["scope"]
    return f"{named} {detail['because']}"


def _document(client: Client, key: str, number: int) -> str:
    answer = client.send("GET", f"/v1/rulesets/{key}/versions/{number}", headers={"Accept": "application/yaml"})
    if answer.status_code != httpx.codes.OK:
        client.read(answer)
        raise CommandFailed("the API answered with something else than a document")
    return answer.text


def _number(number: int | None) -> str:
    return NOTHING if number is None else str(number)


def _instant(text: str | None) -> str:
    return NOTHING if text is None else f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
