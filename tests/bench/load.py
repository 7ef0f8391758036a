"""The load: a process that keeps sixteen connections busy. It reads orders as JSON lines and answers each with what it saw.

It shares the machine's cores with whatever it measures, so it does as little as a client can: requests are made of bytes, and of
an answer only the status line and the length are looked at.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
PLACE_OF_STAMP = b"@@@@@@"


def get(path: str, *, host: str, token: str) -> bytes:
    """A GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, body: bytes, *, host: str, token: str) -> bytes:
    """A POST of JSON as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """One connection: one request at a time, the next one as soon as the last is answered.

    `requests` gives the next request, None for none; then `ask` makes it look again. `answered` hears of every answer: when
    its request was sent, and its status line.
    """

    def __init__(
        self,
        requests: Callable[[], bytes | None],
        answered: Callable[[float, bytes], None],
    ) -> None:
        self._requests, self._answered = requests, answered
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = -1
        self._sent_at = 0.0
        self.is_idle = True
        self.is_lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own kind
        self.ask()

    def ask(self) -> None:
        """Send the next request, if there is one and none is under way."""
        request = self._requests() if self._transport is not None else None
        self.is_idle = request is None
        if request is not None and self._transport is not None:
            self._sent_at = time.perf_counter()
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            data = self._head + data
            end = data.find(_END_OF_HEAD)
            if end < 0:
                self._head = data
                return
            self._head, data = data[:end], data[end + 4 :]
            start = self._head.index(_LENGTH) + len(_LENGTH)
            stop = self._head.find(b"\r", start)
            self._left = int(self._head[start : stop if stop > 0 else len(self._head)])
        self._left -= len(data)
        if self._left <= 0:
            status = self._head.partition(b"\r")[0]
            self._head, self._left = b"", -1
            self._answered(self._sent_at, status)
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_lost.done():
            self.is_lost.set_exception(error or ConnectionError("the server closed the connection"))
            self.is_lost.exception()  # looked at by whoever waits; nobody else needs a warning

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _stamps(text: bytes) -> Iterator[bytes]:
    """The text again and again, with a microsecond of its own each time."""
    parts = text.split(PLACE_OF_STAMP)
    for number in itertools.count():
        yield (b"%06d" % number).join(parts)


def _reads(order: dict[str, Any]) -> Iterator[bytes]:
    return itertools.cycle(get(path, host=order["host"], token=order["token"]) for path in order["paths"])


def _pushes(order: dict[str, Any]) -> Iterator[bytes]:
    """One point each, of one metric after the other, observed now."""
    for path in itertools.cycle(order["paths"]):
        observed_at = datetime.now(UTC).isoformat()
        body = b'{"value":%d.25,"observed_at":"%s"}' % (time.time_ns() // 1000 % 100, observed_at.encode())
        yield post(path, body, host=order["host"], token=order["token"])


def _batches(order: dict[str, Any]) -> Iterator[bytes]:
    """The same points each time, at other microseconds."""
    for body in _stamps(order["body"].encode()):
        yield post(order["paths"][0], body, host=order["host"], token=order["token"])


_MAKERS = {"read": _reads, "push": _pushes, "batch": _batches}


@dataclass(slots=True)
class Seen:
    """What came of an order: how many requests were answered in how long, and milliseconds of the slow ones."""

    answered: int = 0
    seconds: float = 0.0
    refused: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def as_json(self) -> bytes:
        ordered = sorted(self.milliseconds)
        return orjson.dumps(
            {
                "answered": self.answered,
                "seconds": self.seconds,
                "refused": self.refused[:3],
                "p50": ordered[len(ordered) // 2],
                "p99": ordered[int(len(ordered) * 0.99)],
            }
        )


async def keep_busy(order: dict[str, Any], requests: Iterator[bytes]) -> Seen:
    """Send for so many seconds, then wait for what is under way. Every answer counts, and all the time until the last."""
    seen = Seen()
    expected = order["expected"].encode()
    begun = time.perf_counter()
    until = begun + order["seconds"]

    def following() -> bytes | None:
        return next(requests) if time.perf_counter() < until else None

    def answered(sent_at: float, status: bytes) -> None:
        seen.milliseconds.append((time.perf_counter() - sent_at) * 1000)
        seen.answered += 1
        if not status.startswith(expected):
            seen.refused.append(status.decode())

    clients = await open_clients(order["port"], order["connections"], following, answered)
    while not all(client.is_idle for client in clients):
        await asyncio.sleep(0.001)
        if any(client.is_lost.done() for client in clients):
            raise ConnectionError("the server closed a connection")
    seen.seconds = time.perf_counter() - begun
    for client in clients:
        client.close()
    return seen


async def open_clients(
    port: int, count: int, requests: Callable[[], bytes | None], answered: Callable[[float, bytes], None]
) -> list[Client]:
    """So many connections to a server on this machine."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Client(requests, answered), "127.0.0.1", port) for _ in range(count)]
    return [client for _, client in made]


async def serve_orders() -> None:
    """Until standard input ends. An order names what to make; its requests go on where the last order like it stopped."""
    lines = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    made: dict[str, Iterator[bytes]] = {}
    while line := await lines.readline():
        order = orjson.loads(line)
        if order["name"] not in made:
            made[order["name"]] = _MAKERS[order["make"]](order)
        seen = await keep_busy(order, made[order["name"]])
        sys.stdout.write(seen.as_json().decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve_orders())
