"""Where a key result stands, in its own words: value and target with their unit."""

from okr_cli.client import Json
from okr_cli.wording import number


def standing(key_result: Json) -> str:
    """Value and target of a key result: `44.6 → 48 points`, `3 of 4 done`, `Path offered`."""
    value = key_result["current_value"]
    match key_result["kind"]:
        case "milestone":
            done = sum(1 for milestone in key_result["milestones"] if milestone["done"])
            return f"{done} of {len(key_result['milestones'])} done"
        case "ordinal":
            return _zone(key_result)
        case _ if value is None:
            known = "never measured" if key_result["grade"]["freshness"] == "never" else "no value"
            return f"{known} → {_goal(key_result)}"
        case "binary":
            return "yes" if value >= 1 else "not yet"
        case "count_ratio":
            unit = _unit(key_result).removeprefix(f" of {number(key_result['target_value'])}")
            return f"{number(value)} of {number(key_result['target_value'])}{unit}"
        case "guardrail" | "band":
            return f"{number(value)}, {_goal(key_result)}"
        case _:
            return f"{number(value)} → {_goal(key_result)}"


def _goal(key_result: Json) -> str:
    low, high, unit = key_result["band_low"], key_result["band_high"], _unit(key_result)
    match key_result["kind"]:
        case "binary":
            return "yes"
        case "at_least":
            return f"≥ {number(key_result['target_value'])}{unit}"
        case "at_most":
            return f"≤ {number(key_result['target_value'])}{unit}"
        case "guardrail" | "band" if low is not None and high is not None:
            return f"within {number(low)}–{number(high)}{unit}"
        case "guardrail" | "band":
            return f"not below {number(low)}{unit}" if high is None else f"not above {number(high)}{unit}"
        case _:
            return f"{number(key_result['target_value'])}{unit}"


def _unit(key_result: Json) -> str:
    return f" {key_result['unit']}" if key_result["unit"] else ""


def _zone(key_result: Json) -> str:
    """The name of the zone, which the API tells by what it counts."""
    raw = key_result["grade"]["raw"]
    named = [zone["name"] for zone in key_result["zones"] if zone["grade"] == raw]
    return str(named[0]) if named else "nothing said yet"
