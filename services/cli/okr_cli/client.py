"""The public API as a command sees it: a bearer key, JSON in and out, and one clear sentence for each refusal."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from okr_cli.errors import CommandFailed

Json = dict[str, Any]

UP_FILE = Path(".okr", "up.json")

_START_PATIENCE_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 1.0
_PAGE = 200


class ApiRefused(CommandFailed):
    """The API answered with a problem document. `code` is its stable code, `status` the HTTP status."""

    def __init__(self, sentence: str, *, status: int, code: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class Client:
    """Requests to one API with one key. Safe to use from several threads; connections are kept and shared.

    Until the first answer a refused connection is tried again for `start_patience_seconds`: the server may be starting.
    Every method but `send` raises ApiRefused when the API refuses, and CommandFailed when it cannot be reached.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_seconds: float = 60.0,
        start_patience_seconds: float = _START_PATIENCE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json", "User-Agent": "okr-cli"},
            timeout=timeout_seconds,
            transport=transport,
            # A proxy that the environment names is for the world outside, not for a service on this machine.
            trust_env=not _is_local(self.url),
        )
        self._start_patience_seconds = start_patience_seconds
        self._has_answered = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Json:
        """Read one thing. Query parameters that are None are left out."""
        return self.read(self.send("GET", path, query=query))

    def post(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str | None = None, wait_seconds: int | None = None
    ) -> Json:
        """Make something. With `wait_seconds` the API answers once the grade is computed, or when that time is over."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        if wait_seconds is not None:
            headers["Prefer"] = f"wait={wait_seconds}"
        return self.read(self.send("POST", path, body=body, headers=headers))

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Put something in its place."""
        return self.read(self.send("PUT", path, body=body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change what is there now: reads it for its version first, so that nobody's change in between is lost."""
        etag = self._checked(self.send("GET", path)).headers["ETag"]
        return self.read(self.send("PATCH", path, body=body, headers={"If-Match": etag}))

    def items(self, path: str, **query: str | int | None) -> Iterator[Json]:
        """All items of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=_PAGE, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, Any] | None = None,
        text: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request and whatever the answer is. Raises CommandFailed when there is none.

        `body` is sent as JSON; `text` as it is, under the content type in `headers`.
        """
        give_up_at = time.monotonic() + self._start_patience_seconds
        pause_seconds = 0.05
        known = {name: value for name, value in (query or {}).items() if value is not None}
        while True:
            try:
                answer = self._http.request(
                    method, path, params=known or None, json=body, content=text, headers=headers
                )
            except httpx.ConnectError as error:
                if self._has_answered.is_set() or time.monotonic() >= give_up_at:
                    raise CommandFailed(f"the API at {self.url} does not answer: {_reason(error)}") from error
                time.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            except httpx.TransportError as error:
                raise CommandFailed(f"the API at {self.url} broke off {method} {path}: {_reason(error)}") from error
            else:
                self._has_answered.set()
                return answer

    def read(self, answer: httpx.Response) -> Json:
        """The object in an answer, if it is a good one."""
        body = self._checked(answer).json()
        if not isinstance(body, dict):
            raise CommandFailed(f"the API answered {_asked(answer)} with something else than an object")
        return body

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        raise ApiRefused(
            f"{_asked(answer)}: {problem_line(problem) or answer.reason_phrase} ({answer.status_code})",
            status=answer.status_code,
            code=str(problem.get("code", "")),
        )


def problem_line(problem: Mapping[str, Any]) -> str:
    """A problem document (RFC 9457) as one line: its detail, then each error with the place it blames."""
    errors = problem.get("errors") or ()
    # This one's detail only points at the errors, which stand right behind it here.
    only_points = problem.get("code") == "invalid_request" and errors
    told = [] if only_points else [str(problem.get("detail") or problem.get("title") or "").strip()]
    for error in errors:
        where, what = error.get("pointer") or error.get("parameter"), str(error.get("detail") or "").strip()
        if what and what not in told:
            told.append(f"{where}: {what}" if where else what)
    code = problem.get("code")
    sentence = "; ".join(part.rstrip(".") for part in told if part)
    return f"{sentence} [{code}]" if code and sentence else sentence or str(code or "")


def connect(url: str | None, api_key: str | None) -> Client:
    """The API that the options name, else the environment (OKR_URL, OKR_API_KEY), else the `okr up` of this folder.

    The key that `okr up` announced goes to the address that it announced, and to no other.
    """
    url, api_key = url or os.environ.get("OKR_URL"), api_key or os.environ.get("OKR_API_KEY")
    announced = {} if url and api_key else _announced(UP_FILE)
    url = url or announced.get("url")
    if not url:
        raise CommandFailed(f"which API? Give --url or OKR_URL, or run this where `okr up` runs (no {UP_FILE} here)")
    if not api_key and url.rstrip("/") == announced.get("url"):
        api_key = announced.get("api_key")
    if not api_key:
        raise CommandFailed(f"which key for {url}? Give --api-key or OKR_API_KEY")
    return Client(url, api_key)


def _announced(path: Path) -> Json:
    try:
        facts = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CommandFailed(f"{path} is not readable as JSON") from error
    return facts if isinstance(facts, dict) else {}


def _asked(answer: httpx.Response) -> str:
    return f"{answer.request.method} {answer.request.url.path}"


def _reason(error: httpx.TransportError) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _is_local(url: str) -> bool:
    return httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")
