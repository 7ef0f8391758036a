"""The Prefer header (RFC 7240): `wait=N` makes a write answer when its grade is computed, or N seconds later."""

import re

LONGEST_WAIT_SECONDS = 30
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE | re.ASCII)


def wait_seconds(header: str | None) -> int | None:
    """The seconds to wait, at most 30; None without the preference. What cannot be read is no preference."""
    found = _WAIT.search(header) if header else None
    return min(int(found[1]), LONGEST_WAIT_SECONDS) if found else None
