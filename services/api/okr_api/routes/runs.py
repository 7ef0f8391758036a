"""Runs over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.regrades import RunNotCancellable
from okr.db.runs import RUN_SORTS, list_runs
from okr.db.tables.runs import RunKind, RunState
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id
from okr_api.schemas.history import SubjectName
from okr_api.schemas.runs import RunList, RunRead, run_read
from okr_api.use_cases.history import subject_named
from okr_api.use_cases.runs import cancel_run, show_run

routes = Routes("/v1/runs", tag="runs")

RunPaging = Annotated[Paging, Depends(paging(RUN_SORTS))]


@routes.get("", scope=Scope.OKR_READ, answers=RunList)
async def get_runs(
    edge: CurrentEdge,
    paging: RunPaging,
    state: RunState | None = None,
    kind: RunKind | None = None,
    subject: Annotated[
        SubjectName | None, Query(description="As in `objective:<id>`; `organization` is the whole company.")
    ] = None,
) -> Response:
    """List runs: work that takes long. Those that ended a month ago are gone."""
    about = None if subject is None else subject_named(subject, edge.organization_id)
    async with edge.reading() as connection:
        found = await list_runs(
            connection, edge.organization_id, page=paging.page, state=state, kind=kind, subject=about
        )
    return answer(RunList.of([run_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/{run_id}", scope=Scope.OKR_READ, answers=RunRead)
async def get_run(run_id: Id, edge: CurrentEdge) -> Response:
    """Read how far a run has come."""
    return await edge.show(show_run, run_id)


@routes.post("/{run_id}/cancel", scope=Scope.RULES_ADMIN, answers=RunRead, status=200, refuses=(RunNotCancellable,))
async def cancel_run_of_rules(run_id: Id, edge: CurrentEdge) -> Response:
    """Cancel the regrading that a ruleset's version asked for.

    What was asked for is still graded; the rest keeps its former rules until it is graded next.
    """
    return await edge.write(partial(cancel_run, run_id=run_id), show_run, id=run_id)
