"""What README and docs say of the project's other files: links lead somewhere, settings and commands are those there are."""

import re
from pathlib import Path

import pytest

from okr.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "deploy").glob("*.md")),
    *sorted((ROOT / "shared" / "decisions").glob("*.md")),
]
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def headings(page: str) -> set[str]:
    """The anchors that a page's headings make, by the rules of the sites that show Markdown."""
    found = re.findall(r"^#+ (.+)$", _FENCED.sub("", page), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
    return anchors | set(re.findall(r'<a (?:id|name)="([^"]+)"', page))


def dead_links(page: Path, text: str) -> list[str]:
    """The relative links of a page that lead nowhere."""
    dead = []
    for link in _LINK.findall(_FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in headings(target.read_text())):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text()) == []


def test_a_dead_link_is_noticed() -> None:
    text = "[a](README.md) [b](nowhere.md) [c](README.md#nothing) [d](README.md#two-commands) [e](https://okr.example)"
    assert dead_links(ROOT / "docs.md", text) == ["nowhere.md", "README.md#nothing"]


def test_every_page_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        links = _LINK.findall(_FENCED.sub("", page.read_text()))
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link]
    assert {page for page in PAGES if page.parent != ROOT / "shared" / "decisions"} <= seen


def told_of_settings() -> dict[str, str]:
    """The default of each variable in the README's table of configuration, as it stands there."""
    section = (ROOT / "README.md").read_text().split("\n## Configuration")[1].split("\n## ")[0]
    told: dict[str, str] = {}
    for line in section.splitlines():
        if line.startswith("| `OKR_"):
            _, names, defaults, *_ = line.replace("`", "").split("|")
            variables = names.strip().split(", ")
            told |= zip(variables, defaults.strip().split(", ", len(variables) - 1), strict=True)
    return told


def test_configuration_names_every_setting() -> None:
    assert sorted(told_of_settings()) == sorted(f"OKR_{name.upper()}" for name in Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_configuration_tells_the_default(name: str) -> None:
    field, told = Settings.model_fields[name], told_of_settings()[f"OKR_{name.upper()}"]
    if field.is_required():
        assert told.startswith("none: required")
    elif field.default in (None, []):
        assert told in ("none", "the same")
    else:
        assert told == (f"{field.default:g}" if isinstance(field.default, float) else str(field.default))


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", page.read_text(), re.MULTILINE))
        assert named <= targets, page
    assert "up" in re.findall(r"(?:^|`)make ([a-z]+)\b", (ROOT / "README.md").read_text(), re.MULTILINE)
