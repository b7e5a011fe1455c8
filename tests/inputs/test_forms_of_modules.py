"""Forms of modules that many people use: each is read, or named with what to do."""

from pathlib import Path

import pytest

from conftest import run, write_tree
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.doubts import Reason
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs.identify import open_account

POLICY = """
data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }
}
"""
# A description with signs that python-hcl2 and Unicode class with accents.
CONTEXT = """
variable "label_order" {
  type        = list(string)
  default     = null
  description = <<-EOT
    The order in which labels (`id`) appear in the `id`.
    `name` is one of them;
    ^ and ~ are signs, and ${~ "none" ~} is stripped.
    EOT
}

variable "größe" {
  default = "a"
}
"""
REGION = """
variable "region" {
  type    = string
  default = null
}

data "aws_region" "current" {
  count  = 1
  region = var.region
}

locals {
  region = try(data.aws_region.current[0].region, "")
}

data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:CreateTags"]
    resources = ["arn:aws:ec2:${local.region}:*:network-interface/*"]
  }
}
"""


def opened(folder: Path, values: dict[str, str], **files: str) -> Account:
    write_tree(folder, {f"{name}.tf": text for name, text in files.items()})
    return open_account(str(folder), str, values, GivenVariables())


def test_a_description_with_any_signs_and_names_in_any_letters(tmp_path: Path) -> None:
    policies = opened(tmp_path, {}, context=CONTEXT, main=POLICY)
    assert [p.name for p in policies.policies] == ["cni"]
    assert policies.not_known == ()


def test_a_file_that_is_not_valid_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    policies = opened(tmp_path, {}, main=POLICY, other="a = = 1\n")
    assert [p.name for p in policies.policies] == ["cni"]
    (skipped,) = policies.not_known
    assert skipped.name == str(tmp_path / "other.tf") and skipped.counts
    assert skipped.detail == "line 1, column 5: is not valid HCL; terraform fmt shows more"
    done = run("coverage", ".", "--var", "declared_there=1", cwd=tmp_path)
    assert done.code == 1 and "incomplete: not read: other.tf" in done.out


def test_a_region_that_is_null_is_that_of_the_provider(tmp_path: Path) -> None:
    (policy,) = opened(tmp_path, {"region": "eu-west-1"}, main=REGION).policies
    arn = "arn:aws:ec2:eu-west-1:*:network-interface/*"
    assert policy.policy.statements[0].resources == (arn,)
    (policy,) = opened(tmp_path, {}, main=REGION.replace("null", '"us-east-1"')).policies
    assert policy.policy.statements[0].resources == (arn.replace("eu-west", "us-east"),)
    with pytest.raises(
        InputError, match=r"\[0\]\.region cannot be known.*; give --set region=REGION"
    ):
        opened(tmp_path, {}, main=REGION)


@pytest.mark.parametrize(
    "code",
    [
        'one(data.aws_iam_policy_document.cni[*]["json"])',
        "one(data.aws_iam_policy_document.cni[*].minified_json)",
        "try(data.aws_iam_policy_document.cni[0].json, null)",
        'join("", data.aws_iam_policy_document.cni[*].json)',
    ],
)
def test_a_resource_takes_a_document_that_may_be_one_of_none(tmp_path: Path, code: str) -> None:
    text = POLICY.replace("{\n  statement", "{\n  count = 1\n  statement")
    text += f'resource "aws_iam_role_policy" "x" {{\n  policy = {code}\n}}\n'
    policies = opened(tmp_path, {}, main=text)
    assert [p.name for p in policies.policies] == ["cni"]
    assert not any(skipped.counts for skipped in policies.not_known), policies.not_known


def test_a_policy_that_is_empty_by_default_is_not_in_force(tmp_path: Path) -> None:
    text = 'variable "policy" {\n  default = ""\n}\n'
    text += 'resource "aws_iam_policy" "x" {\n  policy = var.policy\n}\n'
    (skipped,) = opened(tmp_path, {}, main=POLICY + text).not_known
    assert skipped.reason is Reason.not_in_force
    assert "it is empty with these values; change them with --var" in skipped.detail


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ('flatten([for _, v in ["%v:*"] : format(v, aws_x.y.arn)])', "aws_x.y.arn"),
        ('compact([module.m.arn, ""])', "module.m.arn"),
        ('coalesce(module.m.arn, "*")', "module.m.arn"),
        ("[for k, v in module.m.arns : v]", "module.m.arns"),
        ('try(coalesce(module.m.arn, "*"), "")', "try(...)"),
    ],
)
def test_the_reason_is_the_name_that_is_not_known(
    tmp_path: Path, resources: str, reason: str
) -> None:
    text = POLICY.replace('"cni"', '"other"').replace('["*"]', resources)
    (skipped,) = (s for s in opened(tmp_path, {}, main=POLICY + text).not_known if s.counts)
    assert skipped.name == "other"
    assert f"line 12: {reason} cannot be known without an engine" in skipped.detail


ACCOUNT = """
variable "account_id" {
  type    = string
  default = null
}

data "aws_caller_identity" "current" {}

locals {
  account = try(coalesce(var.account_id, data.aws_caller_identity.current.account_id), "")
}

data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:CreateTags"]
    resources = ["arn:aws:ec2:*:${local.account}:network-interface/*"]
  }
}
"""


def test_an_account_that_is_null_is_that_of_the_provider(tmp_path: Path) -> None:
    arn = "arn:aws:ec2:*:111122223333:network-interface/*"
    (tmp_path / "main.tf").write_text(ACCOUNT)
    for words in ("--set account-id=111122223333", "--var account_id=111122223333"):
        done = run("coverage", ".", *words.split(), "--format", "json", cwd=tmp_path)
        assert done.code == 1, done.err
    given_account = {"account_id": "111122223333"}
    (policy,) = open_account(str(tmp_path), str, {}, GivenVariables(given_account)).policies
    assert policy.policy.statements[0].resources == (arn,)
    with pytest.raises(InputError, match=r"account_id cannot be known.*; give --set account-id=ID"):
        opened(tmp_path, {}, main=ACCOUNT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POLICY, "unknown variable 'nme'; no module that was read has variables"),
        ('variable "name" {}\n', "unknown variable 'nme'; did you mean 'name'? Known is name"),
        (
            POLICY + 'variable "b" {}\nvariable "a" {}\n',
            "unknown variable 'nme'; known are a, b",
        ),
    ],
)
def test_a_value_for_a_variable_that_a_directory_does_not_have(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "main.tf").write_text(text)
    for command in (["coverage", "."], ["compare", ".", "."]):
        done = run(*command, "--var", "nme=x", cwd=tmp_path)
        assert done.code == 2 and words in done.err, command


def test_a_document_that_a_variable_gives_as_text_is_joined(tmp_path: Path) -> None:
    text = """
variable "more" {}
data "aws_iam_policy_document" "x" {
  source_policy_documents = [var.more]
  statement {
    actions = ["a:b"]
  }
}
"""
    write_tree(tmp_path, {"m/main.tf": text})
    more = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:*"}}'
    values = GivenVariables({"more": more})
    (policy,) = open_account(str(tmp_path / "m"), str, {}, values).policies
    assert {s.actions for s in policy.policy.statements} == {("a:b",), ("iam:*",)}
    broken = GivenVariables({"more": "{}"})
    with pytest.raises(InputError, match=r"x: not read: .*has no Statement"):
        open_account(str(tmp_path / "m"), str, {}, broken)
