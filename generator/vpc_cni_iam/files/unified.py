"""The unified diff of two texts, for all commands."""

from __future__ import annotations

import difflib


def unified(before: str, after: str, before_name: str, after_name: str) -> str:
    """Return a unified diff of two texts, empty if they are equal."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), before_name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
