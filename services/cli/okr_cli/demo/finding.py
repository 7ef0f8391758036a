"""Finding before making: every step of a loading can be taken again, and changes nothing where it has been taken."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, TypeVar

from okr_cli.client import Client, Json

# Some requests at a time: enough to hide the way there and back, too few to crowd a small machine.
_AT_A_TIME = 4

Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")


def make(client: Client, path: str, body: Mapping[str, Any]) -> Json:
    """POST with a key made from what is sent: sent again after a lost answer, it is answered and not done again."""
    text = json.dumps([path, body], sort_keys=True, ensure_ascii=False)
    return client.post(path, body, idempotency_key=f"demo-{blake2b(text.encode(), digest_size=16).hexdigest()}")


def find_or_make(client: Client, path: str, body: Mapping[str, Any], *, known: Mapping[str, Json], by: str) -> Json:
    """What is known under the body's field `by`, else what POST makes of the body."""
    return known.get(str(body[by])) or make(client, path, body)


def known_by(client: Client, path: str, field: str, **query: str) -> dict[str, Json]:
    """All items of a list by one of their fields."""
    return {str(item[field]): item for item in client.items(path, **query)}


def each(things: Iterable[Thing], do: Callable[[Thing], Outcome]) -> list[Outcome]:
    """Do it for all things, some at a time; answers in their order. The first failure ends it."""
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        waiting = [threads.submit(do, thing) for thing in things]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def without_none(**fields: Any) -> Json:
    """A body that says nothing about what there is nothing to say of."""
    return {name: value for name, value in fields.items() if value is not None}
