"""The permissions in clusters on one side, from access entries and access policies of EKS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import CLUSTER_ACCESS, ROLE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import read, scalar, scalars
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Unknown, Value
from vpc_cni_iam.review.account.iam_resource import IamResource, Unresolved
from vpc_cni_iam.review.account.reader import AccountReader

_STANDARD = Known("STANDARD")
# A cluster, a principal and an access policy; EKS has at most one right for them.
RightKey: TypeAlias = tuple[Value, IamResource, Value]


class ClusterRight(Struct, frozen=True):
    """The access that an access entry or access policy gives a principal in a cluster."""

    address: str  # of the resource
    cluster: Value  # its name
    principal: IamResource
    policy: Value = ABSENT  # the ARN of the access policy; absent for an entry
    groups: tuple[Value, ...] = ()  # of Kubernetes
    user_name: Value = ABSENT
    type: Value = _STANDARD  # of an entry: any other type makes the principal a node
    namespaces: tuple[Value, ...] = ()  # the namespaces of the policy; empty for the whole cluster

    @property
    def key(self) -> RightKey:
        """What identifies the right."""
        return self.cluster, self.principal, self.policy

    @property
    def is_entry(self) -> bool:
        """Whether it is an access entry."""
        return isinstance(self.policy, Absent)

    @property
    def is_of_node(self) -> bool:
        """Whether it makes the principal a node of the cluster."""
        return self.is_entry and self.type != _STANDARD

    @property
    def gives_nothing(self) -> bool:
        """Whether the principal gets no access from it."""
        is_plain = not self.groups and isinstance(self.user_name, Absent)
        return self.is_entry and is_plain and not self.is_of_node


def cluster_rights(reader: AccountReader, side: Side) -> Iterator[ClusterRight]:
    """Yield the rights of principals in clusters on a side."""
    for resource in reader.resources:
        if resource.type in CLUSTER_ACCESS:
            yield from _of(reader, resource, side)


def _of(reader: AccountReader, resource: Resource, side: Side) -> Iterator[ClusterRight]:
    def written(path: str) -> tuple[Value, ...]:
        """Return the values of an argument; the provider computes them if it is not set."""
        values = tuple(scalars(resource, path, side))
        is_open = any(isinstance(value, Unknown) for value in values)
        argument = path.partition(".")[0]
        return () if is_open and not reader.is_written(resource, argument) else values

    kind = scalar(resource, "type", side)
    for placed in read(resource, "principal_arn", side):
        named = reader.resolver.resolve(resource, placed.path, placed.value, ROLE, side)
        for principal in named or [Unresolved(resource.address, side, ROLE)]:
            yield ClusterRight(
                resource.address,
                scalar(resource, "cluster_name", side),
                reader.owner(principal),
                policy=scalar(resource, "policy_arn", side),
                groups=written("kubernetes_groups.*"),
                user_name=next(iter(written("user_name")), ABSENT),
                type=_STANDARD if isinstance(kind, Absent) else kind,
                namespaces=written("access_scope.*.type=namespace.namespaces.*"),
            )
