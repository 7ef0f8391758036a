"""Every operation that the service describes, and a request for each that is right in every respect.

All of it is read from the OpenAPI document, so a new operation is tested as soon as it is there. A path that names a new kind of
thing needs an id of one in `World`; a body whose fields must fit together needs an entry in `BODIES`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from goal_builders import ENDS_ON, STARTS_ON, Goals

from company import insert
from okr.ids import new_id

METHODS = ("get", "post", "put", "patch", "delete")
ANY_VERSION = {"If-Match": "*"}


@dataclass(frozen=True)
class Operation:
    """One operation: its method, its path as a template, and its part of the document, references resolved."""

    method: str
    template: str
    name: str
    scopes: list[str]
    parameters: dict[str, dict[str, Any]]
    queries: dict[str, dict[str, Any]]
    headers: set[str]
    body: dict[str, Any] | None
    needs_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def needs_version(self) -> bool:
        """Whether it is refused without If-Match."""
        return self.method in ("PATCH", "DELETE")


def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation under /v1 of an OpenAPI document."""
    found = []
    for template, item in document["paths"].items():
        if not template.startswith("/v1/"):
            continue
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                found.append(_operation(document, method, template, item[method], shared))
    return found


def _operation(
    document: dict[str, Any], method: str, template: str, told: dict[str, Any], shared: list[dict[str, Any]]
) -> Operation:
    parameters = [_resolved(document, one) for one in [*shared, *told.get("parameters", [])]]

    def schemas(place: str) -> dict[str, dict[str, Any]]:
        return {one["name"]: _resolved(document, one["schema"]) for one in parameters if one["in"] == place}

    body = told.get("requestBody")
    content = _resolved(document, body)["content"]["application/json"]["schema"] if body else None
    scopes = [scope for requirement in told.get("security", []) for names in requirement.values() for scope in names]
    return Operation(
        method.upper(),
        template,
        told["operationId"],
        scopes,
        schemas("path"),
        schemas("query"),
        {name.lower() for name in schemas("header")},
        None if content is None else _resolved(document, content),
        bool(body and _resolved(document, body).get("required")),
    )


def _resolved(document: dict[str, Any], told: Any) -> Any:
    """The same with everything in the place of a reference to it; no schema of a request refers to itself."""
    if isinstance(told, list):
        return [_resolved(document, one) for one in told]
    if not isinstance(told, dict):
        return told
    if "$ref" in told:
        target: Any = document
        for part in told["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved(document, {**target, **{name: one for name, one in told.items() if name != "$ref"}})
    return {name: one if name == "examples" else _resolved(document, one) for name, one in told.items()}


@dataclass
class World:
    """An organization with one thing of each kind; `ids` has its id under the name that paths use for it.

    `others` has, by the name of an operation, those that it needs to be in another state.
    """

    client: httpx.AsyncClient
    ids: dict[str, str] = field(default_factory=dict)
    others: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    async def of(cls, company: Any) -> "World":
        """Make one thing of each kind."""
        goals = await Goals.of(company)
        cycle = await goals.cycle()
        parent = await goals.objective(cycle, active=True, title="Parent")
        spare = await goals.objective(cycle, title="Spare")
        objective = await goals.objective(cycle, active=True)
        key_result = await goals.key_result(objective)
        alignment = await goals.align(objective, parent_objective_id=parent["id"])
        check_in = await goals.post(f"key-results/{key_result['id']}/check-ins", {"value": 12})
        key = await goals.post("api-keys", {"name": "A key", "scopes": ["okr:read"]})
        await goals.post("metrics", {"key": "revenue"})
        await goals.post("rulesets", {"key": "house"})
        await goals.post("rulesets/house/versions", {"document": {}})
        word = {"grade": 0.5, "reason": "A guess", "person_id": goals.person_id}
        for path in (f"objectives/{objective['id']}/override", f"key-results/{key_result['id']}/override"):
            await goals.put(path, word)
        run_id, now = new_id(), datetime.now(UTC)
        run = {
            "kind": "regrade_all",
            "state": "running",
            "done": 0,
            "unit": "grades",
            "detail": "{}",
            "version": 1,
        }
        times = {"created_at": now, "updated_at": now, "started_at": now}
        await insert(company.connection, "run", organization_id=company.id, id=run_id, **run, **times)
        ids = {
            "run_id": str(run_id),
            "cycle_id": cycle["id"],
            "objective_id": objective["id"],
            "parent_objective_id": parent["id"],
            "spare_objective_id": spare["id"],
            "key_result_id": key_result["id"],
            "alignment_id": alignment["id"],
            "check_in_id": check_in["id"],
            "team_id": (await goals.team())["id"],
            "person_id": goals.person_id,
            "key_id": key["id"],
            "key": "revenue",
            "ruleset_key": "house",
            "number": "1",
            "preset_key": "standard",
        }
        return cls(company.client, ids, await cls._others(goals))

    @staticmethod
    async def _others(goals: Goals) -> dict[str, dict[str, str]]:
        running, ending, graded, closed = [await goals.cycle() for _ in range(4)]
        objective = await goals.objective(graded, active=True)
        await goals.post(f"cycles/{graded['id']}/start-grading", expect=200)
        await goals.post(f"cycles/{closed['id']}/close", expect=200)
        return {
            "start_grading_cycle": {"cycle_id": running["id"]},
            "close_cycle": {"cycle_id": ending["id"]},
            "confirm_final_grade": {"objective_id": objective["id"]},
            "reopen_cycle": {"cycle_id": closed["id"]},
        }

    def path(self, operation: Operation, **instead: str) -> str:
        """The operation's path with this world's ids, but for those that are given."""
        unknown = operation.parameters.keys() - self.ids.keys() - instead.keys()
        assert not unknown, f"{operation}: make one of these and give World its id: {sorted(unknown)}"
        return operation.template.format(**{**self.ids, **self.others.get(operation.name, {}), **instead})

    def query(self, operation: Operation) -> dict[str, str]:
        """A value for each query parameter that no request can do without."""
        values = {"subject": f"objective:{self.ids['objective_id']}"}
        return {name: value for name, value in values.items() if name in operation.queries}

    def body(self, operation: Operation) -> Any:
        """A body that the operation takes; None where it has none."""
        if operation.body is None:
            return None
        if operation.name in BODIES:
            return BODIES[operation.name](self.ids)
        return _example(operation.body, "", self.ids)

    async def send(
        self,
        operation: Operation,
        *,
        path: str | None = None,
        headers: Mapping[str, str | bytes | None] | None = None,
        content: Any = None,
        client: httpx.AsyncClient | None = None,
        **request: Any,
    ) -> httpx.Response:
        """The right request, but for what is given here; a header that is None is left out."""
        sent: dict[str, str | bytes | None] = dict(ANY_VERSION) if operation.needs_version else {}
        if operation.body is not None:
            sent["Content-Type"] = "application/json"
            if content is None and "json" not in request:
                request["json"] = self.body(operation)
        return await (client or self.client).request(
            operation.method,
            path or self.path(operation),
            params=request.pop("params", self.query(operation)),
            headers={name: value for name, value in {**sent, **(headers or {})}.items() if value is not None},
            content=content,
            **request,
        )


# Bodies whose fields must fit together.
BODIES: dict[str, Callable[[dict[str, str]], Any]] = {
    "add_cycle": lambda _: {"name": "Next", "starts_on": str(STARTS_ON), "ends_on": str(ENDS_ON)},
    "add_key_result": lambda _: {"title": "A", "kind": "increase", "start_value": 0, "target_value": 10},
    "add_alignment": lambda ids: {"parent_objective_id": ids["spare_objective_id"]},
    "add_check_in": lambda _: {"value": 13},
    "add_objective": lambda ids: {"title": "Delight", "cycle_id": ids["cycle_id"], "owner_id": ids["person_id"]},
    "add_metric": lambda _: {"key": "churn"},
    "preview_ruleset": lambda _: {"document": {"title": "Ours"}},
    "add_ruleset": lambda _: {"key": "other"},
    "add_ruleset_version": lambda _: {"document": {"title": "Ours"}},
    "add_points": lambda _: {"points": [{"metric": "revenue", "value": 1, "observed_at": f"{STARTS_ON}T00:00:00Z"}]},
}


def _example(schema: dict[str, Any], name: str, ids: dict[str, str]) -> Any:
    """A value of the schema, with those fields only that it requires."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _example(schema[several][0], name, ids)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {one: _example(fields[one], one, ids) for one in schema.get("required", [])}
        case "array":
            return [_example(schema["items"], name, ids)] * schema.get("minItems", 0)
        case "string" if schema.get("format") == "uuid":
            # A formula names its operands `of`.
            return ids.get(name, ids["key_result_id"])
        case "string":
            return {"date": str(STARTS_ON), "date-time": f"{STARTS_ON}T00:00:00Z"}.get(schema.get("format", ""), "a")
        case "boolean":
            return True
        case _:
            return schema.get("minimum", 1)


@dataclass(frozen=True)
class Place:
    """A value in a body: its JSON Pointer, and the schemas that it may have (null among them as a type)."""

    steps: tuple[str | int, ...]
    schemas: tuple[dict[str, Any], ...]

    @property
    def pointer(self) -> str:
        """The place as RFC 6901 writes it."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)

    @property
    def types(self) -> set[str]:
        """The JSON types that it may have."""
        types: set[str] = set()
        for schema in self.schemas:
            told = schema.get("type", [])
            types |= {told} if isinstance(told, str) else set(told)
            types |= {
                _type_of(one) for one in [*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])]
            }
        return types | ({"integer"} if "number" in types else set())


def _type_of(value: Any) -> str:
    return {str: "string", int: "integer", float: "number", bool: "boolean"}.get(type(value), "null")


def places(schema: dict[str, Any], steps: tuple[str | int, ...] = ()) -> Iterator[Place]:
    """Every place in a body of the schema; of a list the first item stands for all."""
    schemas = tuple(schema.get("anyOf", schema.get("oneOf", [schema])))
    yield Place(steps, schemas)
    for one in schemas:
        for name, inner in one.get("properties", {}).items():
            yield from places(inner, (*steps, name))
        if isinstance(one.get("items"), dict):
            yield from places(one["items"], (*steps, 0))


def with_value(body: Any, place: Place, value: Any, ids: dict[str, str], schema: dict[str, Any]) -> Any:
    """A copy of the body that has the value at the place; what leads there is made if need be."""
    if not place.steps:
        return value
    step, rest = place.steps[0], Place(place.steps[1:], place.schemas)
    schema = _inner(schema, step)
    if isinstance(step, int):
        first = body[0] if body else _example(schema, "", ids)
        return [with_value(first, rest, value, ids, schema), *(body or [])[1:]]
    inner = (body or {}).get(step)
    if inner is None and rest.steps:
        inner = _example(_not_null(schema), "", ids)
    return {**(body or {}), step: with_value(inner, rest, value, ids, schema)}


def _inner(schema: dict[str, Any], step: str | int) -> dict[str, Any]:
    for one in schema.get("anyOf", schema.get("oneOf", [schema])):
        if isinstance(step, int) and isinstance(one.get("items"), dict):
            return dict(one["items"])
        if isinstance(step, str) and step in one.get("properties", {}):
            return dict(one["properties"][step])
    return {}  # a field that nobody knows


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = schema.get("anyOf", schema.get("oneOf", [schema]))
    return next(one for one in choices if one.get("type") != "null")
