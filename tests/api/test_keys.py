"""API keys: their form, what they open, and how they are made and ended."""

import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_problems import blamed, refused
from hypothesis import given
from hypothesis import strategies as st

from okr.db.api_keys import create_key
from okr.db.readers import Readers
from okr.db.tables.columns import utc_now
from okr.keys import PREFIX, Key, Scope, make_key, parse_key
from okr_api.auth import CACHE_SECONDS, Authenticator
from okr_api.errors import Unauthenticated


def bearer(key: str) -> dict[str, str]:
    """The header that brings a key."""
    return {"Authorization": f"Bearer {key}"}


def test_a_key_tells_what_it_is_and_holds_its_checksum() -> None:
    key = make_key()
    assert re.fullmatch(r"okr_live_[0-9A-Za-z]{50}", key.shown)
    assert parse_key(key.shown) == key
    assert key.shown not in repr(key)
    assert len({make_key().shown for _ in range(100)}) == 100


@given(st.integers(0, 58), st.sampled_from("0aZ_é"))
def test_a_key_with_one_wrong_character_is_none(place: int, character: str) -> None:
    shown = "okr_live_0123456789AB0123456789abcdefghijklmnopqrstuv" + "1Bv4eK"
    good = shown[:-6] + _checksum_of(shown[:-6])
    assert parse_key(good) is not None
    changed = good[:place] + character + good[place + 1 :]
    assert (parse_key(changed) is None) == (changed != good)


def _checksum_of(body: str) -> str:
    """The checksum by its definition: CRC32, base62, six digits."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = zlib.crc32(body.encode())
    return "".join(alphabet[number // 62**place % 62] for place in range(5, -1, -1))


def test_what_is_stored_depends_on_the_whole_key_and_the_services_secret() -> None:
    key = make_key()
    stored = key.hmac("a" * 32)
    assert key.matches(stored, secret_key="a" * 32)
    assert not key.matches(stored, secret_key="b" * 32)
    assert not Key(key.public_id, make_key().shown).matches(stored, secret_key="a" * 32)


async def test_who_has_no_key_learns_nothing(company: Any, app: Any) -> None:
    other_secret = make_key().shown
    good = company.client.headers["Authorization"].removeprefix("Bearer ")
    forged = parse_key(good)
    assert forged is not None
    headers = [
        {},
        bearer(""),
        bearer(other_secret),
        bearer(good[:-1]),
        bearer(good + "x"),
        {"Authorization": good},
        {"Authorization": f"Basic {good}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + "x" * 5000},
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://okr.test") as client:
        for header in headers:
            # Neither a thing's existence nor what is wrong with a body is told to strangers.
            for answer in (
                await client.get(f"/v1/teams/{company.id}?x=1", headers=header),
                await client.post("/v1/teams", content=b"{", headers=header),
            ):
                assert refused(answer) == (401, "unauthenticated"), header
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await client.get("/v1/me", headers=bearer(good))).status_code == 200
        assert (await client.get("/v1/me", headers={"Authorization": f"bearer {good}"})).status_code == 200


async def test_a_mistyped_key_does_not_reach_the_database(company: Any, settings: Any) -> None:
    readers = await Readers.of("postgresql://nobody@127.0.0.1:1/nowhere")
    authenticator = Authenticator(readers, secret_key=settings.secret_key.get_secret_value())
    good = make_key().shown
    with pytest.raises(Unauthenticated):
        await authenticator.caller(f"Bearer {good[:20]}{'A' if good[20] != 'A' else 'B'}{good[21:]}")
    with pytest.raises(OSError):
        await authenticator.caller(f"Bearer {good}")
    await readers.close()


async def test_a_key_opens_what_its_scopes_say(company: Any, clients: Any) -> None:
    reader = await clients(company.id, scopes=[Scope.OKR_READ])
    pusher = await clients(company.id, scopes=[Scope.METRICS_WRITE])
    assert (await reader.get("/v1/teams")).status_code == 200
    assert refused(await reader.post("/v1/teams", json={"name": "A"})) == (403, "forbidden")
    assert refused(await reader.get("/v1/api-keys")) == (403, "forbidden")
    assert refused(await pusher.get("/v1/teams")) == (403, "forbidden")
    me = (await pusher.get("/v1/me")).json()
    assert me["organization"] == {"id": str(company.id), "name": "Company", "time_zone": "Europe/Berlin"}
    assert me["api_key"] == {**me["api_key"], "name": "test", "scopes": ["metrics:write"], "expires_at": None}


async def test_a_key_is_shown_once_and_never_stored(company: Any, app: Any) -> None:
    body = {"name": "CI", "scopes": ["okr:read", "okr:read"]}
    made = await company.client.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "k"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    shown = made.json()["key"]
    assert shown.startswith(PREFIX + made.json()["public_id"])
    assert made.json()["scopes"] == ["okr:read"]
    again = await company.client.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "k"})
    assert again.json() == made.json() | {"key": None}
    read = await company.client.get(made.headers["Location"])
    assert read.json() == {name: value for name, value in made.json().items() if name != "key"}
    listed = (await company.client.get("/v1/api-keys")).json()["items"]
    assert read.json() in listed
    for table in ("api_key", "idempotency_key", "outbox_event"):
        rows = await company.connection.fetch(f"SELECT t::text AS row, t.* FROM {table} t")
        assert not [row for row in rows if shown in str(dict(row)) or shown[-38:] in str(dict(row))], table
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://okr.test", headers=bearer(shown)
    ) as client:
        assert (await client.get("/v1/teams")).status_code == 200


async def test_a_key_hands_on_only_what_it_has(company: Any, clients: Any) -> None:
    keeper = await clients(company.id, scopes=[Scope.KEYS_ADMIN, Scope.OKR_READ])
    answer = await keeper.post("/v1/api-keys", json={"name": "a", "scopes": ["okr:read", "okr:write"]})
    assert (refused(answer), blamed(answer)) == ((403, "forbidden"), {("forbidden", "/scopes")})
    assert (await keeper.post("/v1/api-keys", json={"name": "a", "scopes": ["okr:read"]})).status_code == 201
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = await keeper.post("/v1/api-keys", json={"name": "a", "scopes": ["okr:read"], "expires_at": past})
    assert refused(answer) == (422, "expires_in_past")
    for scopes in ([], ["okr:everything"], "okr:read", None):
        answer = await keeper.post("/v1/api-keys", json={"name": "a", "scopes": scopes})
        assert refused(answer) == (422, "invalid_request"), scopes


async def test_a_revoked_key_opens_nothing(company: Any, app: Any) -> None:
    made = await company.client.post("/v1/api-keys", json={"name": "CI", "scopes": ["okr:read"]})
    path, tag = made.headers["Location"], made.headers["ETag"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://okr.test", headers=bearer(made.json()["key"])
    ) as client:
        assert (await client.get("/v1/teams")).status_code == 200
        assert refused(await company.client.delete(path)) == (428, "precondition_required")
        ended = await company.client.delete(path, headers={"If-Match": tag})
        assert (ended.status_code, ended.content) == (204, b"")
        assert refused(await client.get("/v1/teams")) == (401, "unauthenticated")
    read = await company.client.get(path)
    assert read.json()["revoked_at"] is not None
    assert refused(await company.client.delete(path, headers={"If-Match": tag})) == (412, "precondition_failed")
    assert (await company.client.delete(path, headers={"If-Match": "*"})).status_code == 204
    assert (await company.client.get(path)).json() == read.json()


async def test_a_key_ends_when_it_expires(company: Any, settings: Any, app: Any) -> None:
    secret = settings.secret_key.get_secret_value()
    for seconds, status in ((-1, 401), (60, 200)):
        end = utc_now() + timedelta(seconds=seconds)
        key, _ = await create_key(
            company.connection,
            company.id,
            name="short",
            scopes=[Scope.OKR_READ],
            secret_key=secret,
            now=utc_now(),
            expires_at=end,
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://okr.test", headers=bearer(key.shown)
        ) as client:
            assert (await client.get("/v1/teams")).status_code == status


async def test_another_process_drops_a_revoked_key_within_the_time_it_remembers(company: Any, settings: Any) -> None:
    class Clock:
        seconds = 1000.0

        def __call__(self) -> float:
            return self.seconds

    clock = Clock()
    readers = await Readers.of(settings.database_url)
    authenticator = Authenticator(readers, secret_key=settings.secret_key.get_secret_value(), clock=clock)
    header = company.client.headers["Authorization"]
    caller = await authenticator.caller(header)
    assert caller.organization_id == company.id
    await company.connection.execute("UPDATE api_key SET revoked_at = now() WHERE id = $1", UUID(str(caller.key_id)))
    clock.seconds += CACHE_SECONDS - 0.01
    assert await authenticator.caller(header) == caller
    clock.seconds += 0.02
    with pytest.raises(Unauthenticated):
        await authenticator.caller(header)
    await readers.close()
