"""`okr board`: printed once, or redrawn whenever something changes."""

import contextlib
import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.segment import Segment, Segments
from rich.text import Text

from okr_cli.board.drawing import draw, draw_briefly
from okr_cli.board.reading import Board, Reader
from okr_cli.client import connect
from okr_cli.errors import CommandFailed
from okr_cli.options import ApiKey, Url

_LOOK_EVERY_SECONDS = 1.0
_MARKED_FOR_SECONDS = 8.0


def command(
    *,
    cycle: Annotated[str, typer.Option(help="A cycle's id or name, or: current, last.")] = "current",
    as_of: Annotated[str | None, typer.Option(help="Show the end of that day, such as 2026-09-30.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Redraw whenever something changes, until Ctrl-C.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Show a cycle's objectives and key results: where they stand, and how they came there."""
    console = Console(highlight=False)
    with connect(url, api_key) as client:
        reader = Reader.of(client, cycle, _day(as_of))
        if watch:
            with contextlib.suppress(KeyboardInterrupt):
                _watch(reader, console)
        elif (board := reader.read()) is not None:
            console.print(draw(board, console.width, moved={}))


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(f"--as-of takes a day such as 2026-09-30, not {text}") from error


def _watch(reader: Reader, console: Console) -> None:
    """Look once a second. Without a terminal every new state is printed below the last."""
    marks = Marks()
    if not console.is_terminal:
        while True:
            if (board := reader.read()) is not None:
                console.print(draw(board, console.width, moved=marks.moved(board, time.monotonic())))
            time.sleep(_LOOK_EVERY_SECONDS)
    board = None
    with Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            newer = reader.read()
            board = newer or board
            # Drawn again without news too: the window may have another size, and marks fade.
            if board is not None:
                screen.update(_fitting(board, console, marks.moved(board, time.monotonic())), refresh=True)
            time.sleep(_LOOK_EVERY_SECONDS)


class Marks:
    """Remembers for some seconds which grades have moved, and from where."""

    def __init__(self) -> None:
        self._grades: dict[str, float | None] = {}
        self._moved: dict[str, tuple[float, float | None]] = {}

    def moved(self, board: Board, now: float) -> Mapping[str, float | None]:
        """The earlier grades of what moved lately; `now` is a monotonic clock's seconds. The first board moves nothing."""
        grades = {item["objective"]["id"]: item["grade"]["grade"] for item in board.items}
        grades |= {each["id"]: each["grade"]["grade"] for item in board.items for each in item["key_results"]}
        for id, grade in grades.items():
            if id in self._grades and self._grades[id] != grade:
                self._moved[id] = now, self._grades[id]
        self._grades = grades
        self._moved = {id: one for id, one in self._moved.items() if now - one[0] <= _MARKED_FOR_SECONDS}
        return {id: before for id, (_, before) in self._moved.items()}


def _fitting(board: Board, console: Console, moved: Mapping[str, float | None]) -> RenderableType:
    """The whole board if the window holds it, else the brief one, with a last line that says when it was read."""
    width, room = console.size.width, console.size.height - 1
    read_at = Text(f"{datetime.now().astimezone():%H:%M:%S} · Ctrl-C ends", style="dim")
    lines: list[list[Segment]] = []
    drawings = (
        draw(board, width, moved=moved),
        draw_briefly(board, width, moved=moved),
        draw_briefly(board, width, moved=moved, with_teams=False),
    )
    for drawing in drawings:
        lines = console.render_lines(drawing, console.options.update(width=width, height=None))
        if len(lines) <= room:
            break
    # A window without room for all lines shows the first ones.
    shown = [segment for line in lines[:room] for segment in (*line, Segment.line())]
    return Group(Segments(shown), read_at)
