"""What is nearly right is refused, by name and place, and what was sent is never repeated."""

from decimal import Decimal
from typing import Any

import pytest
from api_problems import blamed, refused
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from okr_api import numbers, strict_json
from okr_api.errors import Malformed
from okr_api.schemas.fields import Day, Flag, Id, Instant, LongText, Number, Share, Weight, Whole

JSON = {"Content-Type": "application/json"}


async def test_what_is_no_json_is_refused_before_it_is_looked_into(company: Any) -> None:
    bodies = [
        b"{",
        b'{"name": "a",}',
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": -Infinity}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\xff"}',
        b'\xef\xbb\xbf{"name": "a"}',
        '{"name": "a"}'.encode("utf-16"),
        b'{"name": ' + b"1" * 5000 + b"}",
        b'{"name": 1e99999999999999999999}',
        b"[" * 100_000,
        b"'name'",
        b" ",
    ]
    for body in bodies:
        answer = await company.client.post("/v1/teams", content=body, headers=JSON)
        assert refused(answer) == (422, "malformed_json"), body[:50]


async def test_bodies_that_break_the_schema_are_told_where(company: Any) -> None:
    surrogate = b'{"name": "\\ud800"}'
    cases: list[tuple[bytes, set[tuple[str, str]]]] = [
        (b"[]", {("wrong_type", "")}),
        (b"null", {("wrong_type", "")}),
        (b'"name"', {("wrong_type", "")}),
        (b"{}", {("missing", "/name")}),
        (b'{"name": 1}', {("wrong_type", "/name")}),
        (b'{"name": 1e999}', {("wrong_type", "/name")}),
        (b'{"name": true}', {("wrong_type", "/name")}),
        (b'{"name": ["a"]}', {("wrong_type", "/name")}),
        (b'{"name": ""}', {("wrong_length", "/name")}),
        (b'{"name": " \\t"}', {("wrong_form", "/name")}),
        (b'{"name": "a\\u0000b"}', {("wrong_form", "/name")}),
        (surrogate, {("wrong_form", "/name")}),
        (b'{"name": "' + b"a" * 201 + b'"}', {("wrong_length", "/name")}),
        (b'{"name": "a", "kind": "Team"}', {("not_one_of", "/kind")}),
        (b'{"name": "a", "parent_id": 7}', {("wrong_form", "/parent_id")}),
        (b'{"name": "a", "parent_id": "01890a5dac96774bbcceb302099a8057"}', {("wrong_form", "/parent_id")}),
        (b'{"name": "a", "x~/y": 1}', {("unknown_field", "/x~0~1y")}),
        (
            b'{"name": "a", "organization_id": "x", "id": "y"}',
            {("unknown_field", "/organization_id"), ("unknown_field", "/id")},
        ),
    ]
    for body, expected in cases:
        answer = await company.client.post("/v1/teams", content=body, headers=JSON)
        assert (refused(answer), blamed(answer)) == ((422, "invalid_request"), expected), body


async def test_a_refusal_repeats_nothing_of_the_values(company: Any) -> None:
    body = {"name": 4711.0815, "kind": "sesame", "parent_id": "sesame", "lead_id": {"sesame": 4711}}
    answers = [
        await company.client.post("/v1/teams", json=body),
        await company.client.post("/v1/teams", content=b'{"sesame', headers=JSON),
        await company.client.get("/v1/teams?kind=sesame&limit=sesame&parent_id=sesame"),
        await company.client.get("/v1/teams?cursor=sesame"),
        await company.client.get("/v1/teams?sort=sesame"),
        await company.client.post("/v1/people", json={"name": "a", "email": "sesame"}),
        await company.client.patch("/v1/organization", json={"time_zone": "sesame"}, headers={"If-Match": "*"}),
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert not [answer.text for answer in answers if "sesame" in answer.text or "4711" in answer.text]


async def test_a_long_list_of_faults_is_cut(company: Any) -> None:
    answer = await company.client.post("/v1/teams", json={"x" * 1000 + str(n): n for n in range(1000)})
    assert refused(answer) == (422, "invalid_request")
    assert len(answer.json()["errors"]) == 50
    assert len(answer.content) < 20_000


async def test_a_body_has_two_mebibytes_at_most(company: Any) -> None:
    def body(size: int) -> bytes:
        return b'{"name": "' + b"a" * (size - 12) + b'"}'

    async def in_parts(size: int) -> Any:
        content = body(size)
        for start in range(0, size, 100_000):
            yield content[start : start + 100_000]

    limit = 2 * 1024 * 1024
    assert refused(await company.client.post("/v1/teams", content=body(limit), headers=JSON)) == (
        422,
        "invalid_request",
    )
    too_large = (413, "body_too_large")
    assert refused(await company.client.post("/v1/teams", content=body(limit + 1), headers=JSON)) == too_large
    # Without a length, in chunks, it is counted as it comes.
    assert refused(await company.client.post("/v1/teams", content=in_parts(limit + 1), headers=JSON)) == too_large


async def test_content_types(company: Any) -> None:
    found = {}
    for kind in (
        "application/json",
        "APPLICATION/JSON;charset=UTF-8",
        "application/merge-patch+json",
        "text/json",
        "x",
    ):
        answer = await company.client.post("/v1/teams", content=b'{"name": "a"}', headers={"Content-Type": kind})
        found[kind] = answer.status_code
    zipped = {**JSON, "Content-Encoding": "gzip"}
    found["gzip"] = (await company.client.post("/v1/teams", content=b'{"name": "a"}', headers=zipped)).status_code
    assert found == {
        "application/json": 201,
        "APPLICATION/JSON;charset=UTF-8": 201,
        "application/merge-patch+json": 415,
        "text/json": 415,
        "x": 415,
        "gzip": 415,
    }


async def test_nul_in_an_address_is_refused(company: Any) -> None:
    for path in ("/v1/teams/%00", "/v1/%00", "/v1/people?q=a%00b", "/v1/people?a%00b=1"):
        assert refused(await company.client.get(path)) == (422, "nul_character"), path


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Number, '"1"'),
        (Number, "true"),
        (Number, "null"),
        (Number, "[1]"),
        (Number, "1e999"),
        (Number, "1e1000000"),
        (Number, "-1e99999999"),
        (Number, "1000000000000000.1"),
        (Number, "-1000000000000000.1"),
        (Weight, "-0.000000001"),
        (Share, "1.000000001"),
        (Share, "-1e-9"),
        (Whole, "1.0"),
        (Whole, "true"),
        (Whole, '"1"'),
        (Flag, "1"),
        (Flag, '"true"'),
        (LongText, '"\\u0000"'),
        (Id, '"{01890a5d-ac96-774b-bcce-b302099a8057}"'),
        (Id, '"urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057"'),
        (Day, "0"),
        (Day, '"2026-02-30"'),
        (Day, '"2026-9-30"'),
        (Day, '"2026-09-30T00:00:00Z"'),
        (Day, '"1969-12-31"'),
        (Instant, "0"),
        (Instant, '"1700000000"'),
        (Instant, '"2026-09-30"'),
        (Instant, '"2026-09-30T12:00:00"'),
        (Instant, '"2026-09-30 12:00:00Z"'),
        (Instant, '"0001-01-01T00:00:00+10:00"'),
        (Instant, '"9999-12-31T23:59:59-10:00"'),
        (Instant, '"2026-09-30T25:00:00Z"'),
    ],
)
def test_values_that_a_lax_reader_would_take(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(strict_json.parse(text.encode()))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12345678901234567.89e-3", "12345678901234.6"),
        ("0.1234567885", "0.123456788"),  # a tie goes to the even neighbour, the ninth place
        ("0.1234567875", "0.123456788"),
        ("0.1234567874999999999999999", "0.123456787"),
        ("999999999999999.5", "1000000000000000"),
        ("1000000000000000", "1E+15"),
        ("1000000000000001e-1", "100000000000000"),
        ("-0.0", "0"),
        ("-1e-12", "0"),
        ("1e-999999", "0"),
        ("0.30", "0.30"),
        ("7", "7"),
    ],
)
def test_numbers_are_rounded_once_half_even_to_15_digits_and_9_places(text: str, value: str) -> None:
    read = TypeAdapter(Number).validate_python(strict_json.parse(text.encode()))
    assert read == Decimal(value)
    assert not read.is_signed() or read < 0


@given(st.integers(-(10**15), 10**15), st.integers(0, 9))
def test_every_number_within_the_bounds_comes_back_as_it_was_sent(digits: int, places: int) -> None:
    sent = Decimal(digits).scaleb(-places)
    read = numbers.from_json(strict_json.parse(str(sent).encode()))
    assert read == sent
    assert strict_json.parse(TypeAdapter(Number).dump_json(read)) == sent


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_rounding_twice_is_rounding_once(number: Decimal) -> None:
    assert numbers.rounded(numbers.rounded(number)) == numbers.rounded(number)


@given(st.binary(max_size=40))
def test_reading_json_never_fails_in_another_way(body: bytes) -> None:
    try:
        strict_json.parse(body)
    except Malformed:
        return
