"""What only an engine knows of a module is rendered by one, which gets nothing that runs."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from conftest import write_tree
from vpc_cni_iam.engine.documents import render
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, UsageError
from vpc_cni_iam.hcl.module.given import GivenVariables, Renderer
from vpc_cni_iam.inputs.identify import open_policies
from vpc_cni_iam.inputs.policies import InputPolicies
from vpc_cni_iam.inputs.skipped import Reason

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
    "a program": ('"s3:${data.external.evil.result.x}"', "", "data.external.evil takes a plan"),
    "a resource": ("terraform_data.evil.id", "", "terraform_data.evil takes a plan"),
    "a module": ("module.evil.x", "", "module.evil takes a plan"),
    "a file": ('file("/etc/hostname")', "", "may read files of this machine"),
    "a file after a space": ('filebase64 ("/etc/hostname")', "", "may read files"),
    "a template": ("templatestring(var.x, {})", "", "may read files"),
    "a local of a file": ("local.hidden", "", "local.hidden may read files"),
    "a dependency": ('regex(".*", "s3:Get")', "depends_on = [module.evil]", "module.evil takes"),
    "a provider": ('regex(".*", "s3:Get")', "provider = aws.other", "data.aws_iam_policy_document"),
    "no value": ('regex(".*", var.missing)', "", "give --var missing=VALUE"),
    "no Region": ("data.aws_region.here.name", "", "give --region"),
}
DECLARED = """
locals {
  hidden = regex(".*", file("/etc/hostname"))
}
variable "missing" {}
data "aws_region" "here" {}
"""


def opened(folder: Path, renderer: Renderer, **names: str) -> InputPolicies:
    values = {"buckets": {"a": "logs-1", "b": "traces-2"}}
    variables = GivenVariables(values=values, renderer=renderer)  # type: ignore[arg-type]
    return open_policies(str(folder), str, names, variables)


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
    reasons = {s.name: s for s in policies.skipped}
    assert reasons['read["a"]'].reason is Reason.rendered
    assert reasons["later"].counts
    assert "does not know it before apply" in reasons["later"].detail
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize("name", UNSAFE)
def test_what_may_run_is_not_given_to_an_engine(name: str, tmp_path: Path) -> None:
    texts = []

    def recorded(text: str, values: str, region: str) -> Mapping[str, Mapping[str, str | None]]:
        texts.append((text, json.loads(values), region))
        raise EngineError("no")

    action, rest, words = UNSAFE[name]
    files = {"main.tf": MODULE + DECLARED + document("unsafe", action, rest)}
    policies = opened(write_tree(tmp_path, files), Renderer("x", recorded), partition="aws-cn")
    (skipped,) = (s for s in policies.skipped if s.name == "unsafe")
    assert skipped.counts
    assert words in skipped.detail
    ((text, values, region),) = texts
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
    refused = {s.name: s.detail for s in policies.skipped if "x refuses it: no" in s.detail}
    assert {*refused} == {"read", "later"}


def test_a_region_of_another_partition_is_refused(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, {"main.tf": MODULE})
    with pytest.raises(UsageError, match="cn-north-1 is of the partition aws-cn; give --partition"):
        opened(folder, Renderer("x", lambda *_: {}), region="cn-north-1")
