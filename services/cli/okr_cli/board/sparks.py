"""The last quarter of a grade in thirteen characters."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from okr_cli.client import Json

WEEKS = 13

_BLOCKS = "▁▂▃▄▅▆▇█"
_NO_GRADE = " "


def weekly(history: Iterable[Json], until: datetime) -> list[float | None]:
    """The grade at the end of each of the 13 weeks before `until`: that of the newest snapshot observed by then.

    `history` holds items of one subject; of those observed at one instant the one computed last counts.
    """
    snapshots = sorted(
        (datetime.fromisoformat(item["observed_at"]), item["computed_seq"], item["grade"]) for item in history
    )
    weeks: list[float | None] = []
    newest: float | None = None
    place = 0
    for ago in range(WEEKS - 1, -1, -1):
        end = until - timedelta(weeks=ago)
        while place < len(snapshots) and snapshots[place][0] <= end:
            newest = snapshots[place][2]
            place += 1
        weeks.append(newest)
    return weeks


def spark(grades: Sequence[float | None]) -> str:
    """One block for each grade between 0 and 1, the lowest for 0 and the highest for 1; a gap where there is none."""
    return "".join(_NO_GRADE if grade is None else _block(grade) for grade in grades)


def _block(grade: float) -> str:
    return _BLOCKS[min(max(round(grade * (len(_BLOCKS) - 1)), 0), len(_BLOCKS) - 1)]
