"""Runs on the wire."""

from datetime import datetime
from typing import Any

from okr.db.runs import RunView
from okr.db.tables.runs import RunKind, RunState
from okr_api.lists import Items
from okr_api.schemas.models import Versioned, shown_as


class RunRead(Versioned):
    """Long work. `done` of `total` are counted in `unit`; a total that is not known yet is null. `detail` is the kind's own.

    It is open while `queued` or `running`, and ends once: `succeeded`, `failed` (`error` says why) or `cancelled`.
    """

    model_config = shown_as(
        id="01890a5d-ac96-774b-bcce-b302099a8057",
        version=3,
        created_at="2026-08-14T09:30:00Z",
        updated_at="2026-08-14T09:30:02Z",
        kind="regrade",
        state="running",
        subject="key_result:01890a5d-ac96-774b-bcce-b302099a8058",
        done=3456000,
        total=7862400,
        unit="seconds of history",
        detail={
            "from": "2026-05-15T00:00:00Z",
            "next_from": "2026-06-24T00:00:00.000001Z",
            "until": "2026-08-14T00:00:00Z",
        },
        error=None,
        created_by=None,
        started_at="2026-08-14T09:30:00Z",
        finished_at=None,
    )

    kind: RunKind
    state: RunState
    subject: str | None
    done: int
    total: int | None
    unit: str
    detail: dict[str, Any]
    error: str | None
    created_by: str | None
    started_at: datetime | None
    finished_at: datetime | None


class RunList(Items[RunRead]):
    """One page of runs."""


def run_read(view: RunView) -> RunRead:
    """The run as it is answered."""
    fields = {name: getattr(view, name) for name in RunRead.model_fields if name != "subject"}
    return RunRead.model_construct(**fields, subject=None if view.subject is None else str(view.subject))
