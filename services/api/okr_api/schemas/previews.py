"""Previews on the wire: what rules would make of grades, before anybody brings them into force."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from okr.domain.preview import Comparison
from okr.domain.rulebook import ScopeKind
from okr.domain.values import Freshness, Grade, Provenance, Status, Step
from okr_api.schemas.distribution import DistributionRead, DriftRead, distribution_read
from okr_api.schemas.fields import ComputedNumber, Id, Key, one_of
from okr_api.schemas.grade_answers import StepRead, grade_values, step_read
from okr_api.schemas.models import Representation, RulesetRead, Schema, shown_as
from okr_api.schemas.rulesets import Document

MOST_MOVERS = 50
MoverCount = Annotated[
    int,
    Field(strict=True, ge=0, le=MOST_MOVERS, description="How many of the largest movers to explain, of each kind."),
]


class PreviewRequest(Schema):
    """What to look at: everything that runs, or with `cycle_id` one cycle, closed or not, as if the rules had held in it."""

    model_config = shown_as(cycle_id=None, movers=10)

    cycle_id: Id | None = None
    movers: MoverCount = 10


class PreviewDocument(PreviewRequest):
    """The rules, as a document or by the key of a preset, one of the two; and the scope that they would come into force in."""

    model_config = shown_as(preset="google", scope_kind="organization", scope_id=None, cycle_id=None, movers=10)

    document: Document | None = None
    preset: Key | None = None
    scope_kind: ScopeKind = ScopeKind.ORGANIZATION
    scope_id: Id | None = None


class LabelChange(Schema):
    """How many subjects had one label and would have another; null is none."""

    before: str | None
    after: str | None
    count: int


class LevelPreview(Schema):
    """What becomes of all objectives, or of all key results but guardrails. `regraded` are those that would be graded again.

    `moved` grades differ: `up` or `down`, `gained` where there was none, `lost` where there would be none. `statuses` counts from
    each status to each, unchanged ones too; `labels` only what changes, the most frequent first.
    """

    regraded: int
    moved: int
    up: int
    down: int
    gained: int
    lost: int
    before: DistributionRead
    after: DistributionRead
    statuses: dict[str, dict[str, int]]
    labels: list[LabelChange]


class TeamPreview(Schema):
    """A team's objectives and those of the teams below it, beside all. `team_id` is null for what has no team."""

    team_id: UUID | None
    name: str | None
    parent_id: UUID | None
    before: DistributionRead
    after: DistributionRead
    drift_before: DriftRead
    drift_after: DriftRead


class PreviewedGrade(Schema):
    """A grade as it is, or as it would be."""

    raw: ComputedNumber | None
    progress: ComputedNumber | None
    grade: ComputedNumber | None
    status: Annotated[str, one_of(Status)]
    label: str | None
    band: str | None
    expected: ComputedNumber | None
    freshness: Annotated[str, one_of(Freshness)]
    confidence: ComputedNumber | None
    coverage: ComputedNumber
    success_line: ComputedNumber
    provenance: Annotated[str, one_of(Provenance)]
    computed_grade: ComputedNumber | None
    ruleset: RulesetRead
    reasons: list[str]


class ExplainedGrade(Schema):
    """A grade with the steps that lead to it; none where it was made anew while the preview was."""

    grade: PreviewedGrade
    steps: list[StepRead]


class Mover(Schema):
    """A subject whose grade moves. `difference` is null where one of the two is missing, `before` where nothing was graded yet."""

    subject: str
    title: str
    objective_id: UUID
    team_id: UUID | None
    difference: ComputedNumber | None
    before: ExplainedGrade | None
    after: ExplainedGrade


class PreviewRead(Representation):
    """What the rules would make of the grades, if they came into force in the scope at `as_of`. Nothing was written.

    Movers are those that move farthest, in that order.
    """

    ruleset: RulesetRead | None
    scope_kind: Annotated[str, one_of(ScopeKind)]
    scope_id: UUID | None
    cycle_id: UUID | None
    as_of: datetime
    objectives: LevelPreview
    key_results: LevelPreview
    teams: list[TeamPreview]
    objective_movers: list[Mover]
    key_result_movers: list[Mover]


def level_preview(found: Comparison, *, regraded: int) -> LevelPreview:
    """The comparison as it is answered."""
    return LevelPreview.model_construct(
        regraded=regraded,
        moved=found.moved,
        up=found.up,
        down=found.down,
        gained=found.gained,
        lost=found.lost,
        before=distribution_read(found.before),
        after=distribution_read(found.after),
        statuses=_matrix(found.statuses),
        labels=[
            LabelChange.model_construct(before=before, after=after, count=count)
            for (before, after), count in found.labels.most_common()
            if before != after
        ],
    )


def explained_grade(grade: Grade, steps: Iterable[Step]) -> ExplainedGrade:
    """The grade and its steps as they are answered."""
    return ExplainedGrade.model_construct(
        grade=PreviewedGrade.model_construct(**grade_values(grade)), steps=[step_read(step) for step in steps]
    )


def _matrix(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    matrix: dict[str, dict[str, int]] = {}
    for (before, after), count in sorted(counts.items()):
        matrix.setdefault(before, {})[after] = count
    return matrix
