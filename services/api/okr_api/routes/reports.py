"""Reports over HTTP."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from okr.db.tables.columns import utc_now
from okr.domain.errors import NotFound
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.routing import Routes
from okr_api.schemas.distribution import DistributionReport, Level
from okr_api.schemas.fields import Id
from okr_api.schemas.moments import AsOf
from okr_api.use_cases.distribution import show_distribution
from okr_api.use_cases.grades import Asked

routes = Routes("/v1/reports", tag="reports")

_Cycle = Annotated[
    Id | None,
    Query(description="Count what is in this cycle; without it, what is in any cycle that runs at the instant."),
]
_Level = Annotated[Level, Query(description="Whose grades to count; guardrails have none of this kind.")]


@routes.get("/distribution", scope=Scope.OKR_READ, answers=DistributionReport, refuses=[NotFound])
async def get_distribution(
    edge: CurrentEdge, cycle_id: _Cycle = None, as_of: AsOf = None, level: _Level = Level.OBJECTIVE
) -> Response:
    """Read how grades are spread: over the whole company, and over each team beside it.

    A team counts with the teams below it. What was once active counts, until it is given up, each grade alike whatever its weight.
    These are facts to talk about: no ranking, and no curve that anybody should meet.
    """
    return answer(
        await show_distribution(
            edge.reading, edge.organization_id, cycle_id=cycle_id, asked=Asked(as_of), level=level, now=utc_now()
        )
    )
