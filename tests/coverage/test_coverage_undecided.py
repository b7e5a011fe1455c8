"""A call that AWS leaves open whether a policy allows is not allowed.

Text and pages say of it what JSON says: test_coverage_formats.py.
"""

import json
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.policy.document import Condition, Policy, Statement, dumps

EC2 = Statement(actions=("ec2:*",), resources=("*",))
UNCLEAR = (Condition("StringLike", "aws:TagKeys", ("*",)),)
DENY = Statement("Deny", actions=("ec2:CreateTags",), resources=("*",), conditions=UNCLEAR)
REASON = (
    "aws:TagKeys can have several values, and AWS does not define a condition on such a key "
    "without ForAllValues or ForAnyValue"
)


@pytest.fixture(params=["may be denied", "may be allowed"])
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    others = Statement(not_actions=("ec2:CreateTags",), resources=("*",))
    allow = Statement(actions=("ec2:CreateTags",), resources=("*",), conditions=UNCLEAR)
    statements = (EC2, DENY) if request.param == "may be denied" else (others, allow)
    path = tmp_path / "policy.json"
    path.write_text(dumps(Policy(statements)))
    return str(path)


def coverage(policy: str, *options: str) -> tuple[int, str]:
    where = ("--cni-version", "v1.23.0", "--scenario", "fresh-node")
    done = run("coverage", policy, *where, *options)
    return done.code, done.out


def test_json_says_what_is_undecided_and_why(policy: str) -> None:
    code, text = coverage(policy, "--format", "json")
    assert code == 1
    data = json.loads(text)
    calls = [c for s in data["scenarios"] for c in s["calls"] if c["undecided"]]
    assert {call["action"] for call in calls} == {"ec2:CreateTags", "ec2:CreateNetworkInterface"}
    assert not any(call["allowed"] for call in calls)
    (check,) = calls[0]["checks"]
    assert (check["outcome"], check["statement"], check["reason"]) == ("undecided", "2", REASON)
    assert data["verdict"] == "unknown"
    assert not any("undecided" in call["breaks"] for call in calls)


@pytest.mark.parametrize("output", ["text", "json", "svg"])
def test_every_format_of_all_versions_says_what_is_undecided(policy: str, output: str) -> None:
    code, text = coverage(policy, "--all-versions", "--format", output)
    assert code == 1
    if output == "json":
        newest = json.loads(text)["versions"][-1]
        assert newest["cells"]["ec2:CreateTags"] == "fatal"
        assert newest["denied"]["ec2:CreateTags"]["undecided"] == REASON
        assert "undecided" not in newest["denied"]["ec2:CreateTags"]["breaks"]
    else:
        sentence = f"undecided, since {REASON}; if it is denied, "
        assert output == "svg" or sentence in text
        assert "undecided, counted as denied: ec2:CreateNetworkInterface, ec2:CreateTags" in text
    if output == "text":
        assert f"; unknown with v1.7.2 to {known_versions.newest()}" in text.splitlines()[0]


def test_a_risk_that_may_be_there_is_named(policy: str) -> None:
    assert "unconditioned-create-tags" in coverage(policy)[1]


def test_a_denial_that_follows_from_an_undecided_call_is_undecided(tmp_path: Path) -> None:
    """Whether the interface has the tag that others ask for depends on ec2:CreateTags."""
    words = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    document = json.loads(run("policy", "ipv4-scoped", "--no-harden", *words).out)
    (tagging,) = (s for s in document["Statement"] if "ec2:CreateTags" in s["Action"])
    tagging["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": "network"}}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(document))
    text = coverage(str(path))[1]
    assert text.splitlines()[0].endswith(": unknown")
    assert "         undecided: it depends on an undecided call before it\n" in text
    every = coverage(str(path), "--all-versions", "--format", "json")[1]
    newest = json.loads(every)["versions"][-1]
    assert newest["denied"]["ec2:AssignPrivateIpAddresses"]["undecided"]
    # A tag that an undecided call may put can deny what else is allowed.
    deny = {
        "Effect": "Deny",
        "Action": "ec2:AssignPrivateIpAddresses",
        "Resource": "*",
        "Condition": {"StringLike": {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": "*"}},
    }
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    unsure = {**deny, "Action": "ec2:CreateTags", "Condition": tagging["Condition"]}
    path.write_text(json.dumps({**document, "Statement": [allow, deny, unsure]}))
    text = coverage(str(path))[1]
    assert "ec2:AssignPrivateIpAddresses on the primary interface\n" in text
    # What is denied whatever becomes of it stays denied.
    without = [s for s in document["Statement"] if "ec2:DetachNetworkInterface" not in s["Action"]]
    path.write_text(json.dumps({**document, "Statement": without}))
    assert coverage(str(path))[1].splitlines()[0].endswith(": fails")
