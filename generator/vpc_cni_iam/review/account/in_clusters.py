"""Resources of a cluster that a plan deletes or replaces, although the plan keeps them.

EKS deletes the add-ons, associations and access entries of a cluster with it; they are gone unless
the plan creates them again. It does not delete a cluster with node groups or Fargate profiles.

Source: Amazon EKS API Reference, "DeleteCluster".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from vpc_cni_iam.inputs.plan.arguments import CHART, CLUSTER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.plugin.cluster import EksCluster, cluster_of
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT
from vpc_cni_iam.review.account.resolve import Resolver

_ARNS = ("arn", "association_arn", "access_entry_arn")
_OF_EKS = "aws_eks_"


class ResourceEnd(Enum):
    """Why a resource no longer applies to its cluster."""

    MOVED = "moved"  # it is for another cluster, or for something else in the cluster
    DELETED = "deleted"
    WITH_CLUSTER = "deleted with the cluster"


def gone_with_cluster(resources: Iterable[Resource], resolver: Resolver) -> Mapping[str, str]:
    """Return the addresses of resources that are gone with a cluster, each with the cluster's."""
    every = [r for r in resources if r.before is not None]
    clusters = [r for r in every if r.type == CLUSTER]
    gone: dict[str, str] = {}
    if not any("delete" in cluster.actions for cluster in clusters):
        return gone
    for resource in every:
        if resource.type != CLUSTER and {"create", "delete"}.isdisjoint(resource.actions):
            own = [c for c in clusters if _is_in(resource, c, clusters)]
            own = [c for c in own if resolver.may_be_of_one_provider(resource, c)] or own
            if own and all("delete" in cluster.actions for cluster in own):
                gone[resource.address] = own[0].address
    return gone


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
