"""Waiting until every grade says what the newest values say."""

import time
from collections.abc import Iterator

from okr_cli.client import Client, Json
from okr_cli.errors import CommandFailed

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


def wait_until_graded(client: Client, *, timeout_seconds: float = 120.0) -> None:
    """Return when nothing of the organization is stale. Raises CommandFailed when that takes too long."""
    give_up_at = time.monotonic() + timeout_seconds
    pause_seconds = _FIRST_PAUSE_SECONDS
    while stale := next(_stale(client), None):
        if time.monotonic() > give_up_at:
            raise CommandFailed(f"{stale} has had no new grade for {timeout_seconds:g} s: does the worker run?")
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)


def _stale(client: Client) -> Iterator[str]:
    """The titles of what still waits for a grade, as they come in; the lists that settle last come last."""
    for objective in client.items("/v1/objectives", expand="key_results"):
        yield from _if_stale(objective)
        for key_result in objective["key_results"]:
            yield from _if_stale(key_result)
    for path in ("/v1/teams", "/v1/cycles"):
        for item in client.items(path):
            yield from _if_stale(item)
    yield from _if_stale(client.get("/v1/organization"))


def _if_stale(item: Json) -> Iterator[str]:
    if item["grade"]["stale"]:
        yield f"“{item.get('title') or item['name']}”"
