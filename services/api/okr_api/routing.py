"""Routes as this service declares them: each with its scope, its name and all the answers it can give.

What holds for every operation happens here, in this order: the credential and its scope, the query's names, the content type,
the body; then the framework checks values and the endpoint runs. So nobody learns about a body without a key.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response

from okr.domain.errors import Conflict, DomainError, Invalid, NotFound
from okr.keys import Scope
from okr_api import strict_json
from okr_api.edge import Edge
from okr_api.errors import (
    PROBLEM_JSON,
    TITLES,
    BodyTooLarge,
    Forbidden,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    Unauthenticated,
    Unavailable,
    Unexpected,
    UnsupportedMediaType,
    status_of,
)
from okr_api.etag import Precondition
from okr_api.openapi import ETAG_HEADER, LOCATION_HEADER, header_parameters

Endpoint = Callable[..., Coroutine[Any, Any, Response]]
Refusals = Sequence[type[DomainError]]
Answers = Mapping[int, Mapping[str, Any]]
_NONE: Answers = MappingProxyType({})

_ALWAYS: Refusals = (Unauthenticated, Forbidden, Invalid, Unexpected, Unavailable)
_WITH_BODY: Refusals = (BodyTooLarge, UnsupportedMediaType)
_OF_METHOD: dict[str, Refusals] = {
    "GET": (),
    "POST": (Conflict,),
    "PUT": (Conflict,),
    "PATCH": (NotFound, Conflict, PreconditionFailed, PreconditionRequired),
    "DELETE": (NotFound, Conflict, PreconditionFailed, PreconditionRequired),
}


class UnknownParameter(Invalid):
    """The query names something that the operation does not know, or names one thing twice."""

    code = "unknown_parameter"


class Route(APIRoute):
    """One operation. Its callers need a key with `scope`, or any key where that is None; `is_public` ones need none."""

    def __init__(
        self, path: str, endpoint: Endpoint, *, scope: Scope | None = None, is_public: bool = False, **declared: Any
    ) -> None:
        self.scope = scope
        self.is_public = is_public
        super().__init__(path, endpoint, **declared)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind our checks."""
        handle = super().get_route_handler()
        scope, is_public, has_body = self.scope, self.is_public, self.body_field is not None
        is_guarded = bool((self.methods or set()) & {"PATCH", "DELETE"})
        known = _query_names(self.dependant)

        async def checked(request: Request) -> Response:
            request = strict_json.StrictRequest(request.scope, request.receive)
            if not is_public:
                ports = request.app.state.ports
                caller = await ports.authenticator.caller(request.headers.get("authorization"))
                caller.needs(scope)
                request.scope["okr.edge"] = Edge(request, caller)
            if request.scope["query_string"]:
                _check_query(request, known)
            if is_guarded:
                Precondition.of_header(request.headers.get("if-match"))
            if has_body and await request.body():
                strict_json.check_content_type(request.headers, method=request.method)
                await request.json()
            return await handle(request)

        return checked


def _query_names(dependant: Dependant) -> frozenset[str]:
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*(_query_names(inner) for inner in dependant.dependencies))


def _check_query(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if any(name not in known for name in names):
        raise UnknownParameter(f"This operation knows {_listed(known)}.")
    if len(set(names)) < len(names):
        raise UnknownParameter("A query parameter may be given once.")


def _listed(names: frozenset[str]) -> str:
    return "the query parameters " + ", ".join(sorted(names)) if names else "no query parameters"


class Routes:
    """The routes of one resource: `@routes.get("/{team_id}", scope=Scope.OKR_READ, answers=TeamRead)` above the endpoint.

    The endpoint's name is the operation's id, its docstring's first line the summary and the rest the description. `also`
    documents further answers, or more of the usual one, in OpenAPI's own words.
    """

    def __init__(self, prefix: str, *, tag: str) -> None:
        self._prefix = prefix
        self._tag = tag
        self.all: list[Route] = []

    def get(
        self,
        path: str,
        *,
        scope: Scope | None,
        answers: Any,
        refuses: Refusals = (),
        is_single: bool | None = None,
        also: Answers = _NONE,
    ) -> Callable[[Endpoint], Endpoint]:
        """Read. A single thing has an ETag and may answer 304; it is one if its address ends in an id, unless said otherwise."""
        if "{" in self._prefix + path:
            refuses = (NotFound, *refuses)
        if is_single is None:
            is_single = path.endswith("}")
        return self._add(
            "GET", path, scope=scope, answers=answers, status=200, refuses=refuses, single=is_single, also=also
        )

    def post(
        self,
        path: str,
        *,
        scope: Scope,
        answers: Any,
        status: int = 201,
        refuses: Refusals = (),
        also: Answers = _NONE,
    ) -> Callable[[Endpoint], Endpoint]:
        """Make something (201 with a Location), or have something done (200)."""
        if "{" in self._prefix + path:
            refuses = (NotFound, *refuses)
        return self._add("POST", path, scope=scope, answers=answers, status=status, refuses=refuses, also=also)

    def put(
        self,
        path: str,
        *,
        scope: Scope,
        answers: Any,
        status: int = 200,
        refuses: Refusals = (),
        also: Answers = _NONE,
    ) -> Callable[[Endpoint], Endpoint]:
        """Make or replace."""
        return self._add("PUT", path, scope=scope, answers=answers, status=status, refuses=refuses, also=also)

    def patch(self, path: str, *, scope: Scope, answers: Any, refuses: Refusals = ()) -> Callable[[Endpoint], Endpoint]:
        """Change some fields, by a JSON merge patch and under If-Match."""
        return self._add("PATCH", path, scope=scope, answers=answers, status=200, refuses=refuses)

    def delete(
        self, path: str, *, scope: Scope, answers: Any = None, refuses: Refusals = ()
    ) -> Callable[[Endpoint], Endpoint]:
        """End something, under If-Match: 204, or 200 where the ended thing is shown."""
        status = 204 if answers is None else 200
        return self._add("DELETE", path, scope=scope, answers=answers, status=status, refuses=refuses)

    def _add(
        self,
        method: str,
        path: str,
        *,
        scope: Scope | None,
        answers: Any,
        status: int,
        refuses: Refusals,
        single: bool = False,
        also: Answers = _NONE,
    ) -> Callable[[Endpoint], Endpoint]:
        def add(endpoint: Endpoint) -> Endpoint:
            summary, _, description = (endpoint.__doc__ or endpoint.__name__).partition("\n")
            route = Route(
                self._prefix + path,
                endpoint,
                scope=scope,
                methods=[method],
                operation_id=endpoint.__name__,
                name=endpoint.__name__,
                tags=[self._tag],
                summary=summary.rstrip("."),
                description=description.strip() or None,
                response_model=answers,
                status_code=status,
                openapi_extra={
                    "security": [{"key": [scope.value] if scope else []}],
                    "parameters": header_parameters(method, single=single),
                },
            )
            has_body = route.body_field is not None
            refused = (*_ALWAYS, *_OF_METHOD[method], *(_WITH_BODY if has_body else ()), *refuses)
            route.responses = {**_success(method, status, single=single), **_problems(refused)}
            for other, told in also.items():
                route.responses[other] = {**route.responses.get(other, {}), **told}
            self.all.append(route)
            return endpoint

        return add


def another(model: type[BaseModel], description: str) -> Mapping[str, Any]:
    """A further answer of an operation that answers with this model: what `also` takes."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _success(method: str, status: int, *, single: bool) -> dict[int | str, dict[str, Any]]:
    headers: dict[str, Any] = {}
    if single or method in ("POST", "PUT", "PATCH"):
        headers |= ETAG_HEADER
    if status == 201:
        headers |= LOCATION_HEADER
    answers: dict[int | str, dict[str, Any]] = {status: {"description": "Done.", "headers": headers}}
    if method == "GET" and single:
        answers[304] = {"description": "The caller's copy is current.", "headers": ETAG_HEADER}
    return answers


def _problems(refused: Refusals) -> dict[int | str, dict[str, Any]]:
    statuses = sorted({status_of(refusal) for refusal in refused})
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": TITLES[status], "content": {PROBLEM_JSON: {"schema": schema}}} for status in statuses
    }
