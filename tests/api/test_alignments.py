"""Alignments over HTTP: what may hang below what, no rings now or in the past, and what each change has graded again."""

import asyncio
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

import pytest
from api_company import Company
from goal_builders import BEGIN, STARTS_ON, Goals, begin_of
from hypothesis import given
from hypothesis import strategies as st

from okr.db.alignments import AlignmentRing, Tie, ties_that_would_ring
from okr_api.schemas.alignments import AlignmentRead


@pytest.fixture
async def goals(company: Company) -> Goals:
    """The goals of `company`."""
    return await Goals.of(company)


async def objectives_of(goals: Goals, count: int, **fields: Any) -> list[Any]:
    """Active objectives of one running cycle."""
    cycle = await goals.cycle()
    return [await goals.objective(cycle, active=True, **fields) for _ in range(count)]


async def test_an_alignment_is_made_read_revised_and_ended(goals: Goals) -> None:
    child, parent = await objectives_of(goals, 2)
    made = await goals.align(child, parent_objective_id=parent["id"], weight=2)
    assert {name: made[name] for name in made.keys() - {"id", "created_at", "updated_at"}} == {
        "version": 1,
        "objective_id": child["id"],
        "parent_objective_id": parent["id"],
        "parent_key_result_id": None,
        "weight": 2.0,
        "mode": "contribute",
        "ended_at": None,
    }
    path = f"alignments/{made['id']}"
    assert await goals.get(path) == made
    AlignmentRead.model_validate(made)
    revised = await goals.patch(path, {"weight": 0.5, "mode": "support"})
    assert (revised["weight"], revised["mode"], revised["version"]) == (0.5, "support", 2)
    ended = await goals.delete(path)
    assert (ended["version"], ended["ended_at"]) == (3, ended["updated_at"])
    assert await goals.get(path) == ended
    assert await goals.refused("DELETE", path) == (409, "alignment_ended", None)
    assert await goals.refused("PATCH", path, {"weight": 1}) == (409, "alignment_ended", None)
    # A tie may be made again.
    await goals.align(child, parent_objective_id=parent["id"])


async def test_both_ends_list_their_alignments(goals: Goals) -> None:
    child, parent, grandparent = await objectives_of(goals, 3)
    key_result = await goals.key_result(parent)
    direct = await goals.align(child, parent_objective_id=grandparent["id"])
    by_key_result = await goals.align(child, parent_key_result_id=key_result["id"])
    ended = await goals.align(child, parent_objective_id=parent["id"])
    await goals.delete(f"alignments/{ended['id']}")

    async def found(objective: Any, query: str = "") -> list[str]:
        return [item["id"] for item in (await goals.get(f"objectives/{objective['id']}/alignments{query}"))["items"]]

    assert await found(child) == [direct["id"], by_key_result["id"]]
    assert await found(child, "?include_ended=true") == [direct["id"], by_key_result["id"], ended["id"]]
    assert await found(parent) == []
    assert await found(parent, "?to=children") == [by_key_result["id"]]
    assert await found(grandparent, "?to=children") == [direct["id"]]


async def test_an_alignment_has_one_parent_that_is_there(goals: Goals) -> None:
    child, parent = await objectives_of(goals, 2)
    key_result = await goals.key_result(parent)
    path = f"objectives/{child['id']}/alignments"
    both = {"parent_objective_id": parent["id"], "parent_key_result_id": key_result["id"]}
    assert await goals.refused("POST", path, {}) == (422, "one_parent", None)
    assert await goals.refused("POST", path, both) == (422, "one_parent", None)
    for field in both:
        expected = (422, "unknown_reference", f"/{field}")
        assert await goals.refused("POST", path, {field: child["cycle_id"]}) == expected
    await goals.align(child, parent_objective_id=parent["id"])
    twice = {"parent_objective_id": parent["id"], "weight": 3}
    assert await goals.refused("POST", path, twice) == (409, "already_aligned", None)
    await goals.delete(f"key-results/{key_result['id']}")
    cancelled = {"parent_key_result_id": key_result["id"]}
    assert await goals.refused("POST", path, cancelled) == (409, "key_result_cancelled", "/parent_key_result_id")


async def test_only_objectives_and_composites_take_up_a_childs_grade(goals: Goals) -> None:
    child, parent = await objectives_of(goals, 2)
    measured = await goals.key_result(parent)
    composite = await goals.key_result(parent, kind="composite", formula={"op": "sum", "of": [measured["id"]]})
    path = f"objectives/{child['id']}/alignments"
    refused = (422, "contribute_needs_composite", "/mode")
    wanted = {"parent_key_result_id": measured["id"], "mode": "contribute"}
    assert await goals.refused("POST", path, wanted) == refused
    support = await goals.align(child, parent_key_result_id=measured["id"])
    contribute = await goals.align(child, parent_key_result_id=composite["id"])
    assert (support["mode"], contribute["mode"]) == ("support", "contribute")
    assert await goals.refused("PATCH", f"alignments/{support['id']}", {"mode": "contribute"}) == refused
    await goals.patch(f"alignments/{contribute['id']}", {"mode": "support"})


async def test_a_ring_is_refused_however_long_it_is(goals: Goals) -> None:
    one, two, three = await objectives_of(goals, 3)
    key_result = await goals.key_result(three)
    own = await goals.key_result(one)
    await goals.align(one, parent_objective_id=two["id"])
    await goals.align(two, parent_key_result_id=key_result["id"])
    ring = (409, "alignment_ring", None)
    for child, parent in (
        (one, {"parent_objective_id": one["id"]}),
        (one, {"parent_key_result_id": own["id"]}),
        (two, {"parent_objective_id": one["id"]}),
        (three, {"parent_objective_id": one["id"]}),
        (three, {"parent_key_result_id": own["id"], "mode": "support"}),
    ):
        assert await goals.refused("POST", f"objectives/{child['id']}/alignments", parent) == ring
    await goals.align(one, parent_objective_id=three["id"])


async def test_two_writers_at_once_cannot_close_a_ring(goals: Goals) -> None:
    for _ in range(5):
        one, two = await objectives_of(goals, 2)
        answers = await asyncio.gather(
            *(
                goals.client.post(
                    f"/v1/objectives/{child['id']}/alignments", json={"parent_objective_id": parent["id"]}
                )
                for child, parent in ((one, two), (two, one))
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_the_past_has_no_ring_either(goals: Goals) -> None:
    """A new tie holds for the past too: ended ones that would close a ring with it there are taken out of the past."""
    one, two, three, aside = await objectives_of(goals, 4)
    first = await goals.align(one, parent_objective_id=two["id"])
    held = await goals.align(two, parent_objective_id=three["id"])
    direct = await goals.align(one, parent_objective_id=three["id"])
    unrelated = await goals.align(one, parent_objective_id=aside["id"])
    ended = [await goals.delete(f"alignments/{alignment['id']}") for alignment in (first, direct, unrelated)]
    async with goals.raising() as raised:
        await goals.align(three, parent_objective_id=one["id"])
    now = [await goals.get(f"alignments/{alignment['id']}") for alignment in (first, direct, unrelated, held)]
    assert [datetime.fromisoformat(alignment["ended_at"]) for alignment in now[:2]] == [BEGIN, BEGIN]
    assert now[2] == ended[2]
    assert now[3] == held
    assert {f"objective:{parent['id']}" for parent in (one, two, three)} <= raised.since.keys()
    assert f"objective:{aside['id']}" not in raised.since


@given(
    arrows=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()).filter(lambda arrow: arrow[0] < arrow[1]),
        max_size=12,
    ),
    child=st.integers(0, 5),
    parent=st.integers(0, 5),
)
def test_what_remains_has_no_ring_and_no_tie_is_taken_back_for_nothing(
    arrows: list[tuple[int, int, bool]], child: int, parent: int
) -> None:
    """Arrows lead from lower to higher numbers, so that there is no ring before the new one."""
    ties = [
        Tie(UUID(int=100 + index), UUID(int=low), UUID(int=high), ended)
        for index, (low, high, ended) in enumerate(arrows)
    ]
    new = Tie(UUID(int=99), UUID(int=child), UUID(int=parent), ended=False)
    above = {new.parent_id}
    for tie in sorted(ties, key=lambda tie: tie.child_id):
        above |= {tie.parent_id} if tie.child_id in above else set()
    ties = [tie for tie in ties if tie.child_id in above]
    try:
        taken_back = ties_that_would_ring(ties, child_id=new.child_id, parent_id=new.parent_id)
    except AlignmentRing:
        assert has_ring([new, *(tie for tie in ties if not tie.ended)])
        return
    assert all(tie.ended for tie in taken_back)
    remaining = [tie for tie in ties if tie not in taken_back]
    assert not has_ring([new, *remaining])
    for tie in taken_back:
        # It leads back to the child: an arrow from there to where it leads closes a ring by itself.
        assert has_ring([Tie(UUID(int=98), new.child_id, tie.parent_id, ended=False), *ties])


def has_ring(ties: list[Tie]) -> bool:
    """Whether some objective is above itself."""
    sorter = TopologicalSorter[UUID]()
    for tie in ties:
        sorter.add(tie.child_id, tie.parent_id)
    try:
        sorter.prepare()
    except CycleError:
        return True
    return any(tie.child_id == tie.parent_id for tie in ties)


async def test_what_has_ended_keeps_its_alignments(goals: Goals) -> None:
    child, parent, closed = await objectives_of(goals, 3)
    held = await goals.align(child, parent_objective_id=closed["id"])
    await goals.post(f"objectives/{closed['id']}/close", expect=200)
    refused = (409, "objective_closed", None)
    for one, other in ((parent, closed), (closed, parent)):
        body = {"parent_objective_id": other["id"]}
        assert await goals.refused("POST", f"objectives/{one['id']}/alignments", body) == refused
    assert await goals.refused("PATCH", f"alignments/{held['id']}", {"weight": 3}) == refused


async def test_an_alignment_counts_for_the_past_and_its_end_from_now_on(goals: Goals) -> None:
    company_team = await goals.team()
    team = await goals.team(parent_id=company_team["id"])
    later = STARTS_ON + timedelta(days=9)
    year, quarter = await goals.cycle(), await goals.cycle(starts_on=later.isoformat())
    parent = await goals.objective(year, active=True)
    composite = await goals.key_result(parent, kind="composite", formula={"op": "mean", "of": []})
    other_parent = await goals.objective(year, active=True)
    child = await goals.objective(quarter, active=True, team_id=team["id"])
    await goals.align(child, parent_objective_id=other_parent["id"])
    above_child = [
        f"team:{company_team['id']}",
        f"team:{team['id']}",
        f"cycle:{quarter['id']}",
        f"organization:{goals.company.id}",
    ]
    for target, subjects in (
        ({"parent_objective_id": parent["id"]}, [f"objective:{parent['id']}"]),
        ({"parent_key_result_id": composite["id"]}, [f"key_result:{composite['id']}", f"objective:{parent['id']}"]),
    ):
        expected = dict.fromkeys(subjects, BEGIN) | dict.fromkeys(above_child, begin_of(later))
        async with goals.raising() as raised:
            alignment = await goals.align(child, **target)
        assert raised.since == expected
        path = f"alignments/{alignment['id']}"
        async with goals.raising() as raised:
            await goals.patch(path, {"weight": 4})
        assert raised.since == expected
        async with goals.raising() as raised:
            same = await goals.patch(path, {"weight": 4.0, "mode": "contribute"})
        assert (same["version"], raised.since) == (2, {})
        async with goals.raising() as raised:
            ended = await goals.delete(path)
        assert raised.since == dict.fromkeys(expected, datetime.fromisoformat(ended["ended_at"]))
        assert [type for type, _ in await goals.events(f"alignment:{alignment['id']}")] == [
            "okr.alignment.added.v1",
            "okr.alignment.revised.v1",
            "okr.alignment.ended.v1",
        ]


async def test_another_companys_alignments_do_not_exist(goals: Goals, other: Company) -> None:
    their_goals = await Goals.of(other)
    their_child, their_parent = await objectives_of(their_goals, 2)
    their_key_result = await their_goals.key_result(their_parent)
    theirs = await their_goals.align(their_child, parent_objective_id=their_parent["id"])
    mine, _ = await objectives_of(goals, 2)
    not_found = (404, "not_found", None)
    for method, body in (("GET", None), ("PATCH", {"weight": 2}), ("DELETE", None)):
        assert await goals.refused(method, f"alignments/{theirs['id']}", body) == not_found
    their_path = f"objectives/{their_child['id']}/alignments"
    assert await goals.refused("GET", their_path) == not_found
    assert await goals.refused("POST", their_path, {"parent_objective_id": mine["id"]}) == not_found
    for field, theirs_id in {
        "parent_objective_id": their_parent["id"],
        "parent_key_result_id": their_key_result["id"],
    }.items():
        refused = await goals.refused("POST", f"objectives/{mine['id']}/alignments", {field: theirs_id})
        assert refused == (422, "unknown_reference", f"/{field}")
