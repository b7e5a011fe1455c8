"""What is in a cluster that a plan replaces, and what another address makes again."""

import pytest

from eks import POD_TRUST, addon, arn_of, own_role, same
from synthetic import Json, found, resource
from vpc_cni_iam.review.rules import Rule

ANEW = {"actions": ["delete", "create"]}
REPLACED = resource("aws_eks_cluster", "prod", {"name": "prod"}, {"name": "prod"}, **ANEW)
DNS = {"cluster_name": "prod", "addon_name": "coredns"}
CHART = {"chart": "aws-vpc-cni", "name": "aws-vpc-cni", "namespace": "kube-system"}


def _conflicts(*changes: Json) -> list[str]:
    return [f.message for f in found(*changes) if f.rule is Rule.CONFLICT]


@pytest.mark.parametrize(
    "changes",
    [
        [resource("aws_eks_addon", "dns", DNS, DNS, **ANEW)],
        [resource("aws_eks_addon", "dns", DNS, None)],
        [resource("aws_eks_addon", "dns", DNS, None, actions=["forget"])],
        [same("aws_eks_addon", "dns", {**DNS, "cluster_name": "test"})],
        [same("aws_eks_cluster", "other", {"name": "test"}), same("helm_release", "cni", CHART)],
    ],
)
def test_what_is_made_again_or_elsewhere_is_not_deleted_with_a_cluster(changes: list[Json]) -> None:
    assert _conflicts(REPLACED, *changes) == []


def test_a_release_of_the_plugin_is_in_the_only_cluster() -> None:
    findings = found(REPLACED, same("helm_release", "cni", CHART))
    assert {f.rule for f in findings} >= {Rule.CONFLICT, Rule.PLUGIN_REMOVED}


def test_a_preserved_agent_is_gone_with_its_cluster() -> None:
    association = {"cluster_name": "prod", "namespace": "kube-system", "role_arn": arn_of("pod")}
    association["service_account"] = "aws-node"
    agent = {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent", "preserve": True}
    findings = found(
        REPLACED,
        *own_role("pod", POD_TRUST),
        addon({}, {}, **ANEW),
        resource("aws_eks_pod_identity_association", "x", association, association, **ANEW),
        same("aws_eks_addon", "agent", agent),
    )
    (lost,) = (f for f in findings if f.rule is Rule.IDENTITY_LOST)
    assert "Agent" in lost.message


def test_a_cluster_that_another_address_makes_again_is_a_conflict() -> None:
    old, new = (
        resource("aws_eks_cluster", name, *sides)
        for name, sides in (("old", ({"name": "prod"}, None)), ("new", (None, {"name": "prod"})))
    )
    inside = resource("aws_eks_addon", "a", DNS, None), resource("aws_eks_addon", "b", None, DNS)
    (message,) = _conflicts(old, new, *inside)
    assert "aws_eks_cluster.new is created and aws_eks_cluster.old is deleted" in message
