"""A grade from our tables to the wire: one mapping for key results, objectives, teams, cycles, now and in history."""

from datetime import datetime

from okr.db.current_grades import GradeColumns, Standing
from okr.domain.values import Freshness, Status
from okr_api.schemas.models import GradeRead, RulesetRead

NOT_GRADED_YET = "not_graded_yet"


def grade_read(standing: Standing) -> GradeRead:
    """The grade as it stands; before the first one all numbers are null and `reasons` says so."""
    if standing.grade is None:
        return _not_yet(standing)
    return grade_of_columns(
        standing.grade,
        computed_at=standing.computed_at,
        requested_seq=standing.requested_seq,
        computed_seq=standing.computed_seq,
        stale=standing.stale,
    )


def grade_of_columns(
    columns: GradeColumns, *, computed_at: datetime | None, requested_seq: int, computed_seq: int, stale: bool
) -> GradeRead:
    """The grade with these columns: those of the current one, or of a snapshot."""
    # Our own rows need no validation, and pages of grades would pay for it.
    return GradeRead.model_construct(
        raw=columns.raw,
        progress=columns.progress,
        grade=columns.grade,
        status=columns.status,
        label=columns.label,
        band=columns.band,
        expected=columns.expected,
        freshness=columns.freshness,
        confidence=columns.confidence,
        coverage=columns.coverage,
        success_line=columns.success_line,
        provenance=columns.provenance,
        computed_grade=columns.computed_grade,
        ruleset=RulesetRead.model_construct(key=columns.ruleset_key, version=columns.ruleset_version),
        observed_at=columns.observed_at,
        computed_at=computed_at,
        requested_seq=requested_seq,
        computed_seq=computed_seq,
        stale=stale,
        reasons=list(columns.reasons),
    )


def _not_yet(standing: Standing) -> GradeRead:
    return GradeRead(
        raw=None,
        progress=None,
        grade=None,
        status=Status.PENDING.value,
        label=None,
        band=None,
        expected=None,
        freshness=Freshness.NEVER.value,
        confidence=None,
        coverage=None,
        success_line=None,
        provenance="computed",
        computed_grade=None,
        ruleset=None,
        observed_at=None,
        computed_at=None,
        requested_seq=standing.requested_seq,
        computed_seq=standing.computed_seq,
        stale=True,
        reasons=[NOT_GRADED_YET],
    )
