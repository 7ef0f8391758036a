"""Which rules hold for whom, and when: the nearest scope's at the instant, found again by looking at every spell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from okr.domain.rulebook import BUILT_IN, EVERYTHING, RuleBook, RulesInForce, Scope, ScopeKind, Spell, always
from okr.domain.ruleset import STANDARD, Adjustment, KindRule, Method, Of, Op, Ruleset
from okr.domain.values import Kind, Level

DAY_0 = datetime(2026, 11, 1, tzinfo=UTC)
COMPANY, SALES, FIELD = (UUID(int=number) for number in (1, 2, 3))
AUTUMN = UUID(int=9)
TEAMS_ABOVE = {FIELD: SALES, SALES: COMPANY}


def day(number: int) -> datetime:
    return DAY_0 + timedelta(days=number)


def rules(version: int) -> Ruleset:
    return replace(STANDARD, key="house", version=version)


ONE, TWO, THREE, FOUR = (rules(number) for number in (1, 2, 3, 4))


def team(id: UUID) -> Scope:
    return Scope(ScopeKind.TEAM, id)


def cycle(id: UUID) -> Scope:
    return Scope(ScopeKind.CYCLE, id)


def test_without_any_rules_the_built_in_ones_hold() -> None:
    book = RuleBook()
    assert book.for_organization() == BUILT_IN
    assert book.for_objective(team_id=FIELD, cycle_id=AUTUMN).at(day(3)) is STANDARD
    assert not book.looks_at_places


def test_a_version_holds_from_its_first_instant_until_right_before_its_last() -> None:
    found = RuleBook({EVERYTHING: (Spell(day(2), day(4), ONE),)}).for_organization()
    assert found.switches == (day(2), day(4))
    just_before = timedelta(microseconds=1)
    instants = [day(2) - just_before, day(2), day(4) - just_before, day(4)]
    assert [found.at(instant) for instant in instants] == [STANDARD, ONE, ONE, STANDARD]
    assert found.switches_within(day(2), day(3)) == (day(2),)
    assert found.switches_within(day(3), day(4)) == (day(4),)


def test_the_nearest_rules_win_and_when_they_end_the_next_ones_hold() -> None:
    book = RuleBook(
        {
            EVERYTHING: (Spell(day(0), None, ONE),),
            cycle(AUTUMN): (Spell(day(0), None, TWO),),
            team(SALES): (Spell(day(5), day(7), THREE),),
            team(FIELD): (Spell(day(6), None, FOUR),),
        },
        TEAMS_ABOVE,
    )
    assert book.looks_at_places
    of_field = book.for_objective(team_id=FIELD, cycle_id=AUTUMN)
    assert [of_field.at(day(number)) for number in (-1, 1, 5, 6, 8)] == [STANDARD, TWO, THREE, FOUR, FOUR]
    of_sales = book.for_objective(team_id=SALES, cycle_id=AUTUMN)
    assert [of_sales.at(day(number)) for number in (5, 7)] == [THREE, TWO]
    assert book.for_objective(team_id=COMPANY, cycle_id=None).at(day(6)) is ONE
    assert book.for_objective(team_id=None, cycle_id=AUTUMN).at(day(6)) is TWO


def test_the_grades_of_sets_know_only_the_scopes_that_they_are() -> None:
    book = RuleBook(
        {
            EVERYTHING: (Spell(day(0), None, ONE),),
            cycle(AUTUMN): (Spell(day(0), None, TWO),),
            team(SALES): (Spell(day(0), None, THREE),),
        },
        TEAMS_ABOVE,
    )
    assert book.for_organization().at(day(1)) is ONE
    assert book.for_cycle(AUTUMN).at(day(1)) is TWO
    assert book.for_cycle(UUID(int=8)).at(day(1)) is ONE
    assert book.for_team(FIELD).at(day(1)) is THREE
    assert book.for_team(COMPANY).at(day(1)) is ONE


def test_a_switch_of_a_scope_that_stands_further_off_is_none() -> None:
    book = RuleBook(
        {
            EVERYTHING: (Spell(day(0), day(3), ONE), Spell(day(3), None, TWO)),
            cycle(AUTUMN): (Spell(day(1), None, THREE),),
        }
    )
    assert book.for_cycle(AUTUMN).switches == (day(0), day(1))


def test_teams_in_a_ring_end_the_search() -> None:
    book = RuleBook({team(FIELD): (Spell(day(0), None, ONE),)}, {SALES: FIELD, FIELD: SALES})
    assert book.for_team(SALES).at(day(1)) is ONE


def test_rules_that_always_hold_have_no_switches() -> None:
    assert always(ONE).at(day(100)) is ONE
    assert always(ONE).switches_within(day(0), day(9)) == ()


SCOPES = (team(FIELD), team(SALES), team(COMPANY), cycle(AUTUMN), EVERYTHING)
EDGES = st.lists(st.integers(0, 12), min_size=0, max_size=6, unique=True).map(sorted)


@st.composite
def books(draw: st.DrawFn) -> RuleBook:
    """Spells side by side in each scope, with gaps; the last one may be without an end."""
    spells: dict[Scope, tuple[Spell, ...]] = {}
    version = 0
    for scope in SCOPES:
        edges = draw(EDGES)
        mine = []
        for since, until in zip(edges[::2], [*edges[1::2], None], strict=False):
            version += 1
            mine.append(Spell(day(since), None if until is None else day(until), rules(version)))
        if mine:
            spells[scope] = tuple(mine)
    return RuleBook(spells, TEAMS_ABOVE)


@given(books(), st.integers(-1, 13))
def test_at_every_instant_the_first_scope_with_rules_decides(book: RuleBook, number: int) -> None:
    instant = day(number)
    holding = [
        spell.ruleset for scope in SCOPES for spell in book.spells.get(scope, ()) if spell.holds_at(instant)
    ] or [STANDARD]
    found = book.for_objective(team_id=FIELD, cycle_id=AUTUMN)
    assert found.at(instant) is holding[0]
    assert list(found.switches) == sorted(set(found.switches))
    assert all(before is not after for before, after in zip(found.rulesets, found.rulesets[1:], strict=False))


def test_rules_say_whether_any_of_them_has_conditions_or_reads_periods() -> None:
    asking = Adjustment("a", frozenset(Level), "true", lambda _: True, Op.CAP, Decimal(1), "why")
    with_condition = replace(STANDARD, adjustments=(asking,))
    by_period = replace(STANDARD, kinds=STANDARD.kinds | {Kind.BAND: KindRule(Method.DISTANCE, Of.WORST)})
    rules = RulesInForce((), (with_condition,))
    assert (rules.have_conditions, rules.read_periods(Kind.BAND)) == (True, False)
    rules = RulesInForce((datetime(2026, 1, 1, tzinfo=UTC),), (STANDARD, by_period))
    assert (rules.have_conditions, rules.read_periods(Kind.BAND), rules.read_periods(Kind.REACH)) == (
        False,
        True,
        False,
    )
