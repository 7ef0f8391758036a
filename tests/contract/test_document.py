"""The committed OpenAPI document is the application's own, complete, bounded, and its examples are good."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
from contract_document import OPENAPI, Json, bodies, operations, schemas_in
from contract_node import HERE, NodeTools
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from okr.keys import Scope
from okr_api.openapi.__main__ import written
from okr_api.openapi.document import TAGS


def test_the_committed_document_is_the_applications() -> None:
    assert OPENAPI.read_text() == written(), "the routes have changed: run `make openapi`, and look at what changed"


def test_the_lock_of_the_node_tools_says_what_and_not_from_where() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert [name for name, told in packages.items() if name and ("integrity" not in told or "resolved" in told)] == []


def lint(tools: NodeTools, document: Path) -> subprocess.CompletedProcess[str]:
    """Hold a document against the rules of spectral.yaml."""
    rules = tools.folder / "spectral.yaml"
    return tools.run("spectral", "lint", document, "--ruleset", rules, "--fail-severity", "warn")


def test_linters_find_nothing(tools: NodeTools) -> None:
    done = lint(tools, OPENAPI)
    assert done.returncode == 0, done.stdout + done.stderr


def test_linters_find_what_is_wrong(tools: NodeTools, document: Json, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(document))
    broken["components"]["schemas"]["PersonCreate"]["properties"]["name"] = {"type": "string"}
    broken["components"]["schemas"]["TeamCreate"]["properties"]["kind"]["default"] = 7
    broken["paths"]["/v1/me"]["get"]["operationId"] = "get_team"
    del broken["paths"]["/v1/people"]["get"]["security"]
    (tmp_path / "openapi.json").write_text(json.dumps(broken))
    done = lint(tools, tmp_path / "openapi.json")
    assert done.returncode == 1, done.stdout + done.stderr
    for rule in (
        "owasp:api4:2023-string-limit",
        "oas3-valid-schema-example",
        "operation-operationId-unique",
        "owasp:api2:2023-read-restricted",
    ):
        assert rule in done.stdout


def test_every_body_has_an_example_and_all_examples_are_valid(document: Json) -> None:
    registry: Registry[Any] = Registry().with_resource(
        "urn:document", Resource(contents=document, specification=DRAFT202012)
    )
    schemas = document["components"]["schemas"]
    checked = 0
    for name, schema in schemas.items():
        validator = jsonschema.Draft202012Validator(
            {"$ref": f"urn:document#/components/schemas/{name}"},
            registry=registry,
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        for example in schema.get("examples", []):
            checked += 1
            assert [error.message for error in validator.iter_errors(example)] == [], (name, example)
    assert checked > 50
    assert [name for name, _ in bodies(document) if "examples" not in schemas[name]] == []


def test_every_text_list_and_whole_number_is_bounded(document: Json) -> None:
    loose = []
    for place, schema in schemas_in(document):
        match schema["type"]:
            case "string" if not schema.keys() & {"enum", "const"}:
                needed = {"maxLength"}
            case "array":
                needed = {"maxItems"}
            case "integer":
                needed = {"minimum", "maximum", "format"}
            case _:
                needed = set()
        if not needed <= schema.keys():
            loose.append(place)
    assert loose == []


def test_what_is_sent_is_closed_and_what_is_answered_may_grow(document: Json) -> None:
    schemas = document["components"]["schemas"]
    sent = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, operation in operations(document)
        if "requestBody" in operation
    }
    assert sent
    assert [name for name in sorted(sent) if schemas[name].get("additionalProperties") is not False] == []
    assert [
        name for name in schemas if name.endswith(("Read", "List")) and "additionalProperties" in schemas[name]
    ] == []


def test_every_operation_says_who_may_and_is_filed_under_a_tag(document: Json) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    for name, operation in operations(document):
        assert set(operation["tags"]) <= TAGS.keys(), f"{name}: tell about its tag in okr_api/openapi/document.py"
        for requirement in operation["security"]:
            assert requirement.keys() <= document["components"]["securitySchemes"].keys(), name
            assert set(requirement["key"]) <= {str(scope) for scope in Scope}, name


def test_links_lead_to_operations_and_name_their_parameters(document: Json) -> None:
    known = {operation["operationId"]: (name, operation) for name, operation in operations(document)}
    links = document["components"]["links"]
    assert {"ObjectiveRead.get_objective", "KeyResultRead.add_check_in", "MetricRead.add_point"} <= links.keys()
    for name, told in links.items():
        address, operation = known[told["operationId"]]
        headers = {f"header.{one['name']}" for one in operation["parameters"] if one["in"] == "header"}
        for parameter in told["parameters"]:
            assert f"{{{parameter}}}" in address or parameter in headers, name
