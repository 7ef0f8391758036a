"""Numbers and words of grades as people read them in a terminal."""

NOTHING = "–"

_STATUS_SIGNS = {
    "achieved": "★",
    "on_track": "●",
    "at_risk": "◐",
    "off_track": "○",
    "missed": "✕",
    "pending": "·",
}
_NARROW_SPACE = "\u202f"


def number(value: float | None) -> str:
    """A value without needless digits, thousands apart: 9 380, 6.62, 0.905."""
    if value is None:
        return NOTHING
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = f"{value:,.{digits}f}".replace(",", _NARROW_SPACE)
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float | None) -> str:
    """A grade or another share with two places, as on a report card."""
    return NOTHING if value is None else f"{value:.2f}"


def status_words(status: str) -> str:
    """A sign and words, so that no colour is needed to tell them apart."""
    return f"{_STATUS_SIGNS.get(status, '?')} {status.replace('_', ' ')}"


def difference_sign(before: float | None, after: float | None) -> str:
    """Up, down, or neither."""
    if before is None or after is None or before == after:
        return "="
    return "▲" if after > before else "▼"
