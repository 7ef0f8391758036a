"""Final grading over HTTP: while a cycle is graded, people stand behind the grades that it ends with."""

from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from okr.db.final_grades import FINAL_GRADE_SORTS, FinalGradeState, list_final_grades
from okr.db.goals import ChangedMeanwhile, PersonInactive, UnknownReference
from okr.domain.overriding import GradeOutOfBounds
from okr.domain.states import ENDED, CycleNotInGrading, ObjectiveNotActive
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id
from okr_api.schemas.final_grades import FinalGradeConfirm, FinalGradeList, FinalGradeRead, final_grade_read
from okr_api.use_cases import final_grades as use_cases

routes = Routes("/v1", tag="final grading")

FinalGradePaging = Annotated[Paging, Depends(paging(FINAL_GRADE_SORTS))]


@routes.get("/cycles/{cycle_id}/final-grades", scope=Scope.OKR_READ, answers=FinalGradeList)
async def get_final_grades(
    cycle_id: Id, edge: CurrentEdge, paging: FinalGradePaging, state: FinalGradeState | None = None
) -> Response:
    """List how far the final grading of a cycle's objectives has come; drafts and cancelled ones have none."""
    async with edge.reading() as connection:
        found = await list_final_grades(connection, edge.organization_id, cycle_id, page=paging.page, state=state)
    return answer(FinalGradeList.of([final_grade_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/objectives/{objective_id}/final-grade", scope=Scope.OKR_READ, answers=FinalGradeRead)
async def get_final_grade(objective_id: Id, edge: CurrentEdge) -> Response:
    """Read which grade an objective is to end with, and who stands behind it."""
    return await edge.show(use_cases.show_final_grade, objective_id)


@routes.post(
    "/objectives/{objective_id}/final-grade",
    scope=Scope.OKR_WRITE,
    answers=FinalGradeRead,
    status=200,
    refuses=(
        UnknownReference,
        PersonInactive,
        CycleNotInGrading,
        ObjectiveNotActive,
        use_cases.NotTheOwner,
        use_cases.OwnerFirst,
        use_cases.ReviewerNeeded,
        use_cases.ReviewerIsOwner,
        use_cases.ReasonNeeded,
        GradeOutOfBounds,
        ChangedMeanwhile,
        *ENDED,
    ),
)
async def confirm_final_grade(objective_id: Id, body: FinalGradeConfirm, edge: CurrentEdge) -> Response:
    """Stand behind an objective's final grade: the owner first, then a reviewer.

    Either may say another grade with a reason: that is an override, and stands like any other. A step counts for the grade it was
    taken for: once another one stands, the owner is asked again.
    """
    change = partial(use_cases.confirm_final_grade, objective_id=objective_id, body=body)
    return await edge.write(change, use_cases.show_final_grade, id=objective_id)
