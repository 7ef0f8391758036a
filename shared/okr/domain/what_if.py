"""What other rules would make of grades: everything graded again at one go, children before parents, and nothing kept.

A subject is graded again where the rules in question hold for it, and wherever a child of it was: the same subjects that a
worker would grade once the rules are in force, from the same inputs, by the same function.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from okr.domain.grading import grade
from okr.domain.ruleset import Ruleset
from okr.domain.timeline import Child, KeyResultFacts, Member, Timeline
from okr.domain.values import Commitment, Grade, KeyResultInputs, Override, RollUpInputs, Window
from okr.domain.words import NO_WORDS, Words


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a subject if those in question came into force; `are_new` says that they are these."""

    ruleset: Ruleset
    are_new: bool


# Cases come by the tens of thousands, and a frozen one takes three times as long to make. Nobody changes them.
@dataclass(slots=True)
class KeyResultCase:
    """A key result at the instant: its `inputs`, or its `facts` where they depend on the grades of `children`.

    `member` is what it is to its objective. `stands` is its grade as it is, None before the first; it is only looked at where
    the key result is not graded again.
    """

    member: Member
    rules: Rules
    instant: datetime
    inputs: KeyResultInputs | None = None
    facts: KeyResultFacts | None = None
    children: tuple[Member, ...] = ()
    stands: Grade | None = None


@dataclass(slots=True)
class ObjectiveCase:
    """An objective at the instant, with its key results and the objectives that count in it by then."""

    id: str
    rules: Rules
    instant: datetime
    commitment: Commitment
    window: Window
    key_results: Sequence[KeyResultCase] = ()
    children: Sequence[Member] = ()
    context: Mapping[str, Any] | None = None
    stands: Grade | None = None
    words: Words = NO_WORDS


@dataclass(slots=True)
class WhatIf:
    """The cases by id, and the new `grades`, by the ids of key results and objectives, as far as they are made.

    `outside` are the grades of child objectives that are no cases: they stay as they are.
    """

    cases: Mapping[str, ObjectiveCase]
    outside: Mapping[str, Grade | None] = field(default_factory=dict)
    grades: dict[str, Grade] = field(default_factory=dict)

    def regrade(self) -> None:
        """Make all the new grades."""
        for id in self._children_first():
            self._regrade(self.cases[id])

    def key_result_inputs(self, case: KeyResultCase) -> KeyResultInputs:
        """What the new grade of a key result is made from; its children's have been made."""
        if case.inputs is not None:
            return case.inputs
        assert case.facts is not None, "a case has inputs, or facts to make them from"
        children = tuple(
            Child(one.id, one.weights[0][1], _since(case.instant, self._grade_of(one.id)), one.ended_at)
            for one in case.children
        )
        inputs, _ = replace(case.facts, children=children).inputs_at(case.instant, case.rules.ruleset)
        return inputs

    def objective_inputs(self, case: ObjectiveCase) -> RollUpInputs:
        """What the new grade of an objective is made from; those of its parts have been made."""
        pace, instant = case.rules.ruleset.pace, case.instant
        members = [(one.member, self.grades.get(one.member.id, one.stands)) for one in case.key_results]
        members += [(child, self._grade_of(child.id)) for child in case.children]
        parts = tuple(member.part_at(instant, one, pace) for member, one in members)
        override = _override(case, members) if case.words.said else None
        return RollUpInputs(instant, parts, case.commitment, case.window, case.context, override)

    def _regrade(self, case: ObjectiveCase) -> None:
        grades = self.grades
        is_touched = case.rules.are_new or any(child.id in grades for child in case.children)
        for one in case.key_results:
            if one.rules.are_new or any(child.id in grades for child in one.children):
                grades[one.member.id] = grade(self.key_result_inputs(one), one.rules.ruleset)
                is_touched = True
        if is_touched:
            grades[case.id] = grade(self.objective_inputs(case), case.rules.ruleset)

    def _grade_of(self, id: str) -> Grade | None:
        """The grade of a child objective: the new one if there is one."""
        if id in self.grades:
            return self.grades[id]
        return self.cases[id].stands if id in self.cases else self.outside.get(id)

    def _children_first(self) -> Iterator[str]:
        graph = {id: below for id, case in self.cases.items() if (below := _below(case) & self.cases.keys())}
        try:
            ordered = list(TopologicalSorter(graph).static_order())
        except CycleError:
            # Rings of alignments are refused; should one exist, any order is as good as another.
            ordered = list(graph)
        among = set(ordered)
        yield from (id for id in self.cases if id not in among)
        yield from ordered


def _below(case: ObjectiveCase) -> set[str]:
    """The objectives that this one's grade is made from, directly or through a key result."""
    found = {child.id for child in case.children}
    for one in case.key_results:
        found.update(child.id for child in one.children)
    return found


def _override(case: ObjectiveCase, members: Sequence[tuple[Member, Grade | None]]) -> Override | None:
    """The word in force; what its members measured when it was said is known to the words."""
    word = case.words.standing_at(case.instant)
    if word is None:
        return None
    moved = (
        case.words.has_moved(member.id, lambda _, one=one: one, since=word, at=case.instant)  # type: ignore[misc]  # bound now
        for member, one in members
    )
    return word.as_override(has_newer_evidence=any(moved))


def _since(instant: datetime, grade: Grade | None) -> Timeline:
    """A timeline that has this one grade at the instant."""
    return Timeline() if grade is None else Timeline((instant,), (grade,))
