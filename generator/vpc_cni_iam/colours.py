"""Colours of text on a terminal."""

from __future__ import annotations

_CODES = {
    "error": "1;31",
    "fails": "1;31",
    "warning": "33",
    "unknown": "33",
    "works, degraded": "33",
    "note": "36",
    "title": "1",
    "quiet": "2",
    "works": "32",
    "added": "31",
    "removed": "33",
}


def coloured(text: str, style: str) -> str:
    """Return text in the colour of a style; unchanged for a style without one."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text
