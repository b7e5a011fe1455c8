"""The content of a policy on one side of a plan."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.value import Absent, Sensitive, Unknown


class PlanPolicy(Struct, frozen=True):
    """A known policy, which may have unknown parts (holes)."""

    policy: Policy
    # The policy with marks instead of sensitive values: reports show only this. None if it has
    # none.
    masked: Policy | None = None
    size: int = 0  # the size of its text, as IAM counts characters; 0 if it could reveal a secret

    @property
    def shown(self) -> Policy:
        """The policy as reports may show it."""
        return self.masked or self.policy


class Invalid(Struct, frozen=True):
    """A text that is not a policy, and the reason."""

    text: str
    why: Message


# The content on one side. Unknown: the plan does not show it.
PlanContent: TypeAlias = PlanPolicy | Invalid | Unknown | Sensitive | Absent
