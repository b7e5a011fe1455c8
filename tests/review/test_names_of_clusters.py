"""Policies that name a cluster or a VPC are judged by the cluster that aws-node runs in."""

import json

import pytest

from eks import POD_TRUST, addon, arn_of, association, irsa, own_role, same
from synthetic import Json, allow, document, resource, reviewed
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Finding

OWN, OTHER = "vpc-0123456789abcdef0", "vpc-0fedcba9876543210"
LOGS = document(allow("logs:PutLogEvents"))
ASSOCIATION = "aws_eks_pod_identity_association"


def chart(*values: str) -> Json:
    role = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": arn_of("cni")}}}
    return {"chart": "aws-vpc-cni", "version": "1.23.2", "values": [json.dumps(role), *values]}


def scoped(cluster: str, vpc: str = OWN) -> str:
    (variant,) = variants.find(("ipv4-scoped",))
    values = parameters.values({"cluster_name": cluster, "vpc_id": vpc})
    return dumps(parameters.substitute(compose(variant, select()).policy, values))


def problems(before: str | None, after: str, *others: str, **more: str) -> list[Finding]:
    """The errors and warnings of a plan that changes the policy of aws-node's role in prod."""
    node = {"service_account_role_arn": arn_of("cni"), "addon_version": "v1.23.2-eksbuild.1"} | more
    cluster = same("aws_eks_cluster", "prod", {"name": "prod", "vpc_config": [{"vpc_id": OWN}]})
    sides: list[Json | None] = [
        {"role": "cni", "name": "i", "policy": text} if text else None for text in (before, after)
    ]
    inline = resource("aws_iam_role_policy", "i", *sides)
    review = reviewed(addon(node, node), cluster, *own_role("cni", irsa(), *others), inline)
    return [f for f in review.findings if f.level != "note"]


@pytest.mark.parametrize("others", [(), (LOGS,)], ids=["alone", "beside another"])
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            scoped("staging"),
            "aws_iam_role_policy.i is for cluster staging, and aws-node runs in prod",
        ),
        (
            scoped("prod", OTHER),
            f"aws_iam_role_policy.i is for VPC {OTHER}, and aws-node runs in {OWN}",
        ),
    ],
    ids=["cluster", "VPC"],
)
def test_a_policy_that_comes_for_another_cluster_or_vpc_is_an_error(
    policy: str, words: str, others: tuple[str, ...]
) -> None:
    (finding,) = problems(None, policy, *others)
    assert (finding.rule, finding.level) == ("plugin-permission-missing", "error")
    assert words in finding.message and "ec2:CreateNetworkInterface" in finding.message
    assert "coverage-lost" in finding.means


def test_a_policy_that_comes_for_the_own_cluster_or_beside_one_for_it_is_none() -> None:
    assert not problems(None, scoped("prod"))
    assert not problems(None, scoped("staging"), scoped("prod"))
    configured = {"configuration_values": '{"env": {"CLUSTER_NAME": "staging"}}'}
    assert not problems(None, scoped("staging"), **configured)


def test_a_policy_that_changes_to_another_vpc_loses_what_needs_the_vpc() -> None:
    lost, access = problems(scoped("prod"), scoped("prod", OTHER))
    assert (lost.rule, access.rule) == ("coverage-lost", "new-access")
    assert "ec2:CreateNetworkInterface" in lost.message
    (access,) = problems(scoped("prod", OTHER), scoped("prod"))
    assert access.rule == "new-access"


def test_a_policy_for_another_cluster_that_stays_is_no_finding() -> None:
    assert not problems(scoped("staging"), scoped("staging"))


def elsewhere(*changes: Json) -> list[tuple[str, str]]:
    """Level and message of what a plan says of policies for another place."""
    rule = "plugin-policy-elsewhere"
    return [(f.level, f.message) for f in reviewed(*changes).findings if f.rule == rule]


@pytest.mark.parametrize("name", ["prod", "staging"])
@pytest.mark.parametrize(
    "installer",
    [
        addon(*[{"service_account_role_arn": arn_of("cni")}] * 2),
        association("cni", "cni"),
        same("helm_release", "cni", chart(json.dumps({"env": {"CLUSTER_NAME": "prod"}}))),
    ],
    ids=lambda change: change["type"],
)
def test_the_name_of_the_own_cluster_comes_from_whatever_says_it(
    installer: Json, name: str
) -> None:
    roles = own_role("cni", irsa() if installer["type"] != ASSOCIATION else POD_TRUST, scoped(name))
    words = "aws_iam_role_policy.cni-0 of aws_iam_role.cni is for cluster staging, and aws-node "
    notes = [("note", f"{words}runs in prod")]
    assert elsewhere(installer, *roles) == (notes if name == "staging" else [])


def test_a_variable_that_names_another_cluster_asks_for_a_policy_for_that() -> None:
    sides = (
        {
            "service_account_role_arn": arn_of("cni"),
            "configuration_values": json.dumps({"env": {"CLUSTER_NAME": name}}),
        }
        for name in ("prod", "staging")
    )
    findings = reviewed(addon(*sides), *own_role("cni", irsa(), scoped("prod"))).findings
    assert {f.rule: f.level for f in findings if f.level != "note"} == {
        "plugin-permission-missing": "error",
        "plugin-configuration-changed": "warning",
    }


def test_the_place_in_a_sensitive_policy_is_not_told() -> None:
    marks = {f"{side}_sensitive": {"policy": True} for side in ("before", "after")}
    values = {"role": "cni", "name": "i", "policy": scoped("staging")}
    hidden = same("aws_iam_role_policy", "i", values, **marks)
    assert elsewhere(association("cni", "cni"), *own_role("cni", POD_TRUST), hidden) == []


@pytest.mark.parametrize("modules", ["ab", "ba"])
def test_a_release_beside_an_association_is_in_its_cluster(modules: str) -> None:
    """In modules of their own either may come first; the release names no cluster."""
    release, there = same("helm_release", "cni", chart("{}")), association("cni", "cni")
    changes = [
        {**change, "address": f"module.{module}.{change['address']}"}
        for change, module in zip((release, there), modules, strict=True)
    ]
    changes.sort(key=lambda change: change["address"])
    notes = elsewhere(*changes, *own_role("cni", POD_TRUST, scoped("staging")))
    assert [message.endswith("and aws-node runs in prod") for _, message in notes] == [True]


def test_a_cluster_that_is_replaced_in_another_vpc_needs_a_policy_for_that() -> None:
    sides = [{"name": "prod", "vpc_config": [{"vpc_id": vpc}]} for vpc in (OWN, OTHER)]
    made_anew = resource("aws_eks_cluster", "prod", *sides, actions=["delete", "create"])
    own, other = (own_role("cni", POD_TRUST, scoped("prod", vpc)) for vpc in (OWN, OTHER))
    review = reviewed(made_anew, association("cni", "cni"), *own)
    (error,) = (f for f in review.findings if f.level != "note")
    assert (error.rule, error.level) == ("plugin-permission-missing", "error")
    assert "ec2:CreateNetworkInterface" in error.message
    assert any(f"runs in {OTHER}" in f.message for f in review.findings)
    assert not reviewed(made_anew, association("cni", "cni"), *other).findings


def test_other_policies_of_the_role_may_name_another_place() -> None:
    other = "arn:aws:logs:eu-west-1:999999999999:log-group:*"
    policy = document(allow("logs:PutLogEvents", other))
    at = {"association_arn": "arn:aws:eks:us-east-1:111122223333:podidentityassociation/prod/a-1"}
    there = association("cni", "cni")
    there["change"] |= {side: {**there["change"][side], **at} for side in ("before", "after")}
    assert elsewhere(there, *own_role("cni", POD_TRUST, policy)) == []
    plugins = document(allow("ec2:AssignPrivateIpAddresses", other.replace("logs", "ec2")))
    levels = [level for level, _ in elsewhere(there, *own_role("cni", POD_TRUST, plugins, policy))]
    assert levels == ["note", "note"]  # the region and the account


@pytest.mark.parametrize(("before", "level"), [(None, "warning"), ("cni", "note")])
def test_the_region_of_what_comes_is_that_of_its_argument(before: str | None, level: str) -> None:
    """Newer providers have the argument; what comes has no ARN that names the region."""
    arn = "arn:aws:ec2:eu-west-1:*:network-interface/*"
    policies = own_role("cni", POD_TRUST, document(allow("ec2:AssignPrivateIpAddresses", arn)))
    if before is None:
        policies[1]["change"] |= {"actions": ["create"], "before": None}
    there = association(before, "cni")
    for side in ("before", "after"):
        there["change"][side] = there["change"][side] and {
            **there["change"][side],
            "region": "us-east-1",
        }
    ((found_level, message),) = elsewhere(there, *policies)
    assert (found_level, "is for region eu-west-1, and aws-node runs in us-east-1" in message) == (
        level,
        True,
    )


def test_a_cluster_with_a_sensitive_name_that_changes_is_said_without_the_name() -> None:
    names = ("hidden-blue", "hidden-green")
    sides = ({"name": name} for name in names)
    marks = [
        {f"{side}_sensitive": {key: True} for side in ("before", "after")}
        for key in ("name", "cluster_name")
    ]
    made_anew = resource(
        "aws_eks_cluster", "prod", *sides, actions=["delete", "create"], **marks[0]
    )
    moves = addon(
        *({"cluster_name": name} for name in names), actions=["delete", "create"], **marks[1]
    )
    findings = reviewed(made_anew, moves).findings
    (change,) = (f for f in findings if f.rule == "plugin-configuration-changed")
    assert change.level == "warning" and "CLUSTER_NAME" in change.message
    assert not any(name in str(findings) for name in names)
