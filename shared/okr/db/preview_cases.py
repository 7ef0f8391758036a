"""From rows to cases: what was read for a preview, as the domain grades it. Nothing is read here, so a thread may do it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

import asyncpg
import orjson

from okr.db.demand import subject
from okr.db.key_result_facts import measure_of, with_values
from okr.db.packing import unpack_reading
from okr.db.previews import Material
from okr.domain.preview import Change, Told
from okr.domain.timeline import Frame, Member
from okr.domain.values import Commitment, Grade, KeyResultInputs, Kind, Status, SubjectKind, Window
from okr.domain.what_if import KeyResultCase, ObjectiveCase, Rules, WhatIf
from okr.domain.words import NO_WORDS, Words

_objective_of = itemgetter("objective_id")
_COMMITMENTS = {commitment.value: commitment for commitment in Commitment}


class Cases:
    """The cases of a preview, and the rows that they come from, by id."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self.objectives = {row["id"]: row for row in material.objectives}
        self.key_results = {row["id"]: row for row in material.key_results}
        self._children: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
        for row in material.children:
            self._children[row["parent_objective_id"]].append(row)
        self._windows: dict[tuple[date, date, datetime | None, datetime], Window] = {}

    def what_if(self) -> WhatIf:
        """The cases, ready to be graded again."""
        stands = self._material.stands
        below = {id: list(rows) for id, rows in groupby(self._material.key_results, _objective_of)}
        cases = {str(id): self._objective(row, below.get(id, ())) for id, row in self.objectives.items()}
        outside = {str(one.id): grade for one, grade in stands.items() if one.kind is SubjectKind.OBJECTIVE}
        return WhatIf(cases, {id: grade for id, grade in outside.items() if id not in cases})

    def _objective(self, row: asyncpg.Record, key_results: Iterable[asyncpg.Record]) -> ObjectiveCase:
        id = row["id"]
        one, rules = subject(SubjectKind.OBJECTIVE, id), self._material.rules[id]
        frame = Frame(row["starts_on"], row["ends_on"], self._material.zone, row["closed_at"])
        instant = self._instant(row, frame)
        commitment = _COMMITMENTS[row["commitment"]]
        return ObjectiveCase(
            id=str(id),
            rules=rules,
            instant=instant,
            commitment=commitment,
            window=self._window(frame, instant),
            key_results=[self._key_result(each, frame, commitment, rules) for each in key_results],
            children=[
                child
                for child in map(_child, self._children.get(id, ()))
                if child.counts_at(instant) and not frame.is_after(child.ended_at)
            ],
            context=self._material.contexts.get(one),
            stands=self._material.stands.get(one),
            words=self._words(id),
        )

    def _words(self, id: UUID) -> Words:
        said = self._material.words.get(id, NO_WORDS)
        return replace(said, raws_then=self._material.raws_then) if said.said else said

    def _key_result(
        self, row: asyncpg.Record, objectives: Frame, commitment: Commitment, rules: Rules
    ) -> KeyResultCase:
        due_on = row["due_on"]
        frame = objectives if due_on == objectives.due_on else replace(objectives, due_on=due_on)
        instant = self._instant(row, frame)
        if row["needs_facts"] and row["id"] in self._material.facts.outlines:
            return self._key_result_from_facts(row, instant, rules)
        member = _member(row)
        if not rules.are_new:
            return KeyResultCase(member, rules, instant, stands=self._stands(row))
        packed = orjson.loads(row["inputs"])
        contexts = self._material.contexts
        inputs = KeyResultInputs(
            instant,
            measure_of(row),
            unpack_reading(packed),
            commitment,
            self._window(frame, instant),
            packed["p"],
            contexts.get(subject(SubjectKind.KEY_RESULT, row["id"])) if contexts else None,
        )
        return KeyResultCase(member, rules, instant, inputs)

    def _key_result_from_facts(self, row: asyncpg.Record, instant: datetime, rules: Rules) -> KeyResultCase:
        read = self._material.facts
        outline = read.outlines[row["id"]]
        facts = with_values(
            outline,
            values=read.values,
            outlines=read.outlines,
            timelines={},
            raws_then=self._material.raws_then if outline.facts.words.said else None,
        )
        context = self._material.contexts.get(subject(SubjectKind.KEY_RESULT, row["id"]))
        return KeyResultCase(
            member=replace(_member(row), weights=((None, facts.version_at(instant).weight),)),
            rules=rules,
            instant=instant,
            facts=replace(facts, context=context) if context else facts,
            children=tuple(
                Member(SubjectKind.OBJECTIVE, str(tie.objective_id), ((None, tie.weight),), ended_at=tie.until)
                for tie in outline.children
            ),
            stands=self._stands(row),
        )

    def _stands(self, row: asyncpg.Record) -> Grade | None:
        return self._material.stands.get(subject(SubjectKind.KEY_RESULT, row["id"]))

    def _instant(self, row: asyncpg.Record, frame: Frame) -> datetime:
        """Now; when it was closed; or when its newest value is observed, which may lie a few minutes ahead."""
        if frame.closed_at is not None:
            return frame.closed_at
        now, observed_at = self._material.question.now, row["observed_at"]
        return now if observed_at is None or observed_at < now else observed_at

    def _window(self, frame: Frame, instant: datetime) -> Window:
        """Most have the same: their cycle's days, now."""
        key = frame.starts_on, frame.due_on, frame.closed_at, instant
        if key not in self._windows:
            self._windows[key] = frame.window(instant)
        return self._windows[key]

    def key_result_case(self, what_if: WhatIf, id: UUID) -> KeyResultCase:
        """One of the key results' cases."""
        objective = what_if.cases[str(self.key_results[id]["objective_id"])]
        return next(one for one in objective.key_results if one.member.id == str(id))

    def changes(self, grades: Mapping[str, Grade]) -> tuple[list[Change], list[Change]]:
        """The objectives and the key results before and after. Guardrails, which hold or do not, are none of them."""
        teams = {id: row["team_id"] for id, row in self.objectives.items()}
        key_results = [
            _change(row, teams[row["objective_id"]], grades)
            for row in self._material.key_results
            if row["kind"] != Kind.GUARDRAIL
        ]
        return [_change(row, row["team_id"], grades) for row in self._material.objectives], key_results


def _member(row: asyncpg.Record) -> Member:
    is_guardrail = row["kind"] == Kind.GUARDRAIL
    return Member(SubjectKind.KEY_RESULT, str(row["id"]), ((None, row["weight"]),), is_guardrail=is_guardrail)


def _child(row: asyncpg.Record) -> Member:
    weights = ((None, row["weight"]),)
    return Member(SubjectKind.OBJECTIVE, str(row["objective_id"]), weights, ended_at=row["until"])


def _change(row: asyncpg.Record, team_id: UUID | None, grades: Mapping[str, Grade]) -> Change:
    id = row["id"]
    before = Told(row["grade"], row["status"] or Status.PENDING.value, row["label"])
    new = grades.get(str(id))
    after = before if new is None else Told(new.grade, new.status.value, new.label)
    return Change(id, team_id, before, after)
