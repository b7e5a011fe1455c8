"""A policy on one side of a change, and the roles, users and groups that have it."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute
from vpc_cni_iam.review.account.policy_state import ReadPolicy
from vpc_cni_iam.review.diff.changes import Action


class Owner(Struct, frozen=True):
    """Who has a policy."""

    name: str  # its address in the plan, else its IAM name, else what is known of it
    type: str  # ``role``, ``user`` or ``group``


class Binding(Struct, frozen=True):
    """One side of a slot."""

    read: ReadPolicy  # the policy that stands there, or that is attached there
    # Of an attachment: the policy's address, else its ARN, else what is known of it.
    policy: str = ""
    arn: str = ""  # of an attachment: the ARN, empty where it is not known
    owners: tuple[Owner, ...] = ()  # who has it
    # What IAM knows it by for each of them: the policy of an attachment, else the name of an inline
    # policy; empty where it is not known.
    name: str = ""


class PolicyChange(Struct, frozen=True):
    """A slot with what stands in it."""

    slot: PolicyAttribute
    action: Action  # what the plan does to its resource
    before: Binding  # what stood there
    after: Binding  # what will stand there; of a resource that is forgotten, the same as before


def action_of(resource: Resource) -> Action:
    """Return what a plan does to a resource, in one word."""
    if resource.drift:
        return "drift"
    actions = set(resource.actions)
    if "create" in actions and actions & {"delete", "forget"}:
        return "replace"
    for action in ("create", "update", "delete", "forget", "read"):
        if action in actions:
            return action
    if resource.imported:
        return "import"
    return "move" if resource.moved_from else "no-op"
