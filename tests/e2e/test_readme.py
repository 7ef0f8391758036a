"""The README's tour, run as it stands there."""

import json
import re
import subprocess
from pathlib import Path

from demo_service import DemoCompany

from okr.settings import Settings

PROJECT = Path(__file__).parents[2]


def tour() -> str:
    """The shell blocks of the README's tour, joined."""
    text = (PROJECT / "README.md").read_text()
    section = text.split("## A short tour")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def test_the_tour(demo_company: DemoCompany, tmp_path: Path) -> None:
    (tmp_path / ".okr").mkdir()
    facts = {"url": demo_company.url, "api_key": demo_company.api_key}
    (tmp_path / ".okr" / "up.json").write_text(json.dumps(facts))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    refused = [answer for answer in answers if "request_id" in answer]
    assert [(answer["status"], answer["errors"][0]["pointer"]) for answer in refused] == [(422, "/value")]
    graded = [answer for answer in answers if answer.get("subject", "").startswith("objective:")]
    assert [one["grade"] for one in graded if "steps" not in one] == [0.4, 0.05]
    explanation = next(one for one in graded if "steps" in one)
    assert explanation["grade"]["grade"] == 0.4
    pushed, late = (
        next(one for one in answers if one.get("value") == 38),
        next(one for one in answers if "results" in one),
    )
    assert (pushed["status"], late["created"]) == ("created", 2)
    history = next(one["items"] for one in answers if one.get("items") and "recorded_at" in one["items"][0])
    assert [item["grade"] for item in history][-3:] == [0.05, 0.2, 0.4]


def test_configuration_names_every_setting() -> None:
    text = (PROJECT / "README.md").read_text().split("## Configuration")[1]
    assert {f"OKR_{name.upper()}" for name in Settings.model_fields} == set(re.findall(r"`(OKR_[A-Z_]+)`", text))
