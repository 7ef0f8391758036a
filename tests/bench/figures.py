"""What a measurement answers: figures, and how much work a process had with them."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `floor` and `ratio` are None where there is nothing to compare with.

    `ratio` is the median of the rounds' own ratios, not the ratio of the medians: noise that hits a round hits both sides of it.
    `spread` says how far the rounds lie apart, `note` what a reader must know to judge the figure.
    """

    name: str
    ours: float
    floor: float | None
    ratio: float | None
    unit: str
    spread: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The five fields that are kept."""
        return {
            "name": self.name,
            "ours": round(self.ours, 3),
            "floor": None if self.floor is None else round(self.floor, 3),
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "unit": self.unit,
        }


def compared(name: str, ours: Sequence[float], floor: Sequence[float], *, unit: str, note: str = "") -> Figure:
    """The figure of rounds in which both sides were measured, one right after the other; higher is better."""
    ratios = [mine / its for mine, its in zip(ours, floor, strict=True)]
    return Figure(
        name,
        statistics.median(ours),
        statistics.median(floor),
        statistics.median(ratios),
        unit,
        spread=f"{min(ratios):.2f}..{max(ratios):.2f}",
        note=note,
    )


def cpu_seconds(*pids: int) -> float:
    """User and system time that these processes have used so far; one that has ended counts as 0."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS_PER_SECOND


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found.append(int(entry.name))
    return found
