"""`okr demo`: the demo company, loaded and at work."""

import contextlib
from typing import Annotated

import typer

from okr_cli import demo as demo_company
from okr_cli.client import connect
from okr_cli.console import say
from okr_cli.demo.loading import today_at_the_company
from okr_cli.options import ApiKey, Url

demo = typer.Typer(help="A demo company: night trains across Europe.", no_args_is_help=True)


@demo.command("load")
def load_command(*, url: Url = None, api_key: ApiKey = None) -> None:
    """Load the company with a closed and a running quarter. Doing it again completes what is missing."""
    with connect(url, api_key) as client:
        demo_company.load(client, today=today_at_the_company(), on_progress=say)


@demo.command("live")
def live_command(
    *,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after so long; else at Ctrl-C.")] = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between two rounds of values.")] = 2.0,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Keep pushing values, and tell which grades they moved and how soon."""
    with connect(url, api_key) as client, contextlib.suppress(KeyboardInterrupt):
        demo_company.live(client, on_line=say, seconds=seconds, interval_seconds=interval)
