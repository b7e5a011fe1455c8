"""What policies allow beyond the plugin's calls is told by what it is good for."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from coverage_policies import composed, covered, deny, reported, setting
from vpc_cni_iam.catalog.facts.escalation import escalating
from vpc_cni_iam.coverage.analysis.excess import escalating_actions
from vpc_cni_iam.coverage.analysis.risks import find_risks
from vpc_cni_iam.policy.document import Condition, Policy, Statement, to_json

PLUGIN = composed("ipv4", "latest")
NAMED = ("iam:PassRole", "iam:CreateAccessKey", "iam:AttachRolePolicy", "sts:AssumeRole")
KEY = "iam:CreateAccessKey"
METHOD = ("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances")
USERS = "arn:aws:iam::*:user/*"


def more(*actions: str, on: str = "*", **elements: Any) -> Policy:
    return Policy((*PLUGIN.statements, Statement(actions=actions, resources=(on,), **elements)))


def warned(policy: Policy, *limits: Policy) -> tuple[str, ...]:
    """Return the actions of the risk, none without it."""
    risks = {r.identifier: r for r in find_risks([policy], setting(), [[p] for p in limits])}
    risk = risks.get("privilege-escalation")
    assert risk is None or (risk.severity == "warning" and next(iter(risks.values())) is risk)
    return risk.names if risk else ()


@pytest.mark.parametrize("output", ["", "--all-versions"])
def test_actions_are_told_by_what_they_are_good_for(tmp_path: Path, output: str) -> None:
    policy = more(*NAMED, "s3:GetObject", "ec2:DescribeVpcs")
    (tmp_path / "p.json").write_text(json.dumps(to_json(policy)))
    # One version does not call what others do.
    describing = ["ec2:DescribeTags", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"]
    if output:
        describing.remove("ec2:DescribeSecurityGroups")
    shown = run("coverage", "p.json", *output.split(), "--verbose", cwd=tmp_path).out
    assert f"gives itself access: {', '.join(NAMED)}" in shown
    assert "reads or changes data or resources: s3:GetObject" in shown
    assert f"describes or lists: {', '.join(describing)}" in shown
    report = reported(tmp_path, "p.json", *output.split()[:1])
    harms = {each["action"]: each["harm"] for each in report["granted_never_called"]}
    assert harms == {
        **dict.fromkeys(NAMED, "access"),
        "s3:GetObject": "data",
        **dict.fromkeys(describing, "other"),
    }


def test_actions_by_which_the_role_gives_itself_access_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(to_json(more(*NAMED))))
    done = run("coverage", "p.json", cwd=tmp_path)
    risk = "  warning privilege-escalation: the role can give itself more permissions: "
    assert done.code == 0 and f"{risk}{', '.join(NAMED)}" in done.out.splitlines()
    assert reported(tmp_path, "p.json")["findings"][0]["id"] == "privilege-escalation"


@pytest.mark.parametrize("pattern", ["iam:*", "IAM:Create*Key", "*", "i?m:*"])
def test_a_pattern_counts_as_the_actions_that_it_has(pattern: str) -> None:
    policy = more(pattern)
    assert KEY in warned(policy)
    coverage = covered(policy, setting(), "fresh-node")
    harms = {u.action: u.harm for u in coverage.unused}
    harms |= {g.pattern: g.harm for g in coverage.excess.grants}
    assert harms[pattern] == "access"
    assert KEY not in warned(Policy((*policy.statements, deny("iam:*", "sts:*", "*:*Role"))))


def test_all_but_some_actions_count_too() -> None:
    whole = Statement(not_actions=("s3:*",), resources=("*",))
    assert KEY in warned(Policy((*PLUGIN.statements, whole)))
    coverage = covered(Policy((whole,)), setting(), "fresh-node")
    assert [grant.harm for grant in coverage.excess.grants] == ["access"]


def test_a_method_counts_if_all_of_its_actions_are_allowed() -> None:
    assert escalating({*METHOD}.__contains__) == METHOD
    assert warned(more(*METHOD)) == METHOD
    assert warned(more(*METHOD[1:])) == ()
    assert escalating(lambda action: False) == ()


def test_it_is_allowed_on_a_resource_of_its_kind_under_any_condition() -> None:
    mfa = Condition("Bool", "aws:MultiFactorAuthPresent", ("true",))
    for policy, counts in (
        (more(KEY, on=USERS), True),
        (more(KEY, on="arn:aws:iam::111122223333:user/admin"), True),
        (more(KEY, conditions=(mfa,)), True),
        (more(KEY, on="arn:aws:iam:*"), True),
        (more(KEY, on="arn:*"), True),
        (more(KEY, on="arn:aws:iam::${aws:PrincipalAccount}:user/x"), True),
        (more(KEY, on="arn:aws:iam::*:${aws:PrincipalTag/kind}/x"), True),
        (more(KEY, on="arn:aws:s3:*"), False),
        (more("*", on="arn:aws:ec2:*:*:network-interface/*"), False),
        (more("*", on="arn:aws:s3:::bucket/*"), False),
    ):
        assert (KEY in warned(policy)) is counts
    function = "arn:aws:lambda:us-east-1:111122223333:function:f"
    assert escalating_actions([more("lambda:*", on=function)]) == (
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionCode",
    )
    instances = "arn:aws:ec2:*:*:instance/*"
    assert "ssm:SendCommand" in escalating_actions([more("ssm:*", on=instances)])


def test_a_boundary_takes_it_away() -> None:
    assert warned(more(KEY), more(KEY)) == (KEY,)
    assert warned(more(KEY), PLUGIN) == ()


@pytest.mark.parametrize("variant", ["ipv4", "ipv6", "ipv4-scoped", "ipv4-ipv6"])
def test_the_plugins_own_policies_give_no_access(variant: str) -> None:
    assert escalating_actions([composed(variant, "latest")]) == ()
