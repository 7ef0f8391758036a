"""The demo company at work: new values every few seconds, observed now, and the grades that they move."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import cycle as again_and_again

from okr_cli.client import Client, Json
from okr_cli.demo.plan import METRICS_BY_KEY
from okr_cli.errors import CommandFailed
from okr_cli.wording import difference_sign, number, share, status_words

_SOURCE = "live"
_PUSHES_AT_A_TIME = 3
_WAIT_SECONDS = 10
# A step is about this share of the way from start to target, and leans a little towards the target.
_STRIDE = 0.05
_LEANING = 0.15
_BOUNDS = {"%": 100.0, "share": 1.0}


@dataclass
class _Walker:
    """A metric that moves a key result: its value wanders about, and on the whole towards `home`."""

    key_result_id: str
    title: str
    metric: str
    unit: str
    value: float
    home: float
    stride: float
    grade: float | None
    steps: int = 0

    def next_value(self) -> float:
        """The walk's next value: the same after the same number of steps from the same value."""
        self.steps += 1
        digest = blake2b(f"{self.metric}:{self.steps}".encode(), digest_size=8).digest()
        chance = int.from_bytes(digest) / 2**63 - 1
        leaning = _LEANING if self.value < self.home else -_LEANING
        stepped = self.value + self.stride * (chance + leaning)
        bounded = min(max(stepped, 0.0), _BOUNDS.get(self.unit, float("inf")))
        metric = METRICS_BY_KEY.get(self.metric)
        return round(bounded, metric.places if metric else 2)


def live(
    client: Client,
    *,
    on_line: Callable[[str], None],
    seconds: float | None = None,
    interval_seconds: float = 2.0,
    stop: threading.Event | None = None,
) -> None:
    """Push some values every `interval_seconds`, until `seconds` are over or `stop` is set; for ever without either.

    Each push waits for its grade, and `on_line` gets one line for it. Raises CommandFailed when nothing can be moved.
    """
    walkers = _walkers(client)
    if not walkers:
        raise CommandFailed("no running key result is fed by a metric: load the demo company first (okr demo load)")
    stop = stop or threading.Event()
    end_at = time.monotonic() + (float("inf") if seconds is None else seconds)
    turn = again_and_again(walkers)
    while not stop.is_set():
        for _ in range(min(_PUSHES_AT_A_TIME, len(walkers))):
            on_line(_push(client, next(turn)))
        left_seconds = end_at - time.monotonic()
        if left_seconds <= 0 or stop.wait(min(interval_seconds, left_seconds)) or time.monotonic() >= end_at:
            return


def _walkers(client: Client) -> list[_Walker]:
    """One for each metric that moves a running key result; those of a metric that fell silent stay silent."""
    walkers: dict[str, _Walker] = {}
    for key_result in _running_key_results(client):
        metric, value = key_result["metric_key"], key_result["current_value"]
        if metric is None or value is None or key_result["grade"]["freshness"] == "late":
            continue
        walkers.setdefault(
            metric,
            _Walker(
                key_result["id"],
                key_result["title"],
                metric,
                key_result["unit"] or "",
                value,
                value if key_result["target_value"] is None else key_result["target_value"],
                _stride(key_result),
                key_result["grade"]["grade"],
            ),
        )
    return list(walkers.values())


def _running_key_results(client: Client) -> Iterator[Json]:
    running = {cycle["id"] for cycle in client.items("/v1/cycles") if cycle["state"] == "active"}
    for objective in client.items("/v1/objectives", state="active", expand="key_results"):
        if objective["cycle_id"] in running:
            yield from objective["key_results"]


def _stride(key_result: Json) -> float:
    """How far one step goes at most, in the key result's unit."""
    start, target = key_result["start_value"], key_result["target_value"]
    if start is not None and target is not None:
        return abs(float(target - start)) * _STRIDE
    low, high = key_result["band_low"], key_result["band_high"]
    if low is not None and high is not None:
        return float(high - low) * _STRIDE
    return abs(float(key_result["current_value"])) * _STRIDE / 5


def _push(client: Client, walker: _Walker) -> str:
    """Push one value, wait for its grade, and tell of both."""
    before_value, before_grade = walker.value, walker.grade
    walker.value = walker.next_value()
    now = datetime.now(UTC)
    sent_at = time.perf_counter()
    client.post(
        f"/v1/metrics/{walker.metric}/points",
        {"value": walker.value, "observed_at": now.isoformat(), "source": _SOURCE},
        wait_seconds=_WAIT_SECONDS,
    )
    milliseconds = (time.perf_counter() - sent_at) * 1000
    grade = client.get(f"/v1/key-results/{walker.key_result_id}")["grade"]
    walker.grade = grade["grade"]
    moved = f"{share(before_grade)} → {share(walker.grade)} {difference_sign(before_grade, walker.grade)}"
    values = f"{number(before_value)} → {number(walker.value)} {walker.unit}"
    return (
        f"{now.astimezone():%H:%M:%S}  {walker.title[:44]:<44}  {values:<31}  {moved}  "
        f"{status_words(grade['status']):<11}  graded in {milliseconds:.0f} ms"
    )
