"""Score history over HTTP: all of it, parts of it, page by page, and in three formats."""

import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from goal_builders import ZONE, begin_of
from past import Past, days_ago, noon, now

from okr.db.partitions import months_from
from okr.keys import Scope
from okr_api.schemas.history import COLUMNS, HistoryList

# One more than the store reads at once, and a half more.
MANY = 2500


@pytest.fixture
async def past(company: Any, app_url: str) -> AsyncIterator[Past]:
    async with Past.of(company, app_url) as past:
        yield past


def asked(past: Past, query: str = "") -> str:
    return f"history?subject=key_result:{past.key_result['id']}{query}"


async def grades(past: Past, query: str = "") -> list[float | None]:
    """The grades that a history tells, those of instants with a value."""
    items = (await past.goals.get(asked(past, query)))["items"]
    return [item["grade"] for item in items if item["grade"] is not None]


async def test_a_history_is_told_oldest_first_and_whole(past: Past) -> None:
    await past.push(d10=25, d5=50)
    answer = await past.goals.client.get(f"/v1/{asked(past)}")
    assert answer.headers["content-type"] == "application/json"
    history = HistoryList.model_validate_json(answer.content)
    assert history.next_cursor is None
    instants = [item.observed_at for item in history.items if item.observed_at is not None]
    assert instants == sorted(instants)
    told = {item["observed_at"]: item for item in answer.json()["items"]}
    first, second = told[noon(10)], told[noon(5)]
    assert (first["grade"], second["grade"]) == (0.25, 0.5)
    assert first["subject"] == f"key_result:{past.key_result['id']}"
    assert (first["ruleset"], first["provenance"]) == ({"key": "standard", "version": 1}, "computed")
    assert datetime.fromisoformat(first["recorded_at"]) > datetime.fromisoformat(first["observed_at"])


async def test_every_kind_of_subject_has_a_history(past: Past) -> None:
    await past.push(d10=25)
    for subject in (
        f"objective:{past.objective['id']}",
        f"cycle:{past.cycle['id']}",
        "organization",
        f"organization:{past.goals.company.id}",
    ):
        items = (await past.goals.get(f"history?subject={subject}"))["items"]
        assert 0.25 in [item["grade"] for item in items]


async def test_both_ends_belong_to_it(past: Past) -> None:
    await past.push(d10=25, d8=40, d5=50)
    assert await grades(past, f"&from={noon(10)}&to={noon(8)}") == [0.25, 0.4]
    assert await grades(past, f"&from={days_ago(9)}&to={days_ago(8)}") == [0.4]
    assert await grades(past, f"&from={days_ago(8)}") == [0.4, 0.5]
    assert await grades(past, f"&to={days_ago(11)}") == []


async def test_the_end_of_a_day_belongs_to_the_day(past: Past) -> None:
    """Many grades hold from the very end of a day, which is the start of the next."""
    await past.push(d10=25)
    end = begin_of(days_ago(9))
    await past.goals.client.post("/v1/metrics/signups/points", json={"value": 30, "observed_at": end.isoformat()})
    await past.serve()
    assert await grades(past, f"&from={days_ago(10)}&to={days_ago(10)}") == [0.25, 0.3]
    assert await grades(past, f"&to={days_ago(10)}&granularity=day") == [0.3]
    assert end not in instants((await past.goals.get(asked(past, f"&from={days_ago(9)}")))["items"])


async def test_what_was_learned_later_can_be_left_out(past: Past) -> None:
    await past.push(d10=25, d5=50)
    then = now()
    await past.push(d8=40)
    assert await grades(past) == [0.25, 0.4, 0.5]
    assert await grades(past, f"&known_at={then}") == [0.25, 0.5]
    assert await grades(past, f"&known_at={days_ago(1)}") == []


async def a_long_history(past: Past) -> str:
    """A subject of MANY snapshots, one an hour from the first half hour of 2022 on, put in directly."""
    await past.push(d10=25)
    first = datetime(2022, 1, 1, 0, 30, tzinfo=ZONE)
    last = first.astimezone(UTC) + timedelta(hours=MANY - 1)
    for month in [first.date() - timedelta(days=1), *months_from(first.date(), 4)]:
        await past.goals.connection.execute("SELECT okr_make_partition('score_snapshot', $1)", month)
    await past.goals.connection.execute(
        """
        INSERT INTO score_snapshot
        SELECT (jsonb_populate_record(s, jsonb_build_object('observed_at', t, 'computed_seq', 1, 'grade', 0.5))).*
          FROM score_snapshot s, generate_series($2::timestamptz, $3, '1 hour') AS t
         WHERE s.subject_id = $1 AND s.grade = 0.25
        """,
        past.key_result["id"],
        first,
        last,
    )
    return asked(past, "&to=2022-12-31")


def instants(items: list[dict[str, Any]]) -> list[datetime]:
    """When the items hold from, by the company's clock."""
    return [datetime.fromisoformat(item["observed_at"]).astimezone(ZONE) for item in items]


async def test_a_long_history_is_told_whole_in_every_way(past: Past) -> None:
    path = await a_long_history(past)
    whole = (await past.goals.get(path))["items"]
    assert len(whole) == MANY
    assert all(
        later - earlier == timedelta(hours=1)
        for earlier, later in pairwise(one.astimezone(UTC) for one in instants(whole))
    )

    lines = (await past.goals.client.get(f"/v1/{path}&format=ndjson")).content.splitlines()
    assert [orjson.loads(line) for line in lines] == whole

    rows = list(csv.DictReader((await past.goals.client.get(f"/v1/{path}&format=csv")).text.splitlines()))
    assert [row["observed_at"] for row in rows] == [item["observed_at"] for item in whole]

    paged: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await past.goals.get(f"{path}&limit=200{cursor}")
        assert len(page["items"]) <= 200
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == whole


async def test_of_each_period_the_last_is_told(past: Past) -> None:
    path = await a_long_history(past)
    days = instants((await past.goals.get(f"{path}&granularity=day"))["items"])
    assert len(days) == 105
    assert {day.strftime("%H:%M") for day in days[:-1]} == {"23:30"}
    assert days[-1] == instants((await past.goals.get(path))["items"])[-1]
    weeks = instants((await past.goals.get(f"{path}&granularity=week"))["items"])
    assert [week.strftime("%a") for week in weeks[:-1]] == ["Sun"] * (len(weeks) - 1)
    months = instants((await past.goals.get(f"{path}&granularity=month"))["items"])
    assert [month.strftime("%m-%d") for month in months] == ["01-31", "02-28", "03-31", days[-1].strftime("%m-%d")]
    first = await past.goals.get(f"{path}&granularity=month&limit=2")
    second = await past.goals.get(f"{path}&granularity=month&limit=2&cursor={first['next_cursor']}")
    assert (instants(first["items"] + second["items"]), second["next_cursor"]) == (months, None)


async def test_a_table_has_a_column_for_each_field(past: Past) -> None:
    await past.push(d10=25, d5=50)
    answer = await past.goals.client.get(f"/v1/{asked(past)}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    row = next(row for row in rows if row["observed_at"] == noon(10))
    assert (row["raw"], row["grade"], row["ruleset_key"], row["reasons"]) == ("0.25", "0.25", "standard", "")
    assert row["subject"] == f"key_result:{past.key_result['id']}"


async def test_the_accept_header_names_the_format(past: Past) -> None:
    await past.push(d10=25)
    for accept, content_type in {
        "*/*": "application/json",
        "text/html, text/csv;q=0.9": "text/csv",
        "application/x-ndjson": "application/x-ndjson",
        "application/ndjson": "application/x-ndjson",
        "image/png": "application/json",
    }.items():
        answer = await past.goals.client.get(f"/v1/{asked(past)}", headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == content_type
    named = await past.goals.client.get(f"/v1/{asked(past)}&format=json", headers={"Accept": "text/csv"})
    assert named.headers["content-type"] == "application/json"


async def test_a_history_without_a_grade_is_empty(past: Past) -> None:
    assert await past.goals.get(asked(past)) == {"items": [], "next_cursor": None}
    assert (await past.goals.client.get(f"/v1/{asked(past)}&format=ndjson")).content == b""
    assert (await past.goals.client.get(f"/v1/{asked(past)}&format=csv")).text.split() == [",".join(COLUMNS)]


async def test_what_cannot_be_asked_is_refused(past: Past, other: Any) -> None:
    for query in (
        "",
        "?subject=",
        "?subject=metric:1",
        "?subject=key_result",
        f"?subject=person:{past.goals.person_id}",
    ):
        assert (await past.goals.refused("GET", f"history{query}"))[0] == 422
    for query in ("&granularity=hour", "&limit=0", "&limit=201", "&format=xml", "&from=soon", "&cursor=x", "&page=2"):
        assert (await past.goals.refused("GET", asked(past, query)))[0] == 422
    assert (await past.goals.refused("GET", asked(past, "&limit=5&format=csv")))[:2] == (422, "pages_are_json")
    for subject in (f"organization:{other.id}", f"key_result:{past.objective['id']}"):
        assert (await past.goals.refused("GET", f"history?subject={subject}"))[:2] == (404, "not_found")
    for path in (asked(past), f"history?subject=organization:{past.goals.company.id}"):
        assert (await other.client.get(f"/v1/{path}")).status_code == 404


async def test_a_cursor_is_good_for_its_history_only(past: Past) -> None:
    await past.push(d10=25, d8=40, d5=50)
    cursor = (await past.goals.get(asked(past, "&limit=1")))["next_cursor"]
    elsewhere = f"history?subject=objective:{past.objective['id']}&limit=1&cursor={cursor}"
    assert (await past.goals.refused("GET", elsewhere))[:2] == (422, "invalid_cursor")


async def test_history_needs_its_scope(past: Past, clients: Any) -> None:
    reader = await clients(past.goals.company.id, scopes=[Scope.OKR_READ])
    assert (await reader.get(f"/v1/{asked(past)}")).status_code == 403
    historian = await clients(past.goals.company.id, scopes=[Scope.HISTORY_READ])
    assert (await historian.get(f"/v1/{asked(past)}")).status_code == 200
