"""How grades are spread: figures that a person can redo by hand, and what holds for any group."""

import statistics
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okr.domain.distribution import Distribution, Drift, by_team, distribution, drift

GRADES = st.decimals(min_value="-0.5", max_value="1.5", places=12)


def spread_of(*grades: str | None) -> Distribution:
    return distribution(None if grade is None else Decimal(grade) for grade in grades)


def test_figures_of_a_group() -> None:
    assert spread_of("0.2", None, "0.4", "0.4", "0.8", "1") == Distribution(
        count=6,
        graded=5,
        mean=Decimal("0.56"),
        median=Decimal("0.4"),
        lower_quartile=Decimal("0.4"),
        upper_quartile=Decimal("0.8"),
        spread=Decimal("0.293938769134"),
        high_share=Decimal("0.2"),
        tenths=(0, 0, 1, 0, 2, 0, 0, 0, 1, 1),
    )


def test_a_group_without_a_grade_has_no_figures() -> None:
    assert spread_of(None, None) == Distribution(2, 0)
    assert (spread_of(None).coverage, spread_of().coverage) == (Decimal(0), None)


def test_coverage_is_the_share_that_has_a_grade() -> None:
    assert spread_of("0.5", None, None).coverage == Decimal("0.333333333333")


@pytest.mark.parametrize(
    ("grades", "quartiles"),
    [
        (("0.5",), ("0.5", "0.5", "0.5")),
        (("0", "1"), ("0.25", "0.5", "0.75")),
        (("0", "0.1", "0.5", "1"), ("0.075", "0.3", "0.625")),
    ],
)
def test_quartiles_lie_on_the_line_between_two_grades(grades: tuple[str, ...], quartiles: tuple[str, ...]) -> None:
    found = spread_of(*grades)
    assert (found.lower_quartile, found.median, found.upper_quartile) == tuple(map(Decimal, quartiles))


def test_a_tenth_has_its_lower_edge_and_the_last_also_one() -> None:
    found = spread_of("0", "0.099999999999", "0.1", "0.9", "1", "-0.000000000001", "1.000000000001")
    assert (found.tenths, found.below, found.above) == ((2, 1, 0, 0, 0, 0, 0, 0, 0, 2), 1, 1)


def test_high_begins_at_95_hundredths() -> None:
    assert spread_of("0.95", "0.949999999999", "1", "0.5").high_share == Decimal("0.5")


def test_a_group_is_small_below_five_grades() -> None:
    assert spread_of("1", "1", "1", "1", None).is_small
    assert not spread_of("1", "1", "1", "1", "1").is_small


def test_drift_is_what_a_group_has_more_than_the_whole() -> None:
    team, company = spread_of("1", "1", "0.4"), spread_of("1", "1", "0.4", "0.2", "0.4")
    assert drift(team, company) == Drift(
        mean=Decimal("0.2"), high_share=Decimal("0.266666666667"), spread=Decimal("-0.051821298139")
    )
    assert drift(spread_of(None), company) == Drift(None, None, None)


def test_a_team_has_the_grades_of_those_below_it() -> None:
    top, middle, leaf, lost = map(UUID, (f"{number:032x}" for number in range(4)))
    one, two, three, four = map(Decimal, ("0.1", "0.2", "0.3", "0.4"))
    grades = [(top, one), (leaf, two), (leaf, None), (None, three), (lost, four)]
    parents = {top: None, middle: top, leaf: middle}
    assert by_team(grades, parents) == {
        top: [one, two, None],
        middle: [two, None],
        leaf: [two, None],
        None: [three],
        lost: [four],
    }


def test_a_ring_of_teams_has_an_end() -> None:
    here, there = map(UUID, (f"{number:032x}" for number in range(2)))
    assert by_team([(here, None)], {here: there, there: here}) == {here: [None], there: [None]}


@given(st.lists(GRADES, min_size=1))
def test_the_figures_are_those_of_the_book(grades: list[Decimal]) -> None:
    found = distribution(grades)
    assert found.mean is not None
    assert found.spread is not None
    assert float(found.mean) == pytest.approx(statistics.fmean(grades), abs=1e-9)
    assert float(found.spread) == pytest.approx(statistics.pstdev(map(float, grades)), abs=1e-9)
    if len(grades) > 1:
        book = statistics.quantiles(map(float, grades), n=4, method="inclusive")
        assert [float(one or 0) for one in (found.lower_quartile, found.median, found.upper_quartile)] == pytest.approx(
            book, abs=1e-9
        )


@given(st.lists(GRADES | st.none()))
def test_every_grade_is_in_the_histogram_once(grades: list[Decimal | None]) -> None:
    found = distribution(grades)
    assert sum(found.tenths) + found.below + found.above == found.graded
    assert found.graded + grades.count(None) == found.count == len(grades)


@given(st.lists(GRADES, min_size=1))
def test_the_order_of_grades_does_not_matter(grades: list[Decimal]) -> None:
    assert distribution(reversed(grades)) == distribution(grades)
