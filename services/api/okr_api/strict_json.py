"""Bodies: bounded, JSON by the letter, numbers as Decimals so that no digit is lost before it is rounded."""

import json
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from okr_api.errors import BodyTooLarge, Malformed, UnsupportedMediaType
from okr_api.header import header

LARGEST_BODY_BYTES = 2 * 1024 * 1024
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
YAML = "application/yaml"


class _NotOurs(ValueError):
    """The body is what many readers take for JSON; the message says what is wrong with it."""


def _no_constant(name: str) -> None:
    raise _NotOurs(f"{name} is no JSON number")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotOurs("an object names a member twice")
    return found


def parse(body: bytes) -> Any:
    """The JSON value in `body`. Raises Malformed for NaN, infinities, doubled members and what is no UTF-8."""
    try:
        return json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise Malformed(f"The body is not valid JSON: {_reason(error)}.", pointer="") from None


def _reason(error: ValueError | InvalidOperation | RecursionError) -> str:
    """What is wrong, without a word of the body."""
    match error:
        case _NotOurs():
            return str(error)
        case UnicodeDecodeError():
            return f"byte {error.start} is no UTF-8"
        case json.JSONDecodeError():
            return f"it breaks off or goes wrong at line {error.lineno}, column {error.colno}"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "a number has too many digits"


def content_type(headers: Headers) -> str:
    """What the body says that it is, without parameters; '' if it says nothing."""
    return (header(headers, "content-type") or "").partition(";")[0].strip().lower()


def check_content_type(headers: Headers, *, method: str, also: Collection[str] = ()) -> None:
    """Raise UnsupportedMediaType unless the body says that it is JSON, or what `also` has; a PATCH may also say merge patch."""
    _, _, parameters = (header(headers, "content-type") or "").partition(";")
    accepted = (JSON, MERGE_PATCH, *also) if method == "PATCH" else (JSON, *also)
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if content_type(headers) not in accepted or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType(f"Send the body as {' or '.join(accepted)}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body without a content encoding.")


class StrictRequest(Request):
    """A request that reads its body by our rules; the framework asks it for the parsed JSON."""

    async def body(self) -> bytes:
        """The whole body. Raises BodyTooLarge as soon as it is known to be."""
        if not hasattr(self, "_body"):
            declared = self.headers.get("content-length", "0")
            if declared.isdecimal() and int(declared) > LARGEST_BODY_BYTES:
                raise _too_large()
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > LARGEST_BODY_BYTES:
                    raise _too_large()
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The parsed body."""
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"A body may have {LARGEST_BODY_BYTES:,} bytes: send less at once.")
