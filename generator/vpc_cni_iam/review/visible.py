"""Makes text from a plan safe to show: what a terminal would obey, or hide, becomes visible."""

from __future__ import annotations

import re
import unicodedata

from vpc_cni_iam.coverage.picture import plain

# Controls, formats such as those that reverse the direction of writing, separators of lines,
# halves of surrogate pairs, and what has no meaning yet.
_UNSAFE = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")
_PLAIN = re.compile(r"[ -~]*", re.ASCII)
_LONGEST = 2000


def visible(text: str) -> str:
    r"""Return text with such characters spelled by number, as ``\u001b``, and not overlong.

    Args:
        text: The text.
    """
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} characters more)"
    if _PLAIN.fullmatch(text):
        return text
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in _UNSAFE else c for c in text)


def markup(text: str) -> str:
    """Return text as it may stand in HTML or XML, in an attribute too, as text and nothing else.

    Args:
        text: The text.
    """
    return plain(visible(text))
