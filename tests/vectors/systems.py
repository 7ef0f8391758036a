"""Which preset speaks for which system: the one table between the names in cases and the presets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from okr.domain.values import Kind
from okr.rulesets.presets import preset_keys


@dataclass(frozen=True)
class System:
    """`preset` holds for all its kinds but those in `otherwise`, where it offers several methods.

    `whole` is what the system writes for all of it: 100 where it counts percents, 1 where shares. `calls` are its own names for
    kinds that are something else to others.
    """

    preset: str
    whole: Decimal = Decimal(100)
    otherwise: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, Kind] = field(default_factory=dict)

    def preset_for(self, kind: str) -> str:
        """The preset for cases of a kind."""
        return self.otherwise.get(kind, self.preset)


_SHARES = Decimal(1)
_TABLE = {
    "okr-tracker (UI)": System("okr-tracker-frontend"),
    "okr-tracker (server)": System("okr-tracker-server", _SHARES),
    "puzzle (UI)": System("puzzle-frontend"),
    "puzzle (backend)": System("puzzle-backend", _SHARES),
    "puzzle demo series (linear, unclamped)": System("linear"),
    "BurningOKR (UI)": System("burningokr-frontend", _SHARES),
    "BurningOKR (backend)": System("burningokr-backend"),
    "gist workpath": System("workpath-sample", _SHARES),
    "open-okr": System("open-okr", calls={"maintain": Kind.BAND}),
    "FlowyTeam (per open-okr reference)": System("flowyteam"),
    "business-as-code": System(
        "business-as-code", otherwise={"confidence_from_progress": "business-as-code-confidence"}
    ),
    "whatmatters / Doerr": System("doerr", _SHARES),
    "whatmatters": System("doerr", _SHARES),
    "Google": System("google", _SHARES),
    "Google re:Work": System("google", _SHARES),
    "Andy Grove": System("grove", _SHARES),
    "Inspired": System("svpg", _SHARES),
    "SVPG / Inspired": System("svpg", _SHARES),
    "Lamorte": System("stretch-target-commit", _SHARES),
    "Atlassian": System("atlassian", _SHARES),
    "Koan": System("koan", _SHARES),
    "okr-consulting skill": System("okr-consulting", _SHARES),
    "GitLab (real record)": System("gitlab"),
    "Quantive/Gtmhub": System("quantive"),
    "BOJA OKR": System("boja", _SHARES),
    "ServiceNow Goal Framework": System("servicenow"),
    "InnovationMinds": System("innovation-minds"),
    "feedback4e": System(
        "feedback4e", otherwise=dict.fromkeys(("ratio_to_target", "ratio_to_target_descending"), "feedback4e-ratio")
    ),
    "TeamCulture": System("teamculture", otherwise={"piecewise_steps": "teamculture-steps"}),
    "Infor HR Talent": System("infor"),
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


_SYSTEMS = {key: System(key) for key in preset_keys()} | {_plain(name): system for name, system in _TABLE.items()}


def system_named(name: str) -> System | None:
    """The system of that name, however it is spelled, or the one with the longest name that it begins with: "Google, 2015".

    A system without an entry is its namesake among the presets.
    """
    words = _plain(name).split("-")
    for count in range(len(words), 0, -1):
        if (found := _SYSTEMS.get("-".join(words[:count]))) is not None:
            return found
    return None
