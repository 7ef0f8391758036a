"""`python -m vectors FILE`: grade the cases of a file under the presets, tell each that comes out otherwise, and count."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from vectors.cases import Case, Unreadable, read_cases
from vectors.running import Verdict, judged

_OWN = Path(__file__).with_name("cases.json")
_COUNTED = ("grade", "label", "helper")


def main(arguments: list[str] | None = None) -> int:
    """0 when the file could be read, however many cases come out otherwise; 2 when it could not."""
    parser = argparse.ArgumentParser(prog="vectors", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=_OWN, help="a JSON list of cases")
    path = parser.parse_args(arguments).file
    try:
        cases = read_cases(path)
    except Unreadable as error:
        print(f"vectors: {error}", file=sys.stderr)
        return 2
    verdicts = [(case, judged(case)) for case in cases]
    for case, verdict in verdicts:
        if not verdict.is_reproduced and case.scope in _COUNTED:
            print(_told(case, verdict))
    for line in totals(verdicts):
        print(line)
    return 0


def totals(verdicts: list[tuple[Case, Verdict]]) -> list[str]:
    """How many of each scope are reproduced, the two that rules must say together last."""
    count, good = Counter(case.scope for case, _ in verdicts), Counter[str]()
    for case, verdict in verdicts:
        good[case.scope] += verdict.is_reproduced
    other = sum(number for scope, number in count.items() if scope not in _COUNTED)
    lines = [f"not counted: {other} that no rules could give"] if other else []
    lines += [f"{scope}: {good[scope]} of {count[scope]} reproduced" for scope in _COUNTED]
    both = [number["grade"] + number["label"] for number in (good, count)]
    return [*lines, f"grade and label: {both[0]} of {both[1]} reproduced"]


def _told(case: Case, verdict: Verdict) -> str:
    where = f"{case.id} {case.system} / {case.kind}"
    return f"{where}: expected {verdict.expected} ({case.unit}), got {verdict.got}: {verdict.why}"


if __name__ == "__main__":
    sys.exit(main())
