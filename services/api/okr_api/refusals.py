"""`python -m okr_api.refusals FILE` writes the list of every refusal to FILE: what it means, what to do, who can answer it.

Made from the refusals' classes, whose docstrings say the one in their first paragraph and the other in the rest, and from what
the routes declare.
"""

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from okr.db.points import UNKNOWN_METRIC
from okr.domain.errors import DomainError, NotFound
from okr_api.app import RESOURCES
from okr_api.errors import TITLES, BrokenHttp, MethodNotAllowed, PreflightRefused, status_of
from okr_api.findings import ITEM_CODES
from okr_api.routing import Route, query_names
from okr_api.schemas.points import ObservedInFuture
from okr_api.use_cases.points import PointConflict

Refusal = type[DomainError]

ELSEWHERE: Mapping[Refusal, str] = {
    NotFound: "every address that no operation has",
    MethodNotAllowed: "every address",
    BrokenHttp: "every connection",
    PreflightRefused: "`OPTIONS` of every address",
}
"""What is answered before any operation is found, and where."""

IN_BATCHES: Sequence[tuple[str, str]] = (
    (str(UNKNOWN_METRIC.code), "No metric has this key. Add it to the catalogue, or look for a slip in the key."),
    (PointConflict.code, "As above; `stored_value` says what is there."),
    (ObservedInFuture.code, "As above."),
)
"""The codes that a result of a batch can have besides those of items, and what they mean."""

_HEAD = """# Refusals

Every failure is answered as `application/problem+json` (RFC 9457). `status`, `title` and `detail` tell a person what is wrong;
`code` tells a program, and does not change. `errors` names the places to mend: each item has a `code` and a `detail` of its own,
and a `pointer` into the body (RFC 6901) or the name of a `parameter`. `request_id` is the name of the request in the service's
log, also sent as the header `X-Request-Id`; tell it when you ask for help. `type` is `urn:okr:problem:` and the code.

Nothing that was sent is repeated in an answer, and nothing is changed by a request that is refused.
"""


def declared() -> dict[Refusal, list[Route]]:
    """Every refusal with the operations that can answer it; those of ELSEWHERE too, some of which no operation answers."""
    found: dict[Refusal, list[Route]] = {refusal: [] for refusal in ELSEWHERE}
    for route in _operations():
        for refusal in route.refuses:
            found.setdefault(refusal, []).append(route)
    return found


def _operations() -> list[Route]:
    return [route for resource in RESOURCES for route in resource.all]


def written() -> str:
    """The page."""
    found = declared()
    parts = [_HEAD]
    for status in sorted({status_of(refusal) for refusal in found}):
        parts.append(f"\n## {status}: {TITLES[status]}\n")
        for refusal in sorted(found, key=lambda one: one.code):
            if status_of(refusal) == status:
                parts.append(_entry(refusal, found[refusal]))
    parts.append("\n## Codes of items in `errors`\n\nBesides the codes above an item can have one of these.\n\n")
    parts.append(_table(("code", "means"), sorted(ITEM_CODES.items())))
    parts.append("\n## Codes of results in a batch of points\n\nBesides the codes of items.\n\n")
    parts.append(_table(("code", "means"), IN_BATCHES))
    return "".join(parts)


def told(refusal: Refusal) -> tuple[str, str]:
    """(what it means, what to do), from the docstring."""
    meaning, _, remedy = inspect.cleandoc(refusal.__doc__ or "").partition("\n\n")
    return " ".join(meaning.split()), " ".join(remedy.split())


def _entry(refusal: Refusal, routes: Sequence[Route]) -> str:
    meaning, remedy = told(refusal)
    where = [ELSEWHERE[refusal]] if refusal in ELSEWHERE else []
    if routes:
        where.append(_named(routes))
    return f"\n### `{refusal.code}`\n\n{meaning}\n\n* **Do:** {remedy}\n* **Answered by:** {'; '.join(where)}\n"


def _named(routes: Iterable[Route]) -> str:
    """The operations: the largest group that is among them in a few words, the others one by one."""
    wanted = {route.name for route in routes}
    whole = {words: group for words, group in _groups().items() if group and group <= wanted}
    words = max(whole, key=lambda one: len(whole[one]), default=None)
    rest = wanted - (whole[words] if words else set())
    return ", ".join([*([words] if words else []), *(_address(route) for route in _operations() if route.name in rest)])


def _groups() -> dict[str, set[str]]:
    every = _operations()
    methods = {route.name: set(route.methods or ()) for route in every}
    groups = {
        "every operation": set(methods),
        "every operation that needs a scope": {route.name for route in every if route.scope is not None},
        "every operation with a body": {route.name for route in every if route.body_field is not None},
        "every operation with `{…}` in its path": {route.name for route in every if "{" in route.path},
    }
    for parameter in ("cursor", "sort"):
        named = f"every operation with the parameter `{parameter}`"
        groups[named] = {route.name for route in every if parameter in query_names(route.dependant)}
    groups["every operation that reads entity tags or idempotency keys"] = {
        route.name for route in every if _headers(route) & {"If-Match", "If-None-Match", "Idempotency-Key"}
    }
    for method in ("POST", "PATCH", "DELETE"):
        groups[f"every {method}"] = {name for name, own in methods.items() if method in own}
    groups["every PATCH and DELETE"] = groups["every PATCH"] | groups["every DELETE"]
    return groups


def _headers(route: Route) -> set[str]:
    return {one["name"] for one in (route.openapi_extra or {}).get("parameters", ()) if one["in"] == "header"}


def _address(route: Route) -> str:
    return f"`{' '.join(sorted(route.methods or ()))} {route.path}`"


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{code}` | {meaning} |" for code, meaning in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written(), encoding="utf-8")
