"""Reading request headers."""

from starlette.datastructures import Headers


def header(headers: Headers, name: str) -> str | None:
    """The header's value, or None. Several of one name are one list (RFC 9110, 5.2), so that none of them passes unseen."""
    values = headers.getlist(name)
    return ", ".join(values) if values else None
