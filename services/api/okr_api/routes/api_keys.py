"""API keys over HTTP."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import Response

from okr.db.api_keys import KEY_SORTS, list_keys
from okr.db.tables.columns import utc_now
from okr.keys import Scope
from okr_api.edge import CurrentEdge, answer
from okr_api.lists import Paging, paging
from okr_api.routing import Routes
from okr_api.schemas.api_keys import ApiKeyCreate, ApiKeyList, ApiKeyMade, ApiKeyRead, api_key_read
from okr_api.schemas.fields import Id, QueryFlag
from okr_api.use_cases.api_keys import ExpiresInPast, NewKey, revoke_key, show_key

routes = Routes("/v1/api-keys", tag="keys")

KeyPaging = Annotated[Paging, Depends(paging(KEY_SORTS))]


@routes.post("", scope=Scope.KEYS_ADMIN, answers=ApiKeyMade, refuses=(ExpiresInPast,))
async def create_api_key(body: ApiKeyCreate, edge: CurrentEdge) -> Response:
    """Make a key.

    The answer shows it, once. When a request with an Idempotency-Key is answered again, `key` is null: if the first answer
    was lost, revoke the key and make another.
    """
    secret_key = edge.ports.settings.secret_key.get_secret_value()
    new = NewKey(body, caller=edge.caller, secret_key=secret_key)
    given = await edge.write(new.create, new.show, status=201, location="/v1/api-keys/{}")
    given.headers["Cache-Control"] = "no-store"
    return given


@routes.get("", scope=Scope.KEYS_ADMIN, answers=ApiKeyList)
async def list_api_keys(
    edge: CurrentEdge,
    paging: KeyPaging,
    include_ended: Annotated[QueryFlag, Query(description="Also those revoked or expired.")] = True,
) -> Response:
    """List keys, ended ones too."""
    live_at = None if include_ended else utc_now()
    async with edge.reading() as connection:
        found = await list_keys(connection, edge.organization_id, page=paging.page, live_at=live_at)
    return answer(ApiKeyList.of(found.map(api_key_read).items, paging.cursor_after(found.last)))


@routes.get("/{key_id}", scope=Scope.KEYS_ADMIN, answers=ApiKeyRead)
async def get_api_key(key_id: Id, edge: CurrentEdge) -> Response:
    """Read a key, without its secret."""
    return await edge.show(show_key, key_id)


@routes.delete("/{key_id}", scope=Scope.KEYS_ADMIN)
async def revoke_api_key(key_id: Id, edge: CurrentEdge) -> Response:
    """Revoke a key.

    It ends at once where it is revoked, and within two seconds everywhere else.
    """
    given = await edge.write(partial(revoke_key, key_id=key_id, precondition=edge.precondition))
    edge.ports.authenticator.forget(key_id)
    return given
