"""Refusals of the domain: each a class with a stable `code`; facts are fields, the sentence is made once."""


class DomainError(Exception):
    """A request that the rules of the field refuse. `code` is part of the public contract."""

    code = "domain_error"

    def __init__(self, message: str, /, *, pointer: str | None = None, **facts: object) -> None:
        """`message` says what to do; `pointer` is a JSON Pointer into the request where there is one place to blame."""
        super().__init__(message)
        self.message = message
        self.pointer = pointer
        self.facts = facts


class NotFound(DomainError):
    """There is no such thing in the caller's organization, or no operation with this address.

    Check the id and the address. A thing of another organization is told like one that never was.
    """

    code = "not_found"


class Conflict(DomainError):
    """The request does not fit what is there."""

    code = "conflict"


class Invalid(DomainError):
    """The request contradicts itself or the rules of the field."""

    code = "invalid"
