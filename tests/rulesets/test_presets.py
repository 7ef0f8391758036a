"""The presets are documents like any other: they can be read, written, compiled, and say where they come from."""

import pytest

from okr.domain.ruleset import STANDARD
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.document import RulesetDocument
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import parse_document, to_json, to_yaml

OTHERS = preset_keys()[1:]


def test_there_is_one_for_each_system_that_people_come_from() -> None:
    assert preset_keys()[0] == "standard"
    assert len(preset_keys()) >= 45
    assert {"google", "doerr", "grove", "svpg", "workpath", "atlassian", "viva-goals", "profit-co"} <= set(OTHERS)


def test_the_standard_preset_is_the_built_in_ruleset() -> None:
    assert compile_ruleset(preset("standard"), key="standard", version=1) == STANDARD
    assert preset("standard").model_copy(update={"description": ""}) == RulesetDocument()


@pytest.mark.parametrize("key", preset_keys())
def test_a_preset_says_what_it_reproduces_and_by_which_source(key: str) -> None:
    document = preset(key)
    before, found, source = document.description.partition("Source: ")
    assert found
    assert len(before) > 60
    assert len(source) > 10


@pytest.mark.parametrize("key", preset_keys())
def test_a_preset_goes_through_yaml_and_json_unchanged(key: str) -> None:
    document = preset(key)
    assert parse_document(to_yaml(document), syntax="yaml") == document
    assert parse_document(to_yaml(document, whole=False), syntax="yaml") == document
    assert parse_document(to_json(document), syntax="json") == document


@pytest.mark.parametrize("key", OTHERS)
def test_a_preset_differs_from_the_built_in_ruleset_and_from_the_others_in_name(key: str) -> None:
    compiled = compile_ruleset(preset(key), key="standard", version=1)
    assert compiled != STANDARD
    assert [other for other in preset_keys() if preset(other).title == preset(key).title] == [key]


def test_an_unknown_preset_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        preset("../standard")
