"""Roles whose trust policy does not allow what a cluster says."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, NODES, PODS, details, irsa, role, service
from conftest import run
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import to_json

ARN = f"arn:aws:iam::{ACCOUNT}:role/cni"
ADDON = {"addonName": "vpc-cni", "clusterName": "prod", "serviceAccountRoleArn": ARN}
PODS_BY_TAGS = json.loads(json.dumps(PODS))
PODS_BY_TAGS["Statement"][0]["Condition"] = {
    "StringEquals": {"aws:RequestTag/kubernetes-service-account": "aws-node"}
}
UNTAGGED = service("pods.eks.amazonaws.com", "sts:AssumeRole")
NODE_GROUP = {"nodegroup": {"clusterName": "prod", "nodeRole": ARN}}


_OTHER = "oidc.eks.eu-west-1.amazonaws.com/id/OTHER:sub"
_CLUSTER_ARN = "arn:aws:eks:eu-west-1:{}:cluster/{}"
_ASSOCIATIONS = f"arn:aws:eks:{{}}:{ACCOUNT}:podidentityassociation/"


def _with(trust: dict[str, Any], operator: str, key: str, value: str) -> dict[str, Any]:
    """A trust policy with one more condition."""
    changed: dict[str, Any] = json.loads(json.dumps(trust))
    (statement,) = changed["Statement"]
    statement.setdefault("Condition", {}).setdefault(operator, {})[key] = value
    return changed


def _association(**more: Any) -> dict[str, Any]:
    who = {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"}
    return {"association": {**who, "roleArn": ARN, **more}}


def _audited(
    folder: Path, trust: dict[str, Any], *files: dict[str, Any], policy: Any = None
) -> tuple[int, dict[str, Any]]:
    inline = {"cni": policy or to_json(managed_policy())}
    (folder / "account.json").write_text(details(role("cni", trust, inline=inline)))
    words = ["account.json"]
    for number, text in enumerate(files):
        (folder / f"{number}.json").write_text(json.dumps(text))
        words.append(f"{number}.json")
    done = run("audit", *words, "--format", "json", cwd=folder)
    (audited,) = json.loads(done.out)["roles"]
    if audited["untrusted"]:
        text = run("audit", *words, cwd=folder).out
        assert text.startswith("breaks") and audited["untrusted"][0] in text
    return done.code, audited


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
        (NODES, {"addon": ADDON}, "with IRSA"),
        (irsa("system:serviceaccount:kube-system:other"), {"addon": ADDON}, "with IRSA"),
        (irsa(), _association(), "with EKS Pod Identity"),
        (irsa(), NODE_GROUP, "as a node role"),
        (UNTAGGED, _association(), "sts:TagSession"),
        (UNTAGGED, None, "sts:TagSession"),
        (_with(irsa(), "StringEquals", "aws:SourceAccount", ACCOUNT), None, "never"),
        (_with(PODS, "StringEquals", "aws:SourceAccount", "444455556666"), None, "never"),
        (PODS_BY_TAGS, _association(disableSessionTags=True), "session tags"),
        # The token of one issuer never has what that of another says.
        (
            _with(irsa(), "StringEquals", _OTHER, "system:serviceaccount:kube-system:aws-node"),
            {"addon": ADDON},
            "requires",
        ),
        (
            _with(PODS, "StringEquals", "aws:RequestTag/eks-cluster-name", "stage"),
            _association(),
            "conditions",
        ),
        (
            _with(
                PODS,
                "ArnEquals",
                "aws:RequestTag/eks-cluster-arn",
                _CLUSTER_ARN.format(ACCOUNT, "stage"),
            ),
            _association(),
            "conditions",
        ),
        # The source of EKS Pod Identity is the cluster.
        (
            _with(PODS, "ArnLike", "aws:SourceArn", _CLUSTER_ARN.format(ACCOUNT, "stage")),
            _association(),
            "conditions",
        ),
        (
            _with(PODS, "ArnLike", "aws:SourceArn", _CLUSTER_ARN.format(ACCOUNT, "prod")),
            _association(associationArn=f"{_ASSOCIATIONS.format('us-east-1')}prod/a-1"),
            "conditions",
        ),
        (
            _with(UNTAGGED, "ArnLike", "aws:SourceArn", _CLUSTER_ARN.format(ACCOUNT, "stage")),
            _association(disableSessionTags=True),
            "conditions",
        ),
        (
            _with(PODS, "ArnLike", "aws:SourceArn", f"{_ASSOCIATIONS.format('*')}prod/*"),
            _association(),
            "with EKS Pod Identity",
        ),
        (
            _with(PODS, "StringEquals", "aws:SourceAccount", "444455556666"),
            _association(),
            "with EKS Pod Identity",
        ),
        # Tokens of IRSA have no source, and neither they nor services are in an organization.
        (
            _with(irsa(), "StringEquals", "aws:SourceAccount", ACCOUNT),
            {"addon": ADDON},
            "with IRSA",
        ),
        (_with(irsa(), "StringEquals", "aws:SourceOrgID", "o-1"), {"addon": ADDON}, "with IRSA"),
        (_with(irsa(), "StringEquals", "aws:PrincipalOrgID", "o-1"), {"addon": ADDON}, "with IRSA"),
        (
            _with(PODS, "StringEquals", "aws:PrincipalOrgID", "o-1"),
            _association(),
            "with EKS Pod Identity",
        ),
    ],
)
def test_a_role_that_aws_node_cannot_assume_breaks(
    tmp_path: Path, trust: dict[str, Any], file: dict[str, Any] | None, words: str
) -> None:
    code, audited = _audited(tmp_path, trust, *filter(None, [file]))
    assert code == 1 and audited["verdict"] == "breaks"
    assert words in audited["untrusted"][0]
    assert _REMEDIES[words] in audited["proposal"][0]
    assert not any("scope it" in line for line in audited["proposal"])


@pytest.mark.parametrize(
    ("trust", "files"),
    [
        (irsa(), [{"addon": ADDON}]),
        (PODS, [_association()]),
        (PODS_BY_TAGS, [_association()]),
        (UNTAGGED, [_association(disableSessionTags=True)]),
        (
            _with(PODS, "StringEquals", "aws:RequestTag/eks-cluster-name", "prod"),
            [_association()],
        ),
        (
            _with(
                PODS,
                "ArnLike",
                "aws:RequestTag/eks-cluster-arn",
                _CLUSTER_ARN.format("*", "prod"),
            ),
            [_association()],
        ),
        (_with(PODS, "StringEquals", "aws:SourceAccount", ACCOUNT), [_association()]),
        (_with(PODS, "StringLike", "aws:SourceArn", "arn:*"), [_association()]),
        (_with(PODS, "StringLike", "aws:SourceArn", "*:cluster/prod"), [_association()]),
        (_with(PODS, "StringLike", "aws:SourceArn", "arn:aws:eks:*:cluster/prod"), []),
        (_with(PODS, "ArnLike", "aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:*/prod*"), []),
        (
            _with(PODS, "ArnLike", "aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:cluster/*"),
            [_association(associationArn=f"{_ASSOCIATIONS.format('eu-west-1')}prod/a-1")],
        ),
        (
            _with(UNTAGGED, "ArnEquals", "aws:SourceArn", _CLUSTER_ARN.format(ACCOUNT, "prod")),
            [_association(disableSessionTags=True)],
        ),
        (_with(irsa(), "StringEqualsIfExists", "aws:SourceAccount", "1"), [{"addon": ADDON}]),
        (_with(NODES, "StringEquals", "aws:SourceAccount", ACCOUNT), [NODE_GROUP]),
        (NODES, [NODE_GROUP]),
        # EKS Pod Identity comes before IRSA.
        (PODS, [{"addon": ADDON}, _association()]),
    ],
)
def test_a_role_that_aws_node_can_assume_works(
    tmp_path: Path, trust: dict[str, Any], files: list[dict[str, Any]]
) -> None:
    _, audited = _audited(tmp_path, trust, *files)
    assert audited["verdict"] == "works" and audited["untrusted"] == []


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        (
            {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*"}]},
            'names the principal "*"',
        ),
        ({"Statement": [{}]}, "its trust policy: account.json: $.RoleDetailList[0]"),
    ],
)
def test_a_role_of_a_cluster_whose_trust_is_not_decided_is_unknown(
    tmp_path: Path, trust: dict[str, Any], words: str
) -> None:
    for file in (_association(), {"addon": ADDON}, NODE_GROUP):
        code, audited = _audited(tmp_path, trust, file)
        assert (code, audited["verdict"]) == (1, "unknown")
        assert words in audited["undecided"][0]


def test_a_policy_that_asks_for_session_tags_breaks_without_them(tmp_path: Path) -> None:
    policy = json.loads(run("policy", "ipv4-pod-identity", "--vpc-id", "vpc-01234567").out)
    assert _audited(tmp_path, PODS, _association(), policy=policy)[1]["verdict"] == "works"
    both = {**PODS, "Statement": [*PODS["Statement"], *irsa()["Statement"]]}
    assert _audited(tmp_path, both, _association(), policy=policy)[1]["verdict"] == "works"
    assert _audited(tmp_path, both, {"addon": ADDON}, policy=policy)[1]["verdict"] == "breaks"
    # Where no cluster is known, by EKS Pod Identity alone.
    assert _audited(tmp_path, PODS, policy=policy)[1]["verdict"] == "works"
    assert _audited(tmp_path, both, policy=policy)[1]["verdict"] == "breaks"
    untagged = _association(disableSessionTags=True)
    assert _audited(tmp_path, PODS, untagged, policy=policy)[1]["verdict"] == "breaks"


def test_an_add_on_without_values_has_the_name_of_its_cluster(tmp_path: Path) -> None:
    words = ("--cluster-name", "stage", "--vpc-id", "vpc-01234567")
    policy = json.loads(run("policy", "ipv4-scoped", *words).out)
    code, audited = _audited(tmp_path, irsa(), {"addon": ADDON}, policy=policy)
    assert code == 1 and audited["verdict"] == "breaks"
    assert audited["clusters"][0]["result"]["verdict"] == "breaks"


@pytest.mark.parametrize(
    "values", [{}, {"configurationValues": '{"env": {"WARM_IP_TARGET": "5"}}'}]
)
def test_an_add_on_is_of_the_ip_family_that_its_role_is_for(
    tmp_path: Path, values: dict[str, str]
) -> None:
    """EKS sets ENABLE_IPv6 for a cluster of IPv6; the values of the add-on need not say so."""
    policy = json.loads(run("policy", "ipv6").out)
    code, audited = _audited(tmp_path, irsa(), {"addon": {**ADDON, **values}}, policy=policy)
    assert (code, audited["clusters"][0]["result"]["mode"]) == (0, "ipv6")
