"""Roles whose trust policy does not allow what a cluster says."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    CNI,
    NODES,
    OF_NODES,
    PODS,
    PULL,
    WORKER,
    audited,
    details,
    generated,
    irsa,
    of_eks,
    role,
    service,
)

ADDON, NODE_GROUP = of_eks("addon", "cni"), of_eks("nodegroup", "cni")
ASSOCIATION = of_eks("association", "cni")
WITHOUT_TAGS = of_eks("association", "cni", disableSessionTags=True)
UNTAGGED = service("pods.eks.amazonaws.com", "sts:AssumeRole")
OTHER_ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/OTHER:sub"
AWS_NODE = "system:serviceaccount:kube-system:aws-node"
PROD, STAGE = (f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/{name}" for name in ("prod", "stage"))


def _placed(region: str) -> dict[str, Any]:
    return of_eks("association", "cni", place=f"{region}:{ACCOUNT}")


def _with(trust: dict[str, Any], operator: str, key: str, value: str) -> dict[str, Any]:
    """A trust policy with one more condition."""
    changed: dict[str, Any] = json.loads(json.dumps(trust))
    (statement,) = changed["Statement"]
    statement.setdefault("Condition", {}).setdefault(operator, {})[key] = value
    return changed


def _pods(key: str, value: str, operator: str = "StringEquals") -> dict[str, Any]:
    return _with(PODS, operator, key, value)


def _irsa(key: str, value: str) -> dict[str, Any]:
    return _with(irsa(), "StringEquals", key, value)


PODS_BY_TAGS = _pods("aws:RequestTag/kubernetes-service-account", "aws-node")


# What to do, by words of what is wrong.
_REMEDIES = {
    "with IRSA": "in its trust policy, trust the issuer of cluster prod: `",
    "with EKS Pod Identity": "add a statement to its trust policy: "
    '`"Principal": {"Service": "pods.eks.amazonaws.com"}`',
    "as a node role": "add a statement to its trust policy: "
    '`"Principal": {"Service": "ec2.amazonaws.com"}`',
    "sts:TagSession": 'write `"Action": ["sts:AssumeRole", "sts:TagSession"]`',
    "never": "remove the conditions that are never met",
    "session tags": "enable session tags in the association of cluster prod",
    "requires": "in its trust policy, write `",
    "conditions": "in its trust policy, make the conditions match cluster prod",
}


@pytest.mark.parametrize(
    ("trust", "file", "words"),
    [
        (NODES, ADDON, "with IRSA"),
        (irsa("system:serviceaccount:kube-system:other"), ADDON, "with IRSA"),
        (irsa(), ASSOCIATION, "with EKS Pod Identity"),
        (irsa(), NODE_GROUP, "as a node role"),
        (UNTAGGED, ASSOCIATION, "sts:TagSession"),
        (UNTAGGED, None, "sts:TagSession"),
        (_irsa("aws:SourceAccount", ACCOUNT), None, "never"),
        (_pods("aws:SourceAccount", "444455556666"), None, "never"),
        (PODS_BY_TAGS, WITHOUT_TAGS, "session tags"),
        # The token of one issuer never has what that of another says.
        (_irsa(OTHER_ISSUER, AWS_NODE), ADDON, "requires"),
        (_pods("aws:RequestTag/eks-cluster-name", "stage"), ASSOCIATION, "conditions"),
        (_pods("aws:RequestTag/eks-cluster-arn", STAGE, "ArnEquals"), ASSOCIATION, "conditions"),
        # The source of EKS Pod Identity is the cluster.
        (_pods("aws:SourceArn", STAGE, "ArnLike"), ASSOCIATION, "conditions"),
        (_pods("aws:SourceArn", PROD, "ArnLike"), _placed("us-east-1"), "conditions"),
        (_with(UNTAGGED, "ArnLike", "aws:SourceArn", STAGE), WITHOUT_TAGS, "conditions"),
        (
            _pods("aws:SourceArn", PROD.replace(":cluster/prod", ":podidentityassociation/prod/*")),
            ASSOCIATION,
            "with EKS Pod Identity",
        ),
        (_pods("aws:SourceAccount", "444455556666"), ASSOCIATION, "with EKS Pod Identity"),
        # Tokens of IRSA have no source, and neither they nor services are in an organization.
        (_irsa("aws:SourceAccount", ACCOUNT), ADDON, "with IRSA"),
        (_irsa("aws:SourceOrgID", "o-1"), ADDON, "with IRSA"),
        (_irsa("aws:PrincipalOrgID", "o-1"), ADDON, "with IRSA"),
        (_pods("aws:PrincipalOrgID", "o-1"), ASSOCIATION, "with EKS Pod Identity"),
    ],
)
def test_a_role_that_aws_node_cannot_assume_breaks(
    tmp_path: Path, trust: dict[str, Any], file: dict[str, Any] | None, words: str
) -> None:
    answer = audited(
        tmp_path, details(role("cni", trust, inline={"cni": CNI})), *[file] * bool(file)
    )
    cni = answer.roles["cni"]
    assert answer.code == 1 and cni["verdict"] == "fails" and words in cni["untrusted"][0]
    assert answer.text.startswith("fails") and cni["untrusted"][0] in answer.text
    assert _REMEDIES[words] in cni["proposal"][0]
    assert not any("scope it" in line for line in cni["proposal"])


@pytest.mark.parametrize(
    ("trust", "files"),
    [
        (irsa(), [ADDON]),
        (PODS, [ASSOCIATION]),
        (PODS_BY_TAGS, [ASSOCIATION]),
        (UNTAGGED, [WITHOUT_TAGS]),
        (_pods("aws:RequestTag/eks-cluster-name", "prod"), [ASSOCIATION]),
        (
            _pods("aws:RequestTag/eks-cluster-arn", PROD.replace(ACCOUNT, "*"), "ArnLike"),
            [ASSOCIATION],
        ),
        (_pods("aws:SourceAccount", ACCOUNT), [ASSOCIATION]),
        (_pods("aws:SourceArn", "arn:*", "StringLike"), [ASSOCIATION]),
        (_pods("aws:SourceArn", "*:cluster/prod", "StringLike"), [ASSOCIATION]),
        (_pods("aws:SourceArn", "arn:aws:eks:*:cluster/prod", "StringLike"), []),
        (_pods("aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:*/prod*", "ArnLike"), []),
        (
            _pods("aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:cluster/*", "ArnLike"),
            [_placed("eu-west-1")],
        ),
        (_with(UNTAGGED, "ArnEquals", "aws:SourceArn", PROD), [WITHOUT_TAGS]),
        (_with(irsa(), "StringEqualsIfExists", "aws:SourceAccount", "1"), [ADDON]),
        (_with(NODES, "StringEquals", "aws:SourceAccount", ACCOUNT), [NODE_GROUP]),
        (NODES, [NODE_GROUP]),
        # EKS Pod Identity comes before IRSA.
        (PODS, [ADDON, ASSOCIATION]),
    ],
)
def test_a_role_that_aws_node_can_assume_works(
    tmp_path: Path, trust: dict[str, Any], files: list[dict[str, Any]]
) -> None:
    cni = role("cni", trust, inline={"cni": CNI}, attached=OF_NODES)
    answer = audited(tmp_path, details(cni), *files)
    assert answer.verdicts == {"cni": "works"} and answer.roles["cni"]["untrusted"] == []


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        (
            {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*"}]},
            'names the principal "*"',
        ),
        ({"Statement": [{}]}, "its trust policy: 0.json: $.RoleDetailList[0]"),
    ],
)
def test_a_role_of_a_cluster_whose_trust_is_not_decided_is_unknown(
    tmp_path: Path, trust: dict[str, Any], words: str
) -> None:
    for file in (ASSOCIATION, ADDON, NODE_GROUP):
        answer = audited(tmp_path, details(role("cni", trust, inline={"cni": CNI})), file)
        assert answer.code == 1 and answer.verdicts == {"cni": "unknown"}
        assert words in answer.roles["cni"]["undecided"][0]


BOTH_TRUSTS = {**PODS, "Statement": [*PODS["Statement"], *irsa()["Statement"]]}


@pytest.mark.parametrize(
    ("trust", "files", "verdict"),
    [
        (PODS, [ASSOCIATION], "works"),
        (BOTH_TRUSTS, [ASSOCIATION], "works"),
        (BOTH_TRUSTS, [ADDON], "fails"),
        # Where no cluster is known, by EKS Pod Identity alone.
        (PODS, [], "works"),
        (BOTH_TRUSTS, [], "fails"),
        (PODS, [WITHOUT_TAGS], "fails"),
    ],
)
def test_a_policy_that_asks_for_session_tags_breaks_without_them(
    tmp_path: Path, trust: dict[str, Any], files: list[dict[str, Any]], verdict: str
) -> None:
    policy = generated("ipv4-pod-identity", "--vpc-id", "vpc-01234567")
    answer = audited(tmp_path, details(role("cni", trust, inline={"cni": policy})), *files)
    assert answer.verdicts == {"cni": verdict}


@pytest.mark.parametrize(
    ("attached", "verdict", "cannot"),
    [
        (OF_NODES, "works", ()),
        ((WORKER,), "fails", ("pull",)),
        ((PULL,), "fails", ("join",)),
        ((), "fails", ("join", "pull")),
        ((f"arn:aws:iam::{ACCOUNT}:policy/not-read",), "unknown", ("join", "pull")),
    ],
)
def test_a_node_role_works_only_if_nodes_join_and_pull_the_image(
    attached: tuple[str, ...], verdict: str, cannot: tuple[str, ...], tmp_path: Path
) -> None:
    page = details(role("cni", NODES, inline={"cni": CNI}, attached=attached))
    answer = audited(tmp_path, page, NODE_GROUP)
    cni = answer.roles["cni"]
    assert (cni["verdict"], tuple(n["need"] for n in cni["nodes"])) == (verdict, cannot)
    assert answer.code == (verdict != "works")
    for need, policy in zip(("join", "pull"), OF_NODES, strict=True):
        to_do = f"attach {policy.rpartition('/')[2]}"
        assert (
            (to_do in cni["proposal"])
            == (need in cannot)
            == (f"to do        {to_do}" in answer.text)
        )


def test_what_nodes_need_is_not_asked_of_a_role_that_is_not_known_as_one_of_eks(
    tmp_path: Path,
) -> None:
    """Nodes of kOps join in another way."""
    answer = audited(tmp_path, details(role("cni", NODES, inline={"cni": CNI})))
    assert answer.verdicts == {"cni": "works"} and answer.roles["cni"]["nodes"] == []
