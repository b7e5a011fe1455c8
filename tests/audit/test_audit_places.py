"""Clusters, issuers, policies and nodes that contradict each other, as ``audit`` tells them."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, MANAGED, NODES, PODS, WORKER, allow, details, irsa, role
from conftest import run
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import to_json

ARN = f"arn:aws:iam::{ACCOUNT}:role/"
CNI = to_json(managed_policy())
ID = "id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def of_region(region: str) -> dict[str, Any]:
    trusted: dict[str, Any] = json.loads(json.dumps(irsa()).replace("eu-west-1", region))
    return trusted


def placed(kind: str, **members: Any) -> str:
    """An answer of EKS about cluster prod, in eu-west-1 unless a Region is named."""
    place = f"arn:aws:eks:{members.pop('region', 'eu-west-1')}:{ACCOUNT}"
    own: dict[str, Any] = {
        "addon": {"addonName": "vpc-cni", "addonArn": f"{place}:addon/prod/vpc-cni/1"},
        "association": {
            "namespace": "kube-system",
            "serviceAccount": "aws-node",
            "associationArn": f"{place}:podidentityassociation/prod/a-1",
        },
        "nodegroup": {"nodegroupArn": f"{place}:nodegroup/prod/ng/1", "nodegroupName": "ng"},
        "cluster": {"name": "prod", "arn": f"{place}:cluster/prod"},
    }[kind]
    return json.dumps({kind: {"clusterName": "prod", **own, **members}})


def audited(folder: Path, account: str, *texts: str) -> tuple[int, dict[str, Any], str]:
    words = []
    for number, text in enumerate((account, *texts)):
        (folder / f"{number}.json").write_text(text)
        words.append(f"{number}.json")
    done = run("audit", *words, "--format", "json", cwd=folder)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    return done.code, result, run("audit", *words, cwd=folder).out


def test_a_policy_for_another_region_than_that_of_the_issuer_breaks(tmp_path: Path) -> None:
    policy = json.loads(json.dumps(CNI))
    for statement in policy["Statement"]:
        statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    for region, verdict in (("us-east-1", "breaks"), ("eu-west-1", "works")):
        text = details(role("cni", of_region(region), inline={"cni": policy}))
        code, result, out = audited(tmp_path, text)
        assert result["roles"][0]["verdict"] == verdict and code == (verdict == "breaks")
        assert out.startswith(verdict)


def test_a_cluster_of_another_region_than_that_of_the_issuer_breaks(tmp_path: Path) -> None:
    text = details(role("cni", of_region("us-east-1"), inline={"cni": CNI}))
    addon = placed("addon", serviceAccountRoleArn=f"{ARN}cni")
    code, result, out = audited(tmp_path, text, addon)
    assert code == 1 and result["roles"][0]["verdict"] == "breaks"
    assert "which is not the issuer of cluster prod" in out
    assert "to do        in its trust policy, trust the issuer of cluster prod" in out
    assert "scope it" not in out
    own = placed("addon", serviceAccountRoleArn=f"{ARN}cni", region="us-east-1")
    assert audited(tmp_path, text, own)[0] == 0


@pytest.mark.parametrize(("issuer", "verdict"), [(ID, "works"), ("id/OTHER", "breaks")])
def test_the_issuer_that_eks_prints_of_a_cluster_decides(
    issuer: str, verdict: str, tmp_path: Path
) -> None:
    text = details(role("cni", irsa(), inline={"cni": CNI}))
    url = f"https://oidc.eks.eu-west-1.amazonaws.com/{issuer}"
    cluster = placed("cluster", identity={"oidc": {"issuer": url}})
    addon = placed("addon", serviceAccountRoleArn=f"{ARN}cni")
    _, result, out = audited(tmp_path, text, addon, cluster)
    assert result["roles"][0]["verdict"] == verdict
    assert "not checked; add" not in out


@pytest.mark.parametrize(
    ("node", "verdict"),
    [
        (role("node", NODES, attached=(WORKER,)), "works"),
        (role("node", NODES, inline={"eks": allow("eks-auth:*", resource="*")}), "works"),
        (role("node", NODES, attached=(MANAGED,)), "breaks"),
        (
            role(
                "node",
                NODES,
                inline={
                    "eks": allow(
                        "eks-auth:AssumeRoleForPodIdentity",
                        resource="arn:aws:eks:us-east-1:*:cluster/*",
                    )
                },
            ),
            "breaks",
        ),
        (role("node", NODES, attached=(f"arn:aws:iam::{ACCOUNT}:policy/own",)), "unknown"),
        (role("other", NODES), "unknown"),
    ],
)
def test_nodes_must_be_able_to_get_credentials_of_pod_identity(
    tmp_path: Path, node: dict[str, Any], verdict: str
) -> None:
    text = details(role("cni", PODS, inline={"cni": CNI}), node)
    association = placed("association", roleArn=f"{ARN}cni")
    group = placed("nodegroup", nodeRole=f"{ARN}node")
    code, result, out = audited(tmp_path, text, association, group)
    roles = {r["role"]: r for r in result["roles"]}
    assert roles[f"{ARN}cni"]["verdict"] == verdict
    assert code == (verdict != "works")
    if verdict == "breaks":
        assert "to do        allow eks-auth:AssumeRoleForPodIdentity in the policies of" in out
    # Without the role of nodes, it says so.
    _, result, out = audited(tmp_path, text, association)
    assert "not checked: whether the node role allows eks-auth:Assume" in out


def test_nodes_of_an_unknown_region_that_allow_it_nowhere_break(tmp_path: Path) -> None:
    association = json.loads(placed("association", roleArn=f"{ARN}cni"))
    del association["association"]["associationArn"]
    group = {"nodegroup": {"clusterName": "prod", "nodeRole": f"{ARN}node"}}
    scoped = allow("eks-auth:*", resource="arn:aws:eks:eu-west-1:*:cluster/*")
    for policy, verdict in ((CNI, "breaks"), (scoped, "unknown")):
        text = details(
            role("cni", PODS, inline={"cni": CNI}), role("node", NODES, inline={"p": policy})
        )
        _, result, _ = audited(tmp_path, text, json.dumps(association), json.dumps(group))
        roles = {r["role"]: r for r in result["roles"]}
        assert roles[f"{ARN}cni"]["verdict"] == verdict


def test_a_node_role_that_aws_node_does_not_use_does_not_break(tmp_path: Path) -> None:
    old = allow("ec2:AssignPrivateIpAddresses")
    text = details(
        role("cni", irsa(), inline={"cni": CNI}), role("node", NODES, inline={"cni": old})
    )
    addon = placed("addon", serviceAccountRoleArn=f"{ARN}cni")
    group = placed("nodegroup", nodeRole=f"{ARN}node")
    code, result, out = audited(tmp_path, text, addon, group)
    roles = {r["role"]: r for r in result["roles"]}
    assert roles[f"{ARN}node"]["verdict"] == "unused" and code == 0
    assert "unused   " in out and not result["breaks"]
    # Another cluster of its nodes has no other role: there aws-node uses it.
    other = json.dumps({"nodegroup": {"clusterName": "dev", "nodeRole": f"{ARN}node"}})
    code, result, _ = audited(tmp_path, text, addon, group, other)
    roles = {r["role"]: r for r in result["roles"]}
    assert roles[f"{ARN}node"]["verdict"] == "breaks" and code == 1
    # Nothing says which clusters it is for.
    code, result, _ = audited(tmp_path, text, addon)
    assert code == 1 and result["breaks"]


def test_a_page_of_eks_that_others_follow_counts(tmp_path: Path) -> None:
    listed = json.dumps({"associations": [], "nextToken": "abc"})
    text = details(role("cni", PODS, inline={"cni": CNI}))
    code, result, _ = audited(tmp_path, text, listed)
    assert code == 1 and "more follow" in result["unread"][0]["detail"]
