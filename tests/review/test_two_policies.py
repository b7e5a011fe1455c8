"""How two policies of one identity differ, and whether the new one allows anything new."""

import json
from pathlib import Path

import pytest

from synthetic import allow, document, parsed
from vpc_cni_iam.coverage.subject import Opener
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED
from vpc_cni_iam.review.diff.two_policies import Between, ComparedPolicy, between, side

OPENER = Opener(stdin=str)


def compared(old: Policy, new: Policy, *skipped: Skipped) -> Between:
    return between(ComparedPolicy("old", old, ()), ComparedPolicy("new", new, skipped))


DENY = {**allow("s3:B"), "Effect": "Deny"}
LESS, MORE = parsed(allow("ec2:A")), parsed(allow(["ec2:A", "ec2:B"]))
DENYING = parsed(allow("ec2:A"), DENY)
MORE_DENYING = parsed(allow(["ec2:A", "ec2:B"]), DENY)
ANYWAY = parsed(allow("ec2:A"), {**allow("s3:*"), "Effect": "Deny"})


@pytest.mark.parametrize(
    ("old", "new", "verdict", "effects"),
    [
        (LESS, LESS, "no new access", []),
        (LESS, MORE, "new access", ["gain"]),
        (MORE, LESS, "no new access", ["loss"]),
        (LESS, DENYING, "no new access", ["loss"]),
        # Another policy may allow what the Deny held back.
        (DENYING, LESS, "not proven", ["gain"]),
        (DENYING, ANYWAY, "no new access", ["loss"]),
        (DENYING, MORE_DENYING, "new access", ["gain"]),
        (MORE_DENYING, MORE, "not proven", ["gain"]),
    ],
)
def test_a_new_policy_allows_more_or_not_whatever_other_policies_allow(
    old: Policy, new: Policy, verdict: str, effects: list[str]
) -> None:
    result = compared(old, new)
    assert (result.old, result.new, result.access.verdict) == ("old", "new", verdict)
    assert result.access.reason == (DENY_REMOVED if verdict == "not proven" else "")
    assert (result.access.witness is not None) == (verdict == "new access")
    assert [line.effect for line in result.lines] == effects


def test_what_was_skipped_and_counts_leaves_no_proof() -> None:
    noted = Skipped("x", Reason.assumed, "as it is")
    counting = Skipped("aws_iam_policy.y", Reason.not_read, "it is not known")
    assert compared(MORE, LESS, noted).access.verdict == "no new access"
    result = compared(MORE, LESS, counting)
    assert result.access.verdict == "not proven" and "aws_iam_policy.y" in result.access.reason
    assert (result.old_skipped, result.new_skipped) == ((), (counting,))
    shown = compared(LESS, MORE, counting).access
    assert shown.verdict == "not proven" and shown.witness and shown.witness.action == "ec2:B"
    turned = between(ComparedPolicy("a", MORE, (counting,)), ComparedPolicy("b", LESS, (noted,)))
    assert turned.access.verdict == "not proven"
    assert (turned.old_skipped, turned.new_skipped) == ((counting,), (noted,))


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
    with pytest.raises(InputError, match="differ in their Version"):
        side(str(tmp_path), ("one", "two"), OPENER)
    assert side(str(tmp_path), ("two",), OPENER).policy.version == "2008-10-17"


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
