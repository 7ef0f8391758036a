"""Which form of several a caller likes best."""

import pytest

from okr_api.accept import preferred

OFFERED = ("application/json", "text/csv", "application/x-ndjson")


@pytest.mark.parametrize(
    ("header", "best"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("text/html, text/csv", "text/csv"),
        ("application/json;q=0.1, text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("text/csv; q=0.5; header=present, application/json ; Q = 0.9", "application/json"),
        ("text/csv, application/json", "text/csv"),
        ("text/csv;q=0.300, application/x-ndjson;q=0.3", "text/csv"),
        ("*/*;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("*/*, application/json;q=0", "text/csv"),
        ("application/*;q=0.8, application/json;q=0.2, text/csv;q=0.5", "application/x-ndjson"),
        ("text/csv;q=0", None),
        ("image/png", None),
        ("text/csv;q=2", "text/csv"),
        (",;,", None),
    ],
)
def test_the_best_liked_form_is_chosen(header: str, best: str | None) -> None:
    assert preferred(header, OFFERED) == best
