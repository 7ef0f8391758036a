"""Rulesets, their versions and presets over HTTP. A document travels as JSON, or as YAML by its content type."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query
from starlette.responses import Response

from okr.db.goals import UnknownReference
from okr.db.rulebooks import RulesUnreadable
from okr.db.rulesets import RULESET_SORTS, VERSION_SORTS, VersionView, list_rulesets, list_versions
from okr.db.work import Work
from okr.domain.rule_versions import VersionNotDraft, VersionNotInForce
from okr.domain.rulebook import ScopeKind
from okr.keys import Scope
from okr.rulesets.spelling import to_yaml
from okr_api.accept import preferred
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.errors import AlreadyExists, Malformed
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.fields import Id, Key
from okr_api.schemas.rulesets import (
    Activation,
    PresetList,
    PresetRead,
    Retirement,
    RulesetCreate,
    RulesetFull,
    RulesetList,
    RulesetPatch,
    VersionCreate,
    VersionList,
    VersionPatch,
    VersionRead,
    ruleset_read,
    version_item,
    version_read,
)
from okr_api.strict_json import YAML, content_type
from okr_api.use_cases.rule_versions import EffectiveInPast, activate_version, retire_version
from okr_api.use_cases.rulesets import (
    DocumentOrPreset,
    RulesetInUse,
    ScopeIncomplete,
    Shown,
    add_draft,
    checked,
    create_ruleset,
    draft_version,
    parsed_or_unreadable,
    remove_ruleset,
    remove_version,
    revise_ruleset,
    revise_version,
    show_preset,
    show_presets,
    show_ruleset,
)

routes = Routes("/v1", tag="rulesets")

RulesetKey = Annotated[Key, Path(description="The ruleset's key.")]
PresetKey = Annotated[Key, Path(description="The preset's key.")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The version's number within its ruleset.")]
RulesetPaging = Annotated[Paging, Depends(paging(RULESET_SORTS))]
VersionPaging = Annotated[Paging, Depends(paging(VERSION_SORTS))]
_TEXT = {"schema": {"type": "string"}}
_VERSIONS = "/rulesets/{ruleset_key}/versions"


@routes.post(
    "/rulesets",
    scope=Scope.RULES_ADMIN,
    answers=RulesetFull,
    refuses=(AlreadyExists, ScopeIncomplete, UnknownReference),
)
async def add_ruleset(body: RulesetCreate, edge: CurrentEdge) -> Response:
    """Add a ruleset for the organization, a cycle or a team. It has no versions yet."""
    show = partial(show_ruleset, key=body.key)
    return await edge.write(partial(create_ruleset, body=body), show, status=201, location=f"/v1/rulesets/{body.key}")


@routes.get("/rulesets", scope=Scope.OKR_READ, answers=RulesetList)
async def get_rulesets(
    edge: CurrentEdge,
    paging: RulesetPaging,
    scope_kind: ScopeKind | None = None,
    scope_id: Annotated[Id | None, Query(description="The cycle or team that the rulesets are for.")] = None,
) -> Response:
    """List rulesets."""
    async with edge.reading() as connection:
        found = await list_rulesets(
            connection, edge.organization_id, page=paging.page, scope_kind=scope_kind, scope_id=scope_id
        )
    return answer(RulesetList.of([ruleset_read(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get("/rulesets/{ruleset_key}", scope=Scope.OKR_READ, answers=RulesetFull)
async def get_ruleset(ruleset_key: RulesetKey, edge: CurrentEdge) -> Response:
    """Read a ruleset."""
    return await edge.show(partial(show_ruleset, key=ruleset_key), edge.organization_id)


@routes.patch("/rulesets/{ruleset_key}", scope=Scope.RULES_ADMIN, answers=RulesetFull)
async def patch_ruleset(ruleset_key: RulesetKey, body: RulesetPatch, edge: CurrentEdge) -> Response:
    """Give a ruleset another name."""
    change = partial(revise_ruleset, key=ruleset_key, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, partial(show_ruleset, key=ruleset_key))


@routes.delete("/rulesets/{ruleset_key}", scope=Scope.RULES_ADMIN, refuses=(RulesetInUse,))
async def delete_ruleset(ruleset_key: RulesetKey, edge: CurrentEdge) -> Response:
    """Delete a ruleset of which no version was ever activated, with its drafts."""
    return await edge.write(partial(remove_ruleset, key=ruleset_key, precondition=edge.precondition))


async def _add(edge: Edge, key: str, draft: Callable[[Work], Awaitable[VersionView]]) -> Response:
    """Answer what `draft` adds to the ruleset."""
    made: list[VersionView] = []

    async def change(work: Work) -> UUID:
        made.append(await draft(work))
        return made[-1].id

    async def show(*_: Any) -> VersionRead:
        return version_read(made[-1])

    return await edge.write(change, show, status=201, location=f"/v1/rulesets/{key}/versions/{{shown.number}}")


async def _add_yaml(edge: Edge) -> Response | None:
    """A draft whose document is the body itself, in YAML."""
    request = edge.request
    if content_type(request.headers) != YAML:
        return None
    key = request.path_params["ruleset_key"]
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is no text: byte {error.start} is no UTF-8.", pointer="") from None
    return await _add(edge, key, lambda work: add_draft(work, key, checked(text, at="")))


@routes.post(
    _VERSIONS,
    scope=Scope.RULES_ADMIN,
    answers=VersionRead,
    refuses=(DocumentOrPreset, UnknownReference),
    also_reads={YAML: _TEXT},
    short_way=_add_yaml,
)
async def add_ruleset_version(ruleset_key: RulesetKey, body: VersionCreate, edge: CurrentEdge) -> Response:
    """Add a draft.

    As `application/yaml` the body is the document itself.
    """
    return await _add(edge, ruleset_key, partial(draft_version, key=ruleset_key, body=body))


@routes.get(_VERSIONS, scope=Scope.OKR_READ, answers=VersionList)
async def get_ruleset_versions(ruleset_key: RulesetKey, edge: CurrentEdge, paging: VersionPaging) -> Response:
    """List a ruleset's versions, without their documents."""
    async with edge.reading() as connection:
        found = await list_versions(connection, edge.organization_id, ruleset_key, page=paging.page)
    return answer(VersionList.of([version_item(view) for view in found.items], paging.cursor_after(found.last)))


@routes.get(
    _VERSIONS + "/{number}",
    scope=Scope.OKR_READ,
    answers=VersionRead,
    refuses=(RulesUnreadable,),
    also={200: {"content": {YAML: _TEXT}}},
)
async def get_ruleset_version(ruleset_key: RulesetKey, number: Number, edge: CurrentEdge) -> Response:
    """Read a version.

    Where `Accept` prefers `application/yaml` the answer is the document alone.
    """
    shown = Shown(ruleset_key, number)
    if preferred(edge.request.headers.get("accept", ""), ("application/json", YAML)) != YAML:
        return await edge.show(shown, edge.organization_id)
    async with edge.reading() as connection:
        version = await shown(connection, edge.organization_id, edge.organization_id)
    given = edge.answer_with(to_yaml(parsed_or_unreadable(version.document)).encode(), version.etag() or "")
    given.headers["Content-Type"] = YAML
    return given


@routes.patch(_VERSIONS + "/{number}", scope=Scope.RULES_ADMIN, answers=VersionRead, refuses=(VersionNotDraft,))
async def patch_ruleset_version(
    ruleset_key: RulesetKey, number: Number, body: VersionPatch, edge: CurrentEdge
) -> Response:
    """Change a draft."""
    shown = Shown(ruleset_key, number)
    change = partial(revise_version, shown=shown, changes=body.changes(), precondition=edge.precondition)
    return await edge.write(change, shown)


@routes.delete(_VERSIONS + "/{number}", scope=Scope.RULES_ADMIN, refuses=(VersionNotDraft,))
async def delete_ruleset_version(ruleset_key: RulesetKey, number: Number, edge: CurrentEdge) -> Response:
    """Delete a draft."""
    return await edge.write(partial(remove_version, shown=Shown(ruleset_key, number), precondition=edge.precondition))


@routes.post(
    _VERSIONS + "/{number}/activate",
    scope=Scope.RULES_ADMIN,
    answers=VersionRead,
    status=200,
    refuses=(VersionNotDraft, EffectiveInPast, RulesUnreadable),
)
async def activate_ruleset_version(
    ruleset_key: RulesetKey, number: Number, body: Activation, edge: CurrentEdge
) -> Response:
    """Bring a draft into force, now or later.

    From then on the version that held in the same scope is retired, and a run (`run_id`) regrades all that is not closed.
    Grades of before keep their rules.
    """
    shown = Shown(ruleset_key, number)
    return await edge.write(partial(activate_version, shown=shown, body=body), shown)


@routes.post(
    _VERSIONS + "/{number}/retire",
    scope=Scope.RULES_ADMIN,
    answers=VersionRead,
    status=200,
    refuses=(VersionNotInForce,),
)
async def retire_ruleset_version(
    ruleset_key: RulesetKey, number: Number, body: Retirement, edge: CurrentEdge
) -> Response:
    """End a version.

    Where it is in force the next scope's rules hold from now on, and a run (`run_id`) regrades all that is not closed. One that
    is scheduled never comes, and the version that it would have ended goes on.
    """
    shown = Shown(ruleset_key, number)
    return await edge.write(partial(retire_version, shown=shown, reason=body.reason), shown)


@routes.get("/presets", scope=Scope.OKR_READ, answers=PresetList)
async def get_presets(edge: CurrentEdge) -> Response:  # noqa: ARG001  # the edge has let the caller in
    """List presets: rules that come with the product, to begin from."""
    return answer(show_presets())


@routes.get("/presets/{preset_key}", scope=Scope.OKR_READ, answers=PresetRead)
async def get_preset(preset_key: PresetKey, edge: CurrentEdge) -> Response:  # noqa: ARG001
    """Read a preset."""
    return answer(show_preset(preset_key))
