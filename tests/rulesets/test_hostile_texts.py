"""Texts made to break or to hold up whoever reads them are refused, and at once."""

import time
from typing import Any

import pytest

from okr.rulesets.spelling import LARGEST_TEXT, RulesetInvalid, parse_document

_LIMIT_SECONDS = 3


def refused(given: str | dict[str, Any]) -> str:
    """What is wrong with it, told in no time."""
    began = time.process_time()
    with pytest.raises(RulesetInvalid) as error:
        parse_document(given)
    assert time.process_time() - began < _LIMIT_SECONDS
    return str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        '!!int ""',
        '!!float ""',
        "!!timestamp abc",
        "!!bool maybe",
        "!!binary é",
        "!!set {a}",
        "! x",
        "!!str x",
        "!own x",
    ],
)
def test_tags_are_refused_whatever_they_are_put_on(value: str) -> None:
    assert "tags (!name) are not allowed" in refused(f"title: {value}")


@pytest.mark.parametrize("text", ["a: &a [x, x]\nb: [*a, *a]", "a: &a {b: *a}"])
def test_references_are_refused(text: str) -> None:
    assert "references (*name) are not allowed" in refused(text)


@pytest.mark.parametrize("text", ["? [a, b]\n: 1", "? {a: b}\n: 1"])
def test_a_key_is_a_word(text: str) -> None:
    assert "a key is a word" in refused(text)


def test_thousands_of_keys_are_compared_at_once() -> None:
    keys = [f"{number:x}" for number in range(12_000)]
    assert "'0' is there twice" in refused("{" + ",".join([*keys, "0"]) + "}")


@pytest.mark.parametrize(
    "document",
    [
        {"adjustments": [{}] * 500_000},
        {"labels": {"bands": [{"from": "x"}] * 200_000}},
        {f"k{number}": 1 for number in range(200_000)},
        {"adjustments": [{"levels": ["set"] * 200_000}]},
    ],
    ids=["adjustments", "bands", "fields", "levels"],
)
def test_a_document_is_not_looked_into_if_it_holds_too_much(document: dict[str, Any]) -> None:
    assert refused(document) == "holds more than 10,000 values"


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    assert refused(" " * (LARGEST_TEXT + 1)) == "is longer than 65,536 characters"
    deep: dict[str, Any] = {}
    for _ in range(25):
        deep = {"a": deep}
    assert refused(deep) == "is nested deeper than 20 levels"
    for opening in ("[", "{a: ", "? ", "- "):
        assert "is not YAML" in refused(opening * (LARGEST_TEXT // len(opening)))
