"""How grades are spread, on the wire."""

from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from okr.db.distributions import TeamInTree
from okr.domain.distribution import Distribution, Drift
from okr_api.schemas.fields import ComputedNumber
from okr_api.schemas.models import Representation, Schema, shown_as


class Level(StrEnum):
    """Whose grades are counted."""

    OBJECTIVE = "objective"
    KEY_RESULT = "key_result"


class DistributionRead(Schema):
    """The grades of a group, each counting alike. Figures are null without a grade.

    `missing` have no grade, `coverage` is the share that has one. `spread` is the standard deviation of the whole group,
    `high_share` the share of grades at 0.95 or more. `tenths` counts the grades from 0 to 1, each tenth with its lower edge and
    the last one with 1; `below` and `above` are the grades beyond. `is_small` marks fewer than 5 grades: one of them moves all.
    """

    model_config = shown_as(
        count=12,
        graded=11,
        missing=1,
        coverage=0.916666666667,
        mean=0.58,
        median=0.6,
        lower_quartile=0.4,
        upper_quartile=0.75,
        spread=0.21,
        high_share=0.090909090909,
        tenths=[0, 1, 0, 1, 2, 1, 3, 2, 0, 1],
        below=0,
        above=0,
        is_small=False,
    )

    count: int
    graded: int
    missing: int
    coverage: ComputedNumber | None
    mean: ComputedNumber | None
    median: ComputedNumber | None
    lower_quartile: ComputedNumber | None
    upper_quartile: ComputedNumber | None
    spread: ComputedNumber | None
    high_share: ComputedNumber | None
    tenths: list[int]
    below: int
    above: int
    is_small: bool


class DriftRead(Schema):
    """What the group's figures are above (positive) or below those of the whole; null where one of the two has none."""

    mean: ComputedNumber | None
    high_share: ComputedNumber | None
    spread: ComputedNumber | None


class TeamDistribution(Schema):
    """A team's grades and those of the teams below it, beside the whole. `team_id` is null for what has no team."""

    team_id: UUID | None
    name: str | None
    parent_id: UUID | None
    distribution: DistributionRead
    drift: DriftRead


class DistributionReport(Representation):
    """How grades are spread over the whole and over each team that has any, in the order of names: facts, no ranking."""

    cycle_id: UUID | None
    as_of: datetime
    level: Level
    whole: DistributionRead
    teams: list[TeamDistribution]


def distribution_read(found: Distribution) -> DistributionRead:
    """The figures as they are answered."""
    own = {field.name: getattr(found, field.name) for field in fields(found)}
    return DistributionRead.model_construct(
        **{**own, "tenths": list(found.tenths)},
        missing=found.count - found.graded,
        coverage=found.coverage,
        is_small=found.is_small,
    )


def drift_read(found: Drift) -> DriftRead:
    """The differences as they are answered."""
    return DriftRead.model_construct(mean=found.mean, high_share=found.high_share, spread=found.spread)


def team_distribution(team: TeamInTree | None, found: Distribution, drift: Drift) -> TeamDistribution:
    """A team's figures as they are answered; None stands for what has no team."""
    return TeamDistribution.model_construct(
        team_id=team.id if team else None,
        name=team.name if team else None,
        parent_id=team.parent_id if team else None,
        distribution=distribution_read(found),
        drift=drift_read(drift),
    )
