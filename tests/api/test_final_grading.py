"""Final grading over HTTP: from its start over owners and reviewers to the close, and what a reopened cycle still allows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api_company import Company
from goal_builders import STARTS_ON, Goals

from okr.ids import new_id
from okr_api.schemas.final_grades import FinalGradeRead
from workers import scoring_workers, until_nothing_is_stale


@dataclass
class Case:
    """A cycle with an active objective that has reached 0.4; Ada owns it, Bo sponsors it, Cy does neither."""

    goals: Goals
    cycle: Any
    objective: Any
    key_result: Any
    bo: str
    cy: str

    @classmethod
    async def of(cls, goals: Goals) -> "Case":
        """The case."""
        bo, cy = str(await goals.company.add_person("Bo")), str(await goals.company.add_person("Cy"))
        cycle = await goals.cycle()
        objective = await goals.objective(cycle, active=True, sponsor_id=bo)
        key_result = await goals.key_result(objective, commit_value=None, stretch_value=None)
        case = cls(goals, cycle, objective, key_result, bo, cy)
        await case.check_in(14)
        return case

    async def check_in(self, value: float) -> None:
        """A value between 10 and 20, and the grades that it makes."""
        await self.goals.post(f"key-results/{self.key_result['id']}/check-ins", {"value": value})
        await self.graded()

    async def graded(self) -> None:
        """Wait for all grades."""
        await until_nothing_is_stale(self.goals.connection)

    async def cycle_is(self, action: str, body: Any = None) -> Any:
        """Have something done with the cycle."""
        return await self.goals.post(f"cycles/{self.cycle['id']}/{action}", body, expect=200)

    async def step(self, step: str, **fields: Any) -> Any:
        """Take a step of the final grading; what is answered without what is always the same."""
        path = f"objectives/{self.objective['id']}/final-grade"
        read = await self.goals.post(path, {"step": step, **fields}, expect=200)
        FinalGradeRead.model_validate(read)
        assert read == await self.goals.get(path)
        return read

    async def refused(self, step: str, **fields: Any) -> tuple[int, str, str | None]:
        """Why the step is refused."""
        return await self.goals.refused(
            "POST", f"objectives/{self.objective['id']}/final-grade", {"step": step, **fields}
        )

    async def states(self) -> list[tuple[str, float | None]]:
        """(state, grade) of the cycle's objectives."""
        found = await self.goals.get(f"cycles/{self.cycle['id']}/final-grades")
        return [(one["state"], one["grade"]) for one in found["items"]]

    async def grade(self) -> Any:
        """The objective's grade."""
        await self.graded()
        return await self.goals.get(f"objectives/{self.objective['id']}/grade")


@pytest.fixture
async def case(company: Company, environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Case]:
    """The case, with a worker."""
    async with scoring_workers(environment, tmp_path / "workers"):
        yield await Case.of(await Goals.of(company))


async def test_from_the_start_of_grading_to_the_close(case: Case) -> None:
    assert (await case.cycle_is("start-grading"))["state"] == "grading"
    assert await case.states() == [("prefilled", 0.4)]
    await case.check_in(15)
    assert await case.states() == [("prefilled", 0.5)], "last values still come in"
    done = await case.step("owner")
    assert (done["state"], done["grade"], done["computed_grade"], done["reason"]) == ("owner_done", 0.5, 0.5, None)
    reviewed = await case.step("reviewer", reason="Seen.")
    assert (reviewed["state"], reviewed["grade"]) == ("reviewed", 0.5)
    steps = [(one["step"], one["person_id"], one["grade"], one["reason"]) for one in reviewed["steps"]]
    assert steps == [("owner", case.goals.person_id, 0.5, None), ("reviewer", case.bo, 0.5, "Seen.")]
    closed = await case.cycle_is("close")
    assert closed["state"] == "closed"
    assert await case.states() == [("reviewed", 0.5)]
    grade = await case.grade()
    assert (grade["grade"], grade["provenance"], grade["status"]) == (0.5, "computed", "missed")
    told = await case.goals.events(f"cycle:{case.cycle['id']}")
    assert [one for one in told if "grade" not in one[0]] == [
        ("okr.cycle.added.v1", 1),
        ("okr.cycle.activated.v1", 2),
        ("okr.cycle.grading_started.v1", 3),
        ("okr.cycle.closed.v1", 4),
    ]
    told = [type for type, _ in await case.goals.events(f"objective:{case.objective['id']}") if "final" in type]
    assert told == ["okr.final_grade.confirmed.v1"] * 2


async def test_another_grade_than_the_computed_one_is_an_override_with_a_reason(case: Case) -> None:
    await case.cycle_is("start-grading")
    assert await case.refused("owner", grade=0.7) == (422, "reason_needed", "/reason")
    adjusted = await case.step("owner", grade=0.7, reason="We shipped on the last day.")
    assert (adjusted["state"], adjusted["grade"], adjusted["computed_grade"]) == ("owner_done", 0.7, 0.4)
    override = await case.goals.get(f"objectives/{case.objective['id']}/override")
    assert (override["grade"], override["reason"]) == (0.7, "We shipped on the last day.")
    await case.check_in(19)
    assert await case.states() == [("owner_done", 0.7)], "a later value is flagged, and moves no word"
    assert (await case.grade())["reasons"] == ["overridden", "newer_evidence"]
    lower = await case.step("reviewer", grade=0.6, reason="Half of it.")
    assert (lower["state"], lower["grade"], lower["computed_grade"]) == ("reviewed", 0.6, 0.9)
    await case.cycle_is("close")
    grade = await case.grade()
    assert (grade["grade"], grade["computed_grade"], grade["provenance"]) == (0.6, 0.9, "override")


async def test_the_computed_grade_is_said_by_taking_the_word_above_it_back(case: Case) -> None:
    await case.cycle_is("start-grading")
    await case.step("owner", grade=0.7, reason="A hunch.")
    restored = await case.step("owner", grade=0.4)
    assert (restored["state"], restored["grade"], restored["reason"]) == ("owner_done", 0.4, None)
    await case.goals.get(f"objectives/{case.objective['id']}/override", expect=404)
    assert (await case.grade())["provenance"] == "computed"


async def test_a_step_counts_for_the_grade_it_was_taken_for(case: Case) -> None:
    await case.cycle_is("start-grading")
    await case.step("owner")
    await case.check_in(15)
    assert await case.states() == [("prefilled", 0.5)]
    assert await case.refused("reviewer") == (409, "owner_first", None)
    await case.step("owner")
    await case.step("reviewer")
    word = {"grade": 1, "reason": "All of it", "person_id": case.cy}
    await case.goals.put(f"key-results/{case.key_result['id']}/override", word)
    await case.graded()
    assert await case.states() == [("prefilled", 1)], "a word on a key result moves the objective"


async def test_who_may_take_which_step(case: Case) -> None:
    assert await case.refused("owner") == (409, "cycle_not_in_grading", None)
    await case.cycle_is("start-grading")
    ada = case.goals.person_id
    assert await case.refused("reviewer") == (409, "owner_first", None)
    assert await case.refused("owner", person_id=case.bo) == (422, "not_the_owner", "/person_id")
    assert await case.refused("owner", grade=1.5, reason="More!") == (422, "grade_out_of_bounds", "/grade")
    await case.step("owner", person_id=ada)
    assert await case.refused("reviewer", person_id=ada) == (422, "reviewer_is_owner", "/person_id")
    nobody = str(new_id())
    assert await case.refused("reviewer", person_id=nobody) == (422, "unknown_reference", "/person_id")
    path = f"objectives/{case.objective['id']}"
    await case.goals.patch(path, {"sponsor_id": None})
    assert await case.refused("reviewer") == (422, "reviewer_needed", "/person_id")
    await case.goals.patch(path, {"owner_id": case.cy})
    for person in (ada, case.cy):
        assert await case.refused("reviewer", person_id=person) == (422, "reviewer_is_owner", "/person_id")
    await case.goals.patch(f"people/{case.bo}", {"is_active": False})
    assert await case.refused("reviewer", person_id=case.bo) == (422, "person_inactive", "/person_id")


async def test_a_close_waits_for_the_reviewers_unless_the_grades_are_accepted(case: Case) -> None:
    goals = case.goals
    other = await goals.objective(case.cycle, active=True, title="Other")
    await goals.objective(case.cycle, title="A draft")
    await case.cycle_is("start-grading")
    await case.step("owner")
    await case.step("reviewer")
    refused = await goals.client.post(f"/v1/cycles/{case.cycle['id']}/close")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "final_grades_open")
    assert problem["objective_ids"] == [other["id"]]
    assert "'Other'" in problem["detail"]
    reviewed = await goals.get(f"cycles/{case.cycle['id']}/final-grades?state=reviewed")
    assert [one["objective_id"] for one in reviewed["items"]] == [case.objective["id"]]
    open_ones = await goals.get(f"cycles/{case.cycle['id']}/final-grades?state=prefilled&sort=title")
    assert [(one["objective_id"], one["grade"]) for one in open_ones["items"]] == [(other["id"], None)]
    assert (await case.cycle_is("close", {"accept_prefilled": True}))["state"] == "closed"


async def test_while_grading_nothing_is_added_aimed_anew_or_taken_away(case: Case) -> None:
    goals, cycle, objective = case.goals, case.cycle, case.objective
    draft = await goals.objective(cycle, title="Draft")
    elsewhere = await goals.objective(await goals.cycle(), active=True)
    other = await goals.objective(cycle, active=True)
    tie = await goals.align(other, parent_objective_id=objective["id"])
    await case.cycle_is("start-grading")
    key_result = f"key-results/{case.key_result['id']}"
    asked: list[tuple[str, str, Any]] = [
        ("POST", "objectives", {"title": "New", "cycle_id": cycle["id"], "owner_id": goals.person_id}),
        ("POST", f"objectives/{draft['id']}/activate", None),
        ("POST", f"objectives/{objective['id']}/close", None),
        ("POST", f"objectives/{objective['id']}/cancel", None),
        ("PATCH", f"objectives/{objective['id']}", {"weight": 2}),
        ("PATCH", f"objectives/{objective['id']}", {"cycle_id": elsewhere["cycle_id"]}),
        ("PATCH", f"objectives/{elsewhere['id']}", {"cycle_id": cycle["id"]}),
        ("POST", f"objectives/{objective['id']}/key-results", {"title": "New", "kind": "binary"}),
        ("PATCH", key_result, {"target_value": 30}),
        ("PATCH", key_result, {"due_on": str(STARTS_ON)}),
        ("DELETE", key_result, None),
        ("POST", f"objectives/{elsewhere['id']}/alignments", {"parent_objective_id": objective["id"]}),
        ("PATCH", f"alignments/{tie['id']}", {"weight": 2}),
        ("DELETE", f"alignments/{tie['id']}", None),
        ("PATCH", f"cycles/{cycle['id']}", {"ends_on": str(STARTS_ON)}),
        ("POST", f"cycles/{cycle['id']}/start-grading", None),
    ]
    for method, path, body in asked:
        assert await goals.refused(method, path, body) == (409, "cycle_in_grading", None), (method, path, body)
    await goals.patch(f"objectives/{objective['id']}", {"title": "A better title"})
    await goals.patch(key_result, {"confidence": 0.5})
    await goals.patch(f"cycles/{cycle['id']}", {"name": "Graded"})
    await goals.patch(f"objectives/{draft['id']}", {"cycle_id": elsewhere["cycle_id"]})


async def test_what_was_closed_is_frozen_and_reopening_thaws_it(case: Case) -> None:
    goals = case.goals
    earlier = await goals.objective(case.cycle, active=True)
    await goals.metric("late")
    fed = await goals.key_result(case.objective, kind="count_ratio", target_value=10, metric_key="late")
    path = f"key-results/{fed['id']}"
    await goals.post(f"objectives/{earlier['id']}/close", expect=200)
    assert await goals.refused("POST", f"cycles/{case.cycle['id']}/reopen", {"reason": "?"}) == (
        409,
        "cycle_not_closed",
        None,
    )
    await case.cycle_is("start-grading")
    await case.step("owner")
    await case.step("reviewer")
    await case.cycle_is("close")
    frozen = await case.grade()
    observed_at = datetime(STARTS_ON.year, STARTS_ON.month, STARTS_ON.day, 12, tzinfo=UTC).isoformat()
    await goals.post("metrics/late/points", {"value": 8, "observed_at": observed_at})
    word = {"grade": 1, "reason": "All of it", "person_id": case.cy}
    assert (await goals.refused("PUT", f"{path}/override", word))[:2] == (409, "objective_closed")
    assert (await case.refused("owner"))[:2] == (409, "objective_closed")
    assert await case.grade() == frozen

    reopened = await case.cycle_is("reopen", {"reason": "A value came late."})
    assert (reopened["state"], reopened["closed_at"]) == ("grading", None)
    assert reopened["reopened_reason"] == "A value came late."
    states = [(await goals.get(f"objectives/{one['id']}"))["state"] for one in (case.objective, earlier)]
    assert states == ["active", "closed"], "what had been closed before stays so"
    grade = await case.grade()
    assert (grade["grade"], grade["status"]) == (0.6, "on_track")
    then = await goals.get(f"objectives/{case.objective['id']}/grade?as_of={observed_at.replace('+00:00', 'Z')}")
    assert then["grade"] == 0.8, "the late value counts from its own instant on"
    assert await case.refused("reviewer") == (409, "owner_first", None), "the grade has become another one"
    await case.step("owner")
    await case.step("reviewer")
    await case.cycle_is("close")
    assert (await case.grade())["grade"] == 0.6
    told = [type for type, _ in await goals.events(f"objective:{case.objective['id']}")]
    assert [type for type in told if "closed" in type or "reopened" in type] == [
        "okr.objective.closed.v1",
        "okr.objective.reopened.v1",
        "okr.objective.closed.v1",
    ]


async def test_a_draft_is_not_graded(case: Case) -> None:
    goals = case.goals
    draft = await goals.objective(case.cycle)
    waiting = await goals.cycle(active=False)
    refused = await goals.refused("POST", f"cycles/{waiting['id']}/start-grading")
    assert refused == (409, "cycle_not_active", None)
    await case.cycle_is("start-grading")
    refused = await goals.refused("POST", f"objectives/{draft['id']}/final-grade", {"step": "owner"})
    assert refused == (409, "objective_not_active", None)
    assert await goals.refused("GET", f"cycles/{new_id()}/final-grades") == (404, "not_found", None)
    assert await goals.refused("GET", f"objectives/{new_id()}/final-grade") == (404, "not_found", None)
