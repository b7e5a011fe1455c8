"""What only an engine knows of a module is rendered by one, which gets nothing that runs."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from conftest import write_tree
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.doubts import Reason
from vpc_cni_iam.engine.documents import render
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables, Renderer
from vpc_cni_iam.inputs.identify import open_account

# What an engine would run or ask AWS for, and what no engine knows before apply.
MODULE = """
variable "buckets" {
  type = map(string)
}

locals {
  names = { for key, bucket in var.buckets : key => regex("^[a-z]+", bucket) }
}

data "aws_partition" "current" {}

data "external" "evil" {
  program = ["touch", "ran"]
}

resource "terraform_data" "evil" {
  provisioner "local-exec" {
    command = "touch ran"
  }
}

module "evil" {
  source = "./evil"
}

data "aws_iam_policy_document" "read" {
  for_each = local.names
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${each.value}/*"]
  }
}

data "aws_iam_policy_document" "later" {
  statement {
    sid       = replace(timestamp(), "/[^0-9]/", "")
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "known" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = ["*"]
  }
}
"""


def document(name: str, action: str, rest: str = "") -> str:
    return (
        f'data "aws_iam_policy_document" "{name}" {{\n{rest}\n  statement {{\n'
        f'    actions   = [{action}]\n    resources = ["*"]\n  }}\n}}\n'
    )


UNSAFE = {
    "a program": ('"s3:${data.external.evil.result.x}"', "", "data.external.evil needs a plan"),
    "a resource": ("terraform_data.evil.id", "", "terraform_data.evil needs a plan"),
    "a module": ("module.evil.x", "", "module.evil needs a plan"),
    "a file": ('file("/etc/hostname")', "", "may read files of this machine"),
    "a file after a space": ('filebase64 ("/etc/hostname")', "", "may read files"),
    "a template": ("templatestring(var.x, {})", "", "may read files"),
    "a local of a file": ("local.hidden", "", "local.hidden may read files"),
    "a dependency": ('regex(".*", "s3:Get")', "depends_on = [module.evil]", "module.evil needs"),
    "a provider": ('regex(".*", "s3:Get")', "provider = aws.other", "data.aws_iam_policy_document"),
    "no value": ('regex(".*", var.missing)', "", "give --var missing=VALUE"),
    "no Region": ("data.aws_region.here.name", "", "give --set region=REGION"),
}
UNSAFE |= {
    "the workspace": ('regex(".*", terraform.workspace)', "", "depends on terraform.workspace"),
    "the folder": ('regex(".*", path.module)', "", "depends on path.module"),
}
DECLARED = """
locals {
  hidden = regex(".*", file("/etc/hostname"))
}
variable "missing" {}
data "aws_region" "here" {}
"""


def opened(folder: Path, renderer: Renderer, **names: str) -> Account:
    values = {"buckets": {"a": "logs-1", "b": "traces-2"}}
    variables = GivenVariables(values=values, renderer=renderer)  # type: ignore[arg-type]
    return open_account(str(folder), str, names, variables)


@pytest.mark.engine
def test_an_engine_renders_what_is_unknown_without_one(newest: Engine, tmp_path: Path) -> None:
    unsafe = "".join(document(f"y{n}", *case[:2]) for n, case in enumerate(UNSAFE.values()))
    write_tree(tmp_path / "m", {"main.tf": MODULE + DECLARED + unsafe})
    policies = opened(tmp_path / "m", Renderer(newest.version(), partial(render, newest)))
    resources = {p.name: p.policy.statements[0].resources for p in policies.policies}
    assert resources == {
        'read["a"]': ("arn:aws:s3:::logs/*",),
        'read["b"]': ("arn:aws:s3:::traces/*",),
        "known": ("*",),
    }
    reasons = {s.name: s for s in policies.not_known}
    assert reasons['read["a"]'].reason is Reason.rendered
    assert reasons["later"].counts
    assert "does not know it before apply" in reasons["later"].detail
    assert not list(tmp_path.rglob("ran"))


WRITTEN = """
variable "buckets" {
  type = map(string)
}

locals {
  pattern = "^[a-z]+"
  local_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "s3:Local", Resource = regex(local.pattern, "ab1") }]
  })
}

resource "aws_iam_policy" "each" {
  for_each = { for key, bucket in var.buckets : key => regex(local.pattern, bucket) }
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:${each.key}", Resource = each.value }]
  })
}

resource "aws_iam_role_policy" "counted" {
  count  = length(regexall("[0-9]", "a12"))
  policy = <<-EOT
    {"Statement": {"Effect": "Allow", "Action": "s3:Count${count.index}", "Resource": "*"}}
  EOT
}

resource "aws_iam_role" "role" {
  assume_role_policy = jsonencode({ Statement = [] })
  inline_policy {
    policy = regex("s", "s") == "s" ? jsonencode({
      Statement = { Effect = "Allow", Action = "s3:Chosen", Resource = "*" }
    }) : ""
  }
}

resource "aws_iam_policy" "later" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "s3:x", Resource = timestamp() } })
}

resource "aws_iam_policy" "of_resource" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "s3:x", Resource = aws_s3_bucket.logs.arn }
  })
}

resource "aws_iam_policy" "refused" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "s3:x", Resource = nosuchfunction("a") }
  })
}

resource "aws_s3_bucket" "logs" {}
"""


@pytest.mark.engine
def test_an_engine_renders_what_resources_and_locals_write_out(
    engine: Engine, tmp_path: Path
) -> None:
    write_tree(tmp_path / "m", {"main.tf": WRITTEN})
    policies = opened(tmp_path / "m", Renderer(engine.version(), partial(render, engine)))
    statements = {p.name: p.policy.statements[0] for p in policies.policies}
    assert {name: (*s.actions, *s.resources) for name, s in statements.items()} == {
        'aws_iam_policy.each["a"].policy': ("s3:a", "logs"),
        'aws_iam_policy.each["b"].policy': ("s3:b", "traces"),
        "aws_iam_role_policy.counted[0].policy": ("s3:Count0", "*"),
        "aws_iam_role_policy.counted[1].policy": ("s3:Count1", "*"),
        "aws_iam_role.role.inline_policy.policy": ("s3:Chosen", "*"),
        "locals.local_policy": ("s3:Local", "ab"),
    }
    unread = {s.name: s.detail for s in policies.not_known if s.counts}
    assert {name.split(".")[1] for name in unread} == {"later", "of_resource", "refused"}
    assert "does not know it before apply" in unread["aws_iam_policy.later.policy"]
    assert "aws_s3_bucket.logs needs a plan" in unread["aws_iam_policy.of_resource.policy"]
    assert f"{engine.version()} refuses it" in unread["aws_iam_policy.refused.policy"]
    notes = {s.name for s in policies.not_known if s.reason is Reason.rendered}
    assert notes == {*statements}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_may_run_is_not_given_to_an_engine(name: str, tmp_path: Path) -> None:
    texts = []

    def recorded(text: str, values: str, region: str) -> Mapping[str, Mapping[str, str | None]]:
        texts.append((text, json.loads(values), region))
        raise EngineError("no")

    action, rest, words = UNSAFE[name]
    files = {"main.tf": MODULE + DECLARED + document("unsafe", action, rest)}
    policies = opened(write_tree(tmp_path, files), Renderer("x", recorded), partition="aws-cn")
    (skipped,) = (s for s in policies.not_known if s.name == "unsafe")
    assert skipped.counts
    assert words in skipped.detail
    # What an engine refuses is tried in parts, so that it leaves the others as they are.
    text, values, region = texts[0]
    assert [len(t) < len(text) for t, _, _ in texts[1:]] == [True, True]
    assert values == {"buckets": {"a": "logs-1", "b": "traces-2"}}
    assert region == "cn-north-1"
    for unsafe in (
        "external",
        "evil",
        "file",
        "unsafe",
        "hidden",
        "missing",
        "known",
        "provisioner",
    ):
        assert unsafe not in text
    refused = {s.name: s.detail for s in policies.not_known if "x refuses it: no" in s.detail}
    assert {*refused} == {"read", "later"}


def test_a_region_of_another_partition_is_refused(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, {"main.tf": MODULE})
    with pytest.raises(
        UsageError, match="cn-north-1 is of the partition aws-cn; give --set partition=aws-cn"
    ):
        opened(folder, Renderer("x", lambda *_: {}), region="cn-north-1")


def test_what_an_engine_renders_is_a_policy_only_with_statements_and_without_principals(
    tmp_path: Path,
) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    documents = {
        f'["{key}"]': json.dumps({"Version": "2012-10-17", "Statement": statements})
        for key, statements in {"a": [read], "b": [], "c": [trust]}.items()
    }
    folder = write_tree(tmp_path, {"main.tf": MODULE})
    policies = opened(folder, Renderer("x", lambda *_: {"read": documents}))
    assert {p.name for p in policies.policies} == {"known", 'read["a"]'}
    reasons = {s.name: s.reason for s in policies.not_known}
    assert reasons['read["a"]'] is Reason.rendered
    assert reasons['read["b"]'] is Reason.not_in_force
    assert reasons['read["c"]'] is Reason.other_kind
