"""What other rules would make of the grades: read, graded again beside the requests, explained; nothing is written."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from okr.db.demand import Subject, subject
from okr.db.goals import UnknownReference
from okr.db.history import current_grades, explain
from okr.db.preview_cases import Cases
from okr.db.previews import Material, Question, read_material, read_titles, scope_exists
from okr.db.rulebooks import RulesUnreadable
from okr.db.rulesets import read_ruleset, read_version
from okr.db.stored_grades import StoredGrade
from okr.domain.distribution import by_team, distribution, drift
from okr.domain.grading import graded
from okr.domain.preview import Change, Comparison, compared, largest
from okr.domain.rulebook import Scope, ScopeKind
from okr.domain.values import Graded, Step, SubjectKind
from okr.domain.what_if import WhatIf
from okr.rulesets.compiling import compile_ruleset
from okr.rulesets.document import RulesetDocument
from okr.rulesets.presets import preset, preset_keys
from okr.rulesets.spelling import RulesetInvalid, parse_document
from okr_api.schemas.distribution import distribution_read, drift_read
from okr_api.schemas.models import RulesetRead
from okr_api.schemas.previews import (
    ExplainedGrade,
    Mover,
    PreviewDocument,
    PreviewRead,
    PreviewRequest,
    TeamPreview,
    explained_grade,
    level_preview,
)
from okr_api.use_cases.history import Reading
from okr_api.use_cases.rulesets import DocumentOrPreset, ScopeIncomplete, checked, parsed_or_unreadable

_NO_VERSION = "-"
# One at a time in a process: two would only take each other's turns, and those of the requests.
_GRADING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preview")


@dataclass(frozen=True, slots=True)
class _Moving:
    """One that moves far, with its new grade explained, and which of its stored grades it was compared with."""

    subject: Subject
    objective_id: UUID
    change: Change
    after: Graded
    computed_seq: int | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the grading came to: the objectives and the key results, (all, how many were graded again), and the movers."""

    objectives: tuple[Comparison, int]
    key_results: tuple[Comparison, int]
    teams: list[TeamPreview]
    objective_movers: list[_Moving]
    key_result_movers: list[_Moving]


async def preview_version(
    reading: Reading, organization_id: UUID, asked: PreviewRequest, *, key: str, number: int, now: datetime
) -> PreviewRead:
    """The preview of a version, whatever its state. Raises NotFound, RulesUnreadable and UnknownReference."""
    async with reading() as connection:
        version = await read_version(connection, organization_id, key, number)
        ruleset = await read_ruleset(connection, organization_id, key)
        await _check_cycle(connection, organization_id, asked.cycle_id)
    document = parsed_or_unreadable(version.document or {})
    try:
        rules = compile_ruleset(document, key=key, version=number)
    except RulesetInvalid:
        raise RulesUnreadable("This document cannot be read by this version of the service any more.") from None
    question = Question(rules, ruleset.scope, now, asked.cycle_id)
    name = RulesetRead.model_construct(key=key, version=number)
    return await show_preview(reading, organization_id, question, movers=asked.movers, name=name)


async def preview_document(
    reading: Reading, organization_id: UUID, asked: PreviewDocument, *, now: datetime
) -> PreviewRead:
    """The preview of a document that is no version. Raises DocumentOrPreset, ScopeIncomplete and UnknownReference.

    Its grades name a ruleset that no key can name.
    """
    document = _document(asked)
    scope = Scope(asked.scope_kind, asked.scope_id)
    async with reading() as connection:
        await _check_scope(connection, organization_id, scope)
        await _check_cycle(connection, organization_id, asked.cycle_id)
    question = Question(compile_ruleset(document, key=_NO_VERSION, version=0), scope, now, asked.cycle_id)
    return await show_preview(reading, organization_id, question, movers=asked.movers, name=None)


def _document(asked: PreviewDocument) -> RulesetDocument:
    if (asked.document is None) == (asked.preset is None):
        raise DocumentOrPreset("Give a document or the key of a preset, one of the two.")
    if asked.document is not None:
        return parse_document(checked(asked.document, at="/document"), syntax="json")
    if asked.preset not in preset_keys():
        raise UnknownReference("There is no such preset: /v1/presets lists those there are.", pointer="/preset")
    return preset(asked.preset)


async def _check_scope(connection: asyncpg.Connection, organization_id: UUID, scope: Scope) -> None:
    if (scope.kind is ScopeKind.ORGANIZATION) != (scope.id is None):
        raise ScopeIncomplete("Give the id of the cycle or team, and none for the organization.", pointer="/scope_id")
    if scope.id is not None and not await scope_exists(connection, organization_id, scope):
        raise UnknownReference(f"There is no such {scope.kind}.", pointer="/scope_id")


async def _check_cycle(connection: asyncpg.Connection, organization_id: UUID, cycle_id: UUID | None) -> None:
    if cycle_id is None:
        return
    if not await scope_exists(connection, organization_id, Scope(ScopeKind.CYCLE, cycle_id)):
        raise UnknownReference("There is no such cycle.", pointer="/cycle_id")


async def show_preview(
    reading: Reading, organization_id: UUID, question: Question, *, movers: int, name: RulesetRead | None
) -> PreviewRead:
    """The preview; `name` is the version's, None for a document that is none yet. No connection is held while grading."""
    async with reading() as connection:
        material = await read_material(connection, organization_id, question)
    outcome = await asyncio.get_running_loop().run_in_executor(_GRADING, _outcome, material, movers)
    async with reading() as connection:
        objective_movers = await _explained(connection, organization_id, outcome.objective_movers)
        key_result_movers = await _explained(connection, organization_id, outcome.key_result_movers)
    return PreviewRead.model_construct(
        ruleset=name,
        scope_kind=question.scope.kind.value,
        scope_id=question.scope.id,
        cycle_id=question.cycle_id,
        as_of=question.now,
        objectives=level_preview(outcome.objectives[0], regraded=outcome.objectives[1]),
        key_results=level_preview(outcome.key_results[0], regraded=outcome.key_results[1]),
        teams=outcome.teams,
        objective_movers=objective_movers,
        key_result_movers=key_result_movers,
    )


def _outcome(material: Material, movers: int) -> _Outcome:
    """All the work that needs no database; in a thread, so that the process goes on answering."""
    cases = Cases(material)
    what_if = cases.what_if()
    what_if.regrade()
    objectives, key_results = cases.changes(what_if.grades)
    return _Outcome(
        objectives=(compared(objectives), _regraded(objectives, what_if)),
        key_results=(compared(key_results), _regraded(key_results, what_if)),
        teams=_teams(material, objectives),
        objective_movers=[_objective_moving(one, cases, what_if) for one in largest(objectives, movers)],
        key_result_movers=[_key_result_moving(one, cases, what_if) for one in largest(key_results, movers)],
    )


def _regraded(changes: list[Change], what_if: WhatIf) -> int:
    """How many of them were graded again."""
    return sum(1 for change in changes if str(change.id) in what_if.grades)


def _objective_moving(change: Change, cases: Cases, what_if: WhatIf) -> _Moving:
    case = what_if.cases[str(change.id)]
    return _Moving(
        subject=subject(SubjectKind.OBJECTIVE, change.id),
        objective_id=change.id,
        change=change,
        after=graded(what_if.objective_inputs(case), case.rules.ruleset),
        computed_seq=cases.objectives[change.id]["computed_seq"],
    )


def _key_result_moving(change: Change, cases: Cases, what_if: WhatIf) -> _Moving:
    case, row = cases.key_result_case(what_if, change.id), cases.key_results[change.id]
    return _Moving(
        subject=subject(SubjectKind.KEY_RESULT, change.id),
        objective_id=row["objective_id"],
        change=change,
        after=graded(what_if.key_result_inputs(case), case.rules.ruleset),
        computed_seq=row["computed_seq"],
    )


def _teams(material: Material, changes: list[Change]) -> list[TeamPreview]:
    """Each team that has any objectives, before and after beside all of them; what has no team comes last."""
    parents = {team.id: team.parent_id for team in material.teams}
    before = by_team(((change.team_id, change.before.grade) for change in changes), parents)
    after = by_team(((change.team_id, change.after.grade) for change in changes), parents)
    whole_before = distribution(change.before.grade for change in changes)
    whole_after = distribution(change.after.grade for change in changes)
    found = []
    for team in (*material.teams, None):
        id = team.id if team else None
        if id not in before:
            continue
        then, now = distribution(before[id]), distribution(after[id])
        found.append(
            TeamPreview.model_construct(
                team_id=id,
                name=team.name if team else None,
                parent_id=team.parent_id if team else None,
                before=distribution_read(then),
                after=distribution_read(now),
                drift_before=drift_read(drift(then, whole_before)),
                drift_after=drift_read(drift(now, whole_after)),
            )
        )
    return found


async def _explained(connection: asyncpg.Connection, organization_id: UUID, movers: list[_Moving]) -> list[Mover]:
    """The movers with both explanations: the stored grade's by the rules that it was made under."""
    stored = await current_grades(connection, organization_id, [one.subject for one in movers])
    titles = await read_titles(connection, organization_id, [one.subject for one in movers])
    return [
        Mover.model_construct(
            subject=str(one.subject),
            title=titles[one.subject],
            objective_id=one.objective_id,
            team_id=one.change.team_id,
            difference=one.change.difference,
            before=await _before(connection, organization_id, stored.get(one.subject), one.computed_seq),
            after=explained_grade(one.after.grade, one.after.steps),
        )
        for one in movers
    ]


async def _before(
    connection: asyncpg.Connection, organization_id: UUID, stored: StoredGrade | None, computed_seq: int | None
) -> ExplainedGrade | None:
    if stored is None:
        return None
    steps: tuple[Step, ...] = ()
    # One that was graded again since it was compared would be explained by what it was not compared with.
    if stored.computed_seq == computed_seq:
        try:
            steps = (await explain(connection, organization_id, stored)).graded.steps
        except RulesUnreadable:
            steps = ()
    return explained_grade(stored.grade, steps)
