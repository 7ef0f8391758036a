"""No change of the OpenAPI document breaks a client without our saying so; and what would is noticed, kind by kind."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from contract_breaks import breaks
from contract_document import OPENAPI, ROOT, Json

ALLOWED = ROOT / "tests" / "contract" / "allowed_breaks.txt"
_PATH = OPENAPI.relative_to(ROOT).as_posix()

THING: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "state": {"type": "string", "enum": ["draft", "active"]},
        "weight": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 10}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 5},
    },
    "required": ["id", "name", "state", "weight"],
}
NEW_THING: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {name: THING["properties"][name] for name in ("name", "state", "weight", "tags")},
    "required": ["name"],
}
DOCUMENT: Json = {
    "paths": {
        "/things": {
            "post": {
                "operationId": "add_thing",
                "security": [{"key": ["okr:write"]}],
                "parameters": [{"name": "Prefer", "in": "header", "schema": {"type": "string", "maxLength": 100}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}},
                "responses": {
                    "201": {
                        "headers": {"Location": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "409": {"$ref": "#/components/responses/Conflict"},
                },
            },
            "get": {
                "operationId": "list_things",
                "parameters": [{"name": "state", "in": "query", "schema": {"enum": ["draft", "active"]}}],
                "responses": {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}},
            },
        }
    },
    "components": {
        "schemas": {"Thing": THING, "NewThing": NEW_THING},
        "responses": {"Conflict": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
    },
}


def post(document: Json) -> Any:
    return document["paths"]["/things"]["post"]


def get(document: Json) -> Any:
    return document["paths"]["/things"]["get"]


def sent(document: Json) -> Any:
    return document["components"]["schemas"]["NewThing"]


def answered(document: Json) -> Any:
    return document["components"]["schemas"]["Thing"]


def changed(change: Callable[[Json], object]) -> Json:
    """The document after a change."""
    # Through text, so that no two places share a part.
    new: Json = json.loads(json.dumps(DOCUMENT))
    change(new)
    return new


ADD, LIST = "POST /things", "GET /things"


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (lambda d: d["paths"].pop("/things"), [f"{LIST}: is gone", f"{ADD}: is gone"]),
        (lambda d: d["paths"]["/things"].pop("get"), [f"{LIST}: is gone"]),
        (lambda d: get(d).update(operationId="all"), [f"{LIST}: has another operationId, all"]),
        (lambda d: get(d).update(security=[{"key": ["okr:read"]}]), [f"{LIST}: asks for more, okr:read"]),
        (lambda d: get(d)["parameters"].pop(), [f"{LIST}: query parameter state is no longer taken"]),
        (
            lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "required": True, "schema": {}}),
            [f"{LIST}: query parameter q is now required"],
        ),
        (
            lambda d: post(d)["parameters"][0].update(required=True),
            [f"{ADD}: header parameter Prefer is now required"],
        ),
        (
            lambda d: get(d)["parameters"][0]["schema"]["enum"].remove("draft"),
            [f"{LIST}: query parameter state: no room for draft (sent)"],
        ),
        (
            lambda d: post(d)["parameters"][0]["schema"].update(pattern="^wait"),
            [f"{ADD}: header parameter Prefer: pattern is not the same (sent)"],
        ),
        (lambda d: post(d).pop("requestBody"), [f"{ADD}: takes no body any more"]),
        (lambda d: post(d)["requestBody"].update(required=True), [f"{ADD}: needs a body"]),
        (
            lambda d: post(d)["requestBody"]["content"].update(
                {"text/plain": post(d)["requestBody"]["content"].pop("application/json")}
            ),
            [f"{ADD}: takes no application/json any more"],
        ),
        (lambda d: sent(d)["required"].append("state"), [f"{ADD}: body.state: may be missing (sent)"]),
        (lambda d: sent(d)["properties"].pop("tags"), [f"{ADD}: body.tags: is refused (sent)"]),
        (
            lambda d: sent(d)["properties"].update(name={"type": "string", "minLength": 1, "maxLength": 100}),
            [f"{ADD}: body.name: maxLength 100 is too narrow for 200 (sent)"],
        ),
        (
            lambda d: sent(d)["properties"].update(tags={"type": "array", "items": {"type": "integer"}}),
            [f"{ADD}: body.tags[]: no room for string (sent)"],
        ),
        (
            lambda d: sent(d)["properties"].update(weight={"type": "number", "minimum": 0, "maximum": 10}),
            [f"{ADD}: body.weight: no room for null (sent)"],
        ),
        (
            lambda d: sent(d)["properties"].update(
                weight={"anyOf": [{"type": "number", "minimum": 1}, {"type": "null"}]}
            ),
            [f"{ADD}: body.weight: minimum 1 is too narrow for 0 (sent)"],
        ),
        (
            lambda d: sent(d)["properties"].update(name={"type": "string", "format": "email"}),
            [f"{ADD}: body.name: format is not the same (sent)"],
        ),
        (
            lambda d: post(d)["responses"].update({"200": post(d)["responses"].pop("201")}),
            [f"{ADD}: 200 is a new answer", f"{ADD}: 201 is gone"],
        ),
        (
            lambda d: post(d)["responses"]["201"]["headers"].clear(),
            [f"{ADD}: 201 has no Location any more"],
        ),
        (
            lambda d: get(d)["responses"]["200"].update(content={"application/json": {"schema": {}}}),
            [f"{LIST}: 200 is no longer answered as text/csv"],
        ),
        (
            lambda d: d["components"]["responses"]["Conflict"].update(content={}),
            [f"{ADD}: 409 is no longer answered as application/problem+json"],
        ),
        (lambda d: answered(d)["properties"].pop("tags"), [f"{ADD}: 201.tags: is gone (answered)"]),
        (lambda d: answered(d)["required"].remove("name"), [f"{ADD}: 201.name: may be missing (answered)"]),
        (
            lambda d: answered(d)["properties"]["state"].update(enum=["draft", "active", "closed"]),
            [f"{ADD}: 201.state: no room for closed (answered)"],
        ),
        (
            lambda d: answered(d)["properties"].update(name={"anyOf": [THING["properties"]["name"], {"type": "null"}]}),
            [f"{ADD}: 201.name: no room for null (answered)"],
        ),
        (
            lambda d: answered(d)["properties"].update(id={"type": "integer"}),
            [f"{ADD}: 201.id: no room for integer (answered)"],
        ),
        (
            lambda d: answered(d)["properties"]["tags"].update(maxItems=6),
            [f"{ADD}: 201.tags: maxItems 5 is too narrow for 6 (answered)"],
        ),
    ],
)
def test_a_break_is_noticed(change: Callable[[Json], object], lines: list[str]) -> None:
    assert breaks(DOCUMENT, changed(change)) == lines


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/more": {"get": {"operationId": "more", "responses": {"200": {}}}}}),
        lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "schema": {"type": "string"}}),
        lambda d: get(d)["parameters"][0]["schema"]["enum"].append("closed"),
        lambda d: get(d).update(summary="List things", tags=["things"], description="All."),
        lambda d: post(d).pop("security"),
        lambda d: post(d)["responses"].update({"412": {"$ref": "#/components/responses/Conflict"}}),
        lambda d: post(d)["responses"].pop("409"),
        lambda d: sent(d)["properties"].update(comment={"type": "string"}),
        lambda d: sent(d)["properties"].update(name={"type": "string", "maxLength": 300}),
        lambda d: sent(d)["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        lambda d: sent(d)["properties"]["weight"]["anyOf"].reverse(),
        lambda d: sent(d).update(required=[]),
        lambda d: answered(d)["properties"].update(comment={"type": "string"}),
        lambda d: answered(d)["properties"].update(weight={"type": "integer", "minimum": 1, "maximum": 9}),
        lambda d: answered(d)["properties"]["state"].update(enum=["active"]),
        lambda d: answered(d)["required"].append("tags"),
    ],
)
def test_what_breaks_nobody_passes(change: Callable[[Json], object]) -> None:
    assert breaks(DOCUMENT, changed(change)) == []


def test_a_schema_that_contains_itself_is_compared(document: Json) -> None:
    tree = changed(lambda d: answered(d)["properties"].update(parent={"$ref": "#/components/schemas/Thing"}))
    other = copy.deepcopy(tree)
    answered(other)["properties"]["name"]["maxLength"] = 300
    assert breaks(tree, other) == [f"{ADD}: 201.name: maxLength 200 is too narrow for 300 (answered)"]
    assert breaks(document, copy.deepcopy(document)) == []


def git(*words: str) -> str | None:
    """What git answers; None if it knows nothing of that."""
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def document_before() -> Json:
    """The last committed document that differs from the one here. Skips the test where there is none."""
    if shutil.which("git") is None or git("rev-parse", "HEAD") is None:
        pytest.skip("there is no git history here to compare with")
    commits = (git("log", "--format=%H", "-n", "2", "--", _PATH) or "").split()
    for commit in commits:
        text = git("show", f"{commit}:{_PATH}")
        if text is not None and text != OPENAPI.read_text():
            found: Json = json.loads(text)
            return found
    pytest.skip(f"{_PATH} has no earlier version in this git history")


def allowed_breaks() -> list[str]:
    """The breaks that are meant, by the lines of a file; a `*` at the start stands for any beginning."""
    lines = ALLOWED.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def allows(allowed: str, found: str) -> bool:
    """Whether a line of that file means this break."""
    return found == allowed or (allowed.startswith("*") and found.endswith(allowed[1:]))


def test_nothing_breaks_since_the_last_commit(document: Json) -> None:
    found, allowed = breaks(document_before(), document), allowed_breaks()
    unmeant = [line for line in found if not any(allows(one, line) for one in allowed)]
    told = "\n".join(unmeant)
    assert not unmeant, f"clients would break; if it is meant, say so and why in {ALLOWED.name}:\n{told}"
    past = [one for one in allowed if not any(allows(one, line) for line in found)]
    assert not past, f"these are no breaks any more, take them out of {ALLOWED.name}: {past}"
