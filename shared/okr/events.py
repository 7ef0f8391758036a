"""What happened, in words that outlive this code: the types of events, and the envelope in which others get them.

Types are past tense and versioned; a consumer may rely on a type's data growing, never changing. `subject` is the thing's
kind and id. What a thing's change says of the thing itself is in the data: its `version`, or a grade's `computed_seq`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

SOURCE = "/okr"
"""Who tells: with an event's id it is unique (CloudEvents: a URI reference)."""


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
    CYCLE_GRADING_STARTED = "okr.cycle.grading_started.v1"
    CYCLE_CLOSED = "okr.cycle.closed.v1"
    CYCLE_REOPENED = "okr.cycle.reopened.v1"
    OBJECTIVE_ADDED = "okr.objective.added.v1"
    OBJECTIVE_REVISED = "okr.objective.revised.v1"
    OBJECTIVE_ACTIVATED = "okr.objective.activated.v1"
    OBJECTIVE_CLOSED = "okr.objective.closed.v1"
    OBJECTIVE_REOPENED = "okr.objective.reopened.v1"
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
    RULESET_ADDED = "okr.ruleset.added.v1"
    RULESET_REVISED = "okr.ruleset.revised.v1"
    RULESET_REMOVED = "okr.ruleset.removed.v1"
    RULESET_VERSION_ADDED = "okr.ruleset.version_added.v1"
    RULESET_VERSION_REVISED = "okr.ruleset.version_revised.v1"
    RULESET_VERSION_REMOVED = "okr.ruleset.version_removed.v1"
    RULESET_SCHEDULED = "okr.ruleset.scheduled.v1"
    RULESET_CAME_INTO_FORCE = "okr.ruleset.came_into_force.v1"
    RULESET_RETIRED = "okr.ruleset.retired.v1"
    OVERRIDE_MADE = "okr.override.made.v1"
    OVERRIDE_ENDED = "okr.override.ended.v1"
    FINAL_GRADE_CONFIRMED = "okr.final_grade.confirmed.v1"
    GRADE_CHANGED = "okr.grade.changed.v1"


@dataclass(frozen=True, slots=True)
class Event:
    """One happening, before it has an id: `subject` like `objective:0190…`, `data` small and JSON-ready.

    `version` is the thing's after the change, where it has one; it travels in the data.
    """

    type: EventType
    subject: str
    version: int | None = None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """What the event's data will be."""
        return self.data if self.version is None else {"version": self.version, **self.data}


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event as the outbox holds it: `position` rises over all events, `sequence` counts its subject's from 1."""

    position: int
    sequence: int
    organization_id: UUID
    id: UUID
    type: str
    subject: str
    created_at: datetime
    data: str
    """JSON, as it came from the database."""


def cloud_event(event: NumberedEvent) -> bytes:
    """The event in its envelope: CloudEvents 1.0 as JSON (structured mode).

    `sequence` has 20 digits, so that it sorts as text: that is how the CloudEvents extension of this name compares.
    """
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(event.id),
            "source": SOURCE,
            "type": event.type,
            "subject": event.subject,
            "time": event.created_at,
            "datacontenttype": "application/json",
            "sequence": f"{event.sequence:020}",
            "organizationid": str(event.organization_id),
            "data": orjson.Fragment(event.data),
        },
        option=orjson.OPT_UTC_Z,
    )
