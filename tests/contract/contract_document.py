"""The committed OpenAPI document, and ways to walk through it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from okr_api.openapi.document import METHODS

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
OPENAPI = ROOT / "services" / "api" / "openapi.json"


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """(`METHOD /path`, operation)."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def schemas_in(node: Any, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every part of the document that says what type something has, with the way to it; examples are none."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield place, node
        for name, inner in node.items():
            if name not in ("examples", "example", "default"):
                yield from schemas_in(inner, f"{place}/{name}")
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from schemas_in(inner, f"{place}/{number}")


def bodies(document: Json) -> Iterator[tuple[str, str]]:
    """(schema, operation) of every JSON body, in or out."""
    for operation_name, operation in operations(document):
        for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
            content = holder.get("content", {}).get("application/json")
            if content is not None:
                yield content["schema"]["$ref"].rpartition("/")[2], operation_name
