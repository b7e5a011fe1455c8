"""What nodes of a new cluster need, and nothing in the plan installs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.account.in_clusters import is_bootstrapped

if TYPE_CHECKING:
    from vpc_cni_iam.review.context import Context


class NodePart(Enum):
    """What nodes of a new cluster need."""

    PLUGIN = "plugin"
    AGENT = "agent"  # of EKS Pod Identity


def missing_parts(cluster: Resource, context: Context) -> Iterator[NodePart]:
    """Yield what nodes of a cluster need that is created, and nothing in the plan installs.

    EKS installs the plugin unless told otherwise; nodes of EKS Auto Mode have both.
    Source: Amazon EKS API Reference, "CreateCluster"; Amazon EKS User Guide, "EKS Pod Identity".
    """
    if "create" not in cluster.actions:
        return
    own = [plugin for plugin in context.plugins if plugin.address == cluster.address]
    is_auto_mode = one(cluster, "compute_config.*.enabled", Side.AFTER) == Known(value=True)
    if is_auto_mode and not any(plugin.after.node_groups for plugin in own):
        return
    # A release names no cluster.
    possible = [*own, *(p for p in context.plugins if not (p.address or p.cluster.name))]
    installers = (state.installer for plugin in possible for state in plugin.states)
    if not (any(installers) or is_bootstrapped(cluster)):
        yield NodePart.PLUGIN
    for plugin in own:
        is_by_pods = plugin.after.identity.kind is Identity.pod_identity
        if is_by_pods and not any(state.agent for state in plugin.states):
            yield NodePart.AGENT
