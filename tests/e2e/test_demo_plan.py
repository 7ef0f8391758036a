"""The demo company on paper: whatever the day, its story fits the calendar."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from okr.domain.values import Kind
from okr_cli.demo import closed, company, running_commercial, running_company, running_guests, story
from okr_cli.demo.metrics import METRICS
from okr_cli.demo.model import KeyResult, Metric, Objective
from okr_cli.demo.plan import Plan, Quarter, make_plan, quarter_of
from okr_cli.demo.walks import value_on

FIRST_DAY, MIDDLE, LAST_DAY, LEAP_DAY = date(2026, 10, 1), date(2026, 11, 22), date(2026, 9, 30), date(2028, 2, 29)

any_day = st.dates(date(2001, 1, 1), date(2099, 12, 31))
everywhere = [*closed.OBJECTIVES, *story.RUNNING]


def key_results(objectives: tuple[Objective, ...]) -> list[tuple[Objective, KeyResult]]:
    return [(objective, key_result) for objective in objectives for key_result in objective.key_results]


def newest_value(plan: Plan, metric: str) -> float:
    """What is known of the metric once everything has come in."""
    known = {(point.metric, point.dedupe_key): point for point in (*plan.points, *plan.late_points, *plan.corrections)}
    of_metric = [point for point in known.values() if point.metric == metric]
    return max(of_metric, key=lambda point: point.observed_at).value


def found(objective_title: str, title: str) -> KeyResult:
    return next(
        key_result
        for objective, key_result in key_results(story.RUNNING)
        if (objective.title, key_result.title) == (objective_title, title)
    )


def test_the_company_is_large_enough_to_show_everything() -> None:
    of_both = key_results((*closed.OBJECTIVES, *story.RUNNING))
    assert len(company.PEOPLE) >= 12
    assert len(company.TEAMS) >= 5
    assert len(everywhere) >= 18
    assert len(of_both) >= 50
    assert len(METRICS) >= 22
    assert {key_result.kind for _, key_result in of_both} == set(Kind)
    assert {objective.perspective for objective in story.RUNNING} == {
        "financial",
        "customer",
        "internal_process",
        "learning_growth",
    }
    assert {objective.horizon for objective in story.RUNNING} == {"short_term", "long_term"}
    assert {objective.commitment for objective in story.RUNNING} == {"committed", "aspirational", "learning"}
    assert {objective.source for objective in story.RUNNING} == {"cascaded", "cross_team", "independent"}


def test_everything_that_is_named_exists() -> None:
    people, teams = {person.handle for person in company.PEOPLE}, {team.name for team in company.TEAMS}
    metrics = {metric.key for metric in METRICS}
    for objective in everywhere:
        assert {objective.owner, objective.sponsor, *objective.contributors} <= people
        assert objective.team in teams
        assert objective.insight
        for key_result in objective.key_results:
            assert key_result.metric is None or key_result.metric in metrics
            assert key_result.owner is None or key_result.owner in people
            assert set(key_result.operands) <= {one.title for one in objective.key_results}
            zones, milestones = dict(key_result.zones), dict(key_result.milestones)
            for said in key_result.said:
                assert said.zone is None or said.zone in zones
                assert said.milestone is None or said.milestone in milestones
                assert key_result.metric is None or said.value is None


def test_no_two_things_of_a_cycle_have_the_same_name() -> None:
    for objectives in (closed.OBJECTIVES, story.RUNNING):
        assert max(Counter(objective.title for objective in objectives).values()) == 1
        for objective in objectives:
            assert max(Counter(one.title for one in objective.key_results).values()) == 1
            comments = [said.comment for one in objective.key_results for said in one.said]
            assert len(comments) == len(set(comments))


def test_alignment_reaches_two_levels_up_and_a_composite() -> None:
    toward = {objective.title: objective.toward for objective in story.RUNNING}
    parents = toward[running_commercial.BOOKED_BED]
    grandparents = toward[parents[0].objective]
    assert grandparents[0].objective == running_company.OBVIOUS_CHOICE
    aims = [aim for aims in toward.values() for aim in aims if aim.key_result]
    assert [found(aim.objective, aim.key_result).kind for aim in aims] == ["composite"]


@settings(max_examples=25)
@given(any_day)
@example(LEAP_DAY)
@example(date(2027, 1, 1))
@example(date(2026, 12, 31))
def test_a_quarter_contains_its_day_and_three_whole_months(day: date) -> None:
    quarter = quarter_of(day)
    assert quarter.starts_on <= day <= quarter.ends_on
    assert (quarter.starts_on.day, quarter.starts_on.month % 3) == (1, 1)
    assert quarter_of(quarter.ends_on) == quarter
    assert quarter_of(quarter.ends_on + timedelta(days=1)).starts_on == quarter.ends_on + timedelta(days=1)
    assert 90 <= (quarter.ends_on - quarter.starts_on).days + 1 <= 92


@settings(max_examples=25)
@given(any_day)
@example(FIRST_DAY)
@example(MIDDLE)
@example(LAST_DAY)
@example(LEAP_DAY)
def test_the_closed_quarter_ends_the_day_before_the_running_one_begins(today: date) -> None:
    plan = make_plan(today)
    assert plan.running.starts_on <= today <= plan.running.ends_on
    assert plan.closed.ends_on + timedelta(days=1) == plan.running.starts_on
    assert plan.closed.over_at == datetime.combine(plan.running.starts_on, time(), ZoneInfo(company.TIME_ZONE))


@settings(max_examples=25)
@given(any_day)
@example(FIRST_DAY)
@example(LAST_DAY)
@example(LEAP_DAY)
@example(date(2026, 3, 30))  # the clocks have gone forward in the night before
def test_nothing_lies_ahead_of_the_days_first_moment(today: date) -> None:
    plan = make_plan(today)
    begins_at = datetime.combine(today, time(), ZoneInfo(company.TIME_ZONE)).astimezone(UTC)
    instants = [point.observed_at for point in (*plan.points, *plan.corrections, *plan.late_points)]
    for quarter, objectives in plan.goals():
        for objective, key_result in key_results(objectives):
            check_ins = plan.check_ins(objective, key_result, quarter=quarter)
            instants += [check_in.observed_at for check_in in check_ins]
            assert check_ins == sorted(check_ins, key=lambda check_in: check_in.observed_at)
    assert max(instants) < begins_at


@settings(max_examples=25)
@given(any_day)
@example(FIRST_DAY)
@example(date(2027, 4, 1))  # after the shortest quarter
def test_every_metric_has_values_of_thirteen_weeks_and_each_once(today: date) -> None:
    plan = make_plan(today)
    sent = (*plan.points, *plan.late_points)
    keys = Counter((point.metric, point.observed_at, point.source, point.dedupe_key) for point in sent)
    assert max(keys.values()) == 1
    assert len(sent) < 5000
    for metric in METRICS:
        days = sorted(date.fromisoformat(point.dedupe_key) for point in sent if point.metric == metric.key)
        assert (days[-1] - days[0]).days >= 12 * 7
        assert len(days) >= (13 if metric.frequency == "weekly" else 91)
        assert metric.silent_days or (today - days[-1]).days <= 7


@settings(max_examples=25)
@given(any_day)
@example(FIRST_DAY)
@example(LAST_DAY)
def test_every_key_result_has_a_value_from_the_first_day_on_but_the_one_nobody_measures(today: date) -> None:
    plan = make_plan(today)
    without = [
        key_result.title
        for quarter, objectives in plan.goals()
        for objective, key_result in key_results(objectives)
        if not has_value_at_the_start(plan, quarter, objective, key_result)
    ]
    assert without == ["Travellers who would look for us before a flight"]


def has_value_at_the_start(plan: Plan, quarter: Quarter, objective: Objective, key_result: KeyResult) -> bool:
    first_day_over_at = datetime.combine(quarter.starts_on, time(), ZoneInfo(company.TIME_ZONE)) + timedelta(days=1)
    if key_result.metric:
        return any(point.metric == key_result.metric and point.observed_at < first_day_over_at for point in plan.points)
    if key_result.kind in ("milestone", "composite"):
        return True
    # What the closed quarter's people have said first may be of a later day.
    valued = [said for said in key_result.said if said.value is not None or said.zone is not None]
    return bool(valued) and (quarter == plan.closed or valued[0].day < 0)


@settings(max_examples=25)
@given(any_day)
@example(FIRST_DAY)
@example(LAST_DAY)
@example(LEAP_DAY)
def test_what_is_special_is_so_on_every_day(today: date) -> None:
    plan = make_plan(today)
    backwards = found(running_commercial.NEW_TRAVELLERS, "Cost of a new guest")
    beyond = found(running_guests.WORTH_TELLING, "Hours until a guest has an answer")
    broken = found(running_company.PRINTED_PROMISE, "Stranded guests stay below 12 in 10,000")
    late = found(running_company.NIGHT_PEOPLE, "Crew pulse")
    assert newest_value(plan, backwards.metric) > backwards.start > backwards.target
    assert (newest_value(plan, beyond.metric) - beyond.start) / (beyond.target - beyond.start) > 1.5
    assert newest_value(plan, broken.metric) > broken.high
    newest = max(date.fromisoformat(point.dedupe_key) for point in plan.points if point.metric == late.metric)
    assert (today - newest).days > 5 * 7


@settings(max_examples=25)
@given(any_day)
def test_one_value_was_wrong_at_first_and_one_came_late(today: date) -> None:
    plan = make_plan(today)
    (wrong,), (right,), (late,) = plan.wrong_points, plan.corrections, plan.late_points
    assert (wrong.metric, wrong.observed_at, wrong.source, wrong.dedupe_key) == (
        right.metric,
        right.observed_at,
        right.source,
        right.dedupe_key,
    )
    assert wrong.value != right.value
    assert (wrong.corrects, right.corrects) == (False, True)
    assert wrong in plan.points
    assert late not in plan.points
    assert min(point.observed_at for point in plan.points if point.metric == late.metric) < late.observed_at


@settings(max_examples=25)
@given(st.dates(date(2020, 1, 2), date(2030, 12, 31)))
def test_a_day_later_the_same_values_stand_and_new_ones_follow(today: date) -> None:
    yesterday = today - timedelta(days=1)
    if quarter_of(yesterday) != quarter_of(today):
        return
    before, after = ({(point.metric, point.dedupe_key): point for point in told(day)} for day in (yesterday, today))
    shared = before.keys() & after.keys()
    assert len(shared) > 0.98 * len(before)
    assert all(before[key].value == after[key].value for key in shared)


def told(today: date) -> list:
    plan = make_plan(today)
    wrong = set(plan.wrong_points)
    return [*(point for point in plan.points if point not in wrong), *plan.corrections, *plan.late_points]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_a_metric_moves_but_not_wildly(metric: Metric) -> None:
    """From one day to the next it goes no further than its week, its chance and the steepest of its lines allow."""
    anchor = date(2026, 10, 1)
    values = [value_on(metric, anchor + timedelta(days=number), anchor=anchor) for number in range(-92, 92)]
    pairs = pairwise(metric.levels)
    steepest = max(abs(to - start) / (end - begin) for (begin, start), (end, to) in pairs)
    most = steepest + 2 * metric.noise + 2 * metric.week_swing + 10**-metric.places
    assert len(set(values)) > 5
    assert max(abs(later - earlier) for earlier, later in pairwise(values)) <= most
    assert min(values) >= 0
    assert metric.unit != "%" or max(values) <= 100
    assert metric.unit != "share" or max(values) <= 1
