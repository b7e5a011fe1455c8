"""Who has a policy, or is named by a resource: a role, a user, a group or a managed policy."""

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
    """What the plan names, by its name or its ARN, and has no resource of.

    A name is unique in an account, whatever the path is.
    Source: IAM User Guide, "IAM identifiers", friendly names and paths.
    """

    kind: str  # the type that a resource of it has, such as ``aws_iam_role``
    account: str  # empty where it is not known, ``aws`` for a managed policy of AWS
    name: str  # of a policy its ARN, with which alone it is named
    arn: str = ""  # as it is written, for reports; empty where the plan has only the name

    @property
    def _identity(self) -> tuple[str, str, str]:
        return self.kind, self.account, self.name

    def __eq__(self, other: object) -> bool:
        """Say whether it is another one, however that is written."""
        return isinstance(other, Named) and self._identity == other._identity

    def __hash__(self) -> int:
        """Return the same for an ARN as for the name in it."""
        return hash(self._identity)


class Unresolved(Struct, frozen=True):
    """What cannot be resolved: it may be any resource, and is not known to be any other.

    What has the place on the other side of the change is another one.
    """

    place: str  # the argument of a resource instance, or the mark of a secret
    side: Side
    kind: str  # the type that a resource of it has


IamResource: TypeAlias = InPlan | Named | Unresolved


class Place(Struct, frozen=True):
    """The Region and the account of a plan, empty where it has several or says none."""

    region: str = ""
    account: str = ""


def named(kind: str, name: str, account: str = "") -> Named:
    """Return what a name or an ARN is of; an ARN has its own kind and account."""
    match = IAM_ARN.fullmatch(name)
    if match is None:
        return Named(kind, account, name)
    kind = _KINDS.get(match[2], kind)
    return Named(kind, match[1], name if kind == POLICY else match[4], name)
