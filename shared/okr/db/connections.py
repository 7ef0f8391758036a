"""Connections to PostgreSQL kept open and lent out: no more than that, for what comes by the thousands.

A general pool cleans up after each loan and guards it by tasks of its own, which costs more than a short statement. Here a
connection is lent as it is and taken back as it is. Whatever may have left it in the middle of something ends it instead; the
next loan opens another.
"""

import asyncio
from collections import deque
from types import TracebackType

import asyncpg

from okr.db.urls import for_asyncpg
from okr.domain.errors import DomainError

PATIENCE_SECONDS = 5.0
"""How long a borrower waits for a connection, and a connection may take to open."""
_COMMAND_SECONDS = 35


class Connections:
    """At most `size` connections, opened as they are needed: making this works while the database is away."""

    def __init__(self, url: str, *, size: int, settings: dict[str, str]) -> None:
        self._url = for_asyncpg(url)
        self._size = size
        self._settings = settings
        self._idle: list[asyncpg.Connection] = []
        self._lent = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_closing = False
        self._all_back = asyncio.Event()

    def lend(self) -> "Loan":
        """A connection for the length of an `async with` block. Raises TimeoutError where none becomes free in time."""
        return Loan(self)

    async def take(self) -> asyncpg.Connection:
        """A connection that is open as far as we know. It must be given back."""
        if self._is_closing:
            raise asyncpg.InterfaceError("the connections are being closed")
        if self._lent < self._size:
            self._lent += 1
        else:
            await self._wait_for_turn()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await asyncpg.connect(
                self._url, server_settings=self._settings, command_timeout=_COMMAND_SECONDS, timeout=PATIENCE_SECONDS
            )
        except BaseException:
            self._pass_on_turn()
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """Keep the connection for the next borrower, unless it has ended."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._pass_on_turn()

    async def close(self) -> None:
        """Wait for what is lent, then close."""
        self._is_closing = True
        if self._lent:
            async with asyncio.timeout(_COMMAND_SECONDS):
                await self._all_back.wait()
        while self._idle:
            await self._idle.pop().close(timeout=PATIENCE_SECONDS)

    async def _wait_for_turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._pass_on_turn()  # it came when nobody waited for it any more
            raise

    def _pass_on_turn(self) -> None:
        """To the first who still waits; it is one of those lent all the while, so that nobody comes in between."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._lent -= 1
        if self._is_closing and not self._lent:
            self._all_back.set()


class Loan:
    """One connection for one block."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A refusal of ours or of PostgreSQL's leaves a connection ready; a cancellation may leave an answer on its way.
        is_ready = error is None or isinstance(error, DomainError | asyncpg.PostgresError)
        if not is_ready or self._connection.is_in_transaction():
            self._connection.terminate()
        self._connections.give_back(self._connection)
