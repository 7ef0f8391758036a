"""Idempotency-Key: the same POST twice has one effect, and the second answer is the first one's.

The key belongs to the caller and the operation. What it guards and what it keeps commit together, so that neither exists
without the other; a failure keeps nothing, and the same key may then try again.
"""

import hashlib
import re

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response

from okr import telemetry
from okr.db import idempotency as store
from okr.db.idempotency import KeptAnswer, Slot
from okr.domain.errors import Conflict, Invalid
from okr_api.auth import Caller
from okr_api.etag import InvalidHeader
from okr_api.header import header

HEADER = "Idempotency-Key"
_KEY = re.compile(r'"?([\x21\x23-\x5b\x5d-\x7e]{1,255})"?')
_KEPT_HEADERS = ("etag", "location", "content-type")


class KeyInFlight(Conflict):
    """The first request with this idempotency key is still being served.

    Send it again, with the same key, in a moment: the answer will be the first one's.
    """

    code = "idempotency_key_in_flight"


class KeyReused(Invalid):
    """The idempotency key was used for another request.

    Take a new key for each new request; send the same bytes with the same key.
    """

    code = "idempotency_key_reused"


def slot_of(request: Request, caller: Caller) -> Slot | None:
    """The slot that a request asks for; None without the header. The key may stand in quotes, as the draft standard has it."""
    sent = header(request.headers, HEADER)
    if sent is None:
        return None
    found = _KEY.fullmatch(sent)
    if found is None:
        raise InvalidHeader(f"{HEADER} holds 1 to 255 visible ASCII characters, without quotes inside.")
    route = f"{request.method} {request.scope['route'].path_format}"
    return Slot(caller.organization_id, caller.actor, route, found[1])


async def fingerprint(request: Request) -> bytes:
    """What makes two requests the same: method, address and body, to the byte."""
    address = f"{request.method} {request.url.path}?{request.url.query}"
    return hashlib.sha256(address.encode() + b"\0" + await request.body()).digest()


async def answer_from(connection: asyncpg.Connection, slot: Slot, request: Request) -> Response | None:
    """The kept answer, or None when this request is the first: it then holds the slot until its transaction ends.

    Raises KeyInFlight while another request holds it, KeyReused if the key was used for another request.
    """
    if not await store.try_lock(connection, slot):
        raise KeyInFlight("A request with this idempotency key is being served: try again in a moment.")
    kept = await store.find(connection, slot)
    if kept is None:
        return None
    if kept.fingerprint != await fingerprint(request):
        raise KeyReused("This idempotency key was used for another request: take a new one.")
    telemetry.IDEMPOTENT_REPLAYS.inc()
    headers = {**orjson.loads(kept.headers), "Idempotent-Replayed": "true"}
    return Response(kept.body, kept.status, headers)


async def keep(connection: asyncpg.Connection, slot: Slot, request: Request, answer: Response) -> None:
    """Keep the answer for a day, if and when the surrounding transaction commits. It must hold no secrets."""
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    content = orjson.dumps(headers).decode()
    kept = KeptAnswer(await fingerprint(request), answer.status_code, content, bytes(answer.body))
    await store.keep(connection, slot, kept)
