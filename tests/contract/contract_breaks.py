"""What in a new OpenAPI document would break a client that was written against an older one.

Between two schemas one question decides everything: can there be values of the one that the other has no room for? What a client
sends must still fit (old into new), and what it is answered must be what it has learned to read (new into old). A field more
in an answer is no break: clients are told to pass over those that they do not know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "patch")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")


def breaks(old: Json, new: Json) -> list[str]:
    """One line for each break, sorted; none if clients of `old` can live with `new`."""
    return sorted(set(_Comparison(old, new).all()))


@dataclass(frozen=True)
class _Side:
    """A schema, and the document that its references point into."""

    schema: Json
    document: Json

    def at(self, schema: Json) -> "_Side":
        while "$ref" in schema:
            schema = _found(self.document, schema["$ref"])
        return _Side(schema, self.document)

    def alternatives(self) -> list["_Side"]:
        """What it may be, each with one type."""
        choices = self.schema.get("anyOf") or self.schema.get("oneOf")
        if choices:
            return [inner for choice in choices for inner in self.at(choice).alternatives()]
        types = self.schema.get("type")
        if isinstance(types, list):
            return [_Side({**self.schema, "type": one}, self.document) for one in types]
        return [self]

    @property
    def words(self) -> list[Any] | None:
        """The closed set that it comes from, if there is one."""
        return [self.schema["const"]] if "const" in self.schema else self.schema.get("enum")


def _found(document: Json, reference: str) -> Json:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    found: Json = node
    return found


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        # Schemas may contain themselves; each pair is looked at once in each direction.
        self._seen: set[tuple[int, int]] = set()

    def all(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method in _METHODS:
                if method in item:
                    name = f"{method.upper()} {path}"
                    operation = self._new["paths"].get(path, {}).get(method)
                    if operation is None:
                        yield f"{name}: is gone"
                    else:
                        yield from self._operation(name, item[method], operation)

    def _operation(self, name: str, old: Json, new: Json) -> Iterator[str]:
        self._seen.clear()
        if old.get("operationId") != new.get("operationId"):
            yield f"{name}: has another operationId, {new.get('operationId')}"
        if _scopes(new) - _scopes(old):
            yield f"{name}: asks for more, {', '.join(sorted(_scopes(new) - _scopes(old)))}"
        yield from self._parameters(name, old, new)
        yield from self._request(name, old.get("requestBody"), new.get("requestBody"))
        yield from self._responses(name, old["responses"], new["responses"])

    def _parameters(self, name: str, old: Json, new: Json) -> Iterator[str]:
        before, now = _parameters(old, self._old), _parameters(new, self._new)
        for key in before.keys() - now.keys():
            yield f"{name}: {key} is no longer taken"
        for key, told in now.items():
            if told.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: {key} is now required"
            if key in before:
                yield from self._sent(f"{name}: {key}", before[key]["schema"], told["schema"])

    def _request(self, name: str, old: Json | None, new: Json | None) -> Iterator[str]:
        if new is None:
            if old is not None:
                yield f"{name}: takes no body any more"
            return
        if new.get("required") and not (old or {}).get("required"):
            yield f"{name}: needs a body"
        for media_type, content in (old or {}).get("content", {}).items():
            if media_type not in new["content"]:
                yield f"{name}: takes no {media_type} any more"
            else:
                yield from self._sent(f"{name}: body", content["schema"], new["content"][media_type]["schema"])

    def _responses(self, name: str, old: Json, new: Json) -> Iterator[str]:
        for status in sorted({status for status in old.keys() ^ new.keys() if int(status) < 400}):
            yield f"{name}: {status} is {'gone' if status in old else 'a new answer'}"
        for status in old.keys() & new.keys():
            before, now = _resolved(old[status], self._old), _resolved(new[status], self._new)
            for header in before.get("headers", {}).keys() - now.get("headers", {}).keys():
                yield f"{name}: {status} has no {header} any more"
            for media_type, content in before.get("content", {}).items():
                if media_type not in now.get("content", {}):
                    yield f"{name}: {status} is no longer answered as {media_type}"
                else:
                    place = f"{name}: {status}"
                    yield from self._answered(place, content["schema"], now["content"][media_type]["schema"])

    def _sent(self, place: str, old: Json, new: Json) -> Iterator[str]:
        found = self._fits(place, _Side({}, self._old).at(old), _Side({}, self._new).at(new))
        yield from (f"{line} (sent)" for line in found)

    def _answered(self, place: str, old: Json, new: Json) -> Iterator[str]:
        found = self._fits(place, _Side({}, self._new).at(new), _Side({}, self._old).at(old))
        yield from (f"{line} (answered)" for line in found)

    def _fits(self, place: str, inner: _Side, outer: _Side) -> Iterator[str]:
        """Why some value of `inner` would have no room in `outer`."""
        pair = (id(inner.schema), id(outer.schema))
        if pair in self._seen:
            return
        self._seen.add(pair)
        rooms = outer.alternatives()
        for one in inner.alternatives():
            reasons: list[list[str]] = []
            for room in rooms:
                if _is_of_type(one.schema.get("type"), room.schema.get("type")):
                    reasons.append(list(self._one_fits(place, one, room)))
            if not reasons:
                yield f"{place}: no room for {one.schema.get('type', 'anything')}"
            elif all(reasons):
                yield from min(reasons, key=len)

    def _one_fits(self, place: str, inner: _Side, outer: _Side) -> Iterator[str]:
        if outer.words is not None:
            missing = None if inner.words is None else [word for word in inner.words if word not in outer.words]
            if missing is None or missing:
                yield f"{place}: no room for {'other words' if missing is None else ', '.join(map(str, missing))}"
            return
        for keyword in ("format", "pattern"):
            wanted = outer.schema.get(keyword)
            if wanted is not None and inner.words is None and inner.schema.get(keyword) != wanted:
                yield f"{place}: {keyword} is not the same"
        yield from _bounds(place, inner.schema, outer.schema)
        if "items" in outer.schema and "items" in inner.schema:
            items = inner.at(inner.schema["items"]), outer.at(outer.schema["items"])
            yield from self._fits(f"{place}[]", *items)
        if outer.schema.get("type") == "object":
            yield from self._members(place, inner, outer)

    def _members(self, place: str, inner: _Side, outer: _Side) -> Iterator[str]:
        given, known = inner.schema.get("properties", {}), outer.schema.get("properties", {})
        for name in set(outer.schema.get("required", [])) - set(inner.schema.get("required", [])):
            yield f"{place}.{name}: may be missing"
        # A field that nobody gives any more: whoever sends has nothing to mend, whoever reads looks for it in vain.
        if inner.document is self._new:
            for name in known.keys() - given.keys():
                yield f"{place}.{name}: is gone"
        elif outer.schema.get("additionalProperties") is False:
            for name in given.keys() - known.keys():
                yield f"{place}.{name}: is refused"
        for name in given.keys() & known.keys():
            yield from self._fits(f"{place}.{name}", inner.at(given[name]), outer.at(known[name]))
        rest = inner.schema.get("additionalProperties"), outer.schema.get("additionalProperties")
        if isinstance(rest[0], dict) and isinstance(rest[1], dict):
            yield from self._fits(f"{place}.*", inner.at(rest[0]), outer.at(rest[1]))


def _is_of_type(inner: str | None, outer: str | None) -> bool:
    return outer is None or inner == outer or (inner == "integer" and outer == "number")


def _bounds(place: str, inner: Json, outer: Json) -> Iterator[str]:
    for keywords, is_beyond in ((_MOST, lambda own, other: own > other), (_LEAST, lambda own, other: own < other)):
        for keyword in keywords:
            if keyword in outer and (keyword not in inner or is_beyond(inner[keyword], outer[keyword])):
                yield f"{place}: {keyword} {outer[keyword]} is too narrow for {inner.get(keyword, 'none')}"


def _parameters(operation: Json, document: Json) -> dict[str, Json]:
    resolved = (_resolved(one, document) for one in operation.get("parameters", []))
    return {f"{one['in']} parameter {one['name']}": one for one in resolved}


def _scopes(operation: Json) -> set[str]:
    return {scope for one in operation.get("security", []) for scopes in one.values() for scope in scopes}


def _resolved(node: Json, document: Json) -> Json:
    return _found(document, node["$ref"]) if "$ref" in node else node
