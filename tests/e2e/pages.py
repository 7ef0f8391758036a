"""Pages of documentation as programs: their blocks are run in order, and what they print is what the page shows.

A page is read like this:

* ```` ```sh ````, `python` and `ts` blocks are run, all in one shell, in the project's folder, on a running demo company.
* A `json`, `text` or `csv` block shows what the block before it printed. Ids, days and instants stand for any others.
  `…` in a line stands for any words, as a line for any lines; in JSON, `"…"` for any value and `"…": "…"` for further members.
* A `yaml` block is a ruleset.
* `<!-- numbers vary -->` before a block that shows something: its numbers and statuses stand for any others.
* `<!-- docs/examples/push.py -->` before a block: it is that file, word for word, and some other block runs it.
* `<!-- not run: reason -->` before a block: neither run nor compared.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from okr.rulesets.spelling import RulesetInvalid, parse_document

ROOT = Path(__file__).parents[2]
ANY = "…"
_BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_PROGRAMS = {"python": "python3", "ts": "node"}
_SHOWN = ("json", "text", "csv")
_RULES = "yaml"
_MASKS = (
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"okr_live_\w+", "<key>"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z", "<instant>"),
    (r"\d{4}-\d{2}-\d{2}", "<day>"),
    (r"http://127\.0\.0\.1:\d+", "<address>"),
)
_VARYING = (
    (r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]\d+)?", "<number>"),
    (r"\b(?:on_track|at_risk|off_track|achieved|missed|queued|running|succeeded)\b", "<status>"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is, what it says, the comment right before it, and the line it begins in."""

    kind: str
    text: str
    note: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page's text."""
    return [
        Block(found["kind"], found["text"], found["note"] or "", page[: found.start("kind")].count("\n") + 1)
        for found in _BLOCK.finditer(page)
    ]


def faults_of(page: str) -> list[str]:
    """What keeps a page from being run to its end: a block of no known kind, a showing of nothing, a file that no block runs."""
    faults, was_run = [], False
    blocks = blocks_of(page)
    run = [block.text for block in blocks if is_run(block)]
    fences = len(re.findall(r"^\s*```", page, re.MULTILINE))
    if fences != 2 * len(blocks):
        faults.append(f"{fences} fences make no {len(blocks)} blocks")
    for block in blocks:
        if block.note.startswith("docs/"):
            if not any(block.note in text for text in run):
                faults.append(f"line {block.line}: no block runs {block.note}")
        elif block.kind in _SHOWN and not was_run:
            faults.append(f"line {block.line}: shows what no block printed")
        elif block.kind not in ("sh", _RULES, *_PROGRAMS, *_SHOWN) and not block.note.startswith("not run: "):
            faults.append(f"line {block.line}: a block of no known kind: {block.kind!r}")
        was_run = is_run(block)
    return faults


def is_run(block: Block) -> bool:
    """Whether the block is one of the page's commands."""
    return block.kind in ("sh", *_PROGRAMS) and not block.note.startswith(("not run: ", "docs/"))


def run(page: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Run the page's blocks in `folder` and answer what it shows and they did not print. Raises AssertionError when one fails."""
    blocks = blocks_of(page)
    outputs = folder / "outputs"
    outputs.mkdir()
    script = []
    for number, block in enumerate(blocks):
        if not is_run(block):
            continue
        script.append(f"exec >{outputs}/{number}; echo 'line {block.line}' >&2")
        if block.kind in _PROGRAMS:
            (outputs / f"{number}.{block.kind}").write_text(block.text)
            script.append(f"{_PROGRAMS[block.kind]} {outputs}/{number}.{block.kind}")
        else:
            script.append(block.text)
    own = {name: value for name, value in os.environ.items() if not name.startswith("OKR_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(script)],
        cwd=folder,
        env={**own, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stderr}"
    differences, printed = [], ""
    for number, block in enumerate(blocks):
        if is_run(block):
            printed = (outputs / str(number)).read_text()
        elif block.note.startswith("docs/"):
            if (ROOT / block.note).read_text() != block.text:
                differences.append(f"line {block.line}: not what {block.note} says")
        elif block.kind == _RULES:
            try:
                parse_document(block.text)
            except RulesetInvalid as error:
                differences.append(f"line {block.line} is no ruleset: {error}")
        elif not block.note.startswith("not run: ") and not shows(block, printed):
            differences.append(f"line {block.line} shows\n{block.text}\nprinted was\n{printed}")
    return differences


def shows(block: Block, printed: str) -> bool:
    """Whether this is what the block shows."""
    masks = (*_MASKS, *(_VARYING if block.note == "numbers vary" else ()))
    if block.kind != "json":
        return _is_like(_masked(block.text.strip(), masks), _masked(printed.strip(), masks))
    try:
        found = json.loads(printed)
    except ValueError:
        return False
    return _is_like_json(json.loads(block.text), found, masks)


def _masked(text: str, masks: tuple[tuple[str, str], ...]) -> str:
    for pattern, name in masks:
        text = re.sub(pattern, name, text)
    return text


def _is_like(shown: str, printed: str) -> bool:
    """Both are masked already. Spaces at the ends of lines say nothing."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == ANY else ".*".join(map(re.escape, line.rstrip().split(ANY))) + r" *\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed + "\n") is not None


def _is_like_json(shown: Any, found: Any, masks: tuple[tuple[str, str], ...]) -> bool:
    match shown, found:
        case str(), _ if shown == ANY:
            return True
        case str(), str():
            return _masked(shown, masks) == _masked(found, masks)
        case dict(), dict():
            known = {name: value for name, value in shown.items() if name != ANY}
            names_fit = known.keys() <= found.keys() if ANY in shown else known.keys() == found.keys()
            return names_fit and all(_is_like_json(value, found[name], masks) for name, value in known.items())
        case list(), list():
            known_items = shown[:-1] if shown[-1:] == [ANY] else shown
            count_fits = len(known_items) <= len(found) if known_items is not shown else len(shown) == len(found)
            return count_fits and all(map(_is_like_json, known_items, found, [masks] * len(known_items)))
        case (bool() | None, _) | (_, bool() | None):
            return shown is found
        case int() | float(), int() | float():
            return shown == found or any(name == "<number>" for _, name in masks)
        case _:
            return False
