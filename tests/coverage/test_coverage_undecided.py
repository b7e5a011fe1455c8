"""A call that AWS leaves open whether a policy allows is not allowed, and every format says so."""

import json
from pathlib import Path

import pytest

from conftest import run
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


def test_text(policy: str) -> None:
    code, text = coverage(policy)
    assert code == 1
    assert f"undecided by statement 2: {REASON}\n" in text
    assert "         if denied, exits at start (" in text
    assert text.endswith("2 denied (2 undecided, counted as denied), 2 of them required\n")
    assert text.splitlines()[-1].startswith("unknown: ")


def test_json(policy: str) -> None:
    code, text = coverage(policy, "--format", "json")
    assert code == 1
    data = json.loads(text)
    calls = [c for s in data["scenarios"] for c in s["calls"] if c["undecided"]]
    assert {call["action"] for call in calls} == {"ec2:CreateTags", "ec2:CreateNetworkInterface"}
    assert not any(call["allowed"] for call in calls)
    (check,) = calls[0]["checks"]
    assert (check["outcome"], check["statement"], check["reason"]) == ("undecided", "2", REASON)
    assert data["verdict"] == "fatal"
    assert not any("undecided" in call["breaks"] for call in calls)


@pytest.mark.parametrize("output", ["text", "json", "svg", "html"])
def test_all_versions(policy: str, output: str) -> None:
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


def test_a_risk_that_may_be_there_is_named(policy: str) -> None:
    assert "unconditioned-create-tags" in coverage(policy)[1]
