"""Patterns that are wider than the plugin's calls are named, with what they grant besides."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT, run
from coverage_policies import NAMES, allow, composed, covered, deny, setting
from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.grants import Document
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.coverage.analysis import excess, risks
from vpc_cni_iam.coverage.analysis.aws_actions import nearest_action, unknown_actions
from vpc_cni_iam.coverage.analysis.excess import (
    Excess,
    ExcessGrant,
    Harm,
    UnusedAction,
    excess_grants,
)
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.report import text as report
from vpc_cni_iam.coverage.report.sentences import matrix as matrix_report
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.shown import shown_coverage, shown_matrix
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.wildcard import matches

EC2 = ("ec2:RunInstances", "ec2:TerminateInstances")
MFA = Condition("BoolIfExists", "aws:MultiFactorAuthPresent", ("false",))
TAGGED = allow("ec2:*", when=Condition("StringEquals", "aws:ResourceTag/a", ("b",)))
NAT = "ec2:AssignPrivate*"
ENI = ("arn:aws:ec2:*:*:network-interface/*",)


@pytest.mark.parametrize(
    ("statements", "wider"),
    [
        ((allow("*"),), {"*": ("iam:PassRole", *EC2)}),
        ((allow("ec2:*"),), {"ec2:*": (*EC2, "ec2:ModifyInstanceAttribute")}),
        ((allow("EC2:?*Instances"),), {"EC2:?*Instances": EC2}),
        (
            (Statement(not_actions=("iam:*",), resources=("*",)),),
            {"all but iam:*": (*EC2, "sts:AssumeRole")},
        ),
        ((allow("*"), deny("iam:*", "ec2:R*")), {"*": (EC2[1], "sts:AssumeRole", "s3:GetObject")}),
        # A denial of one resource holds back nothing in general.
        ((allow("ec2:Run*"), deny("ec2:*", on=ENI)), {}),
        ((allow("*"), deny("ec2:*", on=ENI)), {"*": ("iam:PassRole", *EC2)}),
        ((allow("ec2:Modify*"), deny("ec2:*", on=(*ENI, "*"))), {}),
        # Nor does a denial of all but one,
        (
            (allow("ec2:Modify*"), Statement("Deny", actions=("ec2:*",), not_resources=ENI)),
            {"ec2:Modify*": ("ec2:ModifyInstanceAttribute",)},
        ),
        # or one under a condition: requests that do not meet it are allowed.
        ((allow("*"), deny("*", when=MFA)), {"*": ("iam:PassRole", *EC2)}),
        # What the resources are not.
        ((allow("ec2:*", on=ENI),), {"ec2:*": ("ec2:CreateNetworkInterfacePermission",)}),
        ((allow("*", on=("arn:aws:iam::111122223333:role/x",)),), {"*": ("iam:PassRole",)}),
        ((allow("ec2:AssignPrivateIp*"),), {}),
        ((allow("ec2:Assign*"),), {"ec2:Assign*": ("ec2:AssignIpv6Addresses",)}),
        # An action that other versions call is on a type of resource, too.
        ((allow("ec2:Assign*", on=ENI),), {"ec2:Assign*": ("ec2:AssignIpv6Addresses",)}),
        ((allow("ec2:Assign*", on=("arn:aws:ec2:*:*:volume/*",)),), {}),
        ((allow("ec2:DescribeInstances"),), {}),
        # Actions that few readers know count as much as others.
        ((allow(NAT),), {NAT: ("ec2:AssignPrivateNatGatewayAddress",)}),
    ],
)
def test_patterns_are_named_with_what_they_grant_besides(
    statements: tuple[Statement, ...], wider: dict[str, tuple[str, ...]]
) -> None:
    coverage = covered(Policy(statements), setting(), "fresh-node").excess.grants
    assert {w.pattern: w.examples[: len(wider.get(w.pattern, ()))] for w in coverage} == wider


def named(policy: Policy) -> Subject:
    return Subject("a policy", RoleAccess("", (Document("", policy, "a policy"),)), NAMES)


def reference_actions() -> dict[str, str]:
    """The actions that are known, each with its type of resource."""
    text = (ROOT / "generator/vpc_cni_iam/coverage/analysis/data/example-actions.json").read_text()
    data = json.loads(text)
    return {**data["well_known"], **data["actions"]}


@pytest.mark.parametrize(
    "pattern",
    ["*", "ec2:*", "ec2:Describe*s", "*:*Tags", "?c2:Create*Interface*", "iam:Pass*", "s3:?*"],
)
def test_a_pattern_is_put_to_every_action_of_the_reference(pattern: str) -> None:
    every = [*reference_actions()]
    assert len(every) > 2000 and "ec2:AssignPrivateNatGatewayAddress" in every
    known = {*every, *(call.action for call in calls.calls())}
    for action in (*every[:5], *every[5::80], every[-1]):
        grants = excess_grants([Policy((allow(pattern),))], known - {action}).grants
        expected = [(action,)] if matches(pattern.lower(), action.lower()) else []
        assert [grant.examples for grant in grants] == expected


def test_an_action_is_granted_on_resources_of_its_type_alone() -> None:
    every = reference_actions()
    called = {call.action for call in calls.calls()}

    def is_granted(action: str, *resources: str, **more: tuple[str, ...]) -> bool:
        pattern = f"{action[:-1]}?"
        statement = Statement(actions=(pattern,), resources=resources, **more)
        grants = excess_grants([Policy((statement,))], {*every, *called} - {action}).grants
        return [grant.examples for grant in grants] == [(action,)]

    typed = [action for action, kind in every.items() if kind != "*" and action not in called]
    for action in typed[::97]:
        service, kind = every[action].split()
        assert is_granted(action, "*"), action
        assert is_granted(action, f"arn:aws:{service}:*:111122223333:{kind}/x:y/z"), action
        assert is_granted(action, f"arn:aws:{service[:1]}*:*:*:{kind}:x"), action
        assert is_granted(action, "arn:aws:none:::x", f"arn:aws:*:*:*:{kind[:-1]}?/*"), action
        assert is_granted(action, not_resources=("arn:aws:none:::x",)), action
        assert is_granted(action, f"arn:aws:{service}:*:*"), action
        for other in (f"arn:aws:none:*:*:{kind}/x", "arn:aws", f"arn:aws:{service}::x"):
            assert not is_granted(action, other), (action, other)
        # The names of buckets have no type before them.
        there = is_granted(action, f"arn:aws:{service}:*:*:none-{kind}/x")
        assert there is (service == "s3"), action
    for action in [a for a, kind in every.items() if kind == "*" and a not in called][::97]:
        assert is_granted(action, "*"), action
        assert not is_granted(action, "arn:aws:ec2:*:*:instance/*"), action


@pytest.mark.parametrize(
    ("action", "nearest"),
    [
        ("ec2:DescribeInstances", None),
        ("EC2:describeinstances", None),
        ("ec2:*Tags", None),
        ("ec2:DescribeInstanes", "ec2:DescribeInstances"),
        ("iam:GetRol", "iam:GetRole"),
        ("ec2:Creat?Tag", None),
        ("*", None),
        # Not every action of this service is known here.
        ("s3:GetObjct", None),
    ],
)
def test_an_action_that_aws_does_not_have_is_named_with_the_nearest(
    action: str, nearest: str | None
) -> None:
    assert unknown_actions([action]) == ((action,) if nearest else ())
    if nearest:
        assert nearest_action(action) == nearest


def test_what_only_describes_is_shown_after_what_changes_something() -> None:
    statement = allow("ec2:*Vpc*")
    (grant,) = excess_grants([Policy((statement,))], ()).grants
    assert not any("Describe" in example for example in grant.examples)


def test_all_but_the_services_that_readers_know_grants_others() -> None:
    services = {"iam", "s3", "kms", "secretsmanager"}
    services |= {call.action.split(":")[0] for call in calls.calls()}
    others = tuple(f"{service}:*" for service in services)
    statement = Statement(not_actions=others, resources=("*",))
    (grant,) = excess_grants([Policy((statement,))], ()).grants
    assert len(grant.examples) == 3
    assert not {example.partition(":")[0] for example in grant.examples} & services


def test_many_patterns_that_grant_nothing_more_take_bounded_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = Counter[str]()

    def counted(pattern: str, text: str) -> bool:
        tries[pattern] += 1
        return matches(pattern, text)

    monkeypatch.setattr(excess.wildcard, "matches", counted)
    monkeypatch.setattr(excess, "MOST_TRIES", 10_000)
    nothing = (Statement(not_actions=("*", f"a:{n}"), resources=("*",)) for n in range(50))
    seen = excess_grants([Policy(tuple(nothing))], ())
    assert seen.grants == () and 40 <= len(seen.partly_checked) < 50
    assert tries.total() <= 10_000


def test_every_format_says_which_patterns_were_compared_with_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excess, "MOST_TRIES", 2_000)
    statement = {"Effect": "Allow", "NotAction": ["*", "a:b"], "Resource": "*"}
    action = {"Effect": "Allow", "Action": ["ec2:De*a*", "zz:*"], "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement, action]})
    (tmp_path / "p.json").write_text(text)
    words = (
        "may allow more: there are too many patterns to compare these with every action: all but"
    )
    for options in ([], ["--all-versions"]):
        assert words in run("coverage", "p.json", *options, cwd=tmp_path).out
    drawn = run("coverage", "p.json", "--all-versions", "--format", "svg", cwd=tmp_path).out
    assert words in " ".join("".join(ET.fromstring(drawn).itertext()).split())
    for options in ([], ["--all-versions"]):
        done = run("coverage", "p.json", "--format", "json", *options, cwd=tmp_path)
        assert json.loads(done.out)["granted_partly_checked"][0] == "all but *, a:b"


def test_what_matches_no_call_is_named_once_and_as_the_policy_names_it() -> None:
    policy = Policy((allow("ec2:AssignPrivateIp*", "s3:*", "EC2:runi*"),))
    coverage = covered(policy, setting(), "fresh-node")
    unused = (UnusedAction("s3:*", Harm.data), UnusedAction("EC2:runi*", Harm.data))
    assert (coverage.unused, coverage.excess.grants) == (unused, ())


@pytest.mark.parametrize("variant", ["ipv4", "ipv6", "ipv4-scoped"])
def test_upstreams_documents_name_actions(variant: str) -> None:
    mode = "ipv6" if variant == "ipv6" else "ipv4"
    assert covered(composed(variant, "latest"), setting(mode=mode)).excess == Excess()


@pytest.mark.parametrize(
    ("statement", "grave"),
    [
        (allow("*"), True),
        (allow("ec2:Describe*"), False),
        (allow("ec2:D?*s"), True),  # among many to describe, ec2:DeleteVpcEndpoints
        (TAGGED, False),
    ],
)
def test_a_pattern_is_a_risk_unless_it_only_describes_or_has_a_condition(
    statement: Statement, grave: bool
) -> None:
    result = {f.identifier: f for f in risks.find_risks([Policy((statement,))], setting())}
    assert ("actions-beyond-calls" in result) == grave
    policy = Policy((statement, deny("*", when=MFA)))
    conditioned = {f.identifier for f in risks.find_risks([policy], setting())}
    assert ("actions-beyond-calls" in conditioned) == grave
    assert covered(Policy((statement,)), setting(), "fresh-node").excess.grants
    if grave:
        text = f"{statement.actions[0]} allows actions that the plugin never calls, such as "
        assert text in risk_text(result["actions-beyond-calls"])


@pytest.mark.parametrize("order", [1, -1])
def test_a_pattern_under_a_condition_is_a_risk_where_another_statement_has_none(order: int) -> None:
    for statements, grave in (((TAGGED, allow("ec2:*")), True), ((TAGGED, TAGGED), False)):
        policy = Policy(statements[::order])
        (grant,) = excess_grants([policy], ()).grants
        assert grant.is_grave == grave
        identifiers = {risk.identifier for risk in risks.find_risks([policy], setting())}
        assert ("actions-beyond-calls" in identifiers) == grave


def test_what_is_asked_of_all_resources_is_said_in_words() -> None:
    policy = Policy((allow("ec2:Describe*", on=ENI),))
    lines = list(report.text(named(policy), covered(policy, setting(), "fresh-node")))
    assert any("no statement allows it on all resources (*)" in line for line in lines)
    assert not any("on the *" in line for line in lines)


def test_a_condition_that_is_not_met_is_named_with_the_value_that_the_request_has() -> None:
    tag = "aws:RequestTag/cluster.k8s.amazonaws.com/name"
    policy = Policy((allow("ec2:CreateTags", when=Condition("StringEquals", tag, ("other",))),))
    lines = list(report.text(named(policy), covered(policy, setting(), "fresh-node")))
    cluster = setting().names.cluster_name
    why = f"{tag} StringEquals 'other' is not met, the request has {tag} = {cluster}"
    assert any(f"on the network-interface: {why}" in line for line in lines)


def test_every_report_names_a_pattern_with_what_it_grants_besides() -> None:
    policy = Policy((allow("*"),))
    subject = named(policy)
    first, every = covered(policy, setting()), matrix([policy], setting())
    line = (
        ", gives itself access: *, such as iam:PassRole, ec2:RunInstances, ec2:TerminateInstances"
    )
    assert f"allowed beyond what is called{line}" in list(report.text(subject, first))
    message = f"allowed beyond what any plugin version calls{line}"
    assert message in list(matrix_report.text(subject, every))
    for shown in (shown_coverage(subject, first), shown_matrix(subject, every)):
        assert shown.granted_beyond_calls == (
            ExcessGrant("*", Harm.access, ("iam:PassRole", *EC2)),
        )


def test_services_whose_arns_have_no_type_are_asked_about_too() -> None:
    """Such as those of Amazon Managed Grafana, which begin with a slash."""
    for on, examples in (
        ("arn:aws:ec2:*:*:instance/*", ()),
        ("arn:aws:grafana:*:*:/workspaces/*", ("grafana:UpdatePermissions",)),
    ):
        policy = Policy((allow("*", on=(on,)), deny("ec2:*", "sagemaker:*")))
        granted = excess_grants([policy], ()).grants
        assert tuple(grant.examples for grant in granted) == ((examples,) if examples else ())
