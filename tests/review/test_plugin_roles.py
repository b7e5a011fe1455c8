"""What is wrong with the policies of the plugin's roles, and of the roles of nodes."""

import json

import pytest

from eks import (
    MANAGED,
    NODE_TRUST,
    POD_TRUST,
    addon,
    arn_of,
    association,
    irsa,
    node_group,
    own_role,
    provider,
    same,
)
from found import levels
from synthetic import Json, allow, attachment, document, resource, reviewed, role
from test_coverage import CNI, V1_23, found, inline, of_rule, scoped
from vpc_cni_iam.review.report.sentences import say

CONTROLLER = "arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"
OTHER = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "eks.amazonaws.com"}}
)


def attached(of: str, arn: str, before: bool, after: bool) -> Json:
    values = {"role": of, "policy_arn": arn}
    sides = tuple(values if there else None for there in (before, after))
    return attachment(of, arn, name=of, sides=sides)


@pytest.mark.parametrize(
    ("before", "policy", "level"),
    [(False, scoped(), "error"), (True, scoped(), "note"), (False, CNI, None)],
)
def test_the_managed_policy_undoes_a_scoped_one_on_its_role(
    before: bool, policy: str, level: str | None
) -> None:
    changes = [*own_role("cni", irsa(), policy), attached("cni", MANAGED, before, True)]
    findings = of_rule(found(*changes), "managed-policy-attached")
    assert [f.level for f in findings] == ([level] if level else [])
    for finding in findings:
        assert say(finding).fix == "Detach AmazonEKS_CNI_Policy from aws_iam_role.cni"


@pytest.mark.parametrize(
    ("trust", "own", "level"),
    [
        (NODE_TRUST, "new", "warning"),
        (NODE_TRUST, "old", "note"),
        (NODE_TRUST, "", "note"),
        (OTHER, "new", None),
    ],
)
def test_the_managed_policy_is_on_the_role_of_nodes(
    trust: str, own: str, level: str | None
) -> None:
    changes = [*own_role("n", trust), attached("n", MANAGED, True, True)]
    if own == "old":
        changes += own_role("cni", irsa(), CNI)
    elif own:
        changes += [role("cni", None, irsa()), inline(None, CNI)]
    findings = of_rule(found(*changes), "managed-policy-attached")
    assert [f.level for f in findings] == ([level] if level else [])
    assert all("the node role" in say(finding).message for finding in findings)


def test_nodes_have_the_role_of_their_group_whatever_the_plan_says_of_its_trust() -> None:
    group = node_group("n", "n")
    (finding,) = of_rule(
        found(group, *own_role("n", OTHER), attached("n", MANAGED, False, True)),
        "managed-policy-attached",
    )
    assert finding.level == "warning" and "the node role" in say(finding).message


_PLACES = {"name": "prod", "arn": "arn:aws:eks:us-east-1:111122223333:cluster/prod"}


def policy_in(region: str, account: str = "*") -> str:
    """A policy for one Region and account."""
    arn = f"arn:aws:ec2:{region}:{account}:network-interface/*"
    statements = [{**s, "Resource": "*"} for s in json.loads(CNI)["Statement"]]
    marked = allow("ec2:AssignPrivateIpAddresses", arn)
    return document(*statements[1:], marked)


@pytest.mark.parametrize(
    ("region", "account", "words"),
    [
        ("eu-west-1", "*", "region eu-west-1, but aws-node runs in us-east-1"),
        ("*", "999999999999", "account 999999999999, but aws-node runs in 111122223333"),
        ("us-east-1", "111122223333", ""),
    ],
)
def test_policies_of_another_place_are_named_with_it(region: str, account: str, words: str) -> None:
    cluster = same("aws_eks_cluster", "prod", _PLACES)
    there = [*own_role("cni", irsa()), cluster, addon(V1_23, V1_23)]
    findings = found(*there, inline(None, policy_in(region, account)))
    assert [f.level for f in findings if words in say(f).message and words] == ["error"] * bool(
        words
    )


def test_a_new_policy_for_another_cluster_is_said_with_the_calls_that_it_does_not_allow() -> None:
    there = [*own_role("cni", irsa()), addon(V1_23, V1_23)]
    (finding,) = [f for f in found(*there, inline(None, scoped("staging"))) if f.level != "note"]
    saying = say(finding)
    assert (finding.rule, finding.level) == ("plugin-permission-missing", "error")
    assert "is for cluster staging, but aws-node runs in prod" in saying.message
    assert saying.fix == "Name cluster prod in aws_iam_role_policy.cni-i"
    beside = [*there, inline(scoped(), scoped()), inline(None, scoped("staging"), "b")]
    assert not [f for f in found(*beside) if f.level != "note"]


@pytest.mark.parametrize("switched_on", [True, False])
def test_security_groups_for_pods_need_the_policy_of_the_cluster(switched_on: bool) -> None:
    values = json.dumps({"env": {"ENABLE_POD_ENI": str(switched_on).lower()}})
    installed = {**V1_23, "configuration_values": values}
    changes = [
        *own_role("cluster", OTHER),
        attached("cluster", CONTROLLER, True, False),
        *own_role("cni", irsa(), CNI),
        addon(installed, installed),
    ]
    findings = of_rule(found(*changes), "coverage-lost")
    assert [f.address for f in findings] == (
        ["aws_iam_role_policy_attachment.cluster"] if switched_on else []
    )
    assert all("AmazonEKSVPCResourceController" in say(f).fix for f in findings)


def test_security_groups_for_pods_are_not_switched_on_without_the_policy_of_the_cluster() -> None:
    values = {"name": "prod", "role_arn": arn_of("cluster")}
    installed = {**V1_23, "configuration_values": json.dumps({"env": {"ENABLE_POD_ENI": "true"}})}
    changes = [
        *own_role("cluster", OTHER, document(allow("ec2:DescribeSubnets"))),
        same("aws_eks_cluster", "prod", values),
        *own_role("cni", irsa(), CNI),
        addon(V1_23, installed),
    ]
    (finding,) = of_rule(found(*changes), "plugin-permission-missing")
    assert (finding.level, finding.address) == ("warning", "aws_iam_role.cluster")
    with_policy = [*changes, attached("cluster", CONTROLLER, True, True)]
    assert not of_rule(found(*with_policy), "plugin-permission-missing")


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (irsa(), irsa(subject="system:serviceaccount:default:app"), "error"),
        (irsa(), irsa().replace("EXAMPLE", "ELSEWHERE"), "error"),
        (irsa(), POD_TRUST, None),
        (NODE_TRUST, POD_TRUST, None),
        (NODE_TRUST, OTHER, "error"),
        (OTHER, irsa(), None),
    ],
)
def test_a_role_that_aws_node_can_no_longer_assume_is_lost(
    before: str, after: str, level: str | None
) -> None:
    findings = of_rule(found(role("cni", before, after), inline(CNI, CNI)), "coverage-lost")
    assert [f.level for f in findings] == ([level] if level else [])


@pytest.mark.parametrize("installed", [[addon(V1_23, V1_23)], []])
def test_a_condition_that_may_keep_aws_node_from_its_role_is_a_warning(
    installed: list[Json],
) -> None:
    after = json.loads(irsa())
    after["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "10.0.0.0/8"}
    values = {"name": "cni", "arn": arn_of("cni")}
    sides = ({**values, "assume_role_policy": text} for text in (irsa(), json.dumps(after)))
    changes = [resource("aws_iam_role", "cni", *sides), inline(CNI, CNI), *installed]
    (finding,) = of_rule(found(*changes), "coverage-lost")
    assert finding.level == "warning" and "may no longer let aws-node" in say(finding).message
    if installed:
        (plugin,) = reviewed(*changes).plugins
        assert plugin.answer.startswith("not shown by the plan")


def test_a_trust_policy_that_names_one_cluster_no_longer_lets_in_the_others() -> None:
    after = json.loads(POD_TRUST)
    after["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/eks-cluster-name"] = "prod"
    sides = (POD_TRUST, json.dumps(after))
    values = {"name": "cni", "arn": arn_of("cni")}
    changed = resource("aws_iam_role", "cni", *({**values, "assume_role_policy": t} for t in sides))
    stays = [changed, inline(CNI, CNI), association("cni", "cni")]
    assert not of_rule(found(*stays), "coverage-lost")
    other = association("cni", "cni", address="aws_eks_pod_identity_association.stage")
    for side in ("before", "after"):
        other["change"][side]["cluster_name"] = "stage"
    (finding,) = of_rule(found(*stays, other), "coverage-lost")
    assert (finding.level, finding.address) == ("error", "aws_iam_role.cni")
    assert "aws-node of cluster stage" in say(finding).message


def test_another_issuer_beside_the_conditions_of_the_first_is_a_finding_of_its_own() -> None:
    trust = json.loads(irsa())
    trust["Statement"][0]["Principal"]["Federated"] += "ELSEWHERE"
    changes = [role("cni", irsa(), json.dumps(trust)), inline(CNI, CNI), provider({}, {})]
    assert "coverage-lost" not in levels(found(*changes))


def test_instances_that_get_a_role_without_the_plugins_calls_lose_them() -> None:
    roles = [
        *own_role("old", NODE_TRUST, CNI),
        *own_role("new", NODE_TRUST, document(allow("s3:*"))),
    ]
    sides = ({"name": "p", "role": name} for name in ("old", "new"))
    profile = resource("aws_iam_instance_profile", "p", *sides)
    findings = of_rule(found(*roles, profile), "coverage-lost")
    assert [f.level for f in findings] == ["error"]
    assert {f.address for f in findings} == {"aws_iam_instance_profile.p"}
    own = [*own_role("cni", irsa(), CNI), addon(V1_23, V1_23)]
    assert not of_rule(found(*roles, profile, *own), "coverage-lost")


def test_the_role_of_nodes_may_not_be_that_of_aws_node() -> None:
    loses = [*own_role("n", NODE_TRUST), attached("n", MANAGED, True, False)]
    findings = of_rule(found(*loses), "coverage-lost")
    assert {f.level for f in findings} == {"error"}
    findings = of_rule(found(*loses, *own_role("cni", irsa(), CNI)), "coverage-lost")
    assert {f.level for f in findings} == {"warning"}
    assert all("unless aws-node has aws_iam_role.cni" in say(f).message for f in findings)
