"""Rules that come and go in any order.

A preview is what activation then writes, every grade was made under the rules of its instant, and explains itself.
"""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

from house import PLACES, SPOKEN_OF, WRITTEN, House, Served, served
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from company import push
from okr.db.engine import connection_of
from okr.db.points import NewPoint
from okr.db.tables.columns import utc_now
from okr.settings import Settings

EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "12"))
STEPS = int(os.environ.get("LIFE_STEPS", "10"))
_places, _documents = st.sampled_from(PLACES), st.sampled_from(sorted(WRITTEN))


class Life(RuleBasedStateMachine):
    """An organization of its own, whose rules are brought into force, planned and retired while people go on working."""

    runner: asyncio.Runner
    service: Served

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        self.house: House
        self.closed: set[str] = set()
        self.has_moved_teams = self.is_broken = False

    def does(self, what: Coroutine[Any, Any, Any]) -> Any:
        """What comes of it."""
        try:
            return self.runner.run(what)
        except BaseException:
            self.is_broken = True
            raise

    @initialize()
    def begin(self) -> None:
        connection = self.does(self.stack.enter_async_context(connection_of(self.service.pool)))
        self.house = self.does(House.of(self.service, connection))

    @rule(place=_places, document=_documents)
    def activate(self, place: str, document: str) -> None:
        self.does(self.house.activate(place, document))
        self.does(self.house.check_current())

    @rule(documents=st.lists(_documents, min_size=2, max_size=3, unique=True))
    def activate_in_a_team(self, documents: list[str]) -> None:
        """One after the other where what is made from it lies outside."""
        for document in documents:
            self.activate("leaf", document)

    @rule(place=_places, document=_documents, seconds=st.sampled_from([0.1, 86_400, 172_800]))
    def plan(self, place: str, document: str, seconds: float) -> None:
        self.does(self.house.schedule(place, document, ahead=timedelta(seconds=seconds)))

    @rule(choice=st.integers(0, 9))
    def retire(self, choice: int) -> None:
        if versions := self.does(self.house.versions("active", "scheduled")):
            self.does(self.house.retire(versions[choice % len(versions)]))

    @rule(name=st.sampled_from(SPOKEN_OF), grade=st.sampled_from([0, 0.25, 0.333333333333, 0.9]))
    def speak(self, name: str, grade: float) -> None:
        self.does(self.house.speak(name, grade))

    @rule(name=st.sampled_from(SPOKEN_OF))
    def take_back(self, name: str) -> None:
        self.does(self.house.take_back(name))

    @rule(value=st.integers(-20, 130), days=st.integers(0, 60))
    def measure(self, value: int, days: int) -> None:
        at = utc_now() - timedelta(days=days)
        self.does(push(self.house.company, NewPoint("arr", Decimal(value), at, corrects=True)))
        self.does(self.house.settle())

    @rule(name=st.sampled_from(["parent", "child", "below"]))
    def close(self, name: str) -> None:
        if name not in self.closed:
            self.closed.add(name)
            self.does(self.house.close(name))

    @precondition(lambda self: not self.closed)
    @rule(below=st.booleans())
    def move_team(self, below: bool) -> None:
        self.does(self.house.move_team(below=below))

    def teardown(self) -> None:
        try:
            if not self.is_broken:
                self.does(self.house.check_history())
        finally:
            self.runner.run(self.stack.aclose())


def test_rules_that_come_and_go_in_any_order(settings: Settings) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        Life.runner, Life.service = runner, runner.run(stack.enter_async_context(served(settings)))
        try:
            run_state_machine_as_test(Life, settings=_SETTINGS)
        finally:
            runner.run(stack.aclose())


_SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to find a shorter example takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
