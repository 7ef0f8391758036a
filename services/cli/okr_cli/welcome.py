"""What `okr up` shows when everything runs: the demo company, the address, the key, the board."""

import contextlib
from pathlib import Path

from rich.console import Console

from okr_cli import demo
from okr_cli.board.drawing import draw
from okr_cli.board.reading import Reader
from okr_cli.client import Client
from okr_cli.console import say
from okr_cli.demo import company
from okr_cli.demo.loading import today_at_the_company
from okr_cli.demo.settling import wait_until_graded
from okr_cli.errors import CommandFailed
from okr_cli.folder import DataFolder


def load_demo(folder: DataFolder, client: Client) -> bool:
    """Have the demo company there and graded; False when the organization has goals of its own instead.

    It is loaded once: what a person has changed in it since then stays changed. A load that was interrupted is completed.
    """
    organization = client.get("/v1/organization")
    if not folder.has_demo(organization["id"]):
        if organization["name"] != company.NAME and next(client.items("/v1/cycles"), None):
            say("this organization has goals of its own, so the demo company stays away")
            return False
        say("loading the demo company")
        demo.load(client, today=today_at_the_company(), on_progress=lambda line: say(f"  {line}"))
        folder.note_demo(organization["id"])
    wait_until_graded(client)
    return True


def show_board(client: Client) -> None:
    """Print the running cycle's board; without it the service is as good, so a board that cannot be had is only told of."""
    console = Console(highlight=False)
    try:
        board = Reader.of(client, "current", None).read()
    except CommandFailed as error:
        say(f"no board: {error}")
        return
    # A terminal that has gone away is no reason to stop either.
    with contextlib.suppress(OSError):
        if board is not None:
            console.print(draw(board, console.width, moved={}))


def greet(root: Path, url: str, key: str) -> None:
    """Say where everything is."""
    say("")
    say(f"  The OKR service runs at   {url}   (its documentation: {url}/docs)")
    say(f"  API key                   {key}")
    say(f"  Data and logs             {root}")
    say("")
    say("Ctrl-C stops it; the data stay.")
