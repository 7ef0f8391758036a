"""Watching a run over HTTP until it ends: a bar in a terminal, a line for each change elsewhere."""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from okr_cli.client import Client
from okr_cli.errors import CommandFailed

Json = dict[str, Any]
Look = Callable[[], Json]

_OPEN = ("queued", "running")
LOOK_SECONDS = 0.25


def watch(client: Client, run_id: str, console: Console, *, look_seconds: float = LOOK_SECONDS) -> Json:
    """The run when it has ended, having shown how it went. Raises CommandFailed if it failed."""
    run = _shown(lambda: client.get(f"/v1/runs/{run_id}"), console, look_seconds=look_seconds)
    if run["state"] == "failed":
        raise CommandFailed(f"the run {run_id} failed: {run['error']}")
    console.print(f"run {run_id} {run['state']}: {run['done']} of {run['total'] or 0} {run['unit']}", soft_wrap=True)
    return run


def _shown(look: Look, console: Console, *, look_seconds: float) -> Json:
    run = look()
    if not console.is_terminal:
        return _shown_by_lines(run, look, console, look_seconds=look_seconds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(run["state"], total=run["total"])
        while run["state"] in _OPEN:
            progress.update(bar, description=run["state"], completed=run["done"], total=run["total"])
            time.sleep(look_seconds)
            run = look()
    return run


def _shown_by_lines(run: Json, look: Look, console: Console, *, look_seconds: float) -> Json:
    told = None
    while run["state"] in _OPEN:
        line = f"{run['state']}: {run['done']} of {'?' if run['total'] is None else run['total']} {run['unit']}"
        if line != told:
            console.print(line, soft_wrap=True)
            told = line
        time.sleep(look_seconds)
        run = look()
    return run
