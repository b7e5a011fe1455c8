"""What nodes of EKS need of their role, so that aws-node runs on them.

Sources: Amazon EKS User Guide, "Amazon EKS node IAM role" and "Set up the Amazon EKS Pod Identity
Agent"; the actions are those of AmazonEKSWorkerNodePolicy and AmazonEC2ContainerRegistryPullOnly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from vpc_cni_iam.policy.document import Policy, statements_of


class NodeNeed(StrEnum):
    """What nodes do with their role."""

    agent = "agent"  # the EKS Pod Identity Agent gets credentials of pods
    joining = "join"  # they join the cluster
    pulling = "pull"  # they pull the image of aws-node

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that the role must allow."""
        return _ACTIONS[self]

    @property
    def aws_policy(self) -> str:
        """The AWS managed policy that allows them."""
        return _WORKER if self is not NodeNeed.pulling else "AmazonEC2ContainerRegistryPullOnly"


# The EKS Pod Identity Agent asks for the credentials of pods with it.
AGENT_ACTION = "eks-auth:AssumeRoleForPodIdentity"
_WORKER = "AmazonEKSWorkerNodePolicy"
_ACTIONS: dict[NodeNeed, tuple[str, ...]] = {
    NodeNeed.agent: (AGENT_ACTION,),
    NodeNeed.joining: ("ec2:DescribeInstances", "eks:DescribeCluster"),
    NodeNeed.pulling: (
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ),
}
# On a node, its role is needed for these whatever credentials aws-node has.
OF_EACH_NODE = (NodeNeed.joining, NodeNeed.pulling)


def denied_actions(
    need: NodeNeed, layers: Sequence[Sequence[Policy]], every: Iterable[Policy]
) -> tuple[str, ...]:
    """Return the actions of a need that policies do not allow on any resource.

    Each of `layers` must allow an action: the policies of a role, if all are known, and each of its
    limits. `every` are all known policies; a Deny of theirs counts if it denies whatever is asked.
    """
    denying = [s for s in statements_of(every, "Deny") if "*" in s.resources and not s.conditions]
    allowing = [statements_of(layer, "Allow") for layer in layers]

    def may_call(action: str) -> bool:
        layered = all(any(s.is_about(action) for s in layer) for layer in allowing)
        return layered and not any(s.is_about(action) for s in denying)

    return tuple(action for action in need.actions if not may_call(action))
