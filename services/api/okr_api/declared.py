"""Which refusals an operation can answer with: those that it declares, and those that it shares with all of its form."""

from collections.abc import Collection, Mapping, Sequence

from okr.db.goals import UnknownReference
from okr.domain.errors import DomainError, Invalid, NotFound
from okr_api.cursors import InvalidCursor
from okr_api.errors import (
    BodyTooLarge,
    Forbidden,
    HeadersTooLarge,
    InvalidRequest,
    Malformed,
    PreconditionFailed,
    PreconditionRequired,
    ReferenceGone,
    Unauthenticated,
    Unavailable,
    Unexpected,
    UnsupportedMediaType,
)
from okr_api.etag import InvalidHeader
from okr_api.idempotency import KeyInFlight, KeyReused
from okr_api.lists import UnknownSort
from okr_api.middleware import AddressNotUtf8, NulCharacter

Refusals = Sequence[type[DomainError]]


class UnknownParameter(Invalid):
    """The query names something that the operation does not know, or names one thing twice.

    Leave it out; the answer names the parameters that there are.
    """

    code = "unknown_parameter"


OF_EVERY: Refusals = (NulCharacter, AddressNotUtf8, HeadersTooLarge, UnknownParameter, Unexpected)
"""What even those can answer that need no key."""

_WITH_KEY: Refusals = (Unauthenticated, InvalidRequest, Unavailable)
_WITH_BODY: Refusals = (Malformed, BodyTooLarge, UnsupportedMediaType)
_WITH_PARAMETER: Mapping[str, Refusals] = {"cursor": (InvalidCursor,), "sort": (UnknownSort,)}
_GUARDED: Refusals = (NotFound, InvalidHeader, PreconditionFailed, PreconditionRequired)
_OF_METHOD: Mapping[str, Refusals] = {
    "GET": (),
    "POST": (InvalidHeader, KeyReused, KeyInFlight),
    "PUT": (InvalidHeader,),
    "PATCH": _GUARDED,
    "DELETE": _GUARDED,
}


def all_refusals(
    method: str, own: Refusals, *, has_scope: bool, has_body: bool, is_tagged: bool, parameters: Collection[str]
) -> Refusals:
    """Every refusal of an operation with these `own` ones, `parameters` in its query, and an ETag if its read `is_tagged`."""
    shared = [*OF_EVERY, *_WITH_KEY, *_OF_METHOD[method]]
    if has_scope:
        shared.append(Forbidden)
    if has_body:
        shared += _WITH_BODY
    if is_tagged:
        shared.append(InvalidHeader)
    for name in parameters:
        shared += _WITH_PARAMETER.get(name, ())
    if UnknownReference in own:
        # What was there when it was looked for can be removed before the row that refers to it is written.
        shared.append(ReferenceGone)
    return tuple(dict.fromkeys([*shared, *own]))
