"""Principals and managed policies, as a plan identifies them."""

from __future__ import annotations

import re
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import GROUP, POLICY, PROFILE, ROLE, USER
from vpc_cni_iam.policy.template import Side

# The account, the kind, the path and the name in an ARN of IAM.
IAM_ARN = re.compile(r"arn:[a-z-]*:iam::(\w*):(\w[\w-]*)/((?:.*/)?)([^/]+)")
_KINDS = {"role": ROLE, "user": USER, "group": GROUP, "policy": POLICY, "instance-profile": PROFILE}


class InPlan(Struct, frozen=True):
    """A resource of the plan."""

    address: str


class Named(Struct, frozen=True, eq=False):
    """A principal or policy that the plan names, by name or ARN, without a resource for it.

    A name is unique in an account, whatever the path.

    Source: IAM User Guide, "IAM identifiers", friendly names and paths.
    """

    kind: str  # its resource type, such as ``aws_iam_role``
    account: str  # empty if it is not known, ``aws`` for a policy of AWS
    name: str  # for a policy, the ARN: a policy has no other identifier
    arn: str = ""  # as the plan has it, for reports; empty if it has only the name
    provider: str = ""  # if the account is unknown and the plan has several providers

    @property
    def _identity(self) -> tuple[str, str, str, str]:
        return self.kind, self.account, self.name, self.provider

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same, in whatever form they are written."""
        return isinstance(other, Named) and self._identity == other._identity

    def __hash__(self) -> int:
        """Return the same hash for an ARN and for the name in it."""
        return hash(self._identity)


class Unresolved(Struct, frozen=True):
    """A principal or policy that cannot be resolved: it may be any one, and equals no other one.

    The same place on the other side of a change is another one.
    """

    place: str  # the argument of a resource instance, or the mark of a secret
    side: Side
    kind: str  # its resource type


IamResource: TypeAlias = InPlan | Named | Unresolved


class Place(Struct, frozen=True):
    """The Region and the account of a plan; empty if it has several or none."""

    region: str = ""
    account: str = ""


def named(kind: str, name: str, account: str = "") -> Named:
    """Return the principal or policy of a name or ARN; an ARN has its own kind and account."""
    match = IAM_ARN.fullmatch(name)
    if match is None:
        return Named(kind, account, name)
    kind = _KINDS.get(match[2], kind)
    return Named(kind, match[1], name if kind == POLICY else match[4], name)
