"""Parts of a JSON document on standard input: `pick.py LIST PATH...`, a line for each item of LIST, or one line if LIST is ""."""

import json
import os
import sys
from typing import Any


def part(whole: Any, path: str) -> Any:
    """What lies at `items.0.grade.status`."""
    for name in filter(None, path.split(".")):
        whole = whole[int(name)] if isinstance(whole, list) else whole[name]
    return whole


def written(value: Any) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def main(where: str, *paths: str) -> None:
    """Print the parts, or the whole answer where it has no such part."""
    text = sys.stdin.read()
    try:
        found = part(json.loads(text), where)
        for one in found if where else [found]:
            print("  ".join(written(part(one, path)) for path in paths or ("",)))
        sys.stdout.flush()
    except (ValueError, LookupError, TypeError):
        sys.exit(f"no {' '.join((where, *paths)).strip()} in this answer: {text.strip()}")
    except BrokenPipeError:
        # `| head` has seen enough; nothing is left for the flush at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
