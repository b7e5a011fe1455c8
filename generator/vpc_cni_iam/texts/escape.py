"""Spells what a terminal would obey, or hide, in text that somebody else wrote."""

from __future__ import annotations

import re
import unicodedata

# Controls, formats such as those that reverse the direction of writing, separators of lines,
# spaces that are not the space, halves of surrogate pairs, and what has no meaning yet.
_UNSAFE = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Co", "Cn")
# What is shown as nothing, or as a space, and is neither by its category.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
_PLAIN = re.compile(r"[ -~]*", re.ASCII)


def escape_control(text: str) -> str:
    r"""Return a line of text with such characters spelled by number, as ``\u001b``.

    Args:
        text: The line; its end, too, would be spelled.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(f"\\u{ord(c):04x}" if _unsafe(c) else c for c in text)


def _unsafe(character: str) -> bool:
    if character == " ":
        return False
    return unicodedata.category(character) in _UNSAFE or _UNSEEN.match(character) is not None
