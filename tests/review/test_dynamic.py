"""Inline policies of a dynamic block, of which a plan knows nothing before the role is there.

Terraform 1.15.5 and OpenTofu 1.12 make the same plan of a role without inline policies.
"""

import json
from pathlib import Path

import pytest

from conftest import write_tree
from synthetic import WANTED, document, plan, resource
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.run import review

TRUST = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
DYNAMIC = """
resource "aws_iam_role" "r" {
  dynamic "inline_policy" {
    for_each = toset(split(",", aws_iam_role.other.arn))
    content {
      name   = "one"
      policy = data.aws_iam_policy_document.one.json
    }
  }
}
"""
PLAIN = 'resource "aws_iam_role" "r" {\n  name = "r"\n}\n'
CALL = 'module "m" {\n  source = "SOURCE"\n}\n'


def reviewed(directory: Path | None, module: str = "", source: str = "./m") -> Review:
    sides = [None, {"name": "r", "assume_role_policy": TRUST}]
    unknown = {"inline_policy": True, "managed_policy_arns": True, "arn": True}
    change = resource("aws_iam_role", "r", *sides, after_unknown=unknown)
    change["address"] = f"{module}aws_iam_role.r"
    calls = {"m": {"source": source, "module": {}}} if module else {}
    configuration = {"root_module": {"module_calls": calls}}
    text = plan(change, configuration=configuration)
    made = read_plan(text, "plan.json")
    return review(made, WANTED, locator=Locator(directory, made.configuration))


def rules(review: Review) -> set[str]:
    return {f.rule for f in review.findings}


@pytest.mark.parametrize("module", ["", "module.m."])
@pytest.mark.parametrize("text", [DYNAMIC, PLAIN])
def test_the_source_tells_of_a_dynamic_block(tmp_path: Path, module: str, text: str) -> None:
    files = {"main.tf": text}
    if module:
        files = {"main.tf": CALL.replace("SOURCE", "./m"), "m/main.tf": text}
    review = reviewed(write_tree(tmp_path, files), module)
    expected = {"new-policy"} | ({"unknown-policy"} if text == DYNAMIC else set())
    assert rules(review) == expected


def test_a_source_in_json_tells_of_it_too(tmp_path: Path) -> None:
    blocks = [{"inline_policy": {"for_each": "${toset([])}", "content": {"name": "one"}}}]
    for more, expected in (
        ({"dynamic": blocks}, {"new-policy", "unknown-policy"}),
        ({}, {"new-policy"}),
    ):
        role = {"aws_iam_role": {"r": {"name": "r", **more}}}
        directory = tmp_path / str(len(more))
        directory.mkdir()
        (directory / "main.tf.json").write_text(json.dumps({"resource": role}, indent=2))
        assert rules(reviewed(directory)) == expected


def test_without_the_source_it_is_said_that_nothing_is_known(tmp_path: Path) -> None:
    for result in (
        reviewed(None),
        reviewed(
            write_tree(tmp_path, {"main.tf": CALL.replace("SOURCE", "x/y/aws")}),
            "module.m.",
            "x/y/aws",
        ),
    ):
        assert rules(result) == {"new-policy", "unseen"}
        (item,) = (f for f in result.findings if f.rule == "unseen")
        assert (item.level, item.means) == ("note", ())
