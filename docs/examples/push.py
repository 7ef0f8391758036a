"""Push values from a CSV file into the OKR service: `python3 push.py SOURCE < values.csv`.

The columns are metric, value and observed_at (with an offset, as in 2026-11-22T06:00:00Z); SOURCE says who measured. A point is
known by its metric, instant and source, so the same file may be sent twice, or again after half of it: what is in counts once.
OKR_URL and OKR_API_KEY say where to; the key needs the scope metrics:write. Exit codes: 0 all is in, 1 some lines were rejected
(standard error says which and why), 2 gave up: send the file
again later.
"""

import csv
import http.client
import json
import math
import os
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, NoReturn

BATCH = 1000  # the service takes up to 5,000 points, or 2 MiB
TIMEOUT_SECONDS = 30
GIVE_UP_AFTER_SECONDS = 600
WORTH_ANOTHER_TRY = (408, 425, 429, 500, 502, 503, 504)

Point = dict[str, Any]


def usage() -> NoReturn:
    """Say how this is used, and end."""
    print(__doc__, file=sys.stderr)
    raise SystemExit(2)


def number(text: str) -> float | str:
    """The number, or the text as it is: the service rejects that one line and says why."""
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def batches(source: str) -> Iterator[tuple[int, list[Point]]]:
    """The points on standard input, each batch with the number of its first line."""
    points: list[Point] = []
    first = 2  # after the header
    rows = csv.DictReader(sys.stdin)
    if not {"metric", "value", "observed_at"} <= set(rows.fieldnames or ()):
        usage()
    for row in rows:
        point = {"metric": row["metric"], "value": number(row["value"]), "observed_at": row["observed_at"]}
        points.append({**point, "source": source})
        if len(points) == BATCH:
            yield first, points
            first, points = first + BATCH, []
    if points:
        yield first, points


def send(points: list[Point]) -> Any:
    """One request, and the answer's JSON."""
    request = urllib.request.Request(
        os.environ["OKR_URL"] + "/v1/metric-points",
        data=json.dumps({"points": points}).encode(),
        headers={"Authorization": f"Bearer {os.environ['OKR_API_KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def send_until_answered(points: list[Point]) -> Any:
    """The same, again and again with growing pauses, until there is an answer that will not change by waiting."""
    give_up_at = time.monotonic() + GIVE_UP_AFTER_SECONDS
    longest_pause_seconds = 0.5
    while True:
        asked_for_seconds = 0.0
        try:
            return send(points)
        except urllib.error.HTTPError as refusal:
            problem = refusal.read().decode(errors="replace")
            if refusal.code not in WORTH_ANOTHER_TRY:
                sys.exit(f"the service refused: {problem}")
            why = f"{refusal.code} {refusal.reason}"
            retry_after = refusal.headers.get("Retry-After", "")
            asked_for_seconds = float(retry_after) if retry_after.isdecimal() else 0.0
        except (OSError, http.client.HTTPException, ValueError) as failure:
            # No answer, or half of one. Whether the points are in is unknown, and need not be known.
            why = str(failure) or type(failure).__name__
        # A random part of the pause keeps many senders from coming back at the same moment.
        pause_seconds = max(asked_for_seconds, random.uniform(0, longest_pause_seconds))
        if time.monotonic() + pause_seconds > give_up_at:
            print(f"gave up: {why}", file=sys.stderr)
            raise SystemExit(2)
        print(f"trying again in {pause_seconds:.1f} s: {why}", file=sys.stderr)
        time.sleep(pause_seconds)
        longest_pause_seconds = min(longest_pause_seconds * 2, 30)


def main(source: str) -> int:
    """Send everything; answers the exit code."""
    total = {"created": 0, "duplicate": 0, "rejected": 0}
    for first_line, points in batches(source):
        answer = send_until_answered(points)
        for name in total:
            total[name] += answer[name]
        for result in answer["results"]:
            if result["status"] == "rejected":
                line = first_line + result["index"]
                print(f"line {line}: {result['code']}: {result['detail']}", file=sys.stderr)
    print(", ".join(f"{count} {name}" for name, count in total.items()))
    return 1 if total["rejected"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else usage())
