"""The board as something that rich can print, for the width that there is. Nothing is told by colour alone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from okr_cli.board.measures import standing
from okr_cli.board.reading import Board, Team
from okr_cli.board.sparks import WEEKS, spark
from okr_cli.client import Json
from okr_cli.wording import difference_sign, share, status_words

_STYLES = {
    "achieved": "bold green",
    "on_track": "green",
    "at_risk": "yellow",
    "off_track": "red",
    "missed": "bold red",
    "pending": "dim",
}
_STATUSES = ("achieved", "on_track", "at_risk", "off_track", "missed", "pending")
_BUILT_IN = "standard"
_BAR_CELLS = 10
_STATUS_CELLS = 11
_CONFIDENCE_CELLS = 4
_OWNER_CELLS = 18
_WIDE = 116
_VERY_WIDE = 148


class Layout(NamedTuple):
    """What fits beside each other."""

    wide: bool
    very_wide: bool

    @classmethod
    def of(cls, width: int) -> "Layout":
        """For a terminal of that many columns."""
        return cls(width >= _WIDE, width >= _VERY_WIDE)


def draw(board: Board, width: int, *, moved: Mapping[str, float | None]) -> RenderableType:
    """The whole board. `moved` has the earlier grade of each thing whose grade has just changed."""
    layout = Layout.of(width)
    parts: list[RenderableType] = [draw_header(board, width, layout)]
    for team, items in board.sections:
        parts += [Text(), _team_line(board, team, width, layout)]
        for item in items:
            parts.append(_objective(board, item, layout, moved))
            parts.append(_key_results(board, item["key_results"], layout, moved))
    if not board.sections:
        parts.append(Text("\nno objectives in this cycle", style="dim"))
    return Group(*parts)


def draw_briefly(
    board: Board, width: int, *, moved: Mapping[str, float | None], with_teams: bool = True
) -> RenderableType:
    """Objectives only, and of the key results those that have just moved: for a window that the whole does not fit."""
    layout = Layout.of(width)
    parts: list[RenderableType] = [draw_header(board, width, layout)]
    for team, items in board.sections:
        if with_teams:
            parts.append(_team_line(board, team, width, layout))
        for item in items:
            parts.append(_objective(board, item, layout, moved, brief=True))
            just_moved = [key_result for key_result in item["key_results"] if key_result["id"] in moved]
            if just_moved:
                parts.append(_key_results(board, just_moved, layout, moved, brief=True))
    return Group(*parts)


def draw_header(board: Board, width: int, layout: Layout) -> RenderableType:
    """Who, when, how far the cycle is, and the grade of the whole."""
    cycle = board.cycle
    when = f"{cycle['name']} · {_day(cycle['starts_on'])} – {_day(cycle['ends_on'])}"
    if cycle["state"] != "active":
        when += f" · {cycle['state']}"
    if not board.is_now:
        when += f" · as of {_day(board.day_shown)}"
    top = Table.grid(expand=True)
    top.add_column(ratio=1)
    top.add_column(justify="right")
    top.add_row(Text(board.organization, style="bold", overflow="ellipsis"), Text(when))
    passed = f"day {board.day} of {board.days}"
    top.add_row(
        Text.assemble((f"{passed}  ", "dim"), _bar(board.day / board.days, cells=max(width // 4, 10), style="cyan")),
        Text.assemble(
            ("overall ", "dim"),
            (share(board.grade["grade"]), "bold"),
            "  ",
            (status_words(board.grade["status"]), _style(board.grade)),
        ),
    )
    counts = Counter(str(item["grade"]["status"]) for item in board.items)
    told = Text(f"{len(board.items)} objectives  ", style="dim")
    for status in _STATUSES:
        if counts[status]:
            told.append(f"  {status_words(status).replace(' ', f' {counts[status]} ', 1)}", style=_STYLES[status])
    if rules := _rules(board):
        told.append(f"   graded under {rules}", style="dim")
    return Group(top, told, *([_column_names(layout)] if layout.wide else []))


def _rules(board: Board) -> str:
    """The rules of the objectives' grades, such as `ours 2`; nothing where all are made by the built-in ones."""
    rules = [item["grade"]["ruleset"] for item in board.items if item["grade"]["ruleset"] is not None]
    if all(one["key"] == _BUILT_IN for one in rules):
        return ""
    return ", ".join(sorted({f"{one['key']} {one['version']}" for one in rules}))


def _team_line(board: Board, team: Team, width: int, layout: Layout) -> Text:
    grade = board.team_grades.get(team.id or "")
    line = Text.assemble((f"{'  ' * len(team.ancestors)}{team.name} ", "bold cyan"))
    if team.kind not in ("", "team"):
        line.append(f"{team.kind} ", style="dim")
    end = Text()
    if grade is not None and grade["grade"] is not None:
        # The status stands below those of the objectives.
        beside = (_CONFIDENCE_CELLS + 1 if layout.wide else 0) + (_OWNER_CELLS + 1 if layout.very_wide else 0)
        # A team goes on when a cycle is over: its status is about what runs.
        status = "" if board.cycle["state"] == "closed" else status_words(grade["status"])
        told = f"{status:<{_STATUS_CELLS}}{'':<{beside}}"
        end = Text.assemble(" ", (share(grade["grade"]), "bold"), "  ", (told, _style(grade)))
    line.append("─" * max(width - len(line) - len(end), 0), style="dim")
    return line.append_text(end)


def _column_names(layout: Layout) -> RenderableType:
    grid = _grid(layout, with_standing=True)
    grid.add_row(
        *(
            Text(name, style="dim")
            for name in ("", "value → target", "13 weeks", "grade", "┃ expected", "status", "conf", "owner")[
                : len(grid.columns)
            ]
        )
    )
    return Padding(grid, (1, 0, 0, 3))


def _objective(
    board: Board, item: Json, layout: Layout, moved: Mapping[str, float | None], *, brief: bool = False
) -> RenderableType:
    objective, grade = item["objective"], item["grade"]
    title = Text(objective["title"], style="bold")
    about = _about(objective, grade, layout, board.people)
    if layout.wide and not brief:
        title = Text.assemble(title, "\n", about)
    grid = _grid(layout, with_standing=False)
    grid.add_row(*_cells(title, None, item["grade"], objective, board, layout, moved))
    # Where there is little room the line below the title has all of it.
    shown = grid if layout.wide or brief else Group(grid, about)
    return Padding(shown, (0, 0, 0, 1))


def _about(objective: Json, grade: Json, layout: Layout, people: Mapping[str, str]) -> Text:
    """The line below an objective's title."""
    told = [objective["commitment"]]
    if not layout.very_wide:
        told.append(people.get(objective["owner_id"], "somebody"))
    if not layout.wide:
        told.append(f"expected {share(grade['expected'])}")
        if grade["confidence"] is not None:
            told.append(f"confidence {share(grade['confidence'])}")
    line = Text(" · ".join(told), style="dim")
    # The usual labels say less than the status does; other rules have words of their own.
    if grade["label"] is not None and grade["ruleset"]["key"] != _BUILT_IN:
        line.append(f" · “{grade['label']}”", style=_style(grade))
    if objective["state"] not in ("active", "closed"):
        line.append(f" · {objective['state']}", style="bold")
    if "guardrail_breached" in grade["reasons"]:
        line.append(" · capped, a guardrail is broken", style="red")
    if grade["provenance"] == "override":
        line.append(" · graded by a person", style="magenta")
    return line


def _key_results(
    board: Board,
    key_results: list[Json],
    layout: Layout,
    moved: Mapping[str, float | None],
    *,
    brief: bool = False,
) -> RenderableType:
    grid = _grid(layout, with_standing=layout.wide)
    for key_result in key_results:
        stands = _standing_with_marks(key_result, layout, is_over=board.cycle["state"] == "closed")
        title = Text(key_result["title"])
        if not layout.wide and not brief:
            title = Text.assemble(title, "\n", stands)
        grid.add_row(*_cells(title, stands, key_result["grade"], key_result, board, layout, moved))
    return Padding(grid, (0, 0, 0, 3))


def _standing_with_marks(key_result: Json, layout: Layout, *, is_over: bool) -> Text:
    """Value and target, then what to know about them: that the value is old, the grade a person's, how sure the owner is."""
    text = Text(standing(key_result), style="" if layout.wide else "dim")
    freshness, confidence = key_result["grade"]["freshness"], key_result["grade"]["confidence"]
    if freshness == "late" and not is_over:
        text.append(" · late", style="yellow")
    if key_result["grade"]["provenance"] == "override":
        text.append(" · by a person", style="magenta")
    if not layout.wide and confidence is not None:
        text.append(f" · conf. {share(confidence)}", style="dim")
    return text


def _cells(
    title: Text,
    stands: Text | None,
    grade: Json,
    thing: Json,
    board: Board,
    layout: Layout,
    moved: Mapping[str, float | None],
) -> Iterator[RenderableType]:
    """The cells of a row, as many as the layout has columns."""
    yield title
    if layout.wide and stands is not None:
        yield stands
    yield Text(spark(board.sparks.get(thing["id"], ())), style=_style(grade))
    is_guardrail = thing.get("kind") == "guardrail"
    told = Text("" if is_guardrail else share(grade["grade"]), style="bold" if stands is None else "")
    if thing["id"] in moved:
        told.append(difference_sign(moved[thing["id"]], grade["grade"]), style="bold magenta")
    yield told
    if layout.wide:
        yield (
            Text()
            if is_guardrail or grade["grade"] is None
            else _bar(grade["grade"], cells=_BAR_CELLS, style=_style(grade), mark=grade["expected"])
        )
    yield Text(_guardrail_words(grade) if is_guardrail else status_words(grade["status"]), style=_style(grade))
    if layout.wide:
        yield Text("" if grade["confidence"] is None else share(grade["confidence"]), style="dim")
    if layout.very_wide:
        yield Text(board.people.get(thing["owner_id"] or "", ""), style="dim")


def _guardrail_words(grade: Json) -> str:
    if grade["raw"] is None:
        return status_words("pending")
    # Not the grade: rules may cap that, and inside the edges is inside.
    return "● holds" if grade["raw"] >= 1 else "✕ broken"


def _grid(layout: Layout, *, with_standing: bool) -> Table:
    """Columns of fixed widths on the right, so that the rows of all grids stand below each other."""
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(ratio=5, overflow="ellipsis" if layout.wide else "fold", no_wrap=layout.wide)
    if with_standing:
        grid.add_column(ratio=4, overflow="ellipsis", no_wrap=True)
    grid.add_column(width=WEEKS, no_wrap=True)
    grid.add_column(width=5, no_wrap=True)
    if layout.wide:
        grid.add_column(width=_BAR_CELLS, no_wrap=True)
    grid.add_column(width=_STATUS_CELLS, no_wrap=True)
    if layout.wide:
        grid.add_column(width=_CONFIDENCE_CELLS, no_wrap=True)
    if layout.very_wide:
        grid.add_column(width=_OWNER_CELLS, no_wrap=True, overflow="ellipsis")
    return grid


def _bar(part: float, *, cells: int, style: str, mark: float | None = None) -> Text:
    """A line that is filled up to `part` of it, with an upright stroke at `mark`."""
    halves = round(min(max(part, 0), 1) * cells * 2)
    filled, rest = "━" * (halves // 2), "╸" if halves % 2 else ""
    bar = Text.assemble((filled + rest, style), ("─" * (cells - len(filled) - len(rest)), "dim"))
    if mark is None:
        return bar
    place = min(int(min(max(mark, 0), 1) * cells), cells - 1)
    return Text.assemble(bar[:place], ("┃", "bold"), bar[place + 1 :])


def _style(grade: Json) -> str:
    return _STYLES.get(str(grade["status"]), "")


def _day(day: str | date) -> str:
    known = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{known.day} {known:%b %Y}"
