"""Resources that are gone after a plan, although the plan keeps them.

The plan deletes the same object at another address, or its cluster. EKS deletes the add-ons,
associations and access entries of a cluster with it; they are gone unless the plan creates them
again. It does not delete a cluster with node groups or Fargate profiles.

Source: Amazon EKS API Reference, "DeleteCluster".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from vpc_cni_iam.inputs.plan.account.resolve import Resolver
from vpc_cni_iam.inputs.plan.arguments import CHART, CLUSTER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.plugin.cluster import EksCluster, cluster_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT

_ARNS = ("arn", "association_arn", "access_entry_arn")
_OF_EKS = "aws_eks_"


class ResourceEnd(Enum):
    """Why a resource no longer applies to its cluster."""

    MOVED = "moved"  # it is for another cluster, or for something else in the cluster
    DELETED = "deleted"
    WITH_CLUSTER = "deleted with the cluster"
    ELSEWHERE = "deleted elsewhere"  # another address has the same object


def gone_with_others(resources: Iterable[Resource], resolver: Resolver) -> Mapping[str, str]:
    """Return the addresses of resources that are gone, each with what the plan deletes."""
    every = [r for r in resources if r.before is not None]
    stays = [r for r in every if r.type != CLUSTER and {"create", "delete"}.isdisjoint(r.actions)]
    gone = dict(_twins(stays, [r for r in every if r.actions == ("delete",)]))
    clusters = [r for r in every if r.type == CLUSTER]
    if any("delete" in cluster.actions for cluster in clusters):
        for resource in stays:
            own = [c for c in clusters if _is_in(resource, c, clusters)]
            own = [c for c in own if resolver.may_be_of_one_provider(resource, c)] or own
            if own and all("delete" in cluster.actions for cluster in own):
                gone[resource.address] = own[0].address
    return gone


def _twins(stays: list[Resource], deleted: list[Resource]) -> Iterator[tuple[str, str]]:
    """Yield resources that stay and the address at which the same object is deleted."""
    addresses = {arn: r.address for r in deleted if (arn := _arn(r))}
    for resource in stays if addresses else ():
        if other := addresses.get(_arn(resource)):
            yield resource.address, other


def _arn(resource: Resource) -> str:
    """Return the ARN of a resource of EKS or IAM; empty if there is none."""
    has_arn = resource.type.startswith((_OF_EKS, "aws_iam_"))
    arns = (text(resource, argument, Side.BEFORE) for argument in _ARNS if has_arn)
    return next(filter(None, arns), "")


def _is_in(resource: Resource, cluster: Resource, clusters: list[Resource]) -> bool:
    """Return whether a resource is in a cluster; a Helm release is in the only cluster."""
    if resource.type == CHART:
        return len(clusters) == 1 and is_plugins_chart(resource.before)
    name, own = one(cluster, "name", Side.BEFORE), one(resource, "cluster_name", Side.BEFORE)
    is_named = own == name != ABSENT and resource.type.startswith(_OF_EKS)
    before = (Side.BEFORE,)
    return is_named and place_by_arn(resource, before).may_be_beside(place_by_arn(cluster, before))


def place_by_arn(resource: Resource, sides: Iterable[Side]) -> EksCluster:
    """Return the Region and account of a resource from its ARN on one of the sides."""
    arns = (text(resource, argument, side) for side in sides for argument in _ARNS)
    return next((p for arn in arns if (p := cluster_of("", arn)).is_placed), EksCluster())
