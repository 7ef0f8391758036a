"""The board on paper: what it says of each key result, its sparks, and that it fits the terminal."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from okr_cli.board.drawing import draw, draw_briefly
from okr_cli.board.measures import standing
from okr_cli.board.reading import Board, Team, by_team, in_tree_order
from okr_cli.board.showing import Marks
from okr_cli.board.sparks import WEEKS, spark, weekly
from okr_cli.client import Json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_grade(grade: float | None = 0.5, status: str = "on_track", **fields: Any) -> Json:
    return {
        "raw": grade,
        "grade": grade,
        "status": status,
        "label": "Making progress",
        "ruleset": {"key": "standard", "version": 1},
        "expected": 0.57,
        "freshness": "fresh",
        "confidence": 0.7,
        "reasons": [],
        "provenance": "computed",
        "computed_grade": None,
        "computed_seq": 1,
    } | fields


def a_key_result(kind: str = "increase", **fields: Any) -> Json:
    return {
        "id": fields.get("title", kind),
        "title": "Guests who sleep well",
        "kind": kind,
        "start_value": 40,
        "target_value": 60,
        "band_low": None,
        "band_high": None,
        "milestones": None,
        "zones": None,
        "unit": "%",
        "current_value": 50,
        "owner_id": "ada",
        "grade": a_grade(),
    } | fields


def an_item(title: str, *key_results: Json, team: str = "crew", **fields: Any) -> Json:
    objective = {
        "id": title,
        "title": title,
        "team_id": team,
        "commitment": "committed",
        "owner_id": "ada",
        "state": "active",
    }
    return {"objective": objective, "grade": a_grade(**fields), "key_results": list(key_results)}


def a_board(*items: Json, **fields: Any) -> Board:
    cycle = {"name": "Q4 2026", "starts_on": "2026-10-01", "ends_on": "2026-12-31", "state": "active"}
    return Board(
        **{
            "organization": "Vesper",
            "cycle": cycle,
            "grade": a_grade(0.52),
            "day_shown": date(2026, 11, 22),
            "is_now": True,
            "day": 53,
            "days": 92,
            "sections": [(Team("crew", "Crew", "team", ("root",)), list(items))] if items else [],
            "sparks": {},
            "team_grades": {},
            "people": {"ada": "Ada Lovelace"},
        }
        | fields
    )


def lines(board: Board, width: int, *, moved: dict[str, float | None] | None = None) -> list[str]:
    console = Console(width=width, force_terminal=False, no_color=True)
    with console.capture() as capture:
        console.print(draw(board, width, moved=moved or {}))
    return capture.get().splitlines()


@pytest.mark.parametrize(
    ("key_result", "words"),
    [
        (a_key_result("increase"), "50 → 60 %"),
        (a_key_result("decrease", current_value=12345.6, target_value=1000, unit="€"), "12\u202f346 → 1\u202f000 €"),
        (a_key_result("reach", current_value=0.905, unit=None), "0.905 → 60"),
        (a_key_result("composite"), "50 → 60 %"),
        (a_key_result("increase", current_value=None), "no value → 60 %"),
        (a_key_result(current_value=None, grade=a_grade(freshness="never")), "never measured → 60 %"),
        (a_key_result("at_least"), "50 → ≥ 60 %"),
        (a_key_result("at_most"), "50 → ≤ 60 %"),
        (a_key_result("band", band_low=18, band_high=20, unit="°C", current_value=20.25), "20.25, within 18–20 °C"),
        (a_key_result("guardrail", band_low=12, unit="months"), "50, not below 12 months"),
        (a_key_result("guardrail", band_high=12, unit="guests"), "50, not above 12 guests"),
        (a_key_result("guardrail", band_low=1, band_high=2, unit=None), "50, within 1–2"),
        (a_key_result("binary", current_value=0), "not yet"),
        (a_key_result("binary", current_value=1), "yes"),
        (a_key_result("binary", current_value=None), "no value → yes"),
        (a_key_result("count_ratio", current_value=9, target_value=34, unit="stewards"), "9 of 34 stewards"),
        (a_key_result("count_ratio", current_value=4, target_value=9, unit="of 9 lines"), "4 of 9 lines"),
        (a_key_result("milestone", milestones=[{"done": True}, {"done": False}]), "1 of 2 done"),
        (a_key_result("ordinal", zones=[{"name": "Open", "grade": 0.3}], grade=a_grade(raw=0.3)), "Open"),
        (a_key_result("ordinal", zones=[{"name": "Open", "grade": 0.3}], grade=a_grade(raw=None)), "nothing said yet"),
    ],
    ids=lambda one: one["kind"] if isinstance(one, dict) else None,
)
def test_each_kind_says_where_it_stands(key_result: Json, words: str) -> None:
    assert standing(key_result) == words


def snapshot(weeks_ago: float, grade: float | None, seq: int = 1) -> Json:
    return {"observed_at": (NOW - timedelta(weeks=weeks_ago)).isoformat(), "computed_seq": seq, "grade": grade}


def test_a_spark_has_the_newest_grade_at_the_end_of_each_week() -> None:
    weeks = weekly([snapshot(0.5, 0.9), snapshot(2.5, 0.4), snapshot(2.2, 0.5), snapshot(4, 0.2)], NOW)
    assert weeks == [None] * 8 + [0.2, 0.2, 0.5, 0.5, 0.9]


def test_of_two_snapshots_of_one_instant_the_later_one_counts() -> None:
    assert weekly([snapshot(1, 0.7, seq=12), snapshot(1, 0.1, seq=3)], NOW)[-1] == 0.7


def test_a_grade_that_was_lost_leaves_a_gap() -> None:
    assert spark(weekly([snapshot(3, 0.5), snapshot(1, None)], NOW)[-4:]) == "▅▅  "


@given(st.lists(st.none() | st.floats(-1, 2), min_size=WEEKS, max_size=WEEKS))
def test_a_spark_is_as_long_as_its_weeks(grades: list[float | None]) -> None:
    drawn = spark(grades)
    assert len(drawn) == WEEKS
    assert [mark == " " for mark in drawn] == [grade is None for grade in grades]


def test_a_spark_goes_from_the_lowest_block_to_the_highest() -> None:
    assert spark([0, 0.5, 1]) == "▁▅█"


@pytest.mark.parametrize("width", [40, 80, 100, 116, 120, 148, 160, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = "Make the night train the obvious way to cross Europe for everybody who has to be there in the morning"
    board = a_board(an_item(long, a_key_result(title=long), a_key_result("binary", current_value=1, title="b")))
    assert max(map(len, lines(board, width))) <= width


@pytest.mark.parametrize("width", [80, 120, 160])
def test_status_grade_value_and_title_are_there_without_colour(width: int) -> None:
    board = a_board(an_item("Sleep well", a_key_result(grade=a_grade(0.42, "at_risk")), grade=0.31, status="off_track"))
    text = "\n".join(lines(board, width))
    for told in ("Sleep well", "0.31", "○ off track", "50 → 60 %", "0.42", "◐ at risk", "day 53 of 92", "0.52"):
        assert told in text


@pytest.mark.parametrize("width", [80, 160])
def test_what_is_unusual_is_told_in_words(width: int) -> None:
    board = a_board(
        an_item(
            "Sleep well",
            a_key_result(title="old", grade=a_grade(freshness="late")),
            a_key_result(title="new", current_value=None, grade=a_grade(None, "pending", freshness="never")),
            a_key_result("guardrail", title="rail", band_high=12, grade=a_grade(0, "off_track")),
            reasons=["guardrail_breached"],
            provenance="override",
        )
    )
    text = " ".join(" ".join(lines(board, width)).split())
    for told in ("· late", "never measured", "✕ broken", "capped, a guardrail is broken", "graded by a person"):
        assert told in text


@pytest.mark.parametrize("width", [80, 160])
def test_a_key_result_that_a_person_graded_says_so(width: int) -> None:
    by_a_person = a_key_result(title="counted", grade=a_grade(0.9, provenance="override"))
    assert "· by a person" in " ".join(lines(a_board(an_item("Sleep well", by_a_person)), width))
    assert "by a person" not in " ".join(lines(a_board(an_item("Sleep well", a_key_result())), width))


@pytest.mark.parametrize("width", [80, 160])
def test_labels_of_other_rules_are_shown_and_the_rules_are_named(width: int) -> None:
    ours = {"label": "Sweet spot", "ruleset": {"key": "ours", "version": 2}}
    not_yet = an_item("Not graded yet", label=None, ruleset=None)
    text = " ".join(" ".join(lines(a_board(an_item("Sleep well", **ours), an_item("Wake up"), not_yet), width)).split())
    assert "· “Sweet spot”" in text
    assert "graded under ours 2, standard 1" in text
    usual = " ".join(lines(a_board(an_item("Wake up")), width))
    assert "Making progress" not in usual
    assert "graded under" not in usual


def test_a_guardrail_holds_where_its_value_is_whatever_rules_make_of_the_grade() -> None:
    capped = a_key_result("guardrail", band_high=12, grade=a_grade(0.5, raw=1))
    text = " ".join(lines(a_board(an_item("Sleep well", capped)), 120))
    assert "● holds" in text


def test_a_closed_cycle_says_so_and_calls_nothing_late() -> None:
    board = a_board(an_item("Sleep well", a_key_result(grade=a_grade(freshness="late"))))
    board = a_board(*board.items, cycle=board.cycle | {"state": "closed"})
    text = "\n".join(lines(board, 120))
    assert "· closed" in text
    assert "late" not in text


def test_an_earlier_day_is_named() -> None:
    assert "as of 31 Oct 2026" in lines(a_board(is_now=False, day_shown=date(2026, 10, 31)), 120)[0]


def test_a_cycle_without_objectives_says_so() -> None:
    assert lines(a_board(), 80)[-1].strip() == "no objectives in this cycle"


def test_what_moved_is_marked_and_alone_in_the_brief_board() -> None:
    board = a_board(an_item("Sleep well", a_key_result(title="moved"), a_key_result(title="still")))
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(draw_briefly(board, 120, moved={"moved": 0.4}))
    told = capture.get()
    assert "0.50▲" in told
    assert "still" not in told


def test_marks_fade() -> None:
    marks = Marks()
    before, after = (a_board(an_item("o", a_key_result(grade=a_grade(grade)))) for grade in (0.4, 0.5))
    assert marks.moved(before, 0) == {}
    assert marks.moved(after, 1) == {"increase": 0.4}
    assert marks.moved(after, 5) == {"increase": 0.4}
    assert marks.moved(after, 20) == {}


def test_teams_come_after_their_parents_in_the_order_of_names() -> None:
    def team(name: str, parent: str | None = None) -> Json:
        return {"id": name, "name": name, "kind": "team", "parent_id": parent}

    ordered = in_tree_order([team("b", "root"), team("root"), team("a", "root"), team("c", "a"), team("d", "unseen")])
    assert [(one.name, len(one.ancestors)) for one in ordered] == [("d", 0), ("root", 0), ("a", 1), ("c", 2), ("b", 1)]


def test_markup_in_a_title_is_text() -> None:
    text = "\n".join(lines(a_board(an_item("Fix [red]everything[/red]", a_key_result(title="[bold]x"))), 120))
    assert "Fix [red]everything[/red]" in text
    assert "[bold]x" in text


def test_a_team_without_objectives_is_shown_where_it_leads_to_one_that_has_some() -> None:
    root, crew, idle = Team("root", "R", "division"), Team("crew", "C", "team", ("root",)), Team("idle", "I", "team")
    item, stray = an_item("Sleep well"), an_item("Stray", team="unseen")
    sections = by_team([item, stray], [root, crew, idle])
    assert [(team.name, items) for team, items in sections] == [("R", []), ("C", [item]), ("Without a team", [stray])]
