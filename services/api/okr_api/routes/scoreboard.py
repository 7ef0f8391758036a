"""The scoreboard of a cycle over HTTP."""

from functools import partial

from starlette.responses import Response

from okr.db.tables.columns import utc_now
from okr.keys import Scope
from okr_api.edge import CurrentEdge
from okr_api.routes.grades import AskedGrade
from okr_api.routing import Routes
from okr_api.schemas.fields import Id
from okr_api.schemas.scoreboard import ScoreboardRead
from okr_api.use_cases.scoreboard import show_scoreboard

routes = Routes("/v1", tag="grades")


@routes.get("/cycles/{cycle_id}/scoreboard", scope=Scope.OKR_READ, answers=ScoreboardRead)
async def get_scoreboard(cycle_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read a whole cycle: its objectives and key results, each with the grade in force at an instant.

    Weights and metrics are those of that instant too; titles, owners and states are today's.
    """
    return await edge.show(partial(show_scoreboard, asked=asked, now=utc_now()), cycle_id)
