"""Makes text from a plan safe to show, and short enough."""

from __future__ import annotations

from vpc_cni_iam.coverage.picture import plain
from vpc_cni_iam.texts.escape import escape_control

_LONGEST = 2000


def visible(text: str) -> str:
    r"""Return text with what a terminal would obey or hide spelled by number, and not overlong.

    Args:
        text: The text.
    """
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} characters more)"
    return escape_control(text)


def markup(text: str) -> str:
    """Return text as it may stand in HTML or XML, in an attribute too, as text and nothing else.

    Args:
        text: The text.
    """
    return plain(visible(text))
