"""The client of the command line: what it sends, how it tells of refusals, and how it finds its server."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from okr_cli.client import ApiRefused, Client, connect, problem_line
from okr_cli.errors import CommandFailed

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, body."""


@contextlib.contextmanager
def a_server(answer: Callable[[str, str, dict[str, str]], Answer], *, port: int = 0) -> Iterator[str]:
    """A server that answers by method, path and headers."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            status, headers, body = answer(self.command, self.path, dict(self.headers))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = handle_one  # the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_request_carries_the_key_and_what_it_is_asked_to() -> None:
    seen: list[dict[str, str]] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        seen.append({"request": f"{method} {path}"} | {name.lower(): value for name, value in headers.items()})
        return 200, {}, {}

    with a_server(answer) as url, Client(url + "/", "okr_live_x") as client:
        client.post("/v1/cycles", {"name": "Q1"}, idempotency_key="once", wait_seconds=5)
        client.get("/v1/objectives", state="active", cursor=None)
    post, get = seen
    assert post["request"] == "POST /v1/cycles"
    assert post["authorization"] == "Bearer okr_live_x"
    assert post["idempotency-key"] == "once"
    assert post["prefer"] == "wait=5"
    assert get["request"] == "GET /v1/objectives?state=active"


def test_a_refusal_is_one_line_with_status_and_code() -> None:
    problem = {
        "title": "The request breaks a rule",
        "detail": "Start and target are the same.",
        "code": "start_equals_target",
        "errors": [{"pointer": "/target_value", "detail": "Give a target that is some way off."}],
    }
    with a_server(lambda *_: (422, {}, problem)) as url, Client(url, "k") as client:
        with pytest.raises(ApiRefused) as refused:
            client.post("/v1/objectives/1/key-results", {})
        assert str(refused.value) == (
            "POST /v1/objectives/1/key-results: Start and target are the same; "
            "/target_value: Give a target that is some way off [start_equals_target] (422)"
        )
        assert (refused.value.status, refused.value.code) == (422, "start_equals_target")


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b'["not", "an", "object"]', b""])
def test_an_answer_from_something_else_than_the_api_is_still_one_line(body: bytes) -> None:
    refused = pytest.raises(ApiRefused, match=r"^GET /v1/me: Bad Gateway \(502\)$")
    with a_server(lambda *_: (502, {}, body)) as url, Client(url, "k") as client, refused:
        client.get("/v1/me")


def test_a_detail_that_an_error_repeats_is_told_once() -> None:
    errors = [{"pointer": "/zone", "detail": "Name one of the zones."}]
    assert problem_line({"detail": "Name one of the zones.", "errors": errors}) == "Name one of the zones"


def test_a_detail_that_only_points_at_the_errors_is_left_out() -> None:
    problem = {"code": "invalid_request", "detail": "Mend what `errors` names and send it again."}
    errors = [{"pointer": "/reason", "detail": "is required"}]
    assert problem_line(problem | {"errors": errors}) == "/reason: is required [invalid_request]"
    assert problem_line(problem) == "Mend what `errors` names and send it again [invalid_request]"


def test_a_list_is_read_to_its_last_page() -> None:
    pages = {None: ([1, 2], "a"), "a": ([3], "b"), "b": ([4], None)}

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        cursor = path.partition("cursor=")[2].partition("&")[0] or None
        items, next_cursor = pages[cursor]
        return 200, {}, {"items": [{"id": id} for id in items], "next_cursor": next_cursor}

    with a_server(answer) as url, Client(url, "k") as client:
        assert [item["id"] for item in client.items("/v1/people")] == [1, 2, 3, 4]


def test_a_change_is_meant_for_the_version_that_was_read() -> None:
    seen: list[str | None] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        seen.append(headers.get("If-Match"))
        return 200, {"ETag": '"4.7.7"'}, {}

    with a_server(answer) as url, Client(url, "k") as client:
        client.patch("/v1/organization", {"name": "Vesper"})
    assert seen == [None, '"4.7.7"']


def test_a_server_that_is_still_starting_is_waited_for() -> None:
    port = a_free_port()
    told: list[object] = []
    with Client(f"http://127.0.0.1:{port}", "k") as client:
        asking = threading.Thread(target=lambda: told.append(client.get("/v1/me")))
        asking.start()
        with a_server(lambda *_: (200, {}, {"name": "me"}), port=port):
            asking.join()
    assert told == [{"name": "me"}]


def test_a_server_that_is_gone_is_one_line() -> None:
    url = f"http://127.0.0.1:{a_free_port()}"
    silent = pytest.raises(CommandFailed, match=f"^the API at {url} does not answer: ")
    with Client(url, "k", start_patience_seconds=0) as client, silent:
        client.get("/v1/me")


def test_a_server_that_has_answered_once_is_not_waited_for() -> None:
    port = a_free_port()
    with Client(f"http://127.0.0.1:{port}", "k", start_patience_seconds=3600) as client:
        with a_server(lambda *_: (200, {"Connection": "close"}, {}), port=port):
            client.get("/v1/me")
        with pytest.raises(CommandFailed, match="does not answer"):
            client.get("/v1/me")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to stand in, and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("OKR_URL", "OKR_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def announce(folder: Path) -> None:
    (folder / ".okr").mkdir()
    (folder / ".okr" / "up.json").write_text(json.dumps({"url": "http://here", "api_key": "key-of-up"}))


def reached(url: str | None, api_key: str | None) -> tuple[str, str]:
    with connect(url, api_key) as client:
        return client.url, client._http.headers["Authorization"].removeprefix("Bearer ")


def test_the_server_is_the_one_named_else_that_of_the_environment_else_that_of_up(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(elsewhere)
    assert reached(None, None) == ("http://here", "key-of-up")
    monkeypatch.setenv("OKR_URL", "http://environment")
    monkeypatch.setenv("OKR_API_KEY", "key-of-environment")
    assert reached(None, None) == ("http://environment", "key-of-environment")
    assert reached("http://option", "key-of-option") == ("http://option", "key-of-option")


def test_the_key_of_up_goes_nowhere_else(elsewhere: Path) -> None:
    announce(elsewhere)
    assert reached("http://here/", None) == ("http://here", "key-of-up")
    with pytest.raises(CommandFailed, match="which key for http://elsewhere"):
        connect("http://elsewhere", None)


def test_without_any_server_it_says_how_to_name_one(elsewhere: Path) -> None:
    with pytest.raises(CommandFailed, match="which API"):
        connect(None, None)
