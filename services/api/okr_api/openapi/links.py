"""Links: from a thing in an answer to all that can be asked and done about it.

An operation on `/v1/objectives/{objective_id}` that answers with one model says that `objective_id` is how things of that model
are told apart. So every answer with that model links to every operation whose address has an `{objective_id}`.
"""

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_SUCCESSES = ("200", "201")


def link(made: Json) -> None:
    """Write the links down, once each, and refer to them from the answers that make a thing."""
    found: Json = {}
    for parameter, model in _identities(made):
        for path, method, operation in _operations(made):
            if f"{{{parameter}}}" in path:
                properties = made["components"]["schemas"][model]["properties"]
                parameters = _parameters(path, parameter, properties)
                found.setdefault(model, {})[operation["operationId"]] = _link(parameters, method, operation)
    shared: Json = {}
    for _, method, operation in _operations(made):
        for status in _SUCCESSES:
            answer = operation["responses"].get(status)
            made_here = _model(answer)
            if method in ("post", "put") and answer is not None and made_here in found:
                links = {f"{made_here}.{name}": told for name, told in found[made_here].items()}
                answer["links"] = {
                    told["operationId"]: {"$ref": f"#/components/links/{n}"} for n, told in links.items()
                }
                shared |= links
    made["components"]["links"] = dict(sorted(shared.items()))


def _identities(made: Json) -> Iterator[tuple[str, str]]:
    """(path parameter, model) for each address of a single thing, and for what else makes such a thing."""
    for path, method, operation in _operations(made):
        model = _model(operation["responses"].get("200"))
        if method == "get" and path.endswith("}") and model:
            parameter = path.rpartition("{")[2].removesuffix("}")
            yield parameter, model
            # Made by another answer than the one that it is read by: a key, which is shown only once.
            created = _model(
                made["paths"].get(path.rpartition("/")[0], {}).get("post", {}).get("responses", {}).get("201")
            )
            if created and created != model:
                yield parameter, created


def _parameters(path: str, parameter: str, properties: Json) -> dict[str, str]:
    """What the thing itself gives for the address: `parameter`, and what stands above it where the thing says that too."""
    field = parameter if parameter in properties else "key" if parameter.endswith("_key") else "id"
    above = re.findall(r"{(\w+)}", path.partition(f"{{{parameter}}}")[0])
    named = {parameter: field} | {name: name for name in above if name in properties}
    return {name: f"$response.body#/{field}" for name, field in named.items()}


def _link(parameters: dict[str, str], method: str, operation: Json) -> Json:
    if method in ("patch", "delete"):
        parameters["header.If-Match"] = "$response.header.ETag"
    return {"operationId": operation["operationId"], "parameters": parameters}


def _model(answer: Json | None) -> str | None:
    schema = (answer or {}).get("content", {}).get("application/json", {}).get("schema", {})
    reference = schema.get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _operations(made: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield path, method, operation
