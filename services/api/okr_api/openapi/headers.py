"""The headers that operations read and answers carry, each written down once."""

from typing import Any

Json = dict[str, Any]

LONGEST_HEADER = 1000
"""Bytes that each header which an operation reads may have."""

# One tag is what everybody sends; lists of them, which HTTP has too, are understood.
_TAG: Json = {"format": "entity-tag", "pattern": r'^(\*|(W/)?"[!#-~]*")$', "example": '"3.14.14"'}


def _answered(description: str, *, required: bool = False, **schema: Any) -> Json:
    return {"description": description, "required": required, "schema": {"type": "string", **schema}}


HEADERS: Json = {
    "X-Request-Id": _answered(
        "The request's name in our logs: the caller's own, if it sent a good one.",
        required=True,
        maxLength=128,
        pattern="^[A-Za-z0-9._-]+$",
    ),
    "ETag": _answered(
        '`"<version>.<requested_seq>.<computed_seq>"`: all of it says whether a copy is current, the version is what '
        "If-Match compares.",
        required=True,
        maxLength=80,
        pattern=r'^"[0-9]+\.[0-9]+\.[0-9]+"$',
    ),
    "Location": _answered(
        "The path of what was made.", required=True, maxLength=400, format="uri-reference", pattern="^/v1/"
    ),
    "Idempotent-Replayed": _answered(
        "This is the answer that the first request with the same Idempotency-Key had.", maxLength=4, enum=["true"]
    ),
    "Preference-Applied": _answered(
        "How long the answer waited for the grade, at most.", maxLength=20, pattern="^wait=[0-9]+$"
    ),
    "Retry-After": _answered("Seconds to wait before trying again.", required=True, maxLength=10, pattern="^[0-9]+$"),
    "WWW-Authenticate": _answered("How to present a credential.", required=True, maxLength=200, pattern="^Bearer"),
    "Access-Control-Allow-Origin": _answered(
        "The asking page's origin, where it is one of those that this installation lets in.", maxLength=300
    ),
}


def answered(*names: str) -> Json:
    """These headers of an answer, with those that every answer has."""
    every = ("X-Request-Id", "Access-Control-Allow-Origin")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *every)}


def _read(name: str, description: str, *, required: bool = False, example: str | None = None, **schema: Any) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", "maxLength": LONGEST_HEADER, **schema},
    } | ({"example": example} if example else {})


_IF_NONE_MATCH = _read("If-None-Match", "ETag of the copy that the caller has.", **_TAG)
_IF_MATCH = "ETag of what was read, of which the version counts; or `*`."
_MUST_MATCH = _read("If-Match", _IF_MATCH, required=True, **_TAG)
_MAY_MATCH = _read("If-Match", _IF_MATCH, **_TAG)
_IDEMPOTENCY_KEY = _read(
    "Idempotency-Key",
    "The same key with the same request has one effect, and is answered alike for 24 hours.",
    maxLength=255,
    minLength=1,
    pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,255}$",
)
_PREFER = _read(
    "Prefer",
    "`wait=N`: answer when the grade is computed, after N seconds (0..30) at the latest.",
    example="wait=5",
)


def header_parameters(method: str, *, is_single: bool) -> list[Json]:
    """The request headers that an operation reads besides Authorization."""
    match method:
        case "GET":
            return [_IF_NONE_MATCH] if is_single else []
        case "PATCH" | "DELETE":
            return [_MUST_MATCH, _PREFER]
        case "PUT":
            return [_MAY_MATCH, _PREFER]
        case "POST":
            return [_IDEMPOTENCY_KEY, _PREFER]
        case _:
            return [_PREFER]
