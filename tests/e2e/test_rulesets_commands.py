"""`okr rulesets` and `okr runs` against a running service: what is listed and shown, and a bar until all is regraded."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo_service import Service
from rich.console import Console

from okr_cli.client import Client
from okr_cli.commands import run
from okr_cli.errors import CommandFailed
from okr_cli.rules.watching import watch

TODAY = datetime.now(UTC).date()


@pytest.fixture
def client(demo_service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a new organization, which the commands work in too."""
    key = demo_service.new_key()
    monkeypatch.setenv("OKR_URL", demo_service.url)
    monkeypatch.setenv("OKR_API_KEY", key)
    with Client(demo_service.url, key) as client:
        yield client


def a_goal(client: Client) -> dict[str, Any]:
    """A key result that stands at 80 of 100, graded."""
    days = {"starts_on": str(TODAY - timedelta(days=10)), "ends_on": str(TODAY + timedelta(days=10))}
    cycle = client.post("/v1/cycles", {"name": "Now", "cadence": "custom", **days})
    client.post(f"/v1/cycles/{cycle['id']}/activate", {})
    person = client.post("/v1/people", {"name": "Ada"})
    objective = client.post(
        "/v1/objectives",
        {"title": "Delight", "cycle_id": cycle["id"], "owner_id": person["id"], "commitment": "committed"},
    )
    client.post(f"/v1/objectives/{objective['id']}/activate", {})
    way = {"title": "Up", "kind": "increase", "start_value": 0, "target_value": 100}
    key_result = client.post(f"/v1/objectives/{objective['id']}/key-results", way)
    client.post(f"/v1/key-results/{key_result['id']}/check-ins", {"value": 80}, wait_seconds=20)
    return key_result


def a_capped_version(client: Client, cap: float) -> int:
    """A draft of the ruleset `house` that caps grades; its number."""
    document = {"title": "House", "bounds": {"key_results": {"cap": cap}}}
    return int(client.post("/v1/rulesets/house/versions", {"document": document})["number"])


def test_activating_shows_how_far_everything_is_regraded(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    key_result = a_goal(client)
    client.post("/v1/rulesets", {"key": "house", "name": "House rules"})
    number = a_capped_version(client, 0.5)
    assert run(["rulesets", "activate", "house", str(number), "--reason", "Agreed."]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("house version 1 is active from ")
    # Key result, objective, cycle, organization.
    assert lines[-1].endswith("succeeded: 4 of 4 grades")
    grade = client.get(f"/v1/key-results/{key_result['id']}")["grade"]
    assert (grade["grade"], grade["ruleset"]) == (0.5, {"key": "house", "version": 1})


def test_rulesets_and_their_versions_are_listed_and_shown(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rulesets", "list"]) == 0
    assert "the built-in one holds" in capsys.readouterr().out
    client.post("/v1/rulesets", {"key": "house", "name": "House rules"})
    for cap in (0.5, 0.6):
        a_capped_version(client, cap)
    assert run(["rulesets", "activate", "house", "1", "--reason", "Agreed.", "--detach"]) == 0
    capsys.readouterr()
    assert run(["rulesets", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()[-1].split()
    assert listed == ["house", "House", "rules", "organization", "1", "2"]
    assert run(["rulesets", "show", "house"]) == 0
    shown = capsys.readouterr().out
    assert "active" in shown
    assert "Agreed." in shown
    assert run(["rulesets", "show", "house", "2"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["bounds"]["key_results"]["cap"] == 0.6
    assert run(["rulesets", "show", "house", "9"]) == 1
    assert "no such version" in capsys.readouterr().err


def test_from_a_file_to_a_version_that_is_retired_again(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key_result = a_goal(client)
    rules = tmp_path / "house.yaml"
    rules.write_text(
        "title: House\nbounds: {key_results: {cap: 0.5}}\nlabels: {bands: [{key: a, label: Fine, from: 0}]}\n"
    )
    assert run(["rulesets", "create", "house", "--name", "House rules"]) == 0
    assert run(["rulesets", "draft", "house", str(rules)]) == 0
    assert "house version 1 is a draft" in capsys.readouterr().out
    assert run(["rulesets", "preview", "house", "1"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["objectives", "1", "1", "0", "1", "0.80", "0.50"] in rows
    assert ["key", "results", "“Delivered”", "“Fine”", "1"] in rows
    assert ["Up", "0.80", "0.50", "-0.30"] in rows
    assert not any(row[1:3] == ["on", "track"] for row in rows), "a status that stays is no change"
    assert run(["rulesets", "activate", "house", "1", "--reason", "Agreed."]) == 0
    assert client.get(f"/v1/key-results/{key_result['id']}")["grade"]["label"] == "Fine"
    capsys.readouterr()
    assert run(["rulesets", "retire", "house", "1", "--reason", "The pilot is over."]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "house version 1 is retired"
    assert told[-1].endswith("succeeded: 4 of 4 grades")
    assert client.get(f"/v1/key-results/{key_result['id']}")["grade"]["ruleset"]["key"] == "standard"
    assert run(["runs", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.index("house version 1 retired") < listed.index("house version 1 activated")
    assert told[-1].split()[1] in listed


def test_a_ruleset_can_be_for_one_team_and_begin_from_a_preset(client: Client) -> None:
    team = client.post("/v1/teams", {"name": "Sales"})
    assert run(["rulesets", "create", "sales", "--team", team["id"]]) == 0
    assert run(["rulesets", "draft", "sales", "--preset", "google"]) == 0
    made = client.get("/v1/rulesets/sales")
    assert (made["scope_kind"], made["scope_id"], made["newest_number"]) == ("team", team["id"], 1)
    assert client.get("/v1/rulesets/sales/versions/1")["document"]["title"] == "Google"


def test_a_draft_on_standard_input_is_json_too_and_what_is_wrong_with_it_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client.post("/v1/rulesets", {"key": "house"})
    for text, told in (
        (b'{"title": "House"}', ""),
        (b"title: House\nsuccess: {committed: 0.9\n", "is not YAML: line 3, column 1: expected ',' or '}'"),
        (b"guardrails: {capp: 1}", "guardrails.capp: is not a field of rulesets"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert run(["rulesets", "draft", "house", "-"]) == (1 if told else 0)
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["draft", "house"], "Name a file (- is standard input) or a --preset"),
        (["draft", "house", "a.yaml", "--preset", "google"], "one of the two"),
        (["draft", "house", "no-such-file.yaml"], "no-such-file.yaml: No such file"),
        (["create", "house", "--team", "1", "--cycle", "2"], "leave --team or --cycle out"),
    ],
)
def test_what_cannot_be_drafted_is_told_in_one_line(
    client: Client, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rulesets", *arguments]) == 1
    refused = capsys.readouterr().err
    assert told in refused
    assert refused.count("\n") == 1
    assert list(client.items("/v1/rulesets")) == []


def test_what_is_planned_is_not_waited_for(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.post("/v1/rulesets", {"key": "house"})
    a_capped_version(client, 0.5)
    at = f"{TODAY + timedelta(days=2)}T00:00:00Z"
    assert run(["rulesets", "activate", "house", "1", "--reason", "Agreed.", "--from", at]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("house version 1 is scheduled from ")
    run_id = told[1].removeprefix("run ")
    assert run(["runs", "cancel", run_id]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert run(["runs", "watch", run_id]) == 0
    assert "cancelled: 0 of 0 grades" in capsys.readouterr().out
    assert run(["runs", "cancel", run_id]) == 1
    assert "run_not_cancellable" in capsys.readouterr().err


class Told(Client):
    """A client that is answered with these states of a run, one after the other."""

    def __init__(self, *states: dict[str, Any]) -> None:
        super().__init__("http://nobody.test", "key")
        self.states = list(states)

    def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        """The next state."""
        return {"total": 10, "unit": "grades", "error": None} | self.states.pop(0)


STATES = (
    {"state": "queued", "done": 0, "total": None},
    {"state": "running", "done": 4},
    {"state": "running", "done": 4},
    {"state": "running", "done": 9},
)


def test_without_a_terminal_each_change_is_a_line() -> None:
    text = io.StringIO()
    watch(Told(*STATES, {"state": "succeeded", "done": 10}), "r", Console(file=text), look_seconds=0)
    assert text.getvalue().splitlines() == [
        "queued: 0 of ? grades",
        "running: 4 of 10 grades",
        "running: 9 of 10 grades",
        "run r succeeded: 10 of 10 grades",
    ]


def test_in_a_terminal_there_is_a_bar() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=80)
    watch(Told(*STATES, {"state": "succeeded", "done": 10}), "r", console, look_seconds=0)
    assert "━" in text.getvalue()
    assert "run r succeeded" in text.getvalue()


def test_a_run_that_fails_fails_the_command() -> None:
    failed = {"state": "failed", "done": 9, "error": "1 could not be graded."}
    with pytest.raises(CommandFailed, match="1 could not be graded"):
        watch(Told(*STATES, failed), "r", Console(file=io.StringIO()), look_seconds=0)
