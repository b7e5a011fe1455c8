"""IAM's quotas on the size of policies, in characters without white space.

Source: IAM User Guide, "IAM and AWS STS quotas". The trust policy's is the default; it can be
raised to 8,192 in steps.
"""

from __future__ import annotations

import re

MANAGED = 6144
INLINE = {"role": 10_240, "group": 5120, "user": 2048}  # all policies of a principal together
TRUST = 2048
_SPACE = re.compile(r"\s+")


def counted(text: str) -> int:
    """Return the size of a policy's JSON as IAM counts it."""
    return len(_SPACE.sub("", text))
