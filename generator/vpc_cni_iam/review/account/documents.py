"""What a policy says on one side of a plan."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import Message
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Hole, holes
from vpc_cni_iam.policy.value import Absent, Sensitive, Unknown


class Document(Struct, frozen=True):
    """A policy that is known, but for its holes."""

    policy: Policy
    # The policy with marks for what is sensitive in it, which is all that is ever shown; None where
    # nothing is.
    masked: Policy | None = None
    size: int = 0  # of its text, in characters as IAM counts them; 0 where it could tell a secret

    @property
    def holes(self) -> tuple[Hole, ...]:
        """What is not known of it, each part once."""
        statements = self.policy.statements
        texts = (t for s in statements for t in (*s.actions, *s.not_actions, *s.texts()))
        return tuple(dict.fromkeys(holes(texts)))

    @property
    def shown(self) -> Policy:
        """The policy as reports may show it."""
        return self.masked or self.policy


class Invalid(Struct, frozen=True):
    """A text that is no policy, and why."""

    text: str
    why: Message


# What a policy is on one side. Unknown: the plan does not show it.
Content: TypeAlias = Document | Invalid | Unknown | Sensitive | Absent
