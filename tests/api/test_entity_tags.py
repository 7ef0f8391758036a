"""ETag, If-None-Match and If-Match, with teams as the example."""

from typing import Any

import httpx
import pytest
from api_problems import refused

from okr.db.demand import subject
from okr.domain.values import SubjectKind
from okr_api.etag import Precondition, is_unchanged


async def a_team(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    """The answer to a new team."""
    answer = await client.post("/v1/teams", json={"name": "Sales", **fields})
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_create_a_read_and_a_change_carry_the_tag_of_what_they_show(company: Any) -> None:
    made = await a_team(company.client)
    path = made.headers["Location"]
    read = await company.client.get(path)
    changed = await company.client.patch(path, json={"name": "Marketing"}, headers={"If-Match": made.headers["ETag"]})
    assert [answer.headers["ETag"] for answer in (made, read, changed)] == ['"1.1.0"', '"1.1.0"', '"2.1.0"']
    assert read.json() == made.json()
    assert (await company.client.get(path)).json() == changed.json()


async def test_a_current_copy_is_answered_304_without_a_body(company: Any) -> None:
    path = (await a_team(company.client)).headers["Location"]
    answer = await company.client.get(path, headers={"If-None-Match": '"0.0.0", W/"1.1.0"'})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", '"1.1.0"')


async def test_a_new_grade_makes_the_copy_old_but_does_not_stop_a_change(company: Any) -> None:
    made = await a_team(company.client)
    path, tag = made.headers["Location"], made.headers["ETag"]
    team = subject(SubjectKind.TEAM, made.json()["id"])
    await company.connection.execute(
        "UPDATE rescore_demand SET computed_seq = 1, dirty = false WHERE subject_kind = $1 AND subject_id = $2",
        team.number,
        team.id,
    )
    read = await company.client.get(path, headers={"If-None-Match": tag})
    assert (read.status_code, read.headers["ETag"]) == (200, '"1.1.1"')
    changed = await company.client.patch(path, json={"name": "Marketing"}, headers={"If-Match": tag})
    assert changed.status_code == 200


async def test_a_change_must_name_the_version_it_is_meant_for(company: Any) -> None:
    made = await a_team(company.client)
    path = made.headers["Location"]

    async def patch(**headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await company.client.patch(path, json={"name": "Marketing"}, headers=names)

    assert refused(await patch()) == (428, "precondition_required")
    assert refused(await patch(If_Match='"9.1.0"')) == (412, "precondition_failed")
    # A weak tag says that the bytes may differ, which is not good enough for a change (RFC 9110, 13.1.1).
    assert refused(await patch(If_Match='W/"1.1.0"')) == (412, "precondition_failed")
    assert refused(await patch(If_Match="1.1.0")) == (422, "invalid_header")
    assert (await company.client.get(path)).json() == made.json()
    assert (await patch(If_Match='"7.0.0", "1.9.9"')).status_code == 200
    assert refused(await patch(If_Match=made.headers["ETag"])) == (412, "precondition_failed")
    assert (await patch(If_Match="*")).status_code == 200


async def test_a_change_that_changes_nothing_keeps_the_version(company: Any) -> None:
    made = await a_team(company.client)
    answer = await company.client.patch(made.headers["Location"], json={"name": "Sales"}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()) == (200, made.json())


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (None, False),
        ("*", True),
        (' "1.2.3" ', True),
        ('W/"1.2.3"', True),
        ('"1.2.2"', False),
        ('"9.9.9",W/"1.2.3"', True),
        ('""', False),
    ],
)
def test_if_none_match_compares_all_of_the_tag(header: str | None, unchanged: bool) -> None:
    assert is_unchanged(header, '"1.2.3"') is unchanged


@pytest.mark.parametrize(
    ("header", "versions"),
    [("*", None), ('"1.2.3"', {"1"}), ('"1"', {"1"}), ('"1.0.0" , "2.0.0"', {"1", "2"}), ('W/"1.0.0"', set())],
)
def test_if_match_compares_the_version(header: str, versions: set[str] | None) -> None:
    assert Precondition.of_header(header) == Precondition(None if versions is None else frozenset(versions))
