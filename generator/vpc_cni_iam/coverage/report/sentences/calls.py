"""What the denial of a call means, as a sentence."""

from __future__ import annotations


def consequence(undecided: str, breaks: str) -> str:
    """Return the consequence of a denial; `undecided` is why there may be none, or empty."""
    return f"undecided, since {undecided}; if it is denied, {breaks}" if undecided else breaks
