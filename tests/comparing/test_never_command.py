"""``compare --never`` as a user meets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run, validator
from documents import INTERFACE, document, tagged
from smt.request import Document


def asked(folder: Path, *words: str) -> dict[str, Any]:
    done = run("compare", *words, "--format", "json", cwd=folder)
    result: dict[str, Any] = json.loads(done.out)
    assert done.code == (0 if result["proven"] else 1), done.err
    validator("compare").validate(result)
    return result


def test_the_command_answers_each_question(tmp_path: Path) -> None:
    for name in "ab":
        own = document(tagged(name, "ec2:Delete*"), {"Action": "ec2:DescribeInstances"})
        (tmp_path / f"{name}.json").write_text(json.dumps(own))
    (tmp_path / "all.json").write_text(json.dumps(document({"Action": "*"})))
    words = ("--never", "iam:PassRole", "--never", f"ec2:Delete*@{INTERFACE}", "a.json", "b.json")
    result = asked(tmp_path, *words)
    assert [a["answer"] for a in result["actions"]] == ["never", "allowed"]
    # No account has 13 digits, so the request that shows it is made up.
    unlikely = asked(
        tmp_path, "--never", "iam:PassRole@arn:aws:iam::1112222333344:role/*", "all.json"
    )
    (answer,) = unlikely["actions"]
    assert (
        answer["answer"] == "not proven" and "resource AWS may not have" in answer["reason"]["text"]
    )
    assert answer["example"]["made_up"] == ["resource"]
    text = run("compare", *words, cwd=tmp_path).out.splitlines()
    assert text[0] == "iam:PassRole on any resource: never (proven)"
    assert text[1].startswith(f"ec2:Delete* on {INTERFACE}: allowed, for instance ec2:Delete")


def test_a_misspelled_action_is_not_proven(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(document({"Action": "iam:PassRole"})))
    actions = ("iam:PasRole", "iam:PassRoles*", "s3:NewAction")
    words = [word for action in actions for word in ("--never", action)]
    result = asked(tmp_path, *words, "r.json")
    assert [a["answer"] for a in result["actions"]] == ["not proven"] * 2 + ["never"]
    assert result["actions"][0]["reason"]["text"].endswith("did you mean 'iam:PassRole'?")
    result = asked(tmp_path, "--never", "iam:Zzzzzz", "r.json")
    assert result["actions"][0]["reason"]["text"].endswith("; no similar one is known")
    result = asked(tmp_path, "--never", "iamm:PassRole", "r.json")
    reason = result["actions"][0]["reason"]["text"]
    assert reason.startswith("unknown service 'iamm'") and reason.endswith("did you mean 'iam'?")


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("ec2:TerminateInstances@arn:aws:ec2:*:*:instances/*", "not proven"),
        ("ec2:*@arn:aws:ec2:*:*:instances/*", "not proven"),
        ("*@arn:aws:ec2:*:*:instances/*", "not proven"),
        ("ec2:TerminateInstances@arn:aws:ec2:*:*:volume/*", "not proven"),
        ("ec2:DescribeInstances@arn:aws:ec2:*:*:instance/*", "not proven"),
        ("iam:PassRole@arn:aws:iam::111122223333:roles/*", "not proven"),
        ("s3:ListBucket@arn:aws:s3:::bucket/*", "not proven"),
        ("s3:ListBucket@arn:aws:s3:::bucket", "never"),
        ("iam:PassRole@arn:aws:iam::111122223333:role/other", "never"),
        ("ec2:Terminate*@arn:aws:ec2:*:*:volume/*", "never"),
        ("ec2:DeleteVolume@arn:aws:ec2:*:*:volume/*", "never"),
        ("ec2:DeleteVolume@arn:aws:ec2:*", "never"),
        ("s3:DeleteObject@arn:aws:s3:::bucket/a:b/*", "never"),
        ("ssm:StartSession@arn:aws:ec2:*:*:instance/*", "never"),
        ("s3:NewAction@arn:aws:s3:::bucket/*", "never"),
        ("xray:NewAction@arn:aws:xray:*:*:group/*", "never"),
    ],
)
def test_a_resource_on_which_aws_does_not_check_the_action_is_not_proven(
    target: str, answer: str, tmp_path: Path
) -> None:
    """For example a misspelled type: the role may do the same on every real resource."""
    policy = document(
        {"Action": ["ec2:TerminateInstances", "ec2:DescribeInstances"]},
        {"Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/nodes"},
    )
    (tmp_path / "r.json").write_text(json.dumps(policy))
    (shown,) = asked(tmp_path, "--never", target, "r.json")["actions"]
    assert shown["answer"] == answer
    action, _, resource = target.partition("@")
    if answer == "not proven":
        assert shown["reason"]["text"].startswith(f"AWS does not check {action} on {resource}")


@pytest.mark.parametrize(
    ("resource", "asked_about", "answer"),
    [
        ("arn:aws-us-gov:ec2:*:*:instance/*", "arn:aws:ec2:*:*:instance/*", "not proven"),
        ("arn:aws-us-gov:ec2:*:*:instance/*", "arn:aws-us-gov:ec2:*:*:instance/*", "allowed"),
        ("arn:aws-us-gov:ec2:*:*:volume/*", "arn:aws-us-gov:ec2:*:*:instance/*", "never"),
        ("arn:aws-us-gov:ec2:*:*:volume/*", "arn:*:ec2:*:*:instance/*", "never"),
        ("arn:*:ec2:*:*:volume/*", "arn:aws:ec2:*:*:instance/*", "never"),
    ],
)
def test_a_resource_of_another_partition_than_the_policies_is_not_proven(
    resource: str, asked_about: str, answer: str, tmp_path: Path
) -> None:
    policy = document({"Action": "ec2:*", "Resource": resource})
    (tmp_path / "r.json").write_text(json.dumps(policy))
    target = f"ec2:TerminateInstances@{asked_about}"
    (shown,) = asked(tmp_path, "--never", target, "r.json")["actions"]
    assert shown["answer"] == answer


def test_what_was_not_read_is_not_proven(tmp_path: Path) -> None:
    parts = {"RoleName": "r", "RolePolicyList": [
        {"PolicyName": "good", "PolicyDocument": document(tagged("a", "ec2:Delete*"))},
        {"PolicyName": "bad", "PolicyDocument": {"Statement": [{"Effect": "Alow"}]}},
    ]}  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps({"RoleDetailList": [parts]}))
    result = asked(tmp_path, "--never", "iam:PassRole", "r.json")
    assert result["actions"][0]["answer"] == "not proven" and "r/bad" in str(result["skipped"])
    first, *others = run(
        "compare", "--never", "iam:PassRole", "r.json", cwd=tmp_path, env={"COLUMNS": "500"}
    ).out.splitlines()
    assert first.startswith("iam:PassRole on any resource: not proven: ")
    assert any("r/bad" in line for line in others)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--never", "PassRole", "p.json"), "PassRole"),
        (("--never", "ec2:*@i-0123", "p.json"), "i-0123"),
        (("--never", "ec2:*@arn:aws:ec2:*:*:${x}", "p.json"), "not an ARN"),
        ((*("--never", "ec2:*") * 51, "p.json"), "--never is given 51 times; the limit is 50"),
        (("--disjoint", "p.json", "p.json"), "--disjoint"),
        (("p.json",), "OLD and NEW"),
        (("p.json", "p.json", "--scp", "p.json"), "--boundary and --scp need --never"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    words: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(json.dumps(document({"Action": "ec2:*"})))
    done = run("compare", *words, cwd=tmp_path)
    assert (done.code, done.out) == (2, "") and problem in done.err


def test_as_many_questions_as_the_limit_are_answered(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(document({"Action": "ec2:*"})))
    result = asked(tmp_path, *("--never", "iam:PassRole") * 50, "p.json")
    assert [each["answer"] for each in result["actions"]] == ["never"] * 50


DENIED = document({"Action": "*"}, {"Effect": "Deny", "Action": "ec2:TerminateInstances"})
ONE_SERVICE = document({"Action": "ec2:*"})
OF_LOGS = document({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"})
OF_OTHERS = document({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"})


@pytest.mark.parametrize(
    ("policy", "limits", "action", "answer"),
    [
        (document({"Action": "*"}), (), "ec2:TerminateInstances", "allowed"),
        (document({"Action": "*"}), ("--boundary", ONE_SERVICE), "iam:PassRole", "never"),
        (document({"Action": "*"}), ("--scp", DENIED), "ec2:TerminateInstances", "never"),
        (document({"Action": "*"}), ("--scp", DENIED), "ec2:RunInstances", "allowed"),
        # A Deny of the policies counts in the boundary, which alone allows more.
        (
            DENIED,
            ("--boundary", document({"Action": "ec2:TerminateInstances"})),
            "ec2:*",
            "never",
        ),
        # Each allows it on some object, and both on none.
        (OF_LOGS, ("--boundary", OF_OTHERS), "s3:GetObject", "never"),
    ],
)
def test_limits_of_a_role_count(
    tmp_path: Path, policy: Document, limits: tuple[str, Document], action: str, answer: str
) -> None:
    (tmp_path / "p.json").write_text(json.dumps(policy))
    options = ["--never", action]
    if limits:
        (tmp_path / "limit.json").write_text(json.dumps(limits[1]))
        options += [limits[0], "limit.json"]
    done = run("compare", "p.json", *options, "--format", "json", cwd=tmp_path)
    (result,) = json.loads(done.out)["actions"]
    assert (result["answer"], done.code) == (answer, int(answer != "never"))
