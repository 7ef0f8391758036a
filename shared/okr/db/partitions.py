"""Partitions of time: months made ahead by the product, and what lies further back when a late point needs it.

The application's role may not create tables; it may call `okr_make_partition`, which belongs to the owner and makes nothing
but partitions of the two partitioned tables. Asked for a month, it makes the year or the decade where that lies far back, so
that no caller can make hundreds of them, which every reader would pay for.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import asyncpg

PARTITIONED = ("metric_point", "score_snapshot")
MONTHS_AHEAD = 3


def month_of(instant: datetime) -> date:
    """The first day of the instant's month in UTC, which is where partitions are cut."""
    return instant.astimezone(UTC).date().replace(day=1)


def months_from(first: date, count: int) -> list[date]:
    """`count` months, the first day of each, beginning with the month of `first`."""
    index = first.year * 12 + first.month - 1
    return [date((index + step) // 12, (index + step) % 12 + 1, 1) for step in range(count)]


class Partitions:
    """The months that a process knows to exist, so that only news costs a round trip."""

    def __init__(self) -> None:
        self._known: dict[str, set[date]] = {table: set() for table in PARTITIONED}

    def missing(self, table: str, instants: Iterable[datetime]) -> list[date]:
        """The months of `instants` that this process has not seen a partition of `table` for, in order."""
        return sorted({month_of(instant) for instant in instants} - self._known[table])

    async def make(self, connection: asyncpg.Connection, table: str, months: Iterable[date]) -> None:
        """See to it that `table` has a place for each of the months.

        Call it outside of a write's transaction: it takes locks on the table.
        """
        for month in months:
            await connection.execute("SELECT okr_make_partition($1, $2)", table, month)
            self._known[table].add(month)


async def make_ahead(connection: asyncpg.Connection, today: date) -> None:
    """Make partitions for this month and the next ones of every partitioned table."""
    partitions = Partitions()
    for table in PARTITIONED:
        await partitions.make(connection, table, months_from(today, MONTHS_AHEAD + 1))
