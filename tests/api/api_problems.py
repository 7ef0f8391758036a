"""Reading problems: the part of an answer that tests compare."""

import httpx

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
