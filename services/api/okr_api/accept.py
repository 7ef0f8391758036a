"""The Accept header (RFC 9110, 12.5.1): which of several forms a caller likes best."""

import re
from collections.abc import Iterable

_QUALITY = re.compile(r";\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)


def preferred(header: str, offered: Iterable[str]) -> str | None:
    """Which of the offered media types the header likes best, the first of equals; None if it likes none of them.

    The most exact range decides of each: `text/*;q=1, text/csv;q=0` takes every text but CSV. A header that says nothing likes
    everything.
    """
    ranges = dict(_range(part) for part in header.split(",") if part.strip())
    if not ranges:
        return next(iter(offered), None)
    liking = {name: _quality(name, ranges) for name in offered}
    # Of equals the one that the header names first, then the one that is offered first.
    named = {name: place for place, name in enumerate(ranges)}
    best = min(liking, key=lambda name: (-liking[name], named.get(name, len(named))), default=None)
    return best if best is not None and liking[best] > 0 else None


def _range(part: str) -> tuple[str, float]:
    """A media range and its quality; what cannot be read as one has the quality 1, like none."""
    name = part.partition(";")[0].strip().lower()
    found = _QUALITY.search(part)
    return name, float(found[1]) if found else 1.0


def _quality(name: str, ranges: dict[str, float]) -> float:
    group = name.partition("/")[0]
    return next((ranges[one] for one in (name, f"{group}/*", "*/*") if one in ranges), 0.0)
