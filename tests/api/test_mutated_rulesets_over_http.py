"""Whatever somebody makes of a ruleset, the service refuses it by path, or grades by it to the end."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import Any

import yaml
from house import House, Served, served
from hypothesis import HealthCheck, Phase, event, given
from hypothesis import settings as drawn
from mutations import mutated, mutated_texts
from ruleset_examples import EXAMPLES

from okr.db.engine import connection_of
from okr.rulesets.spelling import LARGEST_TEXT
from okr.settings import Settings

EXAMPLES_HERE = EXAMPLES // 5
"""Each of them is some hundred times the work of one that only reads the document."""
IN_ONE_HOUSE = 20
_LIMIT_SECONDS = 10
_VERSIONS = "rulesets/organization/versions"
_SETTINGS = drawn(
    max_examples=EXAMPLES_HERE,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to find a shorter example takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Street:
    """Houses, a new one after some examples: an organization has few versions, and one that broke down is left behind."""

    def __init__(self, service: Served, runner: asyncio.Runner) -> None:
        self._service, self._runner = service, runner
        self._stack = AsyncExitStack()
        self._house: House | None = None
        self._used = 0

    def tries(self, document: str, text: str) -> None:
        """Try the document, which is JSON, and the text, which may be YAML. What breaks down breaks down again elsewhere."""
        began = time.process_time()
        try:
            self._runner.run(self._try(document, text))
        except BaseException:
            self._house = None
            raise
        assert time.process_time() - began < _LIMIT_SECONDS

    async def _try(self, document: str, text: str) -> None:
        self._used += 1
        if self._house is None or self._used % IN_ONE_HOUSE == 0:
            await self._stack.aclose()
            connection = await self._stack.enter_async_context(connection_of(self._service.pool))
            self._house = await House.of(self._service, connection)
            await self._house.draft("organization", "standard")
        await tried(self._house, document, text)

    def leave(self) -> None:
        """Give back what was lent."""
        self._runner.run(self._stack.aclose())


async def tried(house: House, document: str, text: str) -> None:
    """Both are refused by path or become versions that grade everything."""
    as_json = await house.send(_VERSIONS, f'{{"document": {document}}}')
    previewed = await house.send("ruleset-previews", f'{{"document": {document}, "movers": 50}}')
    as_yaml = await house.send(_VERSIONS, text, media_type="application/yaml")
    assert (as_json.status_code == 201) == (previewed.status_code == 200)
    for answer, root in ((as_json, "/document"), (previewed, "/document"), (as_yaml, "")):
        if answer.status_code == 422:
            event("refused")
            _check_refusal(answer.json(), root)
        else:
            assert answer.status_code in (200, 201), answer.text
    if as_json.status_code == 201:
        same = await house.send(_VERSIONS, yaml.safe_dump(json.loads(document)), media_type="application/yaml")
        assert same.status_code == 201 or len(yaml.safe_dump(json.loads(document))) > LARGEST_TEXT, same.text
        assert same.json()["document"] == as_json.json()["document"]
    for answer in (as_json, as_yaml):
        if answer.status_code == 201:
            event("accepted")
            await house.activate_version("organization", answer.json()["number"])
            await house.check_current()


def _check_refusal(problem: Any, root: str) -> None:
    if problem["code"] == "malformed_json":  # NaN, which JSON does not know
        return
    assert problem["code"] == "invalid_request"
    assert problem["errors"]
    assert all(one["pointer"].startswith(root) and one["detail"] for one in problem["errors"]), problem


def test_a_mutated_ruleset_is_refused_by_path_or_grades_to_the_end(settings: Settings) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        street = Street(runner.run(stack.enter_async_context(served(settings))), runner)

        @_SETTINGS
        @given(document=mutated(), text=mutated_texts())
        def tries(document: dict[str, Any], text: str) -> None:
            street.tries(json.dumps(document), text)

        try:
            tries()
        finally:
            street.leave()
            runner.run(stack.aclose())
