"""Grades and explanations over HTTP, of now and of any instant."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.tables.columns import utc_now
from okr.domain.errors import NotFound
from okr.domain.values import SubjectKind
from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge
from okr_api.routing import Routes
from okr_api.schemas.fields import Id
from okr_api.schemas.grade_answers import ExplanationRead, GradeAnswer
from okr_api.schemas.moments import AsOf, KnownAt
from okr_api.use_cases.grades import Asked, show_explanation, show_grade

routes = Routes("/v1", tag="grades")


async def _asked(as_of: AsOf = None, known_at: KnownAt = None) -> Asked:
    return Asked(as_of, known_at)


AskedGrade = Annotated[Asked, Depends(_asked)]
WithinCycle = Annotated[Id | None, Query(description="Count only what is in this cycle.")]


async def _grade(edge: Edge, kind: SubjectKind, id: UUID, asked: Asked, cycle_id: UUID | None = None) -> Response:
    return await edge.show(partial(show_grade, kind=kind, asked=asked, now=utc_now(), cycle_id=cycle_id), id)


async def _explanation(edge: Edge, kind: SubjectKind, id: UUID, asked: Asked, cycle_id: UUID | None = None) -> Response:
    return await edge.show(partial(show_explanation, kind=kind, asked=asked, now=utc_now(), cycle_id=cycle_id), id)


@routes.get("/key-results/{key_result_id}/grade", scope=Scope.OKR_READ, answers=GradeAnswer, is_single=True)
async def get_key_result_grade(key_result_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read a key result's grade."""
    return await _grade(edge, SubjectKind.KEY_RESULT, key_result_id, asked)


@routes.get("/key-results/{key_result_id}/explanation", scope=Scope.OKR_READ, answers=ExplanationRead)
async def explain_key_result_grade(key_result_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read why a key result's grade is what it is."""
    return await _explanation(edge, SubjectKind.KEY_RESULT, key_result_id, asked)


@routes.get("/objectives/{objective_id}/grade", scope=Scope.OKR_READ, answers=GradeAnswer, is_single=True)
async def get_objective_grade(objective_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read an objective's grade."""
    return await _grade(edge, SubjectKind.OBJECTIVE, objective_id, asked)


@routes.get("/objectives/{objective_id}/explanation", scope=Scope.OKR_READ, answers=ExplanationRead)
async def explain_objective_grade(objective_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read why an objective's grade is what it is."""
    return await _explanation(edge, SubjectKind.OBJECTIVE, objective_id, asked)


@routes.get("/cycles/{cycle_id}/grade", scope=Scope.OKR_READ, answers=GradeAnswer, is_single=True)
async def get_cycle_grade(cycle_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read a cycle's grade."""
    return await _grade(edge, SubjectKind.CYCLE, cycle_id, asked)


@routes.get("/cycles/{cycle_id}/explanation", scope=Scope.OKR_READ, answers=ExplanationRead)
async def explain_cycle_grade(cycle_id: Id, edge: CurrentEdge, asked: AskedGrade) -> Response:
    """Read why a cycle's grade is what it is."""
    return await _explanation(edge, SubjectKind.CYCLE, cycle_id, asked)


@routes.get("/teams/{team_id}/grade", scope=Scope.OKR_READ, answers=GradeAnswer, is_single=True)
async def get_team_grade(team_id: Id, edge: CurrentEdge, asked: AskedGrade, cycle_id: WithinCycle = None) -> Response:
    """Read a team's grade."""
    return await _grade(edge, SubjectKind.TEAM, team_id, asked, cycle_id)


@routes.get("/teams/{team_id}/explanation", scope=Scope.OKR_READ, answers=ExplanationRead)
async def explain_team_grade(
    team_id: Id, edge: CurrentEdge, asked: AskedGrade, cycle_id: WithinCycle = None
) -> Response:
    """Read why a team's grade is what it is."""
    return await _explanation(edge, SubjectKind.TEAM, team_id, asked, cycle_id)


@routes.get("/organization/grade", scope=Scope.OKR_READ, answers=GradeAnswer, is_single=True, refuses=[NotFound])
async def get_organization_grade(edge: CurrentEdge, asked: AskedGrade, cycle_id: WithinCycle = None) -> Response:
    """Read the organization's grade."""
    return await _grade(edge, SubjectKind.ORGANIZATION, edge.organization_id, asked, cycle_id)


@routes.get("/organization/explanation", scope=Scope.OKR_READ, answers=ExplanationRead, refuses=[NotFound])
async def explain_organization_grade(edge: CurrentEdge, asked: AskedGrade, cycle_id: WithinCycle = None) -> Response:
    """Read why the organization's grade is what it is."""
    return await _explanation(edge, SubjectKind.ORGANIZATION, edge.organization_id, asked, cycle_id)
