"""The policy on one side of a change: read, hidden, or rebuilt from what the plan knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.secrets import Secrets, holds_mark
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.account.attribute_value import AttributeValue
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute
from vpc_cni_iam.review.account.rebuild import Rebuilder, Rebuilt
from vpc_cni_iam.review.diff.changes import State

# No policy that IAM takes is anywhere near; a longer text is not worth reading.
_LONGEST = 131_072
_SHORT = 300
SENSITIVE_PARTS = "has values that the plan marks sensitive"
_SPACE = re.compile(r"\s+")
# What stands for a value that is not known, which may be short.
_HOLE = re.compile(r"\(known after apply[^)]*\)")


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A side of a slot as read.

    Args:
        text: The policy's JSON as the plan has it; empty where it may not be shown.
        document: The address of the data source it was rebuilt from, if it was.
        exact: The policy with its sensitive values, of which only verdicts may be told; None
            where it is not known in full.
    """

    state: State
    text: str = ""
    document: str = ""
    exact: Policy | None = None

    @property
    def judged(self) -> Policy | None:
        """The policy that verdicts are about, as far as it is known."""
        return self.exact or self.state.policy

    @property
    def in_full(self) -> bool:
        """Whether all of it is known, though it may not be shown."""
        return self.exact is not None or self.state.known in ("known", "absent")

    @property
    def has_secrets(self) -> bool:
        """Whether it has values that may not be shown."""
        return self.exact is not None and self.exact is not self.state.policy


ABSENT = ReadPolicy(State("absent"))


def read_side(
    side: AttributeValue, slot: PolicyAttribute, rebuilder: Rebuilder, secrets: Secrets
) -> ReadPolicy:
    """Return the policy of a side."""
    if side.hidden:
        return ReadPolicy(State("sensitive", why=("the plan marks it sensitive",)))
    if side.unknown:
        return from_rebuilt(rebuilder.rebuild(slot.resource, slot.path))
    if side.value is None or side.value == "":
        return ABSENT
    if not isinstance(side.value, str):
        return _unreadable("is not text", 0)
    return _marked(side.value, secrets) if holds_mark(side.value) else _read(side.value)


def _marked(text: str, secrets: Secrets) -> ReadPolicy:
    """Return a policy with marks in it; its size would tell how long a sensitive value is."""
    read = _read(text)
    policy = read.state.policy
    if policy is None:
        return ReadPolicy(replace(read.state, size=None))
    state = State("partly known", policy, (SENSITIVE_PARTS,))
    return ReadPolicy(state, read.text, exact=secrets.restored(policy))


def from_rebuilt(rebuilt: Rebuilt) -> ReadPolicy:
    """Return the state of a policy that was rebuilt."""
    if rebuilt.policy is None:
        return ReadPolicy(State("unknown", why=rebuilt.holes), document=rebuilt.document)
    size = counted(_HOLE.sub("", dumps(rebuilt.policy, indent=None)))
    state = State("partly known", rebuilt.policy, rebuilt.holes, size)
    return ReadPolicy(state, document=rebuilt.document)


@lru_cache(4096)
def _read(text: str) -> ReadPolicy:
    if len(text) > _LONGEST:
        return _unreadable(f"is {len(text)} characters long, which is no policy", len(text))
    try:
        policy = loads(text, "policy")
        return ReadPolicy(State("known", policy, (), counted(text)), text, exact=policy)
    except InputError as error:
        problem = f"{error.place}: {error.problem}" if error.place else error.problem
        return _unreadable(problem, counted(text))


def _unreadable(problem: str, size: int) -> ReadPolicy:
    if len(problem) > _SHORT:
        problem = problem[:_SHORT] + " ..."
    return ReadPolicy(State("unreadable", None, (problem,), size))


def counted(text: str) -> int:
    """Return the size of a policy as IAM counts it: its characters but for white space.

    Source: IAM User Guide, "IAM and AWS STS quotas".
    """
    return len(_SPACE.sub("", text))
