"""`docs/examples/push.py` on a bad line: answers lost after the points were taken, refusals that pass, and one that stays."""

import contextlib
import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from demo_service import Service

ROOT = Path(__file__).parents[2]
ROWS = ["metric,value,observed_at", *(f"arr,{number},2026-10-{number:02}T06:00:00Z" for number in range(1, 11))]


class BadLine(ThreadingHTTPServer):
    """A relay to the service. Each request uses up one of `mishaps`; when there are none left it does its work."""

    daemon_threads = True

    def __init__(self, url: str, mishaps: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.service = urlsplit(url).netloc
        self.mishaps = mishaps
        self.arrived = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Relay(BaseHTTPRequestHandler):
    server: BadLine

    def do_POST(self) -> None:
        mishap = self.server.mishaps.pop(0) if self.server.mishaps else ""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if mishap.isdecimal():
            self.send_response(int(mishap))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if mishap == "nothing arrives":
            return
        status, answer = self._pass_on(body)
        self.server.arrived += 1
        if mishap == "no answer":
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if mishap == "half an answer" else answer)

    def _pass_on(self, body: bytes) -> tuple[int, bytes]:
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        with contextlib.closing(http.client.HTTPConnection(self.server.service, timeout=30)) as connection:
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def bad_line(url: str, *mishaps: str) -> Iterator[BadLine]:
    with BadLine(url, list(mishaps)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def push(url: str, key: str, rows: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "docs" / "examples" / "push.py", "warehouse"],
        input="\n".join(rows),
        env={"OKR_URL": url, "OKR_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_was_lost_on_the_way_arrives_and_counts_once(demo_service: Service) -> None:
    with demo_service.client() as client:
        key = client.post("/v1/api-keys", {"name": "pusher", "scopes": ["metrics:write"]})["key"]
        client.put("/v1/metrics/arr", {"name": "Recurring revenue"})
        mishaps = ("nothing arrives", "503", "no answer", "half an answer", "429")
        with bad_line(demo_service.url, *mishaps) as line:
            done = push(line.url, key, ROWS)
            assert (done.returncode, done.stdout) == (0, "0 created, 10 duplicate, 0 rejected\n"), done.stderr
            assert (line.mishaps, line.arrived) == ([], 3)
        assert done.stderr.count("trying again") == len(mishaps)
        points = client.get("/v1/metrics/arr/points", limit=50)["items"]
        assert sorted(point["value"] for point in points) == list(range(1, 11))


def test_a_refusal_that_stays_ends_it_at_once(demo_service: Service) -> None:
    with demo_service.client() as client:
        key = client.post("/v1/api-keys", {"name": "reader", "scopes": ["okr:read"]})["key"]
    with bad_line(demo_service.url) as line:
        done = push(line.url, key, ROWS)
        assert (done.returncode, line.arrived) == (1, 1)
    assert "the service refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_columns_or_a_source_it_says_how_it_is_used(demo_service: Service) -> None:
    for done in (
        push(demo_service.url, "key", ["name,amount", "a,1"]),
        subprocess.run(
            [sys.executable, ROOT / "docs" / "examples" / "push.py"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ),
    ):
        assert done.returncode == 2
        assert "metric, value and observed_at" in done.stderr
        assert "Traceback" not in done.stderr
