"""IAM's limits on the size of policies.

Source: IAM User Guide, "IAM and AWS STS quotas": characters, not counting white space. The limit
of a trust policy is the default; a quota increase takes it to 8,192 in steps.
"""

from __future__ import annotations

from vpc_cni_iam.review.diff.verdicts import Size

MANAGED = 6144
INLINE = {"role": 10240, "group": 5120, "user": 2048}
TRUST = 2048


def managed(size: int) -> Size:
    """Return the size of a managed policy beside its limit."""
    return Size("managed policy", size, MANAGED)


def inline(kind: str, size: int) -> Size:
    """Return the size of all inline policies of a principal beside the limit of its kind."""
    return Size(f"inline policies of the {kind} together", size, INLINE[kind])


def trust(size: int) -> Size:
    """Return the size of a trust policy beside its limit."""
    return Size("trust policy", size, TRUST)
