"""What is wrong with the policies of the plugin's roles, and of the roles of nodes."""

import json

import pytest

from eks import CNI, MANAGED, NODE_TRUST, addon, arn_of, irsa, node_group, own_role, provider, same
from plugin_setup import V1_23, about_calls, of_cni, of_rule, scoped
from synthetic import Json, allow, attached, document, levels, resource, reviewed, role

CONTROLLER = "arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"
OTHER = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "eks.amazonaws.com"}}
)


@pytest.mark.parametrize(
    ("before", "policy", "level"),
    [(False, scoped(), "error"), (True, scoped(), "note"), (False, CNI, None)],
)
def test_the_managed_policy_undoes_a_scoped_one_on_its_role(
    before: bool, policy: str, level: str | None
) -> None:
    changes = [*own_role("cni", irsa(), policy), attached(MANAGED, role="cni", before=before)]
    findings = of_rule(about_calls(*changes), "managed-policy-attached")
    assert [f.level for f in findings] == ([level] if level else [])
    for finding in findings:
        assert finding.fix == "Detach AmazonEKS_CNI_Policy from aws_iam_role.cni"


@pytest.mark.parametrize(
    ("trust", "own", "level"),
    [
        (NODE_TRUST, "new", "note"),
        (NODE_TRUST, "old", "note"),
        (NODE_TRUST, "", "note"),
        (OTHER, "new", None),
    ],
)
def test_the_managed_policy_is_on_the_role_of_nodes(
    trust: str, own: str, level: str | None
) -> None:
    changes = [*own_role("n", trust), attached(MANAGED, role="n")]
    if own == "old":
        changes += own_role("cni", irsa(), CNI)
    elif own:
        changes += [role("cni", None, irsa()), of_cni(None, CNI)]
    findings = of_rule(about_calls(*changes), "managed-policy-attached")
    assert [f.level for f in findings] == ([level] if level else [])
    assert all("the node role" in finding.message for finding in findings)


def test_nodes_have_the_role_of_their_group_whatever_the_plan_says_of_its_trust() -> None:
    group = node_group("n", "n")
    (finding,) = of_rule(
        about_calls(group, *own_role("n", OTHER), attached(MANAGED, role="n", before=False)),
        "managed-policy-attached",
    )
    assert finding.level == "note" and "the node role" in finding.message


def test_security_groups_for_pods_are_not_switched_on_without_the_policy_of_the_cluster() -> None:
    values = {"name": "prod", "role_arn": arn_of("cluster")}
    installed = {**V1_23, "configuration_values": json.dumps({"env": {"ENABLE_POD_ENI": "true"}})}
    changes = [
        *own_role("cluster", OTHER, document(allow("ec2:DescribeSubnets"))),
        same("aws_eks_cluster", "prod", values),
        *own_role("cni", irsa(), CNI),
        addon(V1_23, installed),
    ]
    (finding,) = of_rule(about_calls(*changes), "plugin-permission-missing")
    assert (finding.level, finding.address) == ("warning", "aws_iam_role.cluster")
    assert finding.fix == "Attach AmazonEKSVPCResourceController to aws_iam_role.cluster"
    with_policy = [*changes, attached(CONTROLLER, role="cluster")]
    assert not of_rule(about_calls(*with_policy), "plugin-permission-missing")


@pytest.mark.parametrize("installed", [[addon(V1_23, V1_23)], []])
def test_a_condition_that_may_keep_aws_node_from_its_role_is_a_warning(
    installed: list[Json],
) -> None:
    after = json.loads(irsa())
    after["Statement"][0]["Condition"]["IpAddress"] = {"aws:SourceIp": "10.0.0.0/8"}
    values = {"name": "cni", "arn": arn_of("cni")}
    sides = ({**values, "assume_role_policy": text} for text in (irsa(), json.dumps(after)))
    changes = [resource("aws_iam_role", "cni", *sides), of_cni(CNI, CNI), *installed]
    (finding,) = of_rule(about_calls(*changes), "coverage-lost")
    assert finding.level == "warning" and "may no longer let aws-node" in finding.message
    if installed:
        (plugin,) = reviewed(*changes).plugins
        assert plugin.answer.startswith("unknown with ")


def test_another_issuer_than_that_of_the_conditions_is_no_longer_trusted() -> None:
    trust = json.loads(irsa())
    trust["Statement"][0]["Principal"]["Federated"] += "ELSEWHERE"
    changes = [role("cni", irsa(), json.dumps(trust)), of_cni(CNI, CNI), provider({}, {})]
    assert levels(about_calls(*changes))["coverage-lost"] == "error"


def test_a_tag_of_the_plugins_role_that_its_policy_requires_counts() -> None:
    by_tag = {"StringEquals": {"aws:PrincipalTag/team": "network"}}
    text = document({**allow("ec2:*"), "Condition": by_tag})
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    sides = ({**values, "tags_all": {"team": team}} for team in ("network", "web"))
    changes = [resource("aws_iam_role", "cni", *sides), of_cni(text, text), addon(V1_23, V1_23)]
    assert levels(about_calls(*changes))["coverage-lost"] == "error"


def test_instances_that_get_a_role_without_the_plugins_calls_lose_them() -> None:
    roles = [
        *own_role("old", NODE_TRUST, CNI),
        *own_role("new", NODE_TRUST, document(allow("s3:*"))),
    ]
    sides = ({"name": "p", "role": name} for name in ("old", "new"))
    profile = resource("aws_iam_instance_profile", "p", *sides)
    findings = of_rule(about_calls(*roles, profile), "coverage-lost")
    assert [f.level for f in findings] == ["error"]
    assert {f.address for f in findings} == {"aws_iam_instance_profile.p"}
    own = [*own_role("cni", irsa(), CNI), addon(V1_23, V1_23)]
    assert not of_rule(about_calls(*roles, profile, *own), "coverage-lost")
