"""What is in a cluster that a plan replaces, and what another address makes again."""

import pytest

from eks import CNI, POD_TRUST, addon, arn_of, own_role, same
from synthetic import Json, found, resource, reviewed

ANEW = {"actions": ["delete", "create"]}
REPLACED = resource("aws_eks_cluster", "prod", {"name": "prod"}, {"name": "prod"}, **ANEW)
DNS = {"cluster_name": "prod", "addon_name": "coredns"}
ARN = "arn:aws:eks:us-east-1:111122223333"
CHART = {"chart": "aws-vpc-cni", "name": "aws-vpc-cni", "namespace": "kube-system"}


def _conflicts(*changes: Json) -> list[str]:
    return [f.message for f in found(*changes) if f.rule == "conflict"]


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
    assert {f.rule for f in findings} >= {"conflict", "plugin-removed"}


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
    (lost,) = (f for f in findings if f.rule == "plugin-identity-lost")
    assert "Agent" in lost.message


def test_a_cluster_that_another_address_makes_again_is_a_conflict() -> None:
    old, new = (
        resource("aws_eks_cluster", name, *sides)
        for name, sides in (("old", ({"name": "prod"}, None)), ("new", (None, {"name": "prod"})))
    )
    inside = resource("aws_eks_addon", "a", DNS, None), resource("aws_eks_addon", "b", None, DNS)
    (message,) = _conflicts(old, new, *inside)
    words = "aws_eks_cluster.new is created, and is the same object in AWS as aws_eks_cluster.old"
    assert words in message


ROLE = {"name": "pod", "arn": arn_of("pod"), "assume_role_policy": POD_TRUST}
ASSOCIATED = {
    **{"cluster_name": "prod", "namespace": "kube-system", "service_account": "aws-node"},
    **{"association_arn": f"{ARN}:podidentityassociation/prod/a-1", "role_arn": arn_of("pod")},
}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_eks_addon", {**DNS, "addon_name": "vpc-cni", "arn": f"{ARN}:addon/prod/vpc-cni/1"}),
        ("aws_eks_pod_identity_association", ASSOCIATED),
        ("aws_iam_role", ROLE),
    ],
)
def test_what_the_plan_deletes_at_another_address_is_gone(kind: str, values: Json) -> None:
    every = {
        "aws_eks_pod_identity_association": [ASSOCIATED],
        "aws_iam_role": [ROLE],
        "aws_iam_role_policy": [{"role": "pod", "name": "i", "policy": CNI}],
        "aws_eks_cluster": [{"name": "prod"}],
    }
    there = [same(k, "new", v) for k, each in {**every, kind: [values]}.items() for v in each]
    assert [p.verdict for p in reviewed(*there).plugins] == ["works"]
    review = reviewed(*there, resource(kind, "old", values, None))
    (conflict,) = (f for f in review.findings if f.rule == "conflict")
    assert "That also deletes" in conflict.message and "only forgets" in conflict.fix
    assert "works" not in {p.verdict for p in review.plugins}
    assert "error" in {f.level for f in review.findings}
    others = {name: f"{value}2" for name, value in values.items() if "arn" in name}
    assert not _conflicts(*there, resource(kind, "old", values | others, None))


def test_an_association_that_moves_to_a_block_of_the_add_on_or_back_is_a_conflict() -> None:
    own = {"cluster_name": "prod", "addon_name": "vpc-cni"}
    blocks = {"pod_identity_association": [{"role_arn": ARN, "service_account": "aws-node"}]}
    kind = "aws_eks_pod_identity_association"
    in_block = "pod_identity_association of aws_eks_addon.cni"
    update, gone = resource("aws_eks_addon", "cni", own, own | blocks), (ASSOCIATED, None)
    (message,) = _conflicts(update, resource(kind, "x", *gone))
    assert f"{in_block} is created, and is the same object in AWS as {kind}.x" in message
    back = resource("aws_eks_addon", "cni", own | blocks, own)
    (message,) = _conflicts(back, resource(kind, "x", *reversed(gone)))
    assert f"{kind}.x is created, and is the same object in AWS as {in_block}" in message
    stays = same("aws_eks_addon", "cni", own | blocks)
    others = ASSOCIATED | {"service_account": "app"}
    assert not _conflicts(stays, resource(kind, "x", *gone))
    assert not _conflicts(update, resource(kind, "x", others, None))


def test_what_is_forgotten_at_one_address_and_created_at_another_is_refused() -> None:
    forgotten = resource("aws_eks_addon", "old", DNS, None, actions=["forget"])
    (message,) = _conflicts(forgotten, resource("aws_eks_addon", "new", None, DNS))
    assert "AWS refuses the creation" in message
