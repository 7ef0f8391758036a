"""Previews of rulesets over HTTP. They are asked by POST, for a document is long; nothing is written."""

import asyncpg
from starlette.responses import Response

from okr.db.demand import Subject
from okr.db.goals import UnknownReference
from okr.db.rulebooks import RulesUnreadable
from okr.db.tables.columns import utc_now
from okr.keys import Scope
from okr_api.edge import CurrentEdge, Edge, answer
from okr_api.routes.rulesets import Number, RulesetKey
from okr_api.routing import Routes
from okr_api.schemas.previews import PreviewDocument, PreviewRead, PreviewRequest
from okr_api.use_cases.previews import preview_document, preview_version
from okr_api.use_cases.rulesets import DocumentOrPreset, ScopeIncomplete

routes = Routes("/v1", tag="rulesets")


async def _answered(edge: Edge, found: PreviewRead) -> Response:
    """The preview, or what the same request was answered before under its idempotency key.

    It is made before the transaction begins, which may not wait for as long as a preview takes.
    """

    async def change(_: asyncpg.Connection) -> tuple[Response, dict[Subject, int]]:
        return answer(found), {}

    return await edge.write_fast(change)


@routes.post(
    "/ruleset-previews",
    scope=Scope.RULES_ADMIN,
    answers=PreviewRead,
    status=200,
    refuses=(DocumentOrPreset, ScopeIncomplete, UnknownReference),
)
async def preview_ruleset(body: PreviewDocument, edge: CurrentEdge) -> Response:
    """Preview a document or a preset that is no version yet.

    Answers how many grades would move and how far, how grades are spread before and after, and the largest movers explained.
    Nothing is written but the answer itself, where there is an idempotency key.
    """
    return await _answered(edge, await preview_document(edge.reading, edge.organization_id, body, now=utc_now()))


@routes.post(
    "/rulesets/{ruleset_key}/versions/{number}/preview",
    scope=Scope.RULES_ADMIN,
    answers=PreviewRead,
    status=200,
    refuses=(RulesUnreadable, UnknownReference),
)
async def preview_ruleset_version(
    ruleset_key: RulesetKey, number: Number, body: PreviewRequest, edge: CurrentEdge
) -> Response:
    """Preview a version: what it would make of the grades if it came into force now, in its ruleset's scope.

    Where nothing changes meanwhile its activation writes exactly these grades. With `cycle_id` it tells how that cycle, also one
    that is over, would have looked. Nothing is written.
    """
    found = await preview_version(
        edge.reading, edge.organization_id, body, key=ruleset_key, number=number, now=utc_now()
    )
    return await _answered(edge, found)
