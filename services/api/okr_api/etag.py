"""Entity tags: `"<version>.<requested_seq>.<computed_seq>"`. A change is meant for a version, a cached copy for all three."""

import re
from dataclasses import dataclass

from okr.domain.errors import Invalid
from okr_api.errors import PreconditionFailed, PreconditionRequired

_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_TAG = re.compile(r'(W/)?"([^"]*)"')


class InvalidHeader(Invalid):
    """A header cannot be read.

    Write entity tags in double quotes as they came, and idempotency keys as 1 to 255 visible ASCII characters.
    """

    code = "invalid_header"


def _tags(header: str) -> list[tuple[bool, str]]:
    """(is weak, opaque tag) of each entity tag in the list."""
    if not _TAGS.fullmatch(header):
        raise InvalidHeader("An entity tag is written in double quotes, as in the ETag header of a read.")
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]


def is_unchanged(if_none_match: str | None, etag: str | None) -> bool:
    """Whether the caller's copy is the current one. Weak tags match too: a proxy that compresses makes them."""
    if if_none_match is None or etag is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return etag.strip('"') in {tag for _, tag in _tags(if_none_match)}


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions that a change is meant for; `versions` None stands for `*`: any that exists."""

    versions: frozenset[str] | None

    @classmethod
    def of_header(cls, if_match: str | None) -> "Precondition":
        """Raises PreconditionRequired without the header. Weak tags match nothing (RFC 9110, 13.1.1)."""
        if if_match is None:
            raise PreconditionRequired("Send If-Match with the ETag that you have read, or * to change any version.")
        if if_match.strip() == "*":
            return cls(None)
        return cls(frozenset(tag.partition(".")[0] for weak, tag in _tags(if_match) if not weak))

    def check(self, version: int) -> None:
        """Raise PreconditionFailed unless the change is meant for this version. Call it with the row locked."""
        if self.versions is not None and str(version) not in self.versions:
            raise PreconditionFailed("It has changed since you read it: read it again and repeat the change.")
