"""A preview as something that rich can print: how many grades move, what becomes of statuses and labels, and who moves farthest."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from okr_cli.client import Json
from okr_cli.wording import NOTHING, share

_LEVELS = (("objectives", "objectives"), ("key results", "key_results"))


def draw(preview: Json) -> RenderableType:
    """The whole preview; parts with nothing to tell are left out."""
    parts: list[RenderableType] = [_figures(preview)]
    changes = _changes(preview)
    if changes.row_count:
        parts += [Text(), changes]
    for name, movers in (("objectives", "objective_movers"), ("key results", "key_result_movers")):
        if preview[movers]:
            parts += [Text(), _movers(name, preview[movers])]
    return Group(*parts)


def _table(*names: str, numbers: int) -> Table:
    """A table whose last columns, so many, hold numbers."""
    table = Table(box=None)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place >= len(names) - numbers else "left")
    return table


def _figures(preview: Json) -> Table:
    table = _table("", "regraded", "move", "up", "down", "mean", "would be", numbers=6)
    for name, key in _LEVELS:
        level = preview[key]
        counts = (str(level[count]) for count in ("regraded", "moved", "up", "down"))
        table.add_row(name, *counts, share(level["before"]["mean"]), share(level["after"]["mean"]))
    return table


def _changes(preview: Json) -> Table:
    """A line for each change of a status, then for each of a label, the most frequent first."""
    table = _table("status or label", "is", "would be", "how many", numbers=1)
    for name, key in _LEVELS:
        level = preview[key]
        statuses = [
            (count, before.replace("_", " "), after.replace("_", " "))
            for before, row in level["statuses"].items()
            for after, count in row.items()
            if before != after
        ]
        for count, before, after in sorted(statuses, key=lambda one: (-one[0], one[1:])):
            table.add_row(name, before, after, str(count))
        for one in level["labels"]:
            # Labels are the rules' own words, so they are told apart from ours.
            before, after = (NOTHING if label is None else f"“{label}”" for label in (one["before"], one["after"]))
            table.add_row(name, Text(before), Text(after), str(one["count"]))
    return table


def _movers(name: str, movers: list[Json]) -> Table:
    table = _table(f"{name} that move farthest", "is", "would be", "", numbers=3)
    for mover in movers:
        before = None if mover["before"] is None else mover["before"]["grade"]["grade"]
        difference = NOTHING if mover["difference"] is None else f"{mover['difference']:+.2f}"
        table.add_row(Text(mover["title"]), share(before), share(mover["after"]["grade"]["grade"]), difference)
    return table
