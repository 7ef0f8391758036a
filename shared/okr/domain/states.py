"""Which state may follow which, for objectives and cycles. A refusal says what to do instead."""

from enum import StrEnum

from okr.domain.errors import Conflict


class ObjectiveState(StrEnum):
    """The life of an objective. Only what is active or closed counts in any grade above it."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class CycleState(StrEnum):
    """The life of a cycle; while grading, last values still come in."""

    DRAFT = "draft"
    ACTIVE = "active"
    GRADING = "grading"
    CLOSED = "closed"


COUNTING_STATES = frozenset({ObjectiveState.ACTIVE, ObjectiveState.CLOSED})
"""The states in which an objective has a grade and counts in the grades above it."""


class ObjectiveNotActive(Conflict):
    """Only an active objective can do that.

    Activate the objective first.
    """

    code = "objective_not_active"


class ObjectiveAlreadyActive(Conflict):
    """The objective is active already.

    There is nothing to do: what was asked for is so.
    """

    code = "objective_already_active"


class ObjectiveClosed(Conflict):
    """The objective is closed; its grade and all that it was made from are final.

    Make a new objective in a running cycle.
    """

    code = "objective_closed"


class ObjectiveCancelled(Conflict):
    """The objective was cancelled.

    Make a new objective.
    """

    code = "objective_cancelled"


class CycleNotActive(Conflict):
    """The cycle has not begun, or has ended.

    Activate the cycle first, or use one that runs.
    """

    code = "cycle_not_active"


class CycleAlreadyActive(Conflict):
    """The cycle is no draft any more.

    There is nothing to do: only a draft is activated, once.
    """

    code = "cycle_already_active"


class CycleClosed(Conflict):
    """The cycle is closed; its objectives and their grades are final.

    Use a cycle that runs.
    """

    code = "cycle_closed"


class CycleInGrading(Conflict):
    """The cycle is being graded: what is measured in it, and how, is settled; values and people's words still come in.

    Use a cycle that runs, or say the final grade with its reason.
    """

    code = "cycle_in_grading"


class CycleNotInGrading(Conflict):
    """Final grades are said while the cycle is being graded.

    Start the grading of the cycle first; reopen a cycle that is closed.
    """

    code = "cycle_not_in_grading"


class CycleNotClosed(Conflict):
    """Only a closed cycle is reopened.

    There is nothing to do: the cycle still takes values and words.
    """

    code = "cycle_not_closed"


ENDED = (ObjectiveClosed, ObjectiveCancelled, CycleClosed)
"""What keeps everything below an objective or in a cycle from being changed: what the two `check_…_open` raise."""
SETTLED = (*ENDED, CycleInGrading)
"""What keeps from being changed what is measured below an objective or in a cycle, and how."""


def activate_objective(state: ObjectiveState) -> ObjectiveState:
    """From draft, proposed or approved."""
    check_objective_open(state)
    if state is ObjectiveState.ACTIVE:
        raise ObjectiveAlreadyActive("The objective is active already; there is nothing to do.", state=state)
    return ObjectiveState.ACTIVE


def close_objective(state: ObjectiveState) -> ObjectiveState:
    """From active only: what never ran is cancelled, not closed."""
    check_objective_open(state)
    if state is not ObjectiveState.ACTIVE:
        raise ObjectiveNotActive(f"The objective is {state}; activate it first, or cancel it.", state=state)
    return ObjectiveState.CLOSED


def cancel_objective(state: ObjectiveState) -> ObjectiveState:
    """From everything that has not ended."""
    check_objective_open(state)
    return ObjectiveState.CANCELLED


def check_objective_open(state: ObjectiveState) -> None:
    """Raises ObjectiveClosed or ObjectiveCancelled when the objective has ended: nothing below it may change any more."""
    if state is ObjectiveState.CLOSED:
        raise ObjectiveClosed("The objective is closed and its grade final; make a new objective.", state=state)
    if state is ObjectiveState.CANCELLED:
        raise ObjectiveCancelled("The objective was cancelled; make a new objective.", state=state)


def activate_cycle(state: CycleState) -> CycleState:
    """From draft."""
    check_cycle_open(state)
    if state is not CycleState.DRAFT:
        raise CycleAlreadyActive(f"The cycle is {state} already; only a draft is activated.", state=state)
    return CycleState.ACTIVE


def start_grading(state: CycleState) -> CycleState:
    """From active."""
    check_cycle_open(state)
    if state is CycleState.DRAFT:
        raise CycleNotActive("The cycle is a draft; activate it before grading it.", state=state)
    check_cycle_not_in_grading(state)
    return CycleState.GRADING


def close_cycle(state: CycleState) -> CycleState:
    """From active or grading."""
    check_cycle_open(state)
    if state is CycleState.DRAFT:
        raise CycleNotActive("The cycle is a draft; activate it before closing it.", state=state)
    return CycleState.CLOSED


def reopen_cycle(state: CycleState) -> CycleState:
    """From closed, back to grading."""
    if state is not CycleState.CLOSED:
        raise CycleNotClosed(f"The cycle is {state}; there is nothing to reopen.", state=state)
    return CycleState.GRADING


def check_cycle_in_grading(state: CycleState) -> None:
    """Raises CycleClosed or CycleNotInGrading unless final grades are being said."""
    check_cycle_open(state)
    if state is not CycleState.GRADING:
        raise CycleNotInGrading(f"The cycle is {state}; start its grading first.", state=state)


def check_cycle_unsettled(state: CycleState) -> None:
    """Raises CycleClosed or CycleInGrading once it is settled what is measured in the cycle, and how."""
    check_cycle_open(state)
    check_cycle_not_in_grading(state)


def check_cycle_not_in_grading(state: CycleState) -> None:
    """Raises CycleInGrading."""
    if state is CycleState.GRADING:
        raise CycleInGrading(
            "The cycle is being graded: nothing in it is added, aimed anew or taken away any more.", state=state
        )


def check_cycle_open(state: CycleState) -> None:
    """Raises CycleClosed when the cycle has ended: nothing in it may change any more."""
    if state is CycleState.CLOSED:
        raise CycleClosed("The cycle is closed and its grades final; put this into a running cycle.", state=state)
