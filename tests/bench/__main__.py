"""`python -m bench`: measure, print a table on standard output, and write `.okr/bench.json`. Progress goes to standard error."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from bench.estate import build
from bench.figures import Figure
from bench.freshness import freshness
from bench.preview import preview
from bench.rescore import rescore
from bench.rescore_bulk import rescore_bulk
from bench.service import service
from bench.stage import Stage, Theatre, theatre
from workers import scoring_workers

_RESULT = Path(".okr/bench.json")
PREVIEWED_OF_EACH = 5
"""Objectives of the company that is previewed, for each of that which is measured otherwise: 10,000 for 2,000."""


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


NAMES = (
    "read_objective",
    "list_objectives",
    "push_point",
    "push_batch",
    "rescore",
    "rescore_bulk",
    "freshness_p50",
    "freshness_p99",
    "preview",
)
_OF_SERVICE = frozenset(NAMES[:4])
_OF_FRESHNESS = frozenset({"freshness_p50", "freshness_p99"})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(NAMES), metavar="NAME,…", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round over HTTP")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds over HTTP; rescore and preview have three at most"
    )
    parser.add_argument("--objectives", type=int, default=2000, help="size of the company, at least 50")
    parser.add_argument("--output", type=Path, default=_RESULT, help="where the figures go as JSON")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"no such figure: {', '.join(sorted(unknown))}")
    return names


async def _measure(stages: Theatre, options: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    only = set(options.only)
    if only & (_OF_SERVICE | _OF_FRESHNESS):
        with stages.stage() as stage:
            figures += await _measure_service(stage, options, only)
    if "rescore" in only:
        with stages.stage() as stage:
            figures += await rescore(stage, objectives=options.objectives, rounds=min(options.rounds, 3), say=_say)
    if "preview" in only:
        with stages.stage() as stage:
            objectives = options.objectives * PREVIEWED_OF_EACH
            figures += await preview(stage, objectives=objectives, rounds=min(options.rounds, 3), say=_say)
    if "rescore_bulk" in only:
        with stages.stage() as stage:
            rounds = min(options.rounds, 3)
            figures += await rescore_bulk(stage, objectives=options.objectives, rounds=rounds, say=_say)
    return sorted((figure for figure in figures if figure.name in only), key=lambda figure: NAMES.index(figure.name))


async def _measure_service(stage: Stage, options: argparse.Namespace, only: set[str]) -> list[Figure]:
    figures: list[Figure] = []
    async with stage.owner() as owner:
        _say(f"building {options.objectives} objectives with three key results each, and grading them")
        estate = await build(owner, objectives=options.objectives, key_results_each=3)
        async with scoring_workers(stage.environment, stage.folder / "workers", log_level="WARNING"):
            await estate.graded()
        if only & _OF_FRESHNESS:
            figures += await freshness(stage, estate, seconds=options.seconds * options.rounds, say=_say)
        if only & _OF_SERVICE:
            figures += await service(stage, estate, only=only, rounds=options.rounds, seconds=options.seconds, say=_say)
    return figures


def _table(figures: list[Figure]) -> str:
    lines = [("name", "ours", "floor", "ratio", "spread", "unit")]
    for figure in figures:
        floor = "-" if figure.floor is None else f"{figure.floor:,.1f}"
        ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
        lines.append((figure.name, f"{figure.ours:,.1f}", floor, ratio, figure.spread, figure.unit))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    text = [
        "  ".join(
            word.ljust(width) if column in (0, 5) else word.rjust(width)
            for column, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    notes = [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([*text, "", *notes])


def main() -> None:
    options = _options()
    with theatre() as stages:
        figures = asyncio.run(_measure(stages, options))
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    print(_table(figures))


if __name__ == "__main__":
    main()
