"""Ruleset documents and texts that somebody has done something to."""

import json
from typing import Any

from condition_texts import texts
from hypothesis import strategies as st

from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import to_mapping, to_yaml

_WHOLE = {key: to_mapping(preset(key)) for key in preset_keys()}
_SHORT = {key: to_mapping(preset(key), whole=False) for key in preset_keys()}
_ADJUSTMENT = {"key": "a", "levels": ["key_result", "objective", "set"], "then": {"scale": 1.1}, "reason": "why"}
_NUMBERS = st.sampled_from(
    [0, 1, -1, 0.3, 1.0000000000001, 1000, -1000, 1001, 1e308, 2**70, 1e-12, float("nan"), float("inf")]
)
_PLAIN = (
    st.none()
    | st.booleans()
    | _NUMBERS
    | st.text(max_size=10)
    | st.sampled_from(["linear", "zero", "committed", "red"])
)
_DEEP = st.integers(15, 60).map(lambda depth: json.loads("[" * depth + "]" * depth))
_ANYTHING = _DEEP | st.recursive(
    _PLAIN, lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=8), one, max_size=4), max_leaves=8
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inner for place in ((value, key), *_places(one))]


def _copied(value: Any) -> Any:
    """A copy of which no part is another's: what is drawn is drawn again as it was."""
    return json.loads(json.dumps(value))


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A preset's document with one to four things done to it."""
    key = draw(st.sampled_from(preset_keys()))
    document: dict[str, Any] = _copied((_WHOLE if draw(st.booleans()) else _SHORT)[key])
    for _ in range(draw(st.integers(1, 4))):
        places = _places(document)
        if not 0 < len(places) < 5000:
            break
        container, name = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["drop", "replace", "nudge", "move", "insert", "repeat", "condition"])):
            case "drop":
                del container[name]
            case "replace":
                container[name] = _copied(draw(_ANYTHING))
            case "nudge" if isinstance(container[name], int | float):
                container[name] += draw(st.floats(-1, 1))
            case "nudge":
                container[name] = draw(_NUMBERS)
            case "move":
                other, its_name = places[draw(st.integers(0, len(places) - 1))]
                container[name] = _copied(other[its_name])
            case "insert" if isinstance(container, dict):
                container[draw(st.text(max_size=12))] = _copied(draw(_ANYTHING))
            case "repeat" if isinstance(container[name], list):
                container[name] = _copied(container[name] * draw(st.integers(2, 30)))
            case _:
                document["adjustments"] = [{**_copied(_ADJUSTMENT), "when": draw(texts())}]
    return document


_PUT = (
    "&a ",
    "*a",
    "<<: *a",
    "!!python/object:os.system ",
    '!!int "" ',
    "!!bool x ",
    "? ",
    "- ",
    "\t",
    "{",
    "[",
    "%",
    "|",
    '"',
)


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """A preset's YAML with something cut out, and something else put there, once or often."""
    text = to_yaml(preset(draw(st.sampled_from(preset_keys()))))
    at, cut = draw(st.integers(0, 3000)) % len(text), draw(st.integers(0, 40))
    put = draw(st.text(max_size=8) | st.sampled_from(_PUT))
    return text[:at] + put * draw(st.integers(1, 300)) + text[at + cut :]
