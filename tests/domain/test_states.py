"""Every move from every state: either the next state, or the code of the refusal."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from okr.domain.errors import Conflict
from okr.domain.states import (
    COUNTING_STATES,
    CycleState,
    ObjectiveState,
    activate_cycle,
    activate_objective,
    cancel_objective,
    check_cycle_in_grading,
    check_cycle_not_in_grading,
    check_cycle_open,
    check_cycle_unsettled,
    check_objective_open,
    close_cycle,
    close_objective,
    reopen_cycle,
    start_grading,
)

OBJECTIVE_MOVES = [
    (activate_objective, "draft", "active"),
    (activate_objective, "proposed", "active"),
    (activate_objective, "approved", "active"),
    (activate_objective, "active", "objective_already_active"),
    (activate_objective, "closed", "objective_closed"),
    (activate_objective, "cancelled", "objective_cancelled"),
    (close_objective, "draft", "objective_not_active"),
    (close_objective, "proposed", "objective_not_active"),
    (close_objective, "approved", "objective_not_active"),
    (close_objective, "active", "closed"),
    (close_objective, "closed", "objective_closed"),
    (close_objective, "cancelled", "objective_cancelled"),
    (cancel_objective, "draft", "cancelled"),
    (cancel_objective, "proposed", "cancelled"),
    (cancel_objective, "approved", "cancelled"),
    (cancel_objective, "active", "cancelled"),
    (cancel_objective, "closed", "objective_closed"),
    (cancel_objective, "cancelled", "objective_cancelled"),
]

CYCLE_MOVES = [
    (activate_cycle, "draft", "active"),
    (activate_cycle, "active", "cycle_already_active"),
    (activate_cycle, "grading", "cycle_already_active"),
    (activate_cycle, "closed", "cycle_closed"),
    (start_grading, "draft", "cycle_not_active"),
    (start_grading, "active", "grading"),
    (start_grading, "grading", "cycle_in_grading"),
    (start_grading, "closed", "cycle_closed"),
    (reopen_cycle, "draft", "cycle_not_closed"),
    (reopen_cycle, "active", "cycle_not_closed"),
    (reopen_cycle, "grading", "cycle_not_closed"),
    (reopen_cycle, "closed", "grading"),
    (close_cycle, "draft", "cycle_not_active"),
    (close_cycle, "active", "closed"),
    (close_cycle, "grading", "closed"),
    (close_cycle, "closed", "cycle_closed"),
]

S = TypeVar("S", ObjectiveState, CycleState)


def outcome(move: Callable[[S], S], state: S) -> str:
    try:
        return str(move(state))
    except Conflict as refusal:
        return refusal.code


@pytest.mark.parametrize(("move", "state", "expected"), OBJECTIVE_MOVES)
def test_an_objectives_moves(move: Callable[[ObjectiveState], ObjectiveState], state: str, expected: str) -> None:
    assert outcome(move, ObjectiveState(state)) == expected


@pytest.mark.parametrize(("move", "state", "expected"), CYCLE_MOVES)
def test_a_cycles_moves(move: Callable[[CycleState], CycleState], state: str, expected: str) -> None:
    assert outcome(move, CycleState(state)) == expected


@pytest.mark.parametrize("state", [ObjectiveState.CLOSED, ObjectiveState.CANCELLED])
def test_nothing_changes_below_an_objective_that_has_ended(state: ObjectiveState) -> None:
    with pytest.raises(Conflict, match="new objective"):
        check_objective_open(state)


def test_nothing_changes_in_a_closed_cycle_but_grading_still_takes_values() -> None:
    check_cycle_open(CycleState.GRADING)
    with pytest.raises(Conflict, match="closed"):
        check_cycle_open(CycleState.CLOSED)


CHECKS = [
    (check_cycle_unsettled, {"grading": "cycle_in_grading", "closed": "cycle_closed"}),
    (check_cycle_not_in_grading, {"grading": "cycle_in_grading"}),
    (
        check_cycle_in_grading,
        {"draft": "cycle_not_in_grading", "active": "cycle_not_in_grading", "closed": "cycle_closed"},
    ),
]


@pytest.mark.parametrize(("check", "refused"), CHECKS)
def test_what_a_cycle_lets_happen_in_each_state(check: Callable[[CycleState], None], refused: dict[str, str]) -> None:
    def outcome_of(state: CycleState) -> str | None:
        try:
            check(state)
        except Conflict as refusal:
            return refusal.code
        return None

    assert {state.value: code for state in CycleState if (code := outcome_of(state))} == refused


def test_drafts_proposals_and_what_was_given_up_count_nowhere() -> None:
    assert frozenset(ObjectiveState) - COUNTING_STATES == {"draft", "proposed", "approved", "cancelled"}
