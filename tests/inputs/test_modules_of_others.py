"""Modules as people write them are read without an engine, with the values a user gives."""

import json
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, Run, run, write_tree
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.doubts import Reason
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.policy.parse import loads

# The constructions of modules that many people use, in small.
ROLE = """
variable "create" {
  type    = bool
  default = true
}

variable "attach" {
  type    = bool
  default = false
}

variable "families" {
  type    = set(string)
  default = ["ipv4"]
}

variable "buckets" {
  type    = list(string)
  default = []
}

data "aws_partition" "current" {
  count = var.create ? 1 : 0
}

locals {
  partition = try(data.aws_partition.current[0].partition, "")
}

data "aws_iam_policy_document" "cni" {
  count = var.create && var.attach ? 1 : 0

  dynamic "statement" {
    for_each = contains(var.families, "ipv4") ? [1] : []
    content {
      sid       = "IPV4"
      actions   = concat(["ec2:DescribeInstances"], formatlist("ec2:%s", ["CreateTags"]))
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = { for b in var.buckets : b => "arn:${local.partition}:s3:::${b}" }
    iterator = bucket
    content {
      actions   = ["s3:GetObject"]
      resources = ["${bucket.value}/*"]

      dynamic "condition" {
        for_each = [{ test = "StringEquals", variable = "aws:RequestTag/b", values = [bucket.key] }]
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}
"""
JOINED = """
data "aws_iam_policy_document" "base" {
  count = length(["a"])
  statement {
    sid       = "Base"
    actions   = ["ec2:DescribeTags"]
    resources = ["*"]
  }
  statement {
    sid       = "Own"
    actions   = ["ec2:*"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "override" {
  statement {
    sid       = "Base"
    effect    = "Deny"
    actions   = ["ec2:TerminateInstances"]
    resources = ["*"]
  }
  statement {
    actions   = ["ec2:DescribeVpcs"]
    resources = ["*"]
  }
}

locals {
  base    = compact(flatten([data.aws_iam_policy_document.base[*].json, null, ""]))
  sources = [for json in concat(local.base, [""]) : json if json != ""]
}

data "aws_iam_policy_document" "joined" {
  source_policy_documents   = local.sources
  override_policy_documents = [data.aws_iam_policy_document.override.json]
  statement {
    sid       = "Own"
    actions   = ["ec2:DescribeSubnets"]
    resources = ["*"]
  }
}
"""
LABELLED = """
module "this" {
  source = "./label"
}

locals {
  create = module.this.enabled && length([]) == 0
}

data "aws_partition" "current" {
  count = local.create ? 1 : 0
}

data "aws_iam_policy_document" "cni" {
  count = local.create ? 1 : 0
  statement {
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${join("", data.aws_partition.current[*].partition)}:ec2:*:*:subnet/*"]
  }
}
"""
IPV4 = Statement(sid="IPV4", actions=("ec2:DescribeInstances", "ec2:CreateTags"), resources=("*",))
SUBNETS = Statement(actions=("ec2:CreateTags",), resources=("arn:aws:ec2:*:*:subnet/*",))


def opened(tmp_path: Path, text: str, **texts: str) -> Account:
    (tmp_path / "main.tf").write_text(text)
    return open_account(str(tmp_path), str, {}, GivenVariables(texts))


def coverage(tmp_path: Path, text: str, *arguments: str) -> Run:
    (tmp_path / "main.tf").write_text(text)
    return run("coverage", ".", *arguments, cwd=tmp_path)


def test_dynamic_blocks_over_what_is_given(tmp_path: Path) -> None:
    (policy,) = opened(tmp_path, ROLE, attach="true", buckets='["b", "a"]').policies
    condition = Condition("StringEquals", "aws:RequestTag/b", ("a",))
    first = Statement(
        actions=("s3:GetObject",), resources=("arn:aws:s3:::a/*",), conditions=(condition,)
    )
    assert policy.name == "cni"
    assert policy.policy.statements[:2] == (IPV4, first)
    assert policy.policy.statements[2].resources == ("arn:aws:s3:::b/*",)


def test_a_count_of_zero_is_not_in_force_and_does_not_count(tmp_path: Path) -> None:
    run_ = coverage(tmp_path, ROLE)
    assert run_.code == 3
    assert "count is var.create && var.attach ? 1 : 0, so it has no instance with these" in run_.err
    other = 'data "aws_iam_policy_document" "o" {\n  statement {\n    actions = ["a:b"]\n  }\n}\n'
    policies = opened(tmp_path, ROLE + other)
    assert [p.name for p in policies.policies] == ["o"]
    assert [(s.name, s.reason, s.counts) for s in policies.not_known] == [
        ("cni", Reason.not_in_force, False),
        ("data.aws_partition", Reason.assumed, False),
    ]


def test_each_instance_of_for_each_is_a_policy(tmp_path: Path) -> None:
    text = """
data "aws_iam_policy_document" "x" {
  for_each = { b = "2", a = "1" }
  statement {
    sid       = each.key
    actions   = ["a:${each.value}"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "y" {
  count  = 2
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "a:${count.index}", Resource = "*" }
  })
}
"""
    policies = opened(tmp_path, text)
    actions = {p.name: p.policy.statements[0].actions[0] for p in policies.policies}
    assert actions == {
        'x["a"]': "a:1",
        'x["b"]': "a:2",
        "aws_iam_policy.y[0].policy": "a:0",
        "aws_iam_policy.y[1].policy": "a:1",
    }


def test_a_document_that_may_not_exist_is_read_and_named(tmp_path: Path) -> None:
    policies = opened(tmp_path, LABELLED)
    assert [(p.name, p.policy) for p in policies.policies] == [("cni", Policy((SUBNETS,)))]
    skipped = policies.not_known[0]
    assert (skipped.name, skipped.reason, skipped.counts) == ("cni", Reason.may_be_absent, True)
    assert "module.this.enabled cannot be known without an engine" in skipped.detail
    assert coverage(tmp_path, LABELLED).code == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("count = 1000000000", "has 1,000,000,000 instances, and at most 1,000 are read"),
        ("for_each = [1]", "for_each of list"),
        ('statement {\n actions = [file("x")]\n}', "line 3: file(...) cannot be known"),
        ("statement {\n actions = var.x\n}", "var.x cannot be known without an engine; give --var"),
        ('dynamic "statement" {\n for_each = var.x\n content {}\n}', "give --var x=VALUE"),
        ("statement {\n actions = [local.x]\n}", "local.x refers to itself"),
    ],
)
def test_what_is_unknown_is_named_with_its_line(tmp_path: Path, body: str, words: str) -> None:
    text = "locals {\n  x = local.x\n}\n" if "local" in body else ""
    text += f'data "aws_iam_policy_document" "cni" {{\n{body}\n}}\n'
    with pytest.raises(InputError) as error:
        opened(tmp_path, text)
    assert words in str(error.value)
    assert "main.tf: line " in str(error.value)


@pytest.mark.parametrize(
    ("source", "argument", "attribute"),
    [
        ("aws_region", 'name = "eu-west-1"', "name"),
        ("aws_region", "provider = aws.other", "id"),
        ("aws_caller_identity", "provider = aws.other", "account_id"),
        ("aws_partition", "provider = aws.other", "partition"),
    ],
)
def test_options_are_not_of_another_region_or_provider(
    tmp_path: Path, source: str, argument: str, attribute: str
) -> None:
    resource = f"arn:aws:ec2:${{data.{source}.there.{attribute}}}"
    text = f'data "{source}" "there" {{\n  {argument}\n}}\n'
    text += 'data "aws_iam_policy_document" "cni" {\n  statement {\n    actions = ["*"]\n'
    text += f'    resources = ["{resource}"]\n  }}\n}}\n'
    options = (
        "--set",
        "region=us-east-1",
        "--set",
        "account-id=111122223333",
        "--set",
        "partition=aws",
    )
    result = coverage(tmp_path, text, *options)
    assert (result.code, result.out) == (3, "")
    assert f"data.{source}.there.{attribute} cannot be known without an engine" in result.err


def test_joined_documents_replace_statements_by_their_sid(tmp_path: Path) -> None:
    policies = {p.name: p.policy for p in opened(tmp_path, JOINED).policies}
    statements = policies["joined"].statements
    assert [(s.effect, *s.actions) for s in statements] == [
        ("Deny", "ec2:TerminateInstances"),
        ("Allow", "ec2:DescribeSubnets"),
        ("Allow", "ec2:DescribeVpcs"),
    ]
    twice = JOINED.replace('local.base, [""]', "local.base, local.base")
    refused = opened(tmp_path, twice).not_known
    assert ["joins several statements with the same Sid" in s.detail for s in refused] == [True]


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (
            '[jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:*", Resource = "*", '
            'Condition = { Bool = { "aws:SecureTransport" = true } } }] })]',
            "the provider drops the condition Statement[0].Condition.Bool.aws:SecureTransport",
        ),
        (
            "[data.aws_iam_policy_document.inner.json]",
            "joins data.aws_iam_policy_document.inner.json, which joins documents that only an",
        ),
    ],
    ids=["a condition that the provider drops", "a document that joins unknown ones"],
)
def test_a_joined_document_that_is_not_known_is_not_left_out(
    tmp_path: Path, sources: str, words: str
) -> None:
    statement = 'statement {\n    actions   = ["ec2:DescribeTags"]\n    resources = ["*"]\n  }\n'
    unknown = "compact([aws_iam_policy.x.policy])"
    text = "".join(
        f'data "aws_iam_policy_document" "{name}" {{\n'
        f"  source_policy_documents = {joined}\n  {statement}}}\n"
        for name, joined in (("inner", unknown), ("outer", sources), ("alone", "[]"))
    )
    result = opened(tmp_path, text)
    assert [p.name for p in result.policies] == ["alone"]
    details = {s.name: s.detail for s in result.not_known if s.reason is Reason.not_read}
    assert {"inner", "outer"} <= {*details}
    assert words in details["outer"]


def test_what_a_document_joins_as_text_is_read_once(tmp_path: Path) -> None:
    joined = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:*", Resource = "*" }] })'
    arguments = f"source_policy_documents = [{joined}]"
    result = opened(tmp_path, f'data "aws_iam_policy_document" "a" {{\n  {arguments}\n}}\n')
    (read,) = result.policies
    assert [statement.actions for statement in read.policy.statements] == [("ec2:*",)]
    assert result.not_known == ()


@pytest.mark.parametrize(
    ("more", "reason"),
    [("", Reason.other_kind), ("override_policy_documents = var.more", Reason.not_read)],
)
def test_a_trust_policy_of_unknown_principals_does_not_count(
    more: str, reason: Reason, tmp_path: Path
) -> None:
    """A module for IRSA has the ARN of the OIDC provider as a variable."""
    text = f"""
variable "provider_arn" {{}}
variable "more" {{ default = [] }}
data "aws_iam_policy_document" "trust" {{
  {more}
  statement {{
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {{
      type        = "Federated"
      identifiers = [var.provider_arn]
    }}
  }}
}}
data "aws_iam_policy_document" "cni" {{
  statement {{
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }}
}}
"""
    (skipped,) = opened(tmp_path, text).not_known
    assert (skipped.name, skipped.reason) == ("trust", reason)


@pytest.mark.engine
def test_an_engine_renders_what_is_read(newest: Engine, tmp_path: Path) -> None:
    names = '["b", "a"]'
    text = ROLE.replace("default = false", "default = true")
    text = text.replace("list(string)\n  default = []", f"list(string)\n  default = {names}")
    files = {"provider.tf": OFFLINE_PROVIDER, "main.tf": text, "joined.tf": JOINED}
    newest_plan = newest.plan(write_tree(tmp_path / "plan", files))
    resources = newest_plan["prior_state"]["values"]["root_module"]["resources"]
    rendered = {
        r["name"]: loads(r["values"]["json"], r["name"])
        for r in resources
        if r["type"] == "aws_iam_policy_document"
    }
    (tmp_path / "read").mkdir()
    read = {p.name: p.policy for p in opened(tmp_path / "read", text + JOINED).policies}
    assert {*read} == {*rendered} == {"cni", "base", "override", "joined"}
    for name, policy in read.items():
        assert equal(policy, rendered[name]), name


def test_values_of_options_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.tfvars").write_text('attach = true\nfamilies = ["ipv6"]\nbuckets = ["f"]\n')
    (tmp_path / "b.json").write_text(json.dumps({"families": ["ipv4"], "unused": 1}))
    (tmp_path / "p.json").write_text(
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": ["ec2:DescribeInstances", "ec2:CreateTags"],
                    "Resource": "*",
                },
            }
        )
    )
    (tmp_path / "main.tf").write_text(ROLE)
    files = ("--var-file", "a.tfvars", "--var-file", "b.json", "--var", "buckets=[]")
    assert run("compare", "p.json", ".", *files, cwd=tmp_path).code == 0
    assert run("compare", "p.json", ".", *files[:4], cwd=tmp_path).code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--var", "attach"), "--var 'attach' is not NAME=VALUE"),
        (("--var", "attach_=true"), "unknown variable 'attach_'; did you mean 'attach'?"),
        (
            ("--var", "attach=true", "--var", "families={}"),
            "variable 'families': is a map, not a set",
        ),
        (("--var", "attach=2"), "variable 'attach': "),
        (("--var-file", "bad.tfvars"), "bad.tfvars: line 1: a: var.b is not a literal value"),
    ],
)
def test_values_that_fit_nothing_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "bad.tfvars").write_text("a = var.b\n")
    run_ = coverage(tmp_path, ROLE, "--var", "attach=true", *arguments)
    assert run_.code == (3 if "--var-file" in arguments else 2)
    assert words in run_.err


def test_values_for_json_are_refused(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    (tmp_path / "p.json").write_text(json.dumps({"Statement": statement}))
    run_ = run("coverage", "p.json", "--var", "a=b", cwd=tmp_path)
    assert run_.code == 2
    assert "--var and --var-file fill the variables of HCL, and no input is HCL" in run_.err
