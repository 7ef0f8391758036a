"""What is no HTTP, or not in measure, on real connections: told by a problem where somebody may read it, and never kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_process import running

PATIENCE_SECONDS = 60
HOST = b"Host: okr.test\r\n"
PIECE = b"a" * 60_000


@dataclass
class Server:
    """A running process: its address, and what it has logged."""

    host: str
    port: int
    log: Path

    async def exchange(self, *pieces: bytes, slowly: bool = False) -> bytes:
        """Send the pieces on one connection, and read until the server ends it."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                reading = group.create_task(_everything(reader))
                with suppress(ConnectionError):  # it had enough
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                        if slowly:
                            # The next piece must not come in with this one.
                            await asyncio.sleep(0.05)
            return reading.result()
        finally:
            writer.close()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def failures(self) -> list[dict[str, Any]]:
        """What it logged as its own faults."""
        return [line for line in self.lines() if line["level"] in ("error", "critical")]

    def statuses(self) -> list[int]:
        """The status of every request that it logged."""
        return [line["status"] for line in self.lines() if line["event"] == "request served"]


async def _everything(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, in whatever way."""
    pieces: list[bytes] = []
    try:
        while piece := await reader.read(65_536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@pytest.fixture
async def server(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Server]:
    """A server of the test's own."""
    async with running(environment, tmp_path / "log") as (_, address):
        url = httpx.URL(address)
        assert url.port is not None
        yield Server(url.host, url.port, tmp_path / "log")


def answers(content: bytes) -> list[tuple[int, str]]:
    """(status, code) of each answer on a connection; what is no problem has its content type in the code's place."""
    found = []
    while content:
        head, _, rest = content.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        body, content = rest[:length], rest[length:]
        if headers["content-type"] == "application/problem+json":
            problem = json.loads(body)
            assert problem["request_id"] == headers["x-request-id"]
            assert problem["status"] == int(status.split()[1])
            found.append((problem["status"], problem["code"]))
        else:
            found.append((int(status.split()[1]), headers["content-type"]))
    return found


BROKEN = (400, "broken_http")


LAST = b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n"
LIVE = (200, "application/json")


async def test_what_is_no_http_is_told_so(server: Server) -> None:
    for sent in (
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"BREW /v1/me HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v1/me HTTP/9.9\r\n" + HOST + b"\r\n",
        b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT okr.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /livez HTTP/1.1\r\nBad Header: 1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nX: a\0b\r\n\r\n",
        b"POST /v1/teams HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/teams HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        assert answers(await server.exchange(sent)) == [BROKEN], sent
    live = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
    assert answers(await server.exchange(live, b"hello\r\n\r\n", slowly=True)) == [LIVE, BROKEN]
    # Nobody must take it for the answer to what was asked before.
    assert answers(await server.exchange(live + b"hello\r\n\r\n")) in ([], [LIVE])
    assert server.failures() == []


async def test_a_body_that_breaks_off_or_turns_wrong_is_no_fault_of_ours(server: Server, company: Any) -> None:
    head = b"POST /v1/teams HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    key = b"Authorization: " + company.client.headers["Authorization"].encode() + b"\r\n"
    chunked = head + key + b"Transfer-Encoding: chunked\r\n\r\n"
    assert answers(await server.exchange(chunked, b"5\r\nabcde\r\n", b"no chunk\r\n", slowly=True)) == [BROKEN]
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(head + key + b"Content-Length: 1000\r\n\r\n{")
    await writer.drain()
    writer.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while server.statuses().count(499) < 2:
            await asyncio.sleep(0.02)
    assert server.failures() == []


async def test_a_head_without_an_end_is_cut(server: Server) -> None:
    too_large = [(431, "headers_too_large")]
    for begin in (b"GET /livez HTTP/1.1\r\nX-Long: ", b"GET /", b"GET /livez?"):
        assert answers(await server.exchange(begin, *[PIECE] * 8, slowly=True)) == too_large, begin
    many = [b"GET /livez HTTP/1.1\r\n", *[b"X-Many: a\r\n" * 1000] * 8]
    assert answers(await server.exchange(*many, slowly=True)) == too_large
    # One that does end is answered like every other request, and the connection lives on.
    whole = b"GET /livez HTTP/1.1\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n"
    assert answers(await server.exchange(whole, LAST)) == [*too_large, LIVE]


async def test_ten_megabytes_are_refused_and_more_are_not_even_read(server: Server, company: Any) -> None:
    too_large = [(413, "body_too_large")]
    head = b"POST /v1/teams HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    head += b"Authorization: " + company.client.headers["Authorization"].encode() + b"\r\n"
    chunk = b"%x\r\n" % len(PIECE) + PIECE + b"\r\n"
    known = head + b"Content-Length: %d\r\n\r\n" % (170 * len(PIECE))
    assert answers(await server.exchange(known, *[PIECE] * 170, LAST)) == [*too_large, LIVE]
    unknown = head + b"Transfer-Encoding: chunked\r\n\r\n"
    assert answers(await server.exchange(unknown, *[chunk] * 170, b"0\r\n\r\n", LAST)) == [*too_large, LIVE]
    # A trailer is no part of the body; what has come of it when the application looks counts as headers.
    trailer = [b"0\r\n", *[b"X-Many: " + PIECE + b"\r\n"] * 400]
    given = answers(await server.exchange(unknown + b"2\r\n{}\r\n", *trailer))
    assert given in (too_large, [(431, "headers_too_large")])
    async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
        assert (await client.get("/livez")).status_code == 200
    assert server.failures() == []


async def test_a_large_body_over_a_connection_that_is_kept(server: Server, company: Any) -> None:
    # The client sends on while it is refused, and asks again on the same connection.
    headers = {**company.client.headers, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}", headers=headers) as client:
        for _ in range(3):
            answer = await client.post("/v1/teams", content=b"a" * 10_000_000)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
            assert (await client.get("/v1/teams")).status_code == 200
    assert server.failures() == []
