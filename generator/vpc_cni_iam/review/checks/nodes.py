"""Nodes that cannot start, or on which aws-node cannot."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION, NodeNeed
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.review.checks.coverage import of_role
from vpc_cni_iam.review.checks.identity import IDENTITY_LOST
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.nodes import (
    MetadataClosed,
    NodeLoss,
    NodesLost,
    metadata_closed,
    nodes_lost,
)
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.texts.names import name_of, several


def check(context: Context) -> Iterator[Finding]:
    """Yield what nodes, and aws-node on them, need to start and no longer have."""
    for closed in metadata_closed(context):
        yield finding(IDENTITY_LOST, closed, closed.group, attribute="launch_template")
    for lost in nodes_lost(context):
        if lost.verdict is Verdict.fails and not lost.is_as_before:
            yield of_role(lost.role, IDENTITY_LOST, lost, context, address=lost.workload)


# The message and the fix.
_NODES = {
    NodeLoss.REFUSED: (
        "Instances cannot assume {role}, the node role{cluster}: its trust policy does not trust "
        "ec2.amazonaws.com, so no node can join the cluster",
        "Trust ec2.amazonaws.com in {role}",
    ),
    NodeNeed.agent: (
        f"The node role {{role}}{{cluster}} does not allow {AGENT_ACTION}: the EKS Pod Identity "
        "Agent gets no credentials for aws-node",
        f"Allow {AGENT_ACTION} in {{role}}, as AmazonEKSWorkerNodePolicy does",
    ),
    NodeNeed.joining: (
        "The node role {role}{cluster} does not allow {actions}: nodes cannot join the cluster",
        "Allow {actions} in {role}, as AmazonEKSWorkerNodePolicy does",
    ),
    NodeNeed.pulling: (
        "The node role {role}{cluster} does not allow {actions}: nodes cannot pull the image of "
        "aws-node",
        "Allow {actions} in {role}, as AmazonEC2ContainerRegistryPullOnly does",
    ),
    NodeLoss.NO_ROLE: (
        "{workload} no longer gives instances {role}, which has the policies of the plugin: "
        "aws-node on them has no credentials",
        "Keep {role} in {workload}, or give aws-node its own role first",
    ),
}


@says(NodesLost)
def _nodes_lost(_: Finding, lost: NodesLost) -> Saying:
    cluster = f" of cluster {lost.cluster.name}" if lost.cluster.name else ""
    parts = {"role": name_of(lost.role), "cluster": cluster, "workload": lost.workload}
    parts["actions"] = several(lost.actions)
    message, fix = (text.format_map(parts) for text in _NODES[lost.loss])
    return Saying(message, fix=fix)


@says(MetadataClosed)
def _metadata_closed(finding: Finding, closed: MetadataClosed) -> Saying:
    message = f"{closed.template} disables the instance metadata of nodes of {finding.address}: "
    message += "aws-node does not start without it"
    return Saying(message, fix=f"Keep http_endpoint enabled in {closed.template}")
