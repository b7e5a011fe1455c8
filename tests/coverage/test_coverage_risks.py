"""Risks are found in what a policy allows, and not in whose policy it is."""

import re

import pytest
from msgspec.structs import replace

from conftest import ROOT
from coverage_policies import (
    NAMES,
    allow,
    composed,
    index_of,
    setting,
    upstream,
    with_statement,
)
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.requests import CLUSTER, CREATED_AT, INSTANCE, OWNER
from vpc_cni_iam.coverage.analysis import risks
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Condition, Effect, Policy, Statement

SCOPED = composed("ipv4-scoped", "latest")
ENI = ("arn:aws:ec2:*:*:network-interface/*",)


def found(policy: Policy, mode: Mode = "ipv4") -> dict[str, str]:
    return {f.identifier: f.severity for f in risks.find_risks([policy], setting("latest", mode))}


def risk(policy: Policy, name: str) -> risks.Risk:
    (result,) = (r for r in risks.find_risks([policy], setting()) if r.identifier == name)
    return result


def severities(warnings: str, notes: str) -> dict[str, str]:
    return dict.fromkeys(warnings.split(), "warning") | dict.fromkeys(notes.split(), "note")


def test_the_risks_of_upstreams_documents() -> None:
    notes = "addresses-reassignable any-tag-key describe-unscoped"
    scoped = severities(
        "unconditioned-create-tags instance-tag-not-set security-groups-unscoped",
        f"{notes} cluster-name-needed",
    )
    unscoped = severities(
        "interfaces-unscoped unconditioned-create-tags instances-unscoped creates-in-any-vpc "
        "security-groups-unscoped",
        notes,
    )
    for revision in documents.revisions():
        assert found(upstream("ipv4-scoped", revision.name)) == scoped
        assert found(upstream("ipv4", revision.name)) == unscoped
    assert found(documents.managed_policy()) == unscoped


def test_the_scoped_document_says_what_its_tag_gives() -> None:
    (first, *_) = risks.find_risks([SCOPED], setting())
    assert first.identifier == "unconditioned-create-tags"
    assert "any network interface, and then call ec2:Assign" in risk_text(first)
    assert "ec2:DeleteNetworkInterface" in risk_text(first)


def conditioned(*statements: Statement) -> Policy:
    """Upstream's scoped policy with other statements for CreateTags."""
    policy = with_statement(SCOPED, index_of(SCOPED, "ec2:CreateTags"), None)
    return Policy((*policy.statements, *statements), policy.version)


def tagging(*conditions: Condition) -> Statement:
    keys = (INSTANCE, CLUSTER, OWNER, CREATED_AT)
    only = Condition("ForAllValues:StringEquals", "aws:TagKeys", keys)
    return Statement(actions=("ec2:CreateTags",), resources=ENI, conditions=(only, *conditions))


NAME = NAMES.cluster_name
VPC = Condition("ArnLike", "ec2:Vpc", (f"arn:aws:ec2:*:*:vpc/{NAMES.vpc_id}",))
OURS = Condition("StringEquals", f"aws:RequestTag/{CLUSTER}", (NAME,))
CREATE = tagging(Condition("StringEquals", "ec2:CreateAction", ("CreateNetworkInterface",)), OURS)
CLAIM = tagging(OURS, Condition("Null", f"aws:ResourceTag/{CLUSTER}", ("true",)), VPC)
OWN = tagging(
    Condition("StringEquals", f"aws:ResourceTag/{CLUSTER}", (NAME,)),
    Condition("StringEqualsIfExists", f"aws:RequestTag/{CLUSTER}", (NAME,)),
    VPC,
)


def test_conditions_on_create_tags_close_the_hole_and_leave_a_smaller_one() -> None:
    policy = conditioned(CREATE, CLAIM, OWN)
    assert found(policy) == severities(
        "untagged-interfaces-claimable instance-tag-not-set security-groups-unscoped",
        "addresses-reassignable describe-unscoped cluster-name-needed tag-keys-closed",
    )
    changes = ("no-trunk-interface", "no-cluster-name-corrected", "no-additional-tags-changed")
    assert cover([policy], setting(), find(changes)).verdict == "works"
    broken = cover([policy], setting(), find(("cluster-name-corrected",)))
    assert "tag-managed" in {c.template.name for _, c in broken.denied()}


def test_nothing_is_claimable_where_claiming_is_not_allowed() -> None:
    policy = conditioned(CREATE, OWN)
    assert not {"untagged-interfaces-claimable", "unconditioned-create-tags"} & found(policy).keys()
    assert cover([policy], setting(), find(("fresh-node",))).verdict == "fails"


@pytest.mark.parametrize("remaining", [0, 1, 2])
def test_each_condition_of_claiming_closes_something(remaining: int) -> None:
    conditions = [c for i, c in enumerate(CLAIM.conditions[1:]) if i != remaining]
    policy = conditioned(CREATE, tagging(*conditions), OWN)
    assert "unconditioned-create-tags" in found(policy) or remaining == 0


def test_a_claim_that_must_bring_more_tags_is_a_claim() -> None:
    instance = Condition("StringLike", f"aws:RequestTag/{INSTANCE}", ("i-*",))
    owner = Condition("StringEquals", f"aws:RequestTag/{OWNER}", ("amazon-vpc-cni",))
    for more in ((instance,), (instance, owner)):
        assert "unconditioned-create-tags" in found(conditioned(tagging(OURS, *more)))


def test_reach_within_the_own_vpc_is_reach() -> None:
    """A VPC holds other clusters, and what no cluster owns."""
    index = index_of(SCOPED, "ec2:DeleteNetworkInterface")
    by_vpc = replace(SCOPED.statements[index], conditions=(VPC,))
    (first, *_) = risks.find_risks([with_statement(SCOPED, index, by_vpc)], setting())
    assert (
        first.identifier == "interfaces-unscoped"
        and "any network interface of its VPC" in risk_text(first)
    )


def test_without_their_conditions_statements_reach_further() -> None:
    for index, statement in enumerate(SCOPED.statements):
        bare = found(with_statement(SCOPED, index, replace(statement, conditions=())))
        new = bare.keys() - found(SCOPED).keys()
        match statement.actions, statement.resources:
            case (("ec2:CreateNetworkInterface",), resources) if "subnet" in resources[0]:
                # The interface itself cannot be told by VPC when it is made.
                assert new == {"creates-in-any-vpc"}
            case (actions, resources) if "instance/" in resources[0]:
                assert new == {"instances-unscoped"}
                assert "ec2:AttachNetworkInterface" in actions
            case (actions, _) if "ec2:DeleteNetworkInterface" in actions:
                assert new == {"interfaces-unscoped"}
            case _:
                assert not new


def test_detaching_and_attaching_need_the_instance_too() -> None:
    """An interface that another cluster's node has in use stays there, whoever has tagged it."""
    reached = {*risk(SCOPED, "unconditioned-create-tags").names}
    assert "ec2:DetachNetworkInterface" not in reached
    assert {"ec2:UnassignPrivateIpAddresses", "ec2:ModifyNetworkInterfaceAttribute"} <= reached
    everywhere = allow("ec2:DetachNetworkInterface", on="arn:aws:ec2:*:*:instance/*")
    wider = Policy((*SCOPED.statements, everywhere))
    assert "ec2:DetachNetworkInterface" in risk(wider, "unconditioned-create-tags").names


def test_listed_security_groups_are_no_risk() -> None:
    group = f"arn:aws:ec2:*:*:security-group/{NAMES.security_group_id}"
    statements = [
        replace(s, resources=tuple(group if "security-group/" in r else r for r in s.resources))
        for s in SCOPED.statements
    ]
    unscoped = risk(SCOPED, "security-groups-unscoped")
    assert unscoped.severity == "warning"
    assert unscoped.names == ("ec2:ModifyNetworkInterfaceAttribute", "ec2:CreateNetworkInterface")
    assert "security-groups-unscoped" not in found(Policy(tuple(statements)))
    (index,) = (
        i
        for i, s in enumerate(SCOPED.statements)
        if "/*" in s.resources[0] and "security" in s.resources[0]
    )
    statements[index] = SCOPED.statements[index]
    unscoped = risk(Policy(tuple(statements)), "security-groups-unscoped")
    assert unscoped.names == ("ec2:ModifyNetworkInterfaceAttribute",)


@pytest.mark.parametrize("key", ["ec2:InstanceType", "aws:PrincipalTag/team"])
def test_a_key_that_is_not_known_is_named(key: str) -> None:
    """Whether a call is allowed is not known, so every risk of ec2:* may be there, too."""
    policy = Policy((allow("ec2:*", when=Condition("StringEquals", key, ("x",))),))
    assert found(policy)["condition-key-not-modelled"] == "warning"


@pytest.mark.parametrize(
    ("kind", "tag", "named"),
    [
        ("network-interface", "cluster.k8s.amazonaws.com/name", False),
        ("network-interface", "Cluster.K8s.amazonaws.com/name", False),
        ("instance", "kubernetes.io/cluster/prod", False),
        ("network-interface", "team", True),
        ("network-interface", "made-by", False),
        ("subnet", "kubernetes.io/role/cni", True),
        ("subnet", "kubernetes.io/cluster/prod", True),
        ("instance", "cluster.k8s.amazonaws.com/name", True),
    ],
)
def test_a_tag_that_nothing_is_known_to_set_is_named(kind: str, tag: str, named: bool) -> None:
    asks = Condition("StringEquals", f"aws:ResourceTag/{tag}", ("x",))
    policy = Policy((allow("ec2:*", on=f"arn:aws:ec2:*:*:{kind}/*", when=asks),))
    where = replace(setting(), primary_tags={"made-by": "us"})
    identifiers = {f.identifier for f in risks.find_risks([policy], where)}
    assert ("condition-key-not-modelled" in identifiers) == named


def test_a_name_that_is_not_set_is_no_risk_of_the_policy() -> None:
    where = setting().with_environment(CLUSTER_NAME="")
    named = {f.identifier for f in risks.find_risks([SCOPED], where)}
    assert "cluster-name-needed" not in named


def test_every_identifier_is_explained_once_with_its_severity() -> None:
    source = (ROOT / "generator/vpc_cni_iam/coverage/analysis/risks.py").read_text()
    levels = re.findall(r"Risk\(\s*RiskName\.(\w+),\s*Level\.(\w+)", source)
    values = {risks.RiskName[name]: level.lower() for name, level in levels}
    assert {*values} == {*risks.RiskName}
    page = risks.page()
    explained = dict(re.findall(r"^## ([a-z-]+)\n\n\*(\w+)\.\*", page, re.MULTILINE))
    assert {k: v.lower() for k, v in explained.items()} == values
    for name, severity in values.items():
        assert risks.explanation(name).startswith(f"*{severity.capitalize()}.* ")
    with pytest.raises(UsageError, match="unknown risk 'x'; known are privilege-escalation"):
        risks.explanation("x")


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_an_action_that_aws_does_not_have_is_a_risk_with_the_nearest_one(effect: Effect) -> None:
    """IAM accepts such a name: an Allow of it allows nothing, and a Deny denies nothing."""
    statement = Statement(effect, ("ec2:DescribeInstance", "ec2:DescribeS*"), resources=("*",))
    (first, *_) = risks.find_risks([Policy((statement,))], setting())
    assert first.identifier == "unknown-action"
    assert risk_text(first).endswith(": ec2:DescribeInstance (did you mean ec2:DescribeInstances?)")
    # Of other services, not every action is known here.
    statement = Statement(effect, ("ec2:DescribeInstances", "ssm:Anything"), resources=("*",))
    assert "unknown-action" not in found(Policy((statement,)))
