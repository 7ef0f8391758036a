"""The reference says what the model says, and each of its examples works."""

from pathlib import Path
from typing import Any

import pytest

from okr.rulesets.document import RulesetDocument
from okr.rulesets.reference import EXAMPLES, Entry, entries, written
from okr.rulesets.spelling import parse_document, to_mapping

PAGE = Path(__file__).parents[2] / "docs" / "ruleset-reference.md"
ENTRIES = entries()


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run `make docs`"


def test_every_field_has_an_example_and_a_meaning() -> None:
    assert {entry.path for entry in ENTRIES} == EXAMPLES.keys()
    assert all(entry.meaning and entry.type for entry in ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
def test_an_example_sets_its_field_to_something_else(entry: Entry) -> None:
    document = parse_document(entry.example)
    names = [name for name in entry.path.split(".") if not name.startswith("<")]
    told, usual = (_at(to_mapping(one), names) for one in (document, RulesetDocument()))
    assert told, "the path leads nowhere"
    assert told != usual


def _at(value: Any, names: list[str]) -> list[Any]:
    """Everything that lies at the end of the path, through lists, and through whatever stands for a kind or a level."""
    if isinstance(value, list):
        return [found for one in value for found in _at(one, names)]
    if not names:
        return [value]
    if not isinstance(value, dict):
        return []
    if names[0] in value:
        return _at(value[names[0]], names[1:])
    return [found for one in value.values() for found in _at(one, names)]
