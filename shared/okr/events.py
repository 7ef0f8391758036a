"""What happened, in words that outlive this code: the types of events in the outbox.

Types are past tense and versioned; a consumer may rely on a type's data growing, never changing. `subject` is the thing's
kind and id, `sequence` orders one subject's events: the thing's version for changes, its `computed_seq` for grades, the
microsecond of recording for metric points.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Everything that is announced."""

    ORGANIZATION_REVISED = "okr.organization.revised.v1"
    PERSON_ADDED = "okr.person.added.v1"
    PERSON_REVISED = "okr.person.revised.v1"
    TEAM_ADDED = "okr.team.added.v1"
    TEAM_REVISED = "okr.team.revised.v1"
    CYCLE_ADDED = "okr.cycle.added.v1"
    CYCLE_REVISED = "okr.cycle.revised.v1"
    CYCLE_ACTIVATED = "okr.cycle.activated.v1"
    CYCLE_CLOSED = "okr.cycle.closed.v1"
    OBJECTIVE_ADDED = "okr.objective.added.v1"
    OBJECTIVE_REVISED = "okr.objective.revised.v1"
    OBJECTIVE_ACTIVATED = "okr.objective.activated.v1"
    OBJECTIVE_CLOSED = "okr.objective.closed.v1"
    OBJECTIVE_CANCELLED = "okr.objective.cancelled.v1"
    KEY_RESULT_ADDED = "okr.key_result.added.v1"
    KEY_RESULT_REVISED = "okr.key_result.revised.v1"
    KEY_RESULT_CANCELLED = "okr.key_result.cancelled.v1"
    ALIGNMENT_ADDED = "okr.alignment.added.v1"
    ALIGNMENT_REVISED = "okr.alignment.revised.v1"
    ALIGNMENT_ENDED = "okr.alignment.ended.v1"
    CHECK_IN_RECORDED = "okr.check_in.recorded.v1"
    METRIC_ADDED = "okr.metric.added.v1"
    METRIC_REVISED = "okr.metric.revised.v1"
    METRIC_POINTS_RECORDED = "okr.metric.points_recorded.v1"
    GRADE_CHANGED = "okr.grade.changed.v1"


@dataclass(frozen=True, slots=True)
class Event:
    """One happening, before it has an id: `subject` like `objective:0190…`, `data` small and JSON-ready."""

    type: EventType
    subject: str
    sequence: int
    data: dict[str, Any] = field(default_factory=dict)
