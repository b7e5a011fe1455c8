"""How two policies of one identity differ, and whether the new one allows anything new."""

import json
from pathlib import Path

import pytest

from conftest import run
from synthetic import allow, document, parsed
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.comparing.answer import InputReason, NotRead, RefusedPolicy, example
from vpc_cni_iam.comparing.compare import ComparedPolicy, PolicyComparison, compare, side
from vpc_cni_iam.comparing.report import comparison_lines
from vpc_cni_iam.coverage.subject import Opener
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven

OPENER = Opener(stdin=str)


def compared(old: Policy, new: Policy, *skipped: NotKnown) -> PolicyComparison:
    return compare(ComparedPolicy("old", old), ComparedPolicy("new", new, skipped))


DENY = {**allow("s3:B"), "Effect": "Deny"}
LESS, MORE = parsed(allow("ec2:A")), parsed(allow(["ec2:A", "ec2:B"]))
DENYING = parsed(allow("ec2:A"), DENY)
MORE_DENYING = parsed(allow(["ec2:A", "ec2:B"]), DENY)
ANYWAY = parsed(allow("ec2:A"), {**allow("s3:*"), "Effect": "Deny"})
SECURE = {"Bool": {"aws:SecureTransport": "true"}}
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
DENIED = parsed(allow("s3:*"), {**allow("s3:*"), "Effect": "Deny", "Condition": INSECURE})
CONDITIONED = parsed({**allow("s3:*"), "Condition": SECURE})


@pytest.mark.parametrize(
    ("old", "new", "answer", "removed_denies"),
    [
        (LESS, LESS, NoNewAccess, []),
        (LESS, MORE, NewAccess, []),
        (MORE, LESS, NoNewAccess, []),
        (LESS, DENYING, NoNewAccess, []),
        # All policies of the identity are compared: nothing is new, and the note has the Deny.
        (DENYING, LESS, NoNewAccess, [1]),
        (DENIED, CONDITIONED, NoNewAccess, [1]),
        (DENYING, ANYWAY, NoNewAccess, []),
        (DENYING, MORE_DENYING, NewAccess, []),
    ],
)
def test_two_policies_are_compared_as_all_of_an_identity(
    old: Policy, new: Policy, answer: type, removed_denies: list[int]
) -> None:
    result = compared(old, new)
    assert isinstance(result.answer, answer)
    assert result.proven is (answer is NoNewAccess)
    assert [place.index for place in result.removed_denies] == removed_denies
    text = "\n".join(line.text for line in comparison_lines(result))
    assert ("another policy of the identity" in text) is bool(removed_denies)


def test_what_was_skipped_and_counts_leaves_no_proof() -> None:
    noted = NotKnown("x", Reason.assumed, "as it is")
    counting = NotKnown("aws_iam_policy.y", Reason.not_read, "it is not known")
    assert compared(MORE, LESS, noted).proven
    result = compared(MORE, LESS, counting)
    assert result.answer == NotProven(InputReason.not_read, NotRead((counting,), NoNewAccess()))
    assert "aws_iam_policy.y" in [*comparison_lines(result)][-1].text
    shown = compared(LESS, MORE, counting)
    assert not shown.proven
    request = example(shown.answer)
    assert request is not None and request.request.action == "ec2:B"
    last = [*comparison_lines(shown)][-1].text
    assert last.startswith("not proven: ") and "newly allows, for instance ec2:B on" in last
    turned = compare(ComparedPolicy("a", MORE, (counting,)), ComparedPolicy("b", LESS, (noted,)))
    assert isinstance(turned.answer, NotProven)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (Reason.assumed, "No differences."),
        (Reason.not_read, "No differences in what was read."),
    ],
)
def test_policies_of_which_a_part_was_not_read_are_not_the_same(reason: Reason, shown: str) -> None:
    lines = comparison_lines(compared(MORE, MORE, NotKnown("x", reason, "it is not known")))
    assert shown in [line.text for line in lines]


def test_a_policy_that_the_evaluator_refuses_is_not_proven() -> None:
    odd = Statement(
        actions=("s3:*",), resources=("*",), conditions=(Condition("StringSounds", "a:b", ("c",)),)
    )
    result = compared(LESS, Policy((odd,)))
    assert isinstance(result.answer, NotProven)
    assert result.answer.reason is InputReason.refused
    assert isinstance(result.answer.evidence, RefusedPolicy)
    assert "StringSounds" in result.answer.evidence.problem
    last = [*comparison_lines(result)][-1].text
    assert last.startswith("not proven: $.Statement[0].Condition.StringSounds.a:b: 'StringSounds'")


def test_what_is_not_proven_has_its_reason() -> None:
    any_account, own = "arn:aws:iam::*:role/x", "arn:aws:iam::${aws:PrincipalAccount}:role/x"
    old, new = (
        parsed({**allow("ec2:A"), "Condition": {"ArnLike": {"aws:PrincipalArn": arn}}})
        for arn in (any_account, own)
    )
    text = [*comparison_lines(compared(old, new))][-1].text
    assert text.startswith("not proven: statement 1 of new policy 1")


MODULE = """
data "aws_iam_policy_document" "one" {
  statement {
    actions   = ["ec2:A"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "two" {
  version = "%s"
  statement {
    actions   = ["ec2:B"]
    resources = ["*"]
  }
}
"""


def test_a_side_is_the_only_policy_of_its_input_or_those_that_are_named(tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_text(document(allow("ec2:A")))
    # The names are for the other side.
    for other in ([], ["one"]):
        assert side(str(alone), other, OPENER).policy == LESS
    (tmp_path / "main.tf").write_text(MODULE % "2012-10-17")
    module = str(tmp_path)
    for names, actions in ((("one",), ["ec2:A"]), (("one", "two"), ["ec2:A", "ec2:B"])):
        taken = side(module, names, OPENER)
        assert [*taken.policy.actions()] == actions
        assert ", ".join(names) in taken.title
    with pytest.raises(UsageError):
        side(module, (), OPENER)


def test_policies_of_two_versions_are_not_one(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(MODULE % "2008-10-17")
    with pytest.raises(InputError, match="have different Versions"):
        side(str(tmp_path), ("one", "two"), OPENER)
    assert side(str(tmp_path), ("two",), OPENER).policy.version == "2008-10-17"


_EVERYTHING = document(allow("*"))


def _role(boundary: str) -> str:
    limit = {"PermissionsBoundaryArn": boundary}
    described = {
        "RoleName": "r",
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": json.loads(_EVERYTHING)}],
        **({"PermissionsBoundary": limit} if boundary else {}),
    }
    return json.dumps({"RoleDetailList": [described], "Policies": []})


_B, _C = (_role(f"arn:aws:iam::111122223333:policy/{name}") for name in "bc")
_IN_HCL = """
resource "aws_iam_role" "r" {
  name                 = "r"
  permissions_boundary = "arn:aws:iam::111122223333:policy/b"
  assume_role_policy   = "{}"
}
resource "aws_iam_role_policy" "p" {
  name   = "p"
  role   = aws_iam_role.r.name
  policy = jsonencode({Version = "2012-10-17", Statement = [
    {Effect = "Allow", Action = "*", Resource = "*"}]})
}
"""


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (_B, _B, "no new access"),
        (_role(""), _B, "no new access"),
        (_B, _IN_HCL, "no new access"),
        # A policy alone says nothing about the role.
        (_B, _EVERYTHING, "no new access"),
        (_B, _role(""), "not proven"),
        (_B, _C, "not proven"),
        (_C, _IN_HCL, "not proven"),
    ],
)
def test_a_boundary_that_the_new_role_does_not_have_is_not_taken_as_unchanged(
    old: str, new: str, verdict: str, tmp_path: Path
) -> None:
    names = []
    for number, text in enumerate((old, new)):
        names.append(f"{number}.{'tf' if text == _IN_HCL else 'json'}")
        (tmp_path / names[-1]).write_text(text)
    done = run("compare", *names, "--format", "json", cwd=tmp_path)
    result = json.loads(done.out)
    assert (result["verdict"], done.code) == (verdict, int(verdict != "no new access")), done.err
    if verdict == "not proven":
        assert "permissions boundary" in run("compare", *names, cwd=tmp_path).out


def test_a_boundary_is_no_part_of_a_side(tmp_path: Path) -> None:
    details = {
        "RoleName": "r",
        "Arn": "arn:aws:iam::111122223333:role/r",
        "RolePolicyList": [
            {"PolicyName": "p", "PolicyDocument": json.loads(document(allow("ec2:A")))}
        ],
        "AttachedManagedPolicies": [],
        "AssumeRolePolicyDocument": {},
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b",
        },
    }
    path = tmp_path / "account.json"
    path.write_text(json.dumps({"RoleDetailList": [details], "Policies": []}))
    taken = side(str(path), (), OPENER)
    assert taken.policy.actions() == LESS.actions()
    assert Reason.not_applied not in {part.reason for part in taken.skipped}
