"""What --source reads: policies and references that are written out."""

import json
import re
from pathlib import Path

import pytest

from conftest import write_tree
from eks import NODE_TRUST
from synthetic import Json, allow, document, plan, resource
from test_role_uses import LATER
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.template import Hole, HoleKind, Side
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import GrantKey
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.not_shown import not_shown
from vpc_cni_iam.review.options import Options

TRUST = """resource "aws_iam_role" "r" {
  inline_policy {
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:A", Resource = "*" }] })
  }
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }]
  })
}
"""


def content(folder: Path, key: Part, *changes: Json, **more: object) -> object:
    """What the first change's principal has after the plan."""
    made = read_plan(plan(*changes, **more), "plan.json")
    grants = Context(made, Options(source=folder)).accounts.after.of(InPlan(changes[0]["address"]))
    return next(grant.content for name, grant in grants.items() if name.part is key)


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (TRUST, True),
        (TRUST.replace("=", "=="), False),
        (re.sub(r"(assume_role_policy =) .*", r"\1 var.trust\n}\n", TRUST, flags=re.DOTALL), False),
    ],
)
def test_a_trust_policy_is_read_where_it_is_written_if_an_engine_reads_that(
    text: str, tmp_path: Path, *, is_read: bool
) -> None:
    """Not the other document of the block, and nothing of what is no HCL."""
    write_tree(tmp_path, {"main.tf": text})
    sides = [{"name": "r", "assume_role_policy": NODE_TRUST}, {"name": "r"}]
    change = resource("aws_iam_role", "r", *sides, after_unknown={"assume_role_policy": True})
    read = content(tmp_path, Part.TRUST, change)
    assert isinstance(read, Document) is is_read
    if isinstance(read, Document):
        assert [s.actions for s in read.policy.statements] == [("sts:AssumeRole",)]


POLICY = """resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.b.arn}/*" },
      { Effect = "Allow", Action = "s3:*", Resource = aws_s3_bucket.b.arn },
    ]
  })
}
"""


def test_each_expression_of_a_policy_is_unknown_in_its_place(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": POLICY})
    values = {"name": "p"}
    change = resource("aws_iam_policy", "p", None, values, after_unknown={"policy": True})
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options(source=tmp_path)).accounts.after.of(InPlan("aws_iam_policy.p"))
    read = grants[GrantKey(Part.PERMISSIONS)].content
    assert isinstance(read, Document)
    hole = Hole(HoleKind.UNKNOWN, "aws_iam_policy.p.policy: aws_s3_bucket.b.arn", Side.AFTER)
    assert read.policy.holes() == (hole,)
    assert [s.actions for s in read.policy.statements] == [("s3:GetObject",), ("s3:*",)]
    assert not isinstance(content_without_source(change), Document)


def content_without_source(change: Json) -> object:
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options()).accounts.after.of(InPlan(change["address"]))
    return grants[GrantKey(Part.PERMISSIONS)].content


@pytest.mark.parametrize("name", ["override.tf", "z_override.tf.json", "main.tofu"])
def test_what_another_file_may_override_is_not_read(name: str, tmp_path: Path) -> None:
    other = {"resource": {"aws_iam_policy": {"p": {"policy": document(allow("*"))}}}}
    text = json.dumps(other)
    if not name.endswith(".json"):
        text = 'resource "aws_iam_policy" "p" {\n  policy = var.policy\n}\n'
    write_tree(tmp_path, {"main.tf": POLICY, name: text})
    unknown = {"policy": True}
    change = resource("aws_iam_policy", "p", None, {"name": "p"}, after_unknown=unknown)
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options(source=tmp_path)).accounts.after.of(InPlan("aws_iam_policy.p"))
    assert not isinstance(grants[GrantKey(Part.PERMISSIONS)].content, Document)


@pytest.mark.parametrize(
    ("written", "is_shown"),
    [
        (None, False),
        ("aws_iam_role.made.arn", True),
        ("(\n    aws_iam_role.made.arn\n  )", True),
        ("var.role", False),
        ('try(aws_iam_role.made.arn, "")', False),
        ('replace(aws_iam_role.made.arn, "made", "admin")', False),
        ('"${aws_iam_role.made.arn}-admin"', False),
        ('format("%sx", aws_iam_role.made.arn)', False),
    ],
)
def test_a_reference_that_is_known_after_apply_is_not_taken_for_the_role_in_silence(
    written: str | None, tmp_path: Path, *, is_shown: bool
) -> None:
    """What a function makes of a reference is not in a plan; it may stand in the source."""
    text = 'resource "aws_iam_role" "made" {\n}\n'
    text += f'resource "aws_lambda_function" "f" {{\n  role = {written}\n}}\n' if written else ""
    write_tree(tmp_path, {"main.tf": text})
    parts = not_shown(Context(read_plan(LATER, "plan.json"), Options(source=tmp_path)))
    assert (parts == ()) is is_shown
