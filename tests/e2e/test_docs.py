"""README and docs, run as they stand there, on a demo company; and the reader of such pages itself."""

import json
from pathlib import Path

import pytest
from demo_service import Service
from pages import ROOT, Block, blocks_of, faults_of, is_run, run, shows

from okr_cli import demo
from okr_cli.client import Client
from okr_cli.demo.loading import today_at_the_company

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def readers_key(demo_service: Service) -> str:
    """A key of a demo company of the readers' own: pages add goals and metrics to it."""
    key = demo_service.new_key()
    with Client(demo_service.url, key) as client:
        demo.load(client, today=today_at_the_company(), on_progress=lambda _: None)
    return key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_does_what_it_says(page: Path, demo_service: Service, readers_key: str, tmp_path: Path) -> None:
    (tmp_path / ".okr").mkdir()
    facts = {"url": demo_service.url, "api_key": readers_key}
    (tmp_path / ".okr" / "up.json").write_text(json.dumps(facts))
    for name in ("docs", "services"):
        (tmp_path / name).symlink_to(ROOT / name)
    differences = run(page.read_text(), tmp_path, {})
    assert not differences, "\n\n".join(differences)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_run_or_shown(page: Path) -> None:
    assert faults_of(page.read_text()) == []


def test_the_pages_for_the_three_kinds_of_users_have_blocks_to_run() -> None:
    counts = {page.name: sum(is_run(block) for block in blocks_of(page.read_text())) for page in PAGES}
    for name in ("reading-and-watching.md", "pushing-values.md", "asking-about-the-past.md"):
        assert counts[name] >= 5, name


def test_a_block_that_nobody_would_run_is_noticed() -> None:
    page = "```\nls\n```\n\n```json\n{}\n```\n\n<!-- docs/examples/setup.sh -->\n```sh\n```\n"
    assert faults_of(page) == [
        "line 1: a block of no known kind: ''",
        "line 5: shows what no block printed",
        "line 10: no block runs docs/examples/setup.sh",
    ]
    assert faults_of("```sh\nls\n") == ["1 fences make no 0 blocks"]
    assert faults_of("<!-- not run: no such host -->\n```http\nGET /\n```\n") == []


def test_a_block_that_fails_fails_its_page(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="line 5"):
        run("```sh\nx=1\n```\n\n```sh\nfalse\n```\n", tmp_path, {})


def test_what_is_shown_must_be_printed(tmp_path: Path) -> None:
    page = "```sh\nA=2\n```\n```sh\necho $A\n```\n```text\n2\n```\n```python\nprint(3)\n```\n```text\n4\n```\n"
    assert run(page, tmp_path, {}) == ["line 13 shows\n4\n\nprinted was\n3\n"]


def test_rules_that_are_shown_must_be_rules(tmp_path: Path) -> None:
    page = "```yaml\ntitle: Ours\n```\n```yaml\ntitel: Ours\n```\n"
    assert faults_of(page) == []
    assert run(page, tmp_path, {}) == ["line 4 is no ruleset: titel: is not a field of rulesets"]


@pytest.mark.parametrize(
    ("kind", "note", "shown", "printed", "fits"),
    [
        ("text", "", "a 2026-11-22 b", "a 2031-01-02 b", True),
        ("text", "", "a 2026-11-22 b", "a 2031-01-02T00:00:00Z b", False),
        ("text", "", "a … d", "a b c d", True),
        ("text", "", "a\n…\nd", "a\nb\nc\nd", True),
        ("text", "", "a\n…\nd", "a\nb\nc", False),
        ("text", "", "0.4  on_track", "0.5  at_risk", False),
        ("text", "numbers vary", "0.4  on_track", "0.5  at_risk", True),
        ("text", "numbers vary", "0.4  on_track", "0.5  unknown", False),
        ("json", "", '{"a": 1, "b": "…"}', '{"b": [2], "a": 1.0}', True),
        ("json", "", '{"a": 1}', '{"a": 1, "b": 2}', False),
        ("json", "", '{"a": 1, "…": "…"}', '{"a": 1, "b": 2}', True),
        ("json", "", '{"a": 1, "…": "…"}', '{"a": 2, "b": 2}', False),
        ("json", "", "[1]", "[1, 2]", False),
        ("json", "", '[1, "…"]', "[1, 2]", True),
        ("json", "", "[true]", "[1]", False),
        ("json", "", "[null]", "[0]", False),
        ("json", "numbers vary", '[0.5, "on_track"]', '[0.6, "missed"]', True),
        ("json", "numbers vary", "[0.5]", "[null]", False),
        ("json", "", "{}", "Internal Server Error", False),
    ],
)
def test_what_stands_for_what(kind: str, note: str, shown: str, printed: str, fits: bool) -> None:
    assert shows(Block(kind, shown + "\n", note, 1), printed + "\n") is fits
