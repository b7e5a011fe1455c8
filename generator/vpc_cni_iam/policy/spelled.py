"""Spells what a terminal would obey, or hide, in text that somebody else wrote."""

from __future__ import annotations

import re
import unicodedata

# Controls, formats such as those that reverse the direction of writing, separators of lines,
# halves of surrogate pairs, and what has no meaning yet.
_UNSAFE = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")
_PLAIN = re.compile(r"[ -~]*", re.ASCII)


def spelled(text: str) -> str:
    r"""Return a line of text with such characters spelled by number, as ``\u001b``.

    Args:
        text: The line; its end, too, would be spelled.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in _UNSAFE else c for c in text)
