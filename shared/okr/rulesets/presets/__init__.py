"""The rulesets that ship with the product: the built-in one, and one per system or book whose numbers a company may know.

Each is a file beside this one, named by its key, that says only what differs from the built-in ruleset.
"""

from functools import cache
from importlib.resources import files

from okr.rulesets.document import RulesetDocument
from okr.rulesets.spelling import parse_document

_SUFFIX = ".yaml"


@cache
def preset_keys() -> tuple[str, ...]:
    """The keys of all presets, in their alphabet, `standard` first."""
    names = (entry.name for entry in files(__name__).iterdir() if entry.name.endswith(_SUFFIX))
    return tuple(sorted((name.removesuffix(_SUFFIX) for name in names), key=lambda key: (key != "standard", key)))


@cache
def preset(key: str) -> RulesetDocument:
    """The document of a preset. Raises KeyError for a key that `preset_keys` does not name."""
    if key not in preset_keys():
        raise KeyError(key)
    return parse_document(files(__name__).joinpath(key + _SUFFIX).read_text(encoding="utf-8"), syntax="yaml")
