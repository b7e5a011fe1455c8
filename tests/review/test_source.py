"""What --source reads: policies and references that are written out."""

import json
import re
from pathlib import Path

import pytest

from conftest import write_tree
from eks import NODE_TRUST
from synthetic import Json, allow, document, plan, resource, reviewed
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.template import Hole, HoleKind, Side
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import GrantKey
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.context import Context
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
    findings = reviewed(change, options=Options(source=tmp_path)).findings
    rules = {"trust-widened"} if is_read else {"unknown-policy"}
    assert {(f.rule, f.place and f.place.line) for f in findings} == {(r, 1) for r in rules}
    assert "ec2:A" not in str(findings)


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
