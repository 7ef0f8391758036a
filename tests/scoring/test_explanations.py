"""What a snapshot keeps is enough: its inputs make the same grade again, step by step, whatever was changed since."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain_redo import check_that_it_replays

from company import (
    Company,
    a_key_result,
    a_metric,
    a_team,
    a_version,
    an_alignment,
    an_objective,
    check_in,
    push,
    touch,
)
from okr.db.demand import Subject, subject
from okr.db.history import current_grades, explain, history
from okr.db.points import NewPoint
from okr.db.stored_grades import StoredGrade
from okr.domain.values import Kind, SubjectKind
from workers import Drain

START, TARGET = Decimal(10), Decimal(90)


async def every_kind(company: Company, objective: UUID, metric: UUID) -> dict[Kind, UUID]:
    """One key result of each kind under the objective."""
    made: dict[Kind, UUID] = {}
    parameters: dict[Kind, dict[str, object]] = {
        Kind.INCREASE: {"metric_id": metric, "commit_value": Decimal(30), "stretch_value": Decimal(120)},
        Kind.DECREASE: {"metric_id": metric, "start_value": TARGET, "target_value": START},
        Kind.REACH: {"metric_id": metric},
        Kind.AT_LEAST: {"metric_id": metric, "target_value": TARGET},
        Kind.AT_MOST: {"metric_id": metric, "start_value": Decimal(200), "target_value": TARGET},
        Kind.BAND: {"metric_id": metric, "band_low": Decimal(20), "band_high": Decimal(30)},
        Kind.BINARY: {},
        Kind.MILESTONE: {
            "milestones": [{"title": "a", "weight": "1", "done": False}, {"title": "b", "weight": "2.5", "done": True}]
        },
        Kind.ORDINAL: {"zones": [{"name": "calm", "grade": "0.8"}, {"name": "tense", "grade": "0.1"}]},
        Kind.COUNT_RATIO: {"metric_id": metric, "target_value": TARGET},
        Kind.GUARDRAIL: {"metric_id": metric, "band_high": Decimal(70)},
    }
    for kind, values in parameters.items():
        made[kind] = await a_key_result(company, objective, kind=kind.value, **values)  # type: ignore[arg-type]  # columns of any type
    formula = {"op": "mean", "of": [str(made[Kind.INCREASE]), str(made[Kind.REACH])]}
    made[Kind.COMPOSITE] = await a_key_result(company, objective, kind="composite", formula=formula)
    return made


async def test_every_snapshot_and_grade_is_made_again_from_what_it_kept(company: Company, drain: Drain) -> None:
    team = await a_team(company)
    parent = await an_objective(company)
    objective = await an_objective(company, team_id=team, commitment="aspirational")
    below = await an_objective(company)
    metric = await a_metric(company, "arr")
    made = await every_kind(company, objective, metric)
    await an_alignment(company, objective, parent_objective_id=parent)
    await an_alignment(company, below, parent_key_result_id=made[Kind.COMPOSITE])
    low = await a_key_result(company, below, metric_id=metric)
    now = datetime.now(UTC)
    days = [now - timedelta(days=back) for back in (40, 30, 20, 10, 1)]
    await push(
        company, *(NewPoint("arr", Decimal(value), at) for value, at in zip((15, 28, 64, 99, 75), days, strict=True))
    )
    await check_in(
        company, made[Kind.BINARY], objective, observed_at=days[1], value=Decimal(1), confidence=Decimal("0.7")
    )
    await check_in(company, made[Kind.MILESTONE], objective, observed_at=days[2], milestone="a")
    await check_in(company, made[Kind.ORDINAL], objective, observed_at=days[3], zone="tense")
    await drain()
    # What is changed later must not change what is told of earlier.
    await a_version(
        company,
        made[Kind.REACH],
        revision=2,
        kind="reach",
        metric_id=metric,
        start_value=START,
        target_value=TARGET,
        valid_from=now,
    )
    await company.connection.execute("UPDATE key_result SET revision = 2 WHERE id = $1", made[Kind.REACH])
    await touch(
        company, *(subject(SubjectKind.KEY_RESULT, made[kind]) for kind in (Kind.REACH, Kind.COMPOSITE)), since=now
    )
    await drain()

    ids = {SubjectKind.KEY_RESULT: [*made.values(), low], SubjectKind.OBJECTIVE: [parent, objective, below]}
    subjects = [subject(kind, id) for kind, some in ids.items() for id in some]
    subjects += [
        subject(SubjectKind.TEAM, team),
        subject(SubjectKind.CYCLE, company.cycle_id),
        subject(SubjectKind.ORGANIZATION, company.id),
    ]
    current = await current_grades(company.connection, company.id, subjects)
    assert set(current) == set(subjects)
    for kind, id in made.items():
        assert current[subject(SubjectKind.KEY_RESULT, id)].grade.coverage == 1, kind
    explained = 0
    for one in subjects:
        for stored in [current[one], *await histories(company, one)]:
            again = await explain(company.connection, company.id, stored)
            assert again.graded.grade == stored.grade, (one, stored.observed_at)
            check_that_it_replays(again.graded)
            explained += 1
    assert explained > 80


async def histories(company: Company, one: Subject) -> list[StoredGrade]:
    """All of a subject's history."""
    return [item async for item in history(company.connection, company.id, one)]
