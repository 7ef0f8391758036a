"""The words of a condition, and what a part of one is: its type, its text for the evaluator, and what it proves."""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

MAX_LENGTH, MAX_WORDS, MAX_NESTING = 500, 200, 16
NO_NAMES: frozenset[str] = frozenset()


class ConditionRefused(ValueError):
    """A condition that cannot be accepted; the message says what is wrong and what to write instead."""


class Word(NamedTuple):
    """`kind` is name, number, text, sign or end; `column` counts from 1."""

    kind: str
    text: str
    column: int


_WORD = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/<>!?:().,\[\]])""",
    re.VERBOSE | re.ASCII,
)


def words(text: str) -> list[Word]:
    """The words of a condition, an `end` last. Linear in its length."""
    if len(text) > MAX_LENGTH:
        raise ConditionRefused(f"is {len(text)} characters long: at most {MAX_LENGTH} are allowed")
    found: list[Word] = []
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise ConditionRefused(f"column {position + 1}: {text[position]!r} cannot be read here")
        position = match.end()
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Word(kind, match.group(), match.start() + 1))
    if len(found) > MAX_WORDS:
        raise ConditionRefused(f"has {len(found)} words and signs: at most {MAX_WORDS} are allowed")
    return [*found, Word("end", "the end", len(text) + 1)]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition.

    `type` is one of the context's, "null", or "record NAME". `path` names a value of the context; `may_be_null` says that
    nothing so far proves that it is set. Where the part is true, the paths in `if_true` are not null; `if_false` likewise.
    """

    type: str
    text: str
    path: str | None = None
    may_be_null: bool = False
    if_true: frozenset[str] = NO_NAMES
    if_false: frozenset[str] = NO_NAMES

    def negated(self) -> "Part":
        """The part that is true where this one is false."""
        return replace(self, text=f"!{self.text}", path=None, if_true=self.if_false, if_false=self.if_true)


def number(word: Word) -> str:
    """A number as the evaluator wants it: always with a point, so that 2 and 2.0 are the same."""
    value = float(word.text)
    if value > 1e15 or len(word.text) > 25:
        raise ConditionRefused(f"column {word.column}: {word.text[:25]} is too large: numbers go up to 1e15")
    return word.text if "." in word.text or "e" in word.text.lower() else f"{word.text}.0"
