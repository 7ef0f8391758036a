"""The tables, by theme. Importing this package fills the metadata that migrations are compared with."""

from sqlmodel import SQLModel

from okr.db.tables.directory import ApiKey, IdempotencyKey, Organization, Person, Team
from okr.db.tables.goals import Alignment, CheckIn, Cycle, KeyResult, KeyResultVersion, Objective
from okr.db.tables.metrics import Metric, MetricPoint
from okr.db.tables.rules import RulesetRow, RulesetVersionRow
from okr.db.tables.runs import Run
from okr.db.tables.scoring import CurrentGrade, EventRelay, EventSequence, OutboxEvent, RescoreDemand, ScoreSnapshot
from okr.db.tables.words import FinalGrade, Override

metadata = SQLModel.metadata

__all__ = [
    "Alignment",
    "ApiKey",
    "CheckIn",
    "CurrentGrade",
    "Cycle",
    "EventRelay",
    "EventSequence",
    "FinalGrade",
    "IdempotencyKey",
    "KeyResult",
    "KeyResultVersion",
    "Metric",
    "MetricPoint",
    "Objective",
    "Organization",
    "OutboxEvent",
    "Override",
    "Person",
    "RescoreDemand",
    "RulesetRow",
    "RulesetVersionRow",
    "Run",
    "ScoreSnapshot",
    "Team",
    "metadata",
]
