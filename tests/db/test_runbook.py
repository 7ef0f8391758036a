"""The runbook is true: its statements run, its figures are exported, and its list of what grows is complete."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from company import Company, a_company
from okr import telemetry
from okr.db.partitions import Partitions
from okr.db.pruning import prunes
from okr.db.tables import metadata
from okr.settings import Settings

RUNBOOK = (Path(__file__).parents[2] / "deploy" / "runbook.md").read_text()
STATEMENTS = [
    statement.strip()
    for block in re.findall(r"(?:^    .+\n)+", RUNBOOK, re.MULTILINE)
    for statement in block.split(";\n")
    if statement.strip()
]
YEAR = datetime.now(UTC).year - 2
"""A year that has one partition: neither young enough for months nor old enough for a decade."""
GROWTH = dict(
    re.findall(r"^\| (`.+`) \| (.+) \|$", RUNBOOK.partition("| Table | Bound |")[2].partition("\n\n")[0], re.MULTILINE)
)


@pytest.fixture
async def company(owner_url: str) -> AsyncIterator[Company]:
    """A company, seen as the owner of the tables; with a year of the past to drop."""
    connection = await asyncpg.connect(owner_url)
    for table in ("metric_point", "score_snapshot"):
        await Partitions().make(connection, table, [date(YEAR, 5, 1)])
    yield await a_company(connection)
    await connection.close()


async def test_its_statements_run(company: Company) -> None:
    assert len(STATEMENTS) == 7
    for statement in STATEMENTS:
        await company.connection.execute(statement.replace("…", str(company.id)).replace("y2019", f"y{YEAR}"))
    assert await company.connection.fetchval(f"SELECT to_regclass('metric_point_y{YEAR}')") is None
    # A value of that year, should one come after all, finds a place again.
    await Partitions().make(company.connection, "metric_point", [date(YEAR, 8, 1)])
    assert await company.connection.fetchval(f"SELECT to_regclass('metric_point_y{YEAR}')") is not None


def test_its_figures_are_exported() -> None:
    named = set(re.findall(r"`(okr_[a-z_]+)`", RUNBOOK))
    telemetry.PRUNED.labels("run")  # a figure with labels is exported when it has its first ones
    figures = [*telemetry.OF_API.collect(), *telemetry.OF_WORKER.collect()]
    exported = {sample.name for figure in figures for sample in figure.samples} | {figure.name for figure in figures}
    assert len(named) > 5
    assert {name.removesuffix("_total") for name in named} <= exported


def test_its_settings_are_settings() -> None:
    named = set(re.findall(r"`OKR_([A-Z_]+)`", RUNBOOK))
    assert named <= {name.upper() for name in Settings.model_fields}
    assert Settings.model_fields["events_kept_days"].default == 7


def test_every_table_says_what_bounds_it() -> None:
    listed = [name for names in GROWTH for name in re.findall(r"`([a-z_]+)`", names)]
    assert sorted(listed) == sorted(metadata.tables)
    pruned = {name.strip("`") for name, bound in GROWTH.items() if "pruned" in bound}
    assert pruned == set(prunes(events_kept=timedelta(days=7)))
