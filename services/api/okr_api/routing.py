"""Routes as this service declares them: each with its scope, its name and all the answers it can give.

What holds for every operation happens here, in this order: the credential and its scope, the query's names, the content type,
the body; then the framework checks values and the endpoint runs. So nobody learns about a body without a key.
"""

import inspect
from collections.abc import Callable, Collection, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from okr.domain.errors import NotFound
from okr.keys import Scope
from okr_api import strict_json
from okr_api.declared import OF_EVERY, Refusals, UnknownParameter, all_refusals
from okr_api.edge import Edge, edge_of
from okr_api.errors import PROBLEM_JSON, TITLES, Problem, status_of
from okr_api.etag import InvalidHeader, Precondition
from okr_api.header import header
from okr_api.openapi.headers import LONGEST_HEADER, answered, header_parameters
from okr_api.schemas.models import Representation

Endpoint = Callable[..., Coroutine[Any, Any, Response]]
ShortWay = Callable[[Edge], Coroutine[Any, Any, Response | None]]
"""Answers the usual request of an operation past the framework; None leaves it to the endpoint, which answers every request.

Both ways must answer the same. The short one reads what it needs from the edge's request, whose head has been checked.
"""
Answers = Mapping[int, Mapping[str, Any]]
_CHECKED = "okr.checked"
"""In a request's scope: the request as it was checked, with the body that was read."""
_NONE: Answers = MappingProxyType({})
_NONE_READ: Mapping[str, Any] = MappingProxyType({})

# An Authorization that is too long is unknown, and an idempotency key has a bound of its own.
_READ_HEADERS = frozenset((b"if-match", b"if-none-match", b"prefer"))


class Route(APIRoute):
    """One operation. Its callers need a key with `scope`, or any key where that is None; `is_public` ones need none.

    `refuses` are all the refusals that it can answer with.
    """

    refuses: Refusals = OF_EVERY

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        scope: Scope | None = None,
        is_public: bool = False,
        short_way: ShortWay | None = None,
        also_reads: Collection[str] = (),
        **declared: Any,
    ) -> None:
        self.scope = scope
        self.also_reads = also_reads
        self.is_public = is_public
        if is_public:
            declared["openapi_extra"] = {"security": []}
            declared["responses"] = {
                **_problems(OF_EVERY),
                **declared.get("responses", {}),
            }
        super().__init__(path, endpoint, **declared)
        if short_way is not None:
            self.app = self._with_short_way(short_way, self.app)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind our checks."""
        handle = super().get_route_handler()
        has_body = self.body_field is not None
        check = self._check()

        async def checked(request: Request) -> Response:
            strict = request.scope.get(_CHECKED)
            if strict is None:
                strict = strict_json.StrictRequest(request.scope, request.receive)
                await check(strict)
            if has_body and await strict.body():
                await strict.json()
            return await handle(strict)

        return checked

    def _check(self) -> Callable[[Request], Coroutine[Any, Any, None]]:
        """What is looked at before anything is read from the body: the credential, the query, the precondition, the type."""
        scope, is_public, has_body = self.scope, self.is_public, self.body_field is not None
        is_guarded = bool((self.methods or set()) & {"PATCH", "DELETE"})
        known, also_reads = query_names(self.dependant), self.also_reads

        async def check(request: Request) -> None:
            if not is_public:
                ports = request.app.state.ports
                caller = await ports.authenticator.caller(header(request.headers, "authorization"))
                caller.needs(scope)
                request.scope["okr.edge"] = Edge(request, caller)
            if request.scope["query_string"]:
                _check_query(request, known)
            _check_headers(request)
            if is_guarded:
                Precondition.of_header(header(request.headers, "if-match"))
            if has_body and await request.body():
                strict_json.check_content_type(request.headers, method=request.method, also=also_reads)

        return check

    def _with_short_way(self, short_way: ShortWay, framework: ASGIApp) -> ASGIApp:
        check = self._check()

        async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
            request = strict_json.StrictRequest(scope, receive)
            await check(request)
            answer = await short_way(edge_of(request))
            if answer is None:
                scope[_CHECKED] = request
                await framework(scope, receive, send)
            else:
                await answer(scope, receive, send)

        return app


def query_names(dependant: Dependant) -> frozenset[str]:
    """The query parameters of an operation with these dependencies."""
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*(query_names(inner) for inner in dependant.dependencies))


def _check_query(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if any(name not in known for name in names):
        raise UnknownParameter(f"This operation knows {_listed(known)}.")
    if len(set(names)) < len(names):
        raise UnknownParameter("A query parameter may be given once.")


def _check_headers(request: Request) -> None:
    for name, value in request.headers.raw:
        if len(value) > LONGEST_HEADER and name in _READ_HEADERS:
            raise InvalidHeader(f"{name.decode().title()} may have {LONGEST_HEADER:,} bytes.")


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
        short_way: ShortWay | None = None,
    ) -> Callable[[Endpoint], Endpoint]:
        """Read. A single thing has an ETag and may answer 304; it is one if its address ends in an id, unless said otherwise."""
        if "{" in self._prefix + path:
            refuses = (NotFound, *refuses)
        if is_single is None:
            is_single = path.endswith("}")
        return self._add(
            "GET",
            path,
            scope=scope,
            answers=answers,
            status=200,
            refuses=refuses,
            single=is_single,
            also=also,
            short_way=short_way,
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
        has_address: bool = True,
        short_way: ShortWay | None = None,
        also_reads: Mapping[str, Any] = _NONE_READ,
    ) -> Callable[[Endpoint], Endpoint]:
        """Make something (201, with a Location if it `has_address`), or have something done (200).

        `also_reads` documents bodies of other kinds than JSON, by their content types; the short way must take them.
        """
        if "{" in self._prefix + path:
            refuses = (NotFound, *refuses)
        return self._add(
            "POST",
            path,
            scope=scope,
            answers=answers,
            status=status,
            refuses=refuses,
            also=also,
            has_address=has_address,
            short_way=short_way,
            also_reads=also_reads,
        )

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
        has_address: bool = True,
        short_way: ShortWay | None = None,
        also_reads: Mapping[str, Any] = _NONE_READ,
    ) -> Callable[[Endpoint], Endpoint]:
        def add(endpoint: Endpoint) -> Endpoint:
            summary, _, description = (endpoint.__doc__ or endpoint.__name__).partition("\n")
            is_tagged = _is_tagged(answers)
            route = Route(
                self._prefix + path,
                endpoint,
                scope=scope,
                short_way=short_way,
                also_reads=tuple(also_reads),
                methods=[method],
                operation_id=endpoint.__name__,
                name=endpoint.__name__,
                tags=[self._tag],
                summary=summary.rstrip("."),
                description=_unfolded(description) or summary,
                response_model=answers,
                status_code=status,
                openapi_extra={
                    "security": [{"key": [scope.value] if scope else []}],
                    "parameters": header_parameters(method, is_single=single and is_tagged),
                    **({"requestBody": {"content": dict(also_reads)}} if also_reads else {}),
                },
            )
            route.refuses = all_refusals(
                method,
                refuses,
                has_scope=scope is not None,
                has_body=route.body_field is not None,
                is_tagged=single and is_tagged,
                parameters=query_names(route.dependant),
            )
            is_tagged_here = is_tagged and (single or method != "GET")
            route.responses = {**_problems(route.refuses)}
            for success in (status, *(other for other in also if other < 300)):
                is_located = success == 201 and has_address
                route.responses[success] = _success(method, is_tagged=is_tagged_here, is_located=is_located)
            if single and is_tagged:
                route.responses[304] = {"description": "The caller's copy is current.", "headers": answered("ETag")}
            for other, told in also.items():
                route.responses[other] = {**route.responses.get(other, {}), **told}
            self.all.append(route)
            return endpoint

        return add


def another(model: type[BaseModel], description: str) -> Mapping[str, Any]:
    """A further answer of an operation that answers with this model: what `also` takes."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _unfolded(text: str) -> str:
    """A docstring's text with each paragraph in one line, as Markdown has it."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(paragraph if "\n* " in paragraph else " ".join(paragraph.split()) for paragraph in paragraphs)


def _is_tagged(answers: Any) -> bool:
    """Whether things of this model have an entity tag."""
    return isinstance(answers, type) and issubclass(answers, Representation) and answers.etag is not Representation.etag


def _success(method: str, *, is_tagged: bool, is_located: bool) -> dict[str, Any]:
    names = ["ETag"] if is_tagged else []
    names += ["Location"] if is_located else []
    names += ["Idempotent-Replayed"] if method == "POST" else []
    names += ["Preference-Applied"] if method != "GET" else []
    return {"description": "Done.", "headers": answered(*names)}


def _problems(refused: Refusals) -> dict[int | str, dict[str, Any]]:
    statuses = sorted({status_of(refusal) for refusal in refused})
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    own_headers = {401: ["WWW-Authenticate"], 503: ["Retry-After"]}
    return {
        status: {
            "description": TITLES[status],
            "content": {PROBLEM_JSON: {"schema": schema}},
            "headers": answered(*own_headers.get(status, [])),
        }
        for status in statuses
    }
