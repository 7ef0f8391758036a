"""An example for every body. Those of requests stand with their models; those of answers are put together from the words below.

A field gets the value of its name, else one of its type, so that a new field has an example before anybody thinks of one.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_ID = "01890a5d-ac96-774b-bcce-"
_INSTANT = "2026-08-14T09:30:00Z"
_DAY = "2026-09-30"

# One small company in the middle of a quarter. A None is an example too: nothing there yet.
_VALUES: Json = {
    "activated_at": "2026-07-01T08:00:00Z",
    "as_of": None,
    "band": "solid",
    "band_high": None,
    "band_low": None,
    "before": 62.0,
    "after": 0.62,
    "blockers": None,
    "cancelled_at": None,
    "changed_by": "key:roadmap-sync",
    "closed_at": None,
    "code": None,
    "commitment": "aspirational",
    "computed_grade": None,
    "confidence_label": None,
    "comment": "The new confirmation page helps.",
    "commit_value": None,
    "computed_at": "2026-08-14T09:30:01Z",
    "confidence": 0.7,
    "coverage": 1.0,
    "current_value": 62.0,
    "cursor": None,
    "database": "ok",
    "dedupe_key": "run-4711",
    "description": "Guests should not need to call us to change a booking.",
    "detail": None,
    "due_on": _DAY,
    "email": "ada@example.com",
    "ended_at": None,
    "ends_on": _DAY,
    "expected": 0.48,
    "expires_at": None,
    "external_id": "4711",
    "formula": None,
    "freshness": "fresh",
    "grade": 0.62,
    "insight": "Every third call is about a booking that the guest could have changed alone.",
    "is_active": True,
    "is_core": True,
    "key": "self-service-share",
    "known_at": None,
    "label": "on track",
    "metric": "self-service-share",
    "metric_key": "self-service-share",
    "milestone": None,
    "milestones": None,
    "name": "Guest experience",
    "next_cursor": None,
    "number": "progress",
    "parent_id": None,
    "perspective": "customer",
    "parent_key_result_id": None,
    "pointer": None,
    "progress": 0.62,
    "provenance": "computed",
    "public_id": "3fZk9QwXb2La",
    "raw": 0.62,
    "reason": None,
    "reasons": [],
    "redis": "ok",
    "revoked_at": None,
    "source": "booking-system",
    "stale": False,
    "start_value": 0.0,
    "starts_on": "2026-07-01",
    "state": "active",
    "status": "on_track",
    "stored_value": None,
    "stretch_value": None,
    "subject": f"objective:{_ID}b302099a8057",
    "success_line": 0.7,
    "tags": ["guests"],
    "target_value": 100.0,
    "text": "62 of the way from 0 to 100 is 0.62",
    "time_zone": "Europe/Berlin",
    "title": "Guests change their bookings without calling us",
    "unit": "%",
    "value": 62.0,
    "weight": 1.0,
    "zone": None,
    "zones": None,
}
_PROBLEM = {
    "type": "urn:okr:problem:invalid_request",
    "title": "The request breaks a rule",
    "status": 422,
    "detail": "One value is not as it must be.",
    "code": "invalid_request",
    "instance": "/v1/objectives",
    "request_id": f"{_ID}b302099a8058",
    "errors": [{"code": "unknown_field", "detail": "Extra inputs are not permitted", "pointer": "/titel"}],
}


def give_examples(made: Json) -> None:
    """Give every body in the document an example that its schema accepts."""
    schemas = made["components"]["schemas"]
    schemas["Problem"]["examples"] = [_PROBLEM]
    for schema in schemas.values():
        for example in schema.get("examples", []):
            # The framework leaves out whatever is null, in examples too.
            for name in schema.get("required", []):
                if {"type": "null"} in schema["properties"][name].get("anyOf", []):
                    example.setdefault(name, None)
    for content in _contents(made):
        for media in content.values():
            schema = media["schema"]
            if "$ref" in schema:
                schema = schemas[schema["$ref"].rpartition("/")[2]]
            if "examples" not in schema:
                schema["examples"] = [_example(schema, "", schemas)]


def _contents(made: Json) -> Iterator[Json]:
    for item in made["paths"].values():
        for operation in item.values():
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield holder.get("content", {})


def _example(schema: Json, name: str, schemas: Json) -> Any:
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], name, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    choices: list[Json] = schema.get("anyOf", [])
    if choices:
        return None if _is_none(name, choices) else _example(choices[0], name, schemas)
    match schema.get("type"):
        case "object":
            return {inner: _example(told, inner, schemas) for inner, told in schema.get("properties", {}).items()}
        case "array":
            known = _VALUES.get(name)
            return known if isinstance(known, list) else [_example(schema["items"], name, schemas)]
        case _:
            return _plain(schema, name)


def _is_none(name: str, choices: list[Json]) -> bool:
    return {"type": "null"} in choices and name in _VALUES and _VALUES[name] is None


def _plain(schema: Json, name: str) -> Any:
    known = _VALUES.get(name)
    match schema:
        case {"enum": [first, *others]}:
            return known if known in others else first
        case {"type": "boolean"}:
            return known if isinstance(known, bool) else False
        case {"type": "integer"}:
            return max(1, schema["minimum"])
        case {"type": "number"}:
            return known if isinstance(known, float) else 1.0
        case {"format": "uuid"}:
            return _ID + hashlib.sha256(name.encode()).hexdigest()[:12]
        case {"format": "date"}:
            return known if isinstance(known, str) else _DAY
        case {"format": "date-time"}:
            return known if isinstance(known, str) else _INSTANT
        case {"type": "string"}:
            return known if isinstance(known, str) else name.replace("_", " ")
        case _:
            return {}
