"""Pools of what there is in an organization, for a fuzzer to draw from: most made-up ids meet nothing but a 404."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from okr_cli.client import Client

_MOST = 40
_SPARE = 5


def write_pools(client: Client, folder: Path) -> None:
    """One file for each pool, a quoted value a line; the file's name is that of the path parameter.

    The organization has the demo company in it. Things that are there to be ended are made here.
    """
    objectives = list(_some(client.items("/v1/objectives", state="active", expand="key_results")))
    key_results = [one for objective in objectives for one in objective["key_results"]]
    spare = {name: objectives[0][name] for name in ("cycle_id", "owner_id")} | {"title": "Nobody needs it"}
    days = {"starts_on": "2031-01-01", "ends_on": "2031-03-31"}
    key = {"name": "Nobody needs it", "scopes": ["okr:read"]}
    rulesets = [client.post("/v1/rulesets", {"key": f"house_{number}"})["key"] for number in range(_SPARE)]
    for ruleset in rulesets:
        for preset in ("google", "doerr", "mhokr"):
            client.post(f"/v1/rulesets/{ruleset}/versions", {"preset": preset})
    pools = {
        "objective_id": _ids(objectives),
        "key_result_id": _ids(key_results[:_MOST]),
        "cycle_id": _ids(_some(client.items("/v1/cycles", state="active"))),
        "team_id": _ids(_some(client.items("/v1/teams"))),
        "person_id": _ids(_some(client.items("/v1/people"))),
        "key": [one["key"] for one in _some(client.items("/v1/metrics"))],
        "key_id": [client.post("/v1/api-keys", key)["id"] for _ in range(_SPARE)],
        "spare_cycle_id": [client.post("/v1/cycles", days | {"name": "Spare"})["id"] for _ in range(_SPARE)],
        "spare_objective_id": [client.post("/v1/objectives", spare)["id"] for _ in range(_SPARE)],
        "ruleset_key": rulesets,
        "preset_key": [one["key"] for one in client.get("/v1/presets")["items"]],
        "number": ["1", "2", "3"],
        "subject": ["organization", *(f"objective:{id}" for id in _ids(objectives))],
    }
    for name, values in pools.items():
        (folder / f"{name}.txt").write_text("".join(f'"{value}"\n' for value in values))


def _ids(things: Iterable[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in things]


def _some(items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (one for one, _ in zip(items, range(_MOST), strict=False))
