"""Whether a node role of EKS lets nodes join their cluster and pull the image of aws-node."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.node_needs import OF_EACH_NODE, NodeNeed, denied_actions
from vpc_cni_iam.coverage.judge.verdict import Verdict


class NodeDenial(Struct, frozen=True):
    """What nodes cannot do with their role, so that aws-node does not run on them."""

    need: NodeNeed
    actions: tuple[str, ...]  # the actions that the role does not allow
    verdict: Verdict  # fails, or unknown if a policy that is not known may allow them


def has_policy_of_eks(access: RoleAccess) -> bool:
    """Return whether a role has an AWS managed policy of EKS."""
    names = (aws_managed.name_of(each.arn or each.name) for each in access.policies)
    return any(name.startswith("AmazonEKS") for name in names)


def node_denials(
    access: RoleAccess, needs: Sequence[NodeNeed] = OF_EACH_NODE, *, is_of_eks: bool = False
) -> tuple[NodeDenial, ...]:
    """Return what nodes cannot do with their role; empty if it is not known to be one of EKS.

    Nodes of other clusters join in other ways.
    """
    if not (is_of_eks or has_policy_of_eks(access)):
        return ()
    may_allow = any(doubt.may_allow for doubt in access.not_known)
    verdict = Verdict.unknown if may_allow else Verdict.fails
    layers = (access.known, *access.limiting)
    every = [policy for layer in layers for policy in layer]
    denied = ((need, denied_actions(need, layers, every)) for need in needs)
    return tuple(NodeDenial(need, actions, verdict) for need, actions in denied if actions)
