"""What the rules answer, and whether it is what a case expects: equal after rounding to the places that are expected.

A number that lies exactly between two may be rounded to either: no case says how its system rounded what it printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from okr.domain.grading import graded
from okr.domain.ruleset import Ruleset
from okr.domain.values import Inputs

HUNDRED = Decimal(100)
_WORDS = frozenset({"zone", "status", "band", "colour", "color", "label"})


@dataclass(frozen=True)
class Answer:
    """`share` is the grade, `word` what the rules call it, `truth` whether a flag is among its reasons.

    `values` are marks or other figures in their own unit; `why` tells how it came about.
    """

    share: Decimal | None = None
    word: str | None = None
    truth: bool | None = None
    raw: Decimal | None = None
    ratio: Decimal | None = None
    flag: str | None = None
    values: Mapping[str, Decimal | None] = field(default_factory=dict)
    why: str = ""


Answers = Answer | list[Answer]
"""One answer, or one for each element of a series."""


def answered(inputs: Inputs, rules: Ruleset, *, flag: str = "") -> Answer:
    """The grade of a subject as an answer; `flag` is the reason asked for by a yes-or-no question."""
    result = graded(inputs, rules)
    grade = result.grade
    ratio = grade.progress / grade.expected if grade.progress is not None and grade.expected else None
    steps = [f"{step.name} {step.number} {step.after.normalize():f}" for step in result.steps]
    told = [f"preset {rules.key}", *steps, *grade.reasons]
    return Answer(
        share=grade.grade,
        word=grade.label,
        truth=flag in grade.reasons,
        raw=grade.raw,
        ratio=ratio,
        flag="!" if "worse_than_start" in grade.reasons else "",
        why=", ".join(told),
    )


def by_confidence(inputs: Inputs, rules: Ruleset) -> Answer:
    """The name that the rules have for the confidence of a subject."""
    made = graded(inputs, rules)
    confidence = made.grade.confidence
    return Answer(share=confidence, word=made.confidence_label, why=f"preset {rules.key}, confidence {confidence}")


def matches(expected: Any, unit: str, answer: Answers) -> tuple[bool, Any]:
    """Whether the answer is the expected one, and what it is in the unit of the case."""
    if isinstance(expected, list):
        answers = answer if isinstance(answer, list) else [answer]
        pairs = [matches(one, unit, other) for one, other in zip(expected, answers, strict=False)]
        shown = [got for _, got in pairs] + [matches(None, unit, other)[1] for other in answers[len(pairs) :]]
        return len(answers) == len(expected) and all(ok for ok, _ in pairs), shown
    if isinstance(answer, list):
        # Of a series a single number is the last one.
        return matches(expected, unit, answer[-1]) if answer else (False, [])
    if isinstance(expected, Mapping):
        parts = {str(name): _part(str(name), one, answer) for name, one in expected.items()}
        return all(ok for ok, _ in parts.values()), {name: got for name, (_, got) in parts.items()}
    if isinstance(expected, bool):
        return expected is answer.truth, answer.truth
    if isinstance(expected, str):
        return _same_word(expected, answer.word), answer.word
    if expected is None:
        got = answer.word if unit in _WORDS else answer.share
        return got is None, got
    return _same_number(expected, _in_unit(answer, unit))


def _in_unit(answer: Answer, unit: str) -> Decimal | None:
    if unit == "level":
        return None if answer.word is None else Decimal(answer.word)
    if answer.share is None or not unit.startswith("percent"):
        return answer.share
    return answer.share * HUNDRED


def _part(name: str, expected: Any, answer: Answer) -> tuple[bool, Any]:
    """One part of an answer that has several, by its name."""
    if name in answer.values:
        return _same_number(expected, answer.values[name])
    numbers = {"percent": "percent", "grade": "ratio", "score": "ratio", "ratio": "ratio", "progress": "ratio"}
    if name in _WORDS:
        return matches(expected, "status", answer)
    if name == "flag":
        return (expected or "") == answer.flag, answer.flag
    if name == "raw":
        return _same_number(expected, answer.raw)
    if name == "ratio_percent":
        return _same_number(expected, None if answer.ratio is None else answer.ratio * HUNDRED)
    if name in numbers:
        return matches(expected, numbers[name], answer)
    return False, f"nothing called {name}"


def _same_number(expected: Any, got: Decimal | None) -> tuple[bool, Decimal | None]:
    if got is None or isinstance(expected, bool) or not isinstance(expected, Decimal):
        return expected is None and got is None, got
    places = max(-int(expected.as_tuple().exponent), 0)
    unit = Decimal(1).scaleb(-places)
    is_reproduced = expected in (got.quantize(unit, ROUND_HALF_UP), got.quantize(unit, ROUND_HALF_DOWN))
    return is_reproduced, expected if is_reproduced else got.normalize()


def _same_word(expected: str, got: str | None) -> bool:
    """Whatever the case, and whether written in one word or two: ON_TRACK is On track."""
    return got is not None and letters(expected) == letters(got)


def letters(word: str) -> str:
    """A word without its case and whatever joins its parts."""
    return "".join(letter for letter in word.casefold() if letter.isalnum())
