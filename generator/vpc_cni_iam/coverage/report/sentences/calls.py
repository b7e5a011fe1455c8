"""The consequence of a denied call, as a sentence."""

from __future__ import annotations

from vpc_cni_iam.policy.matching.conditions import Undecided
from vpc_cni_iam.policy.report import undecided_text


def consequence(undecided: Undecided | None, breaks: str) -> str:
    """Return the consequence of a denial; `undecided` is why the call may be allowed."""
    if undecided is None:
        return breaks
    return f"undecided, since {undecided_text(undecided)}; if it is denied, {breaks}"
