"""The main job by a generated client: `python main_job.py URL KEY`, with the package `okr_client` on the path."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from okr_client import AuthenticatedClient
from okr_client.api.cycles import activate_cycle, add_cycle
from okr_client.api.directory import add_person
from okr_client.api.grades import get_history, get_objective_grade
from okr_client.api.metrics import add_metric, add_points
from okr_client.api.objectives import activate_objective, add_objective, get_objective, patch_objective
from okr_client.models import (
    BatchPoint,
    Commitment,
    CycleCreate,
    KeyResultCreate,
    Kind,
    MetricCreate,
    ObjectiveCreate,
    ObjectivePatch,
    PersonCreate,
    PointBatch,
    Problem,
)

T = TypeVar("T")


def good(answer: T | Problem | None) -> T:
    """The answer, if it is none of a failure."""
    if answer is None or isinstance(answer, Problem):
        raise SystemExit(f"refused: {answer}")
    return answer


def main(url: str, api_key: str) -> None:
    """Do the job, and print what came of it."""
    with AuthenticatedClient(base_url=url, token=api_key) as client:
        print(json.dumps(main_job(client)))


def main_job(client: AuthenticatedClient) -> dict[str, object]:
    """What came of setting goals, pushing values, and reading grade and history."""
    now = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)

    person = good(add_person.sync(client=client, body=PersonCreate(name="Ada Okafor")))
    days = {"starts_on": (now - 30 * day).date(), "ends_on": (now + 60 * day).date()}
    cycle = good(add_cycle.sync(client=client, body=CycleCreate(name="Now", **days)))
    good(activate_cycle.sync(cycle.id, client=client))
    metric = good(add_metric.sync(client=client, body=MetricCreate(key="share", unit="%")))
    share = KeyResultCreate(title="Share", kind=Kind.INCREASE, start_value=0, target_value=100, metric_key=metric.key)
    calls = KeyResultCreate(title="Calls", kind=Kind.DECREASE, start_value=900, target_value=500)
    body = ObjectiveCreate(
        title="Guests change their bookings without calling us",
        commitment=Commitment.COMMITTED,
        cycle_id=cycle.id,
        owner_id=person.id,
        key_results=[share, calls],
    )
    objective = good(add_objective.sync(client=client, body=body))
    good(activate_objective.sync(objective.id, client=client))

    points = [
        BatchPoint(metric=metric.key, value=20, observed_at=now - 9 * day),
        BatchPoint(metric=metric.key, value=60, observed_at=now - 2 * day),
        BatchPoint(metric="unknown", value=1),
    ]
    pushed = good(add_points.sync(client=client, body=PointBatch(points=points), prefer="wait=30"))
    patch = ObjectivePatch(tags=["guests"])
    patched = good(patch_objective.sync(objective.id, client=client, body=patch, if_match="*", prefer="wait=30"))
    grade = good(get_objective_grade.sync(objective.id, client=client))
    subject = f"key_result:{objective.key_results[0].id}"
    history = good(get_history.sync(client=client, subject=subject))
    missing = get_objective.sync(person.id, client=client)

    return {
        "results": [one.status.value for one in pushed.results],
        "tags": patched.tags,
        "grade": grade.grade,
        "stale": grade.stale,
        "history": [item.progress for item in history.items],
        "missing": missing.code if isinstance(missing, Problem) else None,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
