"""The document as a whole: what the framework makes of the routes, completed."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from okr_api.errors import PROBLEM_JSON, Problem
from okr_api.openapi.bounds import bound
from okr_api.openapi.examples import give_examples
from okr_api.openapi.headers import HEADERS
from okr_api.openapi.links import link

Json = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
_DROPPED_SCHEMAS = ("HTTPValidationError", "ValidationError")
_SCHEMAS = "#/components/schemas/"

DESCRIPTION = """\
Objectives and key results that other systems can trust: every change is kept, every grade explains itself, every day of the
past can be asked for.

* **Credential**: `Authorization: Bearer okr_live_…`. The organization is the key's.
* **Failures** are `application/problem+json` (RFC 9457) with a stable `code`, a `request_id`, and `errors` that point into the
  body. Unknown fields and parameters are refused; strings are not taken for numbers.
* **Changes** by PATCH and DELETE name the version they are meant for: `If-Match` with the ETag that was read.
* **Retries** are safe with an `Idempotency-Key` on any POST.
* **Grades** are made moments after a write; `Prefer: wait=5` answers with the new one, `stale` says that one is on its way.
* **Answers may gain fields**: pass over those that you do not know. Nothing that a client relies on changes within `/v1`.
"""

TAGS = {
    "objectives": "What is to be reached, and by whom.",
    "key results": "How it is seen that an objective is reached.",
    "check-ins": "What people say about a key result.",
    "alignments": "Which objective serves which other one.",
    "cycles": "The periods that objectives belong to.",
    "metrics": "The catalogue of measured numbers, and their values.",
    "rulesets": "How grades are made: rules with versions, for the organization, a cycle or a team.",
    "grades": "The numbers, why they are what they are, and what they were.",
    "reports": "What the grades of many come to.",
    "overrides": "People's words above computed grades.",
    "final grading": "Who stands behind the grades that a cycle ends with.",
    "events": "What has changed, in order.",
    "runs": "Long work and its progress.",
    "directory": "The organization, its people and its teams.",
    "keys": "API keys.",
    "running": "For operators: is it alive, is it ready, how is it doing?",
}


def document(app: FastAPI) -> Json:
    """The document, made once per process."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": told} for name, told in TAGS.items()],
        # Every installation serves its own document; only it knows its address.
        servers=[
            {
                "url": "/",
                "description": "The installation that serves this document, be it local, staging or production.",
                "x-internal": True,
            }
        ],
        contact={"name": "Whoever runs this installation"},
    )
    _complete(made)
    app.openapi_schema = made
    return made


def _complete(made: Json) -> None:
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _DROPPED_SCHEMAS:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_SCHEMAS + "{model}")
    schemas.update(problem.pop("$defs"))
    schemas[Problem.__name__] = problem
    for schema in list(schemas.values()):
        _name_models(schema.get("properties", schema), schemas)
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: `okr_live_…`."}
    }
    components["headers"] = HEADERS
    for _, method, operation in operations(made):
        if method == "patch":
            _say_merge_patch(operation.get("requestBody", {}).get("content", {}))
        for parameter in operation.get("parameters", []):
            _without_null(parameter)
        operation["responses"] = dict(sorted(operation["responses"].items()))
    _share_failures(made)
    _open_answers(made)
    bound(made)
    give_examples(made)
    link(made)


def operations(made: Json) -> Iterator[tuple[str, str, Json]]:
    """(path, method, operation) of everything that is served."""
    for path, item in made["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _name_models(node: Any, schemas: Json) -> None:
    """Give models that are written down in the midst of others a place and a name of their own, as clients' types need."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in inner:
        _name_models(part, schemas)
    if isinstance(node, dict) and "properties" in node and isinstance(node.get("title"), str):
        name, model = node["title"], dict(node)
        assert schemas.setdefault(name, model) == model, name
        node.clear()
        node["$ref"] = _SCHEMAS + name


def _say_merge_patch(content: Json) -> None:
    if "application/json" in content:
        content["application/merge-patch+json"] = content["application/json"]


def _without_null(parameter: Json) -> None:
    """Nothing in an address or a header is null: what is optional may be left out."""
    schema = parameter["schema"]
    choices = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if choices:
        del schema["anyOf"]
        schema |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    # Once is enough.
    if schema.get("description") == parameter.get("description"):
        schema.pop("description", None)


def _share_failures(made: Json) -> None:
    """Write each kind of failure down once; operations refer to it."""
    shared = made["components"].setdefault("responses", {})
    for _, _, operation in operations(made):
        for status, answer in operation["responses"].items():
            if PROBLEM_JSON in answer.get("content", {}):
                name = f"Problem{status}"
                assert shared.setdefault(name, answer) == answer, (operation["operationId"], status)
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    made["components"]["responses"] = dict(sorted(shared.items()))


def _open_answers(made: Json) -> None:
    """Let answers gain fields: only what is sent to us is closed."""
    schemas = made["components"]["schemas"]
    sent: set[str] = set()
    waiting = [name for _, _, one in operations(made) for name in _named_in(one.get("requestBody", {}))]
    while waiting:
        name = waiting.pop()
        if name not in sent:
            sent.add(name)
            waiting.extend(_named_in(schemas[name]))
    for name, schema in schemas.items():
        if name not in sent and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _named_in(node: Any) -> Iterator[str]:
    """The names of the schemas that a part of the document refers to."""
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_SCHEMAS):
            yield reference.removeprefix(_SCHEMAS)
        for inner in node.values():
            yield from _named_in(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _named_in(inner)
