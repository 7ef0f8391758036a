"""Reading problems: the part of an answer that tests compare."""

from urllib.parse import unquote

import httpx
from fastapi import FastAPI

from okr_api.routing import Route

PROBLEM_JSON = "application/problem+json"


def refused(answer: httpx.Response) -> tuple[int, str]:
    """(status, code) of a problem; an answer that is no well-formed problem fails the test."""
    assert answer.headers["content-type"] == PROBLEM_JSON, answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:okr:problem:{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return answer.status_code, problem["code"]


def blamed(answer: httpx.Response) -> set[tuple[str, str]]:
    """(code, pointer or parameter) of each thing that is wrong."""
    return {(item["code"], item.get("pointer", item.get("parameter"))) for item in answer.json()["errors"]}


async def check_declared(app: FastAPI, answer: httpx.Response) -> None:
    """Fail the test whose request was refused in a way that its operation does not declare. Every client of these tests asks."""
    if answer.headers.get("content-type") != PROBLEM_JSON or answer.request.method == "HEAD":
        return
    await answer.aread()
    code, path = answer.json()["code"], unquote(answer.request.url.path)
    method = answer.request.method
    for route in app.routes:
        if isinstance(route, Route) and method in (route.methods or ()) and route.path_regex.match(path):
            declared = {refusal.code for refusal in route.refuses}
            assert code in declared, f"{method} {route.path} answers {code} and does not declare it"
            return
