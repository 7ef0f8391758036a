"""What a key result is measured by, and where it stood: the scoreboard names its grade, and these lie beside it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from okr_cli.client import Client, Json

_AT_A_TIME = 6


def current_measures(client: Client, cycle_id: str) -> dict[str, Json]:
    """By key result: all its fields, as they are now."""
    objectives = client.items("/v1/objectives", cycle_id=cycle_id, expand="key_results")
    return {key_result["id"]: key_result for objective in objectives for key_result in objective["key_results"]}


def measures_of(client: Client, key_results: Iterable[str], as_of: str) -> dict[str, Json]:
    """By key result: how it was measured at that moment and the value that its grade was made from."""

    def one(id: str) -> Json:
        return _measure(client.get(f"/v1/key-results/{id}/explanation", as_of=as_of))

    ids = list(key_results)
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        return dict(zip(ids, threads.map(one, ids), strict=True))


def _measure(explanation: Json) -> Json:
    """The fields of a key result that an explanation knows; none where there was no grade yet."""
    inputs = explanation["inputs"]
    if inputs is None:
        return {"current_value": None}
    measure, reading = inputs["measure"], inputs["reading"]
    made = {step["name"]: step for step in explanation["steps"]}
    value = reading["value"]
    if "formula" in made:
        value = made["formula"]["after"]
    return {
        "current_value": value,
        "start_value": measure["start"],
        "target_value": measure["target"],
        "band_low": measure["band_low"],
        "band_high": measure["band_high"],
        "zones": measure["zones"],
        "milestones": [
            {**milestone, "done": milestone["done"] or milestone["title"] in reading["done"]}
            for milestone in measure["milestones"]
        ],
    }
