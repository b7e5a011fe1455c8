"""What the denial of a call means, as a sentence."""

from __future__ import annotations

from vpc_cni_iam.policy.matching.conditions import Undecided
from vpc_cni_iam.policy.report import undecided_text


def consequence(undecided: Undecided | None, breaks: str) -> str:
    """Return the consequence of a denial; `undecided` is why there may be none."""
    if undecided is None:
        return breaks
    return f"undecided, since {undecided_text(undecided)}; if it is denied, {breaks}"
