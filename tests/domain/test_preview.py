"""Two sets of grades side by side."""

from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okr.domain.distribution import distribution
from okr.domain.preview import Change, Told, compared, largest


def a_change(before: str | None, after: str | None, *, number: int = 0) -> Change:
    grades = [None if grade is None else Decimal(grade) for grade in (before, after)]
    old, new = (Told(grade, "pending" if grade is None else "on_track", grade and str(grade)) for grade in grades)
    return Change(UUID(int=number), None, old, new)


ALL = [
    a_change("0.2", "0.5", number=1),
    a_change("0.9", "0.3", number=2),
    a_change("0.4", "0.4", number=3),
    a_change(None, "0.1", number=4),
    a_change("0.7", None, number=5),
    a_change(None, None, number=6),
    a_change("0.3", "0.6", number=7),
]


def test_what_changes_come_to() -> None:
    found = compared(ALL)
    assert (found.up, found.down, found.gained, found.lost, found.moved) == (2, 1, 1, 1, 5)
    assert found.before == distribution(change.before.grade for change in ALL)
    assert found.after == distribution(change.after.grade for change in ALL)
    assert found.statuses == Counter(
        {
            ("on_track", "on_track"): 4,
            ("pending", "on_track"): 1,
            ("on_track", "pending"): 1,
            ("pending", "pending"): 1,
        }
    )
    assert found.labels["0.9", "0.3"] == 1


def test_the_largest_come_first_and_of_equal_ones_the_older() -> None:
    assert [change.id.int for change in largest(ALL, 10)] == [5, 2, 1, 7, 4]
    assert [change.id.int for change in largest(ALL, 2)] == [5, 2]


@pytest.mark.parametrize(
    ("change", "difference", "size"),
    [
        (a_change("0.9", "0.3"), "-0.6", "0.6"),
        (a_change(None, "0.3"), None, "0.3"),
        (a_change("0.3", None), None, "0.3"),
        (a_change(None, None), None, "0"),
    ],
)
def test_how_far_a_change_goes(change: Change, difference: str | None, size: str) -> None:
    assert change.difference == (None if difference is None else Decimal(difference))
    assert change.size == Decimal(size)


_GRADES = st.none() | st.decimals(min_value=0, max_value=1, places=2)


@given(st.lists(st.tuples(_GRADES, _GRADES)))
def test_every_change_is_counted_once(pairs: list[tuple[Decimal | None, Decimal | None]]) -> None:
    changes = [
        Change(UUID(int=number), None, Told(before, "a", None), Told(after, "b", None))
        for number, (before, after) in enumerate(pairs)
    ]
    found = compared(changes)
    assert found.moved == sum(before != after for before, after in pairs) == len(largest(changes, len(changes)))
    assert found.after.graded - found.before.graded == found.gained - found.lost
