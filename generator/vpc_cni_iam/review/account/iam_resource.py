"""Who has a policy, or is named by a resource: a role, a user, a group or a managed policy."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.template import Side


class InPlan(Struct, frozen=True):
    """A resource of the plan."""

    address: str


class Named(Struct, frozen=True):
    """What the plan names and has no resource of."""

    kind: str  # the type that a resource of it has, such as ``aws_iam_role``
    account: str  # empty where it is not known, ``aws`` for a managed policy of AWS
    name: str  # its ARN, or its name where the plan has no more


class Unresolved(Struct, frozen=True):
    """What cannot be resolved: it may be any resource, and is not known to be any other.

    What has the place on the other side of the change is another one.
    """

    place: str  # the argument of a resource instance, or the mark of a secret
    side: Side
    kind: str = ""  # the type of what a secret names: a user and a group may have one name


IamResource: TypeAlias = InPlan | Named | Unresolved


class Place(Struct, frozen=True):
    """The Region and the account of a plan, empty where it has several or says none."""

    region: str = ""
    account: str = ""
