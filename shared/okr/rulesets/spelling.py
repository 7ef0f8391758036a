"""Ruleset documents as text: YAML and JSON in and out. What cannot be read is refused by path."""

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from okr.rulesets.checks import Finding, findings
from okr.rulesets.document import RulesetDocument

Syntax = Literal["yaml", "json"]
LARGEST_TEXT = 65_536
"""Characters of a document; the longest that ships has a twentieth of it."""
DEEPEST = 20
MOST_VALUES = 10_000
"""Values of a document, those in others included; the longest that ships has a fortieth of it."""


class RulesetInvalid(Exception):
    """The document cannot be used; `findings` says where and why, at least one."""

    def __init__(self, found: Sequence[Finding]) -> None:
        super().__init__("; ".join(map(str, found)))
        self.findings = tuple(found)


def _wrong(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """YAML without references, which a few lines can blow up with, and without keys that are there twice.

    Nor are there tags: the loader breaks down in many ways over those that do not fit what they are put on.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise _wrong("references (*name) are not allowed; write it out", self.current_event.start_mark)
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if getattr(event, "tag", None) is not None:
            raise _wrong("tags (!name) are not allowed; the field knows what it holds", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong("a key is a word", key.start_mark)
            if key.value in seen:
                raise _wrong(f"the key {key.value[:60]!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_WORDS = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"}
# Dates, yes and no, on and off stay words (no field holds a date, and "Off" is a fine label); truth is spelled true and false.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in _WORDS]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def parse_document(given: str | Mapping[str, Any], *, syntax: Syntax = "yaml") -> RulesetDocument:
    """The document in a text, or in what was read from one already. Raises RulesetInvalid with every finding."""
    read = _read(given, syntax) if isinstance(given, str) else given
    if not isinstance(read, Mapping):
        raise RulesetInvalid([Finding("", "a ruleset is a mapping of fields, as in `title: Ours`")])
    _check_extent(read)
    try:
        document = RulesetDocument.model_validate(dict(read))
    except ValidationError as error:
        raise RulesetInvalid(_told(error)) from error
    if found := findings(document):
        raise RulesetInvalid(found)
    return document


def to_mapping(document: RulesetDocument, *, whole: bool = True) -> dict[str, Any]:
    """The document as JSON's values; not `whole`: without what is as in the built-in ruleset."""
    return document.model_dump(mode="json", by_alias=True, exclude_defaults=not whole, exclude_none=False)


def to_json(document: RulesetDocument) -> str:
    """The whole document as JSON."""
    return json.dumps(to_mapping(document), ensure_ascii=False, indent=2)


def to_yaml(document: RulesetDocument, *, whole: bool = True) -> str:
    """The document as YAML, fields in the order of the reference."""
    return yaml.safe_dump(to_mapping(document, whole=whole), sort_keys=False, allow_unicode=True, width=120)


def _read(text: str, syntax: Syntax) -> Any:
    if len(text) > LARGEST_TEXT:
        raise RulesetInvalid([Finding("", f"is longer than {LARGEST_TEXT:,} characters")])
    try:
        return json.loads(text) if syntax == "json" else yaml.load(text, Loader=_Loader)
    except (ValueError, yaml.YAMLError, RecursionError, TypeError) as error:
        what = "JSON" if syntax == "json" else "YAML"
        raise RulesetInvalid([Finding("", f"is not {what}: {_first_line(error)}")]) from error


def _first_line(error: Exception) -> str:
    """What is wrong and, where the reader tells, in which line; an unclosed bracket is told where it was missed."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"[:300]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(error).__name__


def _check_extent(document: Mapping[str, Any]) -> None:
    """Raise RulesetInvalid for what nests too deep or holds too much: telling what is wrong with each part would take seconds."""
    depth, count = 0, 0
    level: list[Mapping[str, Any] | list[Any]] = [document]
    while level:
        depth += 1
        inner = [one for parts in level for one in (parts.values() if isinstance(parts, Mapping) else parts)]
        count += len(inner)
        if depth > DEEPEST:
            raise RulesetInvalid([Finding("", f"is nested deeper than {DEEPEST} levels")])
        if count > MOST_VALUES:
            raise RulesetInvalid([Finding("", f"holds more than {MOST_VALUES:,} values")])
        level = [one for one in inner if isinstance(one, Mapping | list)]


def _told(error: ValidationError) -> list[Finding]:
    found = []
    for one in error.errors(include_url=False, include_input=False, include_context=False)[:50]:
        path = ".".join(str(name)[:60] for name in one["loc"])
        message = "is not a field of rulesets" if one["type"] == "extra_forbidden" else one["msg"]
        found.append(Finding(path, message[:1].lower() + message[1:] if message[:6] in _STARTS else message))
    return found


_STARTS = {"Input ", "Field ", "String"[:6], "Tuple "}
