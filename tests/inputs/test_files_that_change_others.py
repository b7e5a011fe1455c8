"""No policy is taken for certain that an engine may render as another, also if it is named."""

import json
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, run, write_tree
from vpc_cni_iam.engine.documents import documents
from vpc_cni_iam.engine.run import Engine

CNI = """
data "aws_iam_policy_document" "cni" {
  count = length(terraform_data.one)
  statement {
    actions   = var.actions
    resources = ["*"]
  }
}

resource "terraform_data" "one" {
  count = 1
}
"""
ACTIONS = 'variable "actions" {\n  default = ["ec2:*"]\n}\n'
OTHER = ACTIONS.replace("ec2:", "s3:")
MODULE = {"main.tf": CNI, "variables.tf": ACTIONS}
# A file beside them, and what a report names for it.
CHANGES = {
    "a default in an override file": ("x_override.tf", OTHER, "x_override.tf"),
    "a number of instances in an override file": (
        "override.tf",
        'resource "terraform_data" "one" {\n  count = 0\n}\n',
        "override.tf",
    ),
    "a Region in an override file": (
        "override.tf",
        'data "aws_region" "current" {\n  name = "eu-west-1"\n}\n',
        "override.tf",
    ),
    "a file for OpenTofu alone": ("variables.tofu", OTHER, "variables.tf"),
    "a second declaration for OpenTofu": ("z.tofu", OTHER, "var.actions"),
    "values that are not read": (
        "terraform.tfvars",
        f'actions = ["s3:*"]\nother = {10**40}\n',
        "terraform.tfvars",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_may_change_a_policy_counts_although_the_policy_is_named(
    what: str, tmp_path: Path
) -> None:
    name, text, named = CHANGES[what]
    write_tree(tmp_path, {**MODULE, name: text})
    for target in (".", "main.tf"):
        for more in ((), ("--document", "cni")):
            done = run("coverage", target, *more, "--format", "json", cwd=tmp_path)
            report = json.loads(done.out)
            assert (done.code, report["verdict"]) == (1, "unknown"), (target, more)
            reasons = {part["name"]: part["reason"] for part in report["skipped"]}
            assert reasons[named] == "may change what was read"


BASE = """
data "aws_iam_policy_document" "cni" {
  source_policy_documents = [data.aws_iam_policy_document.deny.json]
}

data "aws_iam_policy_document" "deny" {
  statement {
    effect    = "Deny"
    actions   = ["ec2:*"]
    resources = ["*"]
  }
}
"""
OVERRIDE = """
data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:*"]
    resources = ["*"]
  }
}
"""


@pytest.mark.engine
def test_an_engine_keeps_what_an_override_file_does_not_set(newest: Engine, tmp_path: Path) -> None:
    files = {"main.tf": BASE, "override.tf": OVERRIDE, "provider.tf": OFFLINE_PROVIDER}
    text = documents(newest.plan(write_tree(tmp_path, files)))["cni"][""]
    assert text is not None and "Deny" in text


def test_an_override_file_is_no_policy_of_its_own(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": BASE, "override.tf": OVERRIDE})
    done = run("coverage", "override.tf", cwd=tmp_path)
    assert done.code == 1 and "incomplete: may change what was read: override.tf" in done.out


def test_a_document_that_stands_twice_is_not_read(tmp_path: Path) -> None:
    twice = 'data "aws_iam_policy_document" "cni" {\n  for_each = toset(["a"])\n'
    body = OVERRIDE.partition("{\n")[2]
    write_tree(tmp_path, {"main.tf": twice + body, "z.tofu": (twice + body).replace("ec2", "s3")})
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 3 and "data source cni is there twice" in done.err
