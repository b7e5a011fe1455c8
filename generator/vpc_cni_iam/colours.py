"""Colours of text on a terminal."""

from __future__ import annotations

import re

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
} | dict.fromkeys(("edited", "outdated", "both", "failed", "unnamed", "behind", "other"), "1;31")
# The word in the first column of a line, or the verdict before a colon or at the end of a line.
_WORDS = "|".join(sorted(_CODES, key=len, reverse=True))
_STYLED = re.compile(rf"^(?:{_WORDS})(?= |: |$)|(?<=: )(?:{_WORDS})(?=$|: )", re.MULTILINE)


def coloured(text: str, style: str) -> str:
    """Return text in the colour of a style; unchanged for a style without one."""
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


def coloured_lines(text: str) -> str:
    """Return lines with the words in their first column, and verdicts, in colour."""
    return _STYLED.sub(lambda word: coloured(word[0], word[0]), text)
