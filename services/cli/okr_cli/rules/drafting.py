"""The commands before a version comes into force: make a ruleset, draft a version, look at what it would change."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from okr_cli.client import Client, connect
from okr_cli.console import say
from okr_cli.errors import CommandFailed
from okr_cli.options import ApiKey, Url
from okr_cli.rules.previewing import draw

RulesetKey = Annotated[str, typer.Argument(help="The ruleset's key.")]
Number = Annotated[int, typer.Argument(min=1, help="The version's number.")]


def create_command(
    key: Annotated[str, typer.Argument(help="What it is to be known by, such as sales-2027.")],
    *,
    name: Annotated[str | None, typer.Option(help="What people call it; the key if left out.")] = None,
    team: Annotated[
        str | None, typer.Option(help="The id of the team that it is for, with the teams below it.")
    ] = None,
    cycle: Annotated[str | None, typer.Option(help="The id of the cycle that it is for.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Make a ruleset, for everybody if no team or cycle is named. It has no versions yet."""
    if team is not None and cycle is not None:
        raise CommandFailed("a ruleset is for a team or for a cycle: leave --team or --cycle out")
    body: dict[str, Any] = {"key": key} if name is None else {"key": key, "name": name}
    if team is not None or cycle is not None:
        body |= {"scope_kind": "cycle" if team is None else "team", "scope_id": team or cycle}
    with connect(url, api_key) as client:
        made = client.post("/v1/rulesets", body)
    say(f"made {key}, for the {made['scope_kind']}; `okr rulesets draft {key} FILE` gives it a version")


def draft_command(
    key: RulesetKey,
    file: Annotated[
        str | None, typer.Argument(help="The document, as YAML or JSON; - reads it from standard input.")
    ] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="A preset to begin from, such as google, instead of a file.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Add a draft to a ruleset. Nothing is graded by it before it is activated."""
    if (file is None) == (preset is None):
        raise CommandFailed(
            "what is the draft made from? Name a file (- is standard input) or a --preset, one of the two"
        )
    with connect(url, api_key) as client:
        path = f"/v1/rulesets/{key}/versions"
        made = client.post(path, {"preset": preset}) if file is None else _send_document(client, path, file)
    say(
        f"{key} version {made['number']} is a draft; `okr rulesets preview {key} {made['number']}` shows what it changes"
    )


def preview_command(
    key: RulesetKey,
    number: Number,
    *,
    cycle: Annotated[str | None, typer.Option(help="A cycle's id, to grade that one as if the rules had held.")] = None,
    movers: Annotated[int, typer.Option(min=0, max=50, help="How many of those that move farthest to name.")] = 5,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Show what a version would make of the grades. Nothing is written."""
    with connect(url, api_key) as client:
        preview = client.post(f"/v1/rulesets/{key}/versions/{number}/preview", {"cycle_id": cycle, "movers": movers})
    Console(highlight=False).print(draw(preview))


def _send_document(client: Client, path: str, file: str) -> dict[str, Any]:
    # As it is: the API tells in which line it is wrong, and JSON is YAML too.
    text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return client.read(client.send("POST", path, text=text, headers={"Content-Type": "application/yaml"}))
