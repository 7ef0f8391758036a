"""PATCH is a JSON merge patch, with teams and people as examples."""

from typing import Any

from api_problems import blamed, refused

ANY = {"If-Match": "*"}


async def test_what_is_left_out_stays_and_null_clears(company: Any) -> None:
    lead = await company.add_person()
    made = (await company.client.post("/v1/teams", json={"name": "Sales", "lead_id": str(lead)})).json()
    path = f"/v1/teams/{made['id']}"
    renamed = (await company.client.patch(path, json={"name": "Marketing"}, headers=ANY)).json()
    cleared = (await company.client.patch(path, json={"lead_id": None}, headers=ANY)).json()
    changes = {"updated_at": renamed["updated_at"], "version": 2, "name": "Marketing"}
    assert renamed == made | changes
    assert cleared == renamed | {"updated_at": cleared["updated_at"], "version": 3, "lead_id": None}


async def test_null_where_a_value_is_needed_and_unknown_fields_are_refused(company: Any) -> None:
    made = (await company.client.post("/v1/teams", json={"name": "Sales"})).json()
    body = {"name": None, "kind": None, "version": 7, "grade": {"grade": 1}}
    answer = await company.client.patch(f"/v1/teams/{made['id']}", json=body, headers=ANY)
    assert refused(answer) == (422, "invalid_request")
    assert blamed(answer) == {
        ("wrong_type", "/name"),
        ("not_one_of", "/kind"),
        ("unknown_field", "/version"),
        ("unknown_field", "/grade"),
    }
    assert (await company.client.get(f"/v1/teams/{made['id']}")).json() == made


async def test_both_content_types_are_read_and_no_other(company: Any) -> None:
    made = (await company.client.post("/v1/people", json={"name": "Ada"})).json()
    answers = {}
    for kind in (
        "application/merge-patch+json",
        "application/json; charset=utf-8",
        "application/json-patch+json",
        "text/plain",
        "application/json; charset=latin-1",
        "",
    ):
        headers = {**ANY, "Content-Type": kind} if kind else ANY
        answer = await company.client.patch(f"/v1/people/{made['id']}", content=b'{"name": "B"}', headers=headers)
        answers[kind] = answer.status_code
    assert answers == {
        "application/merge-patch+json": 200,
        "application/json; charset=utf-8": 200,
        "application/json-patch+json": 415,
        "text/plain": 415,
        "application/json; charset=latin-1": 415,
        "": 415,
    }


async def test_a_patch_is_an_object(company: Any) -> None:
    made = (await company.client.post("/v1/people", json={"name": "Ada"})).json()
    for body in (b"null", b"[]", b'"name"', b"1", b""):
        headers = {**ANY, "Content-Type": "application/json"}
        answer = await company.client.patch(f"/v1/people/{made['id']}", content=body, headers=headers)
        assert refused(answer) == (422, "invalid_request"), body
