"""A pull request that follows our advice passes, and one that gives it to another role does not."""

import json
from functools import cache
from typing import Any

import pytest

from conftest import run
from eks import AGENT
from synthetic import attached, block, configured, inline, managed, resource, reviewed

ACCOUNT = "111122223333"
CNI = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
NAMES = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
FEATURES = (
    "--feature",
    "hyperpod",
    "--hyperpod-cluster-id",
    "0123456789ab",
    "--account-id",
    ACCOUNT,
)
CLUSTER = {"name": "prod", "arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"}


@cache
def printed(*words: str) -> str:
    """What ``policy`` prints."""
    done = run("policy", *words)
    assert done.code == 0, done.err
    return done.out


def role(name: str, service: str, *, is_new: bool = False) -> dict[str, Any]:
    actions = ["sts:AssumeRole", "sts:TagSession"]
    allow = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions}
    values = {
        "name": name,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "assume_role_policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    }
    return resource("aws_iam_role", name, None if is_new else values, values)


def association(name: str, *, is_new: bool) -> dict[str, Any]:
    values = {
        "cluster_name": "prod",
        "namespace": "kube-system",
        "service_account": "aws-node",
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
    }
    kind = "aws_eks_pod_identity_association"
    return resource(kind, "cni", None if is_new else values, values)


EKS = resource("aws_eks_cluster", "prod", CLUSTER, CLUSTER)
PODS, LAMBDA = "pods.eks.amazonaws.com", "lambda.amazonaws.com"
GENERATED = [
    ("ipv4",),
    ("ipv6",),
    ("ipv4-ipv6",),
    ("ipv4", "--cni-version", "v1.12.0"),
    ("ipv4", *FEATURES),
    ("ipv4-scoped", *NAMES),
    ("ipv4-scoped", *NAMES, "--region", "eu-west-1", "--account-id", ACCOUNT),
    ("ipv4-scoped", *NAMES, "--no-harden"),
    ("ipv4-scoped", *NAMES, "--additional-tag-key", "team"),
    ("ipv4-scoped", *NAMES, "--eni-claim-tag", "node-pool=main"),
    ("ipv4-scoped", *NAMES, "--cni-version", "v1.20.4"),
    ("ipv4-scoped", *NAMES, *FEATURES),
    ("ipv6-scoped", *NAMES),
    ("ipv4-pod-identity",),
]


@pytest.mark.parametrize("words", GENERATED, ids=" ".join)
def test_each_generated_document_on_a_new_role_of_aws_node_is_a_note(
    words: tuple[str, ...],
) -> None:
    changes = [role("cni", PODS, is_new=True), inline(None, printed(*words), role="cni")]
    review = reviewed(EKS, AGENT, *changes, association("cni", is_new=True), fail_on="warning")
    # The newest version needs more than old documents allow, and a claim needs its tag.
    is_whole = not {"--cni-version", "--eni-claim-tag"} & {*words}
    assert not (is_whole and review.failed), [f.message for f in review.findings]
    new = [f for f in review.findings if f.rule in ("new-policy", "new-access")]
    assert len(new) == 2 and {f.level for f in new} == {"note"}


@pytest.mark.parametrize("words", GENERATED, ids=" ".join)
@pytest.mark.parametrize("is_new", [False, True])
def test_the_same_document_on_another_role_fails(words: tuple[str, ...], is_new: bool) -> None:
    changes = [role("fn", LAMBDA, is_new=is_new), inline(None, printed(*words), role="fn")]
    assert reviewed(*changes, fail_on="warning").failed


def wider() -> str:
    """What ``policy`` prints, with one more action."""
    return printed("ipv4-scoped", *NAMES).replace("ec2:DescribeSubnets", "ec2:RunInstances")


def test_a_document_with_one_more_action_fails() -> None:
    changes = [role("cni", PODS, is_new=True), inline(None, wider(), role="cni")]
    assert reviewed(EKS, *changes, association("cni", is_new=True), fail_on="warning").failed


@pytest.mark.parametrize("words", GENERATED, ids=" ".join)
def test_a_generated_document_as_a_new_policy_that_nobody_has_is_a_note(
    words: tuple[str, ...],
) -> None:
    findings = reviewed(managed(None, printed(*words))).findings
    assert [f.level for f in findings if f.rule == "new-policy"] == ["note"]
    assert reviewed(managed(None, wider()), fail_on="warning").failed


@pytest.mark.parametrize("words", [("ipv4",), ("ipv4-scoped", *NAMES)])
def test_what_a_removed_deny_or_limit_allows_is_no_note(words: tuple[str, ...]) -> None:
    """The new policy allows no more than ours; what newly works was denied before."""
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    own, denied = (json.dumps({"Version": "2012-10-17", "Statement": [s]}) for s in (allow, deny))
    stays = inline(own, own, "own", role="cni")
    gives = inline(None, printed(*words), role="cni")
    changes = (EKS, role("cni", PODS), stays, gives, association("cni", is_new=False))
    for hidden in ({}, {"before_sensitive": {"policy": True}}):
        gone = inline(denied, None, "no", role="cni", **hidden)
        assert reviewed(*changes, gone, fail_on="warning").failed
    assert not reviewed(*changes, fail_on="warning").failed


@pytest.mark.parametrize("principal", [{"Service": LAMBDA}, {"AWS": "*"}, {"AWS": ACCOUNT}])
def test_a_role_of_aws_node_that_others_can_assume_is_not_its_alone(
    principal: dict[str, str],
) -> None:
    own = role("cni", PODS)
    for side in ("before", "after"):
        trust = json.loads(own["change"][side]["assume_role_policy"])
        more = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        text = json.dumps({**trust, "Statement": [*trust["Statement"], more]})
        own["change"][side] = {**own["change"][side], "assume_role_policy": text}
    gives = inline(None, printed("ipv4"), role="cni")
    changes = (EKS, own, gives, association("cni", is_new=False))
    gains = [f for f in reviewed(*changes).findings if f.rule == "new-access"]
    assert [f.level for f in gains] == ["error"]


def test_the_managed_policy_is_for_aws_node_alone() -> None:
    gets = attached(CNI, role="r", before=False)
    assert reviewed(role("r", LAMBDA), gets, fail_on="warning").failed
    review = reviewed(EKS, role("r", PODS), gets, association("r", is_new=False), fail_on="warning")
    assert not review.failed


def test_a_hardened_policy_in_place_of_the_unscoped_one_passes() -> None:
    change = inline(printed("ipv4"), printed("ipv4-scoped", *NAMES), role="cni")
    changes = (EKS, role("cni", PODS), change, association("cni", is_new=False))
    review = reviewed(*changes, fail_on="warning")
    assert not review.failed, [f.message for f in review.findings]
    # An add-on that sets the variable makes the same a loss.
    addon = {
        "addon_name": "vpc-cni",
        "cluster_name": "prod",
        "addon_version": "v1.23.2-eksbuild.1",
        "configuration_values": json.dumps({"env": {"ENABLE_POD_ENI": "true"}}),
    }
    addons = resource("aws_eks_addon", "cni", addon, addon)
    assert reviewed(*changes, addons, fail_on="warning").failed


@pytest.mark.parametrize("how", ["nothing", "null", "later"])
def test_an_add_on_without_configuration_values_has_the_defaults(how: str) -> None:
    """They are optional and computed, so that the plan does not know them."""
    addon = {"addon_name": "vpc-cni", "cluster_name": "prod", "addon_version": "v1.20.4-eksbuild.1"}
    later = {"configuration_values": True, "service_account_role_arn": True}
    new = resource("aws_eks_addon", "cni", None, addon, after_unknown=later)
    written: dict[str, Any] = {
        "nothing": {},
        "null": {"configuration_values": {"references": ["var.values"]}},
        "later": {"configuration_values": {"references": ["terraform_data.x.output"]}},
    }[how]
    more = {"variables": {"values": {}}} if how == "null" else {}
    configuration = configured(block("aws_eks_addon.cni", **written))
    cni = inline(printed("ipv4"), printed("ipv4"), role="cni")
    changes = (EKS, role("cni", PODS), cni, association("cni", is_new=False), new)
    review = reviewed(*changes, configuration=configuration, fail_on="warning", **more)
    assert review.failed == (how == "later"), [f.message for f in review.findings]


def test_a_default_node_group_passes() -> None:
    group = {
        "cluster_name": "prod",
        "node_group_name": "n",
        "node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/node",
    }
    names = (
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEKS_CNI_Policy",
    )
    gets = (
        attached(f"arn:aws:iam::aws:policy/{n}", role="node", before=False, block=n) for n in names
    )
    nodes = resource("aws_eks_node_group", "n", None, group)
    node = role("node", "ec2.amazonaws.com", is_new=True)
    review = reviewed(EKS, node, *gets, nodes, fail_on="warning")
    assert not review.failed, [f.message for f in review.findings]
