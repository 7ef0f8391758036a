"""Start, commit, target and stretch from each other. The figures of the first test are those of Puzzle OKR's form."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from okr.domain.marks import SHARES, Marks, completed
from okr.domain.numbers import divide, places12, subtract

D = Decimal
whole = st.integers(-(10**9), 10**9).map(D)


@pytest.mark.parametrize(
    ("given_marks", "all_marks"),
    [
        (Marks(target=D("-8.5"), stretch=D(-10)), Marks(D(-5), D("-6.5"), D("-8.5"), D(-10))),
        (Marks(start=D(5), stretch=D(10)), Marks(D(5), D("6.5"), D("8.5"), D(10))),
        (Marks(start=D(10), target=D("6.5")), Marks(D(10), D("8.5"), D("6.5"), D(5))),
        (Marks(start=D(0), commit=D(3)), Marks(D(0), D(3), D(7), D(10))),
        (Marks(commit=D(3), target=D(7)), Marks(D(0), D(3), D(7), D(10))),
    ],
)
def test_two_marks_say_the_others(given_marks: Marks, all_marks: Marks) -> None:
    assert completed(given_marks) == all_marks


def test_what_is_given_stays_even_off_the_line() -> None:
    assert completed(Marks(D(0), D(50), None, D(100))) == Marks(D(0), D(50), D(70), D(100))


@pytest.mark.parametrize("marks", [Marks(), Marks(start=D(1)), Marks(stretch=D(3))])
def test_fewer_than_two_marks_say_nothing(marks: Marks) -> None:
    assert completed(marks) == marks


def test_a_mark_without_a_share_stays_away_and_shares_may_be_others() -> None:
    halves = Marks(start=D(0), target=D("0.5"), stretch=D(1))
    assert completed(Marks(start=D(0), stretch=D(10)), halves) == Marks(D(0), None, D(5), D(10))
    same = Marks(start=D(0), commit=D(1), target=D(1), stretch=None)
    assert completed(Marks(commit=D(4), target=D(5)), same) == Marks(None, D(4), D(5), None)


@given(start=whole, stretch=whole)
def test_every_mark_lies_at_its_share_of_the_way(start: Decimal, stretch: Decimal) -> None:
    assume(start != stretch)
    marks = completed(Marks(start=start, stretch=stretch))
    for mark, share in zip(marks, SHARES, strict=True):
        assert mark is not None
        assert share is not None
        assert places12(divide(subtract(mark, start), subtract(stretch, start))) == share


@given(start=whole, stretch=whole)
def test_a_completed_way_can_be_told_by_its_outer_marks(start: Decimal, stretch: Decimal) -> None:
    marks = completed(Marks(start=start, stretch=stretch))
    assert completed(Marks(start=marks.start, stretch=marks.stretch)) == marks
    assert completed(marks) == marks
