"""What was applied before a rewriting needs no change after it, in real engines."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, label, run
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.diff.differences import differences
from vpc_cni_iam.policy.parse import loads

pytestmark = pytest.mark.engine
SAMPLE = ROOT / "tests" / "data" / "rewriting"
DOCUMENT = "aws_iam_policy_document"
SERVICES = ("iam", "sts", "s3", "sqs", "sns", "kms", "ecr", "secretsmanager", "organizations")


def provider(endpoint: str) -> str:
    services = "".join(f'    {name} = "{endpoint}"\n' for name in SERVICES)
    inside = f"  s3_force_path_style = true\n  endpoints {{\n{services}  }}\n}}\n"
    return OFFLINE_PROVIDER.rstrip().removesuffix("}") + inside


def planned(engine: Engine, folder: Path, *variables: str) -> dict[str, Any]:
    """Plan, which must change nothing, and return the values of each resource by address."""
    # Exit code 2 would say that the plan is not empty.
    plan = ["plan", "-detailed-exitcode", "-input=false", "-no-color", "-out=plan.bin"]
    engine.run([*plan, *variables], folder)
    shown = json.loads(engine.run(["show", "-json", "plan.bin"], folder))
    resources = shown["prior_state"]["values"]["root_module"]["resources"]
    return {r["address"]: r["values"] for r in resources}


def applied(engine: Engine, folder: Path, *variables: str) -> None:
    engine.run(["init", "-input=false", "-no-color"], folder)
    engine.run(["apply", "-auto-approve", "-input=false", "-no-color", *variables], folder)


def test_what_was_applied_stays_as_it_is(engine: Engine, tmp_path: Path, aws_endpoint: str) -> None:
    folder = tmp_path / "root"
    shutil.copytree(SAMPLE, folder)
    (folder / "provider.tf").write_text(provider(aws_endpoint))
    suffix = f"-var=suffix={label(engine)}"
    applied(engine, folder, suffix)
    files = sorted(p.name for p in SAMPLE.glob("*.tf"))
    done = run("convert", "--rewrite", *files, "--format", "json", cwd=folder)
    assert done.code == 0, done.err
    replaced = [r for file in json.loads(done.out)["files"] for r in file["replaced"]]
    check_format(engine, folder, tmp_path / "written")
    plan = planned(engine, folder, suffix)
    compared = 0
    for item in replaced:
        resource, _, attribute = item["address"].rpartition(".")
        for address, values in plan.items():
            if address.partition("[")[0] == resource:
                index = address[len(resource) :]
                # A data source that needs no index of its own has none.
                name = f"data.aws_iam_policy_document.{item['name']}"
                rendered = plan.get(name + index, plan.get(name))["json"]
                same = differences(loads(values[attribute], "old"), loads(rendered, "new"))
                assert same == (), address
                compared += 1
    assert len(replaced) == 10
    assert compared == 11


def check_format(engine: Engine, folder: Path, written: Path) -> None:
    """The data sources, for themselves, are as terraform fmt would have them."""
    text = (folder / "main.tf").read_text()
    blocks = [b for b in parse(text, "main.tf").blocks if b.labels[:1] == (DOCUMENT,)]
    written.mkdir()
    joined = "\n\n".join(b.span.code for b in blocks)
    (written / "main.tf").write_text(joined + "\n")
    engine.run(["fmt", "-check", "-diff"], written)


SHOWN = """
variable "age" {
  type    = number
  default = 3600
}
variable "mfa" {
  default = true
}
resource "aws_iam_role" "r" {
  name               = "rewriting-shown"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = {
      Effect = "Allow", Principal = { AWS = "*" }, Action = "sts:AssumeRole"
      Condition = {
        Bool            = { "aws:MultiFactorAuthPresent" = true }
        NumericLessThan = { "aws:MultiFactorAuthAge" = 3600 }
        NumericLessThanIfExists = { "aws:MultiFactorAuthAge" = var.age }
        BoolIfExists            = { "aws:MultiFactorAuthPresent" = var.mfa }
      }
    }
  })
}
"""


def test_what_the_next_plan_shows_though_it_means_the_same_is_said(
    newest: Engine, tmp_path: Path, aws_endpoint: str
) -> None:
    (tmp_path / "main.tf").write_text(SHOWN + provider(aws_endpoint))
    applied(newest, tmp_path)
    done = run("convert", "--rewrite", "main.tf", cwd=tmp_path)
    assert done.err.count("the next plan may show it") == 4
    assert "the number var.age is written as a string" in done.err
    assert "var.mfa, if it is not a string, is written as one" in done.err
    with pytest.raises(EngineError, match="failed with exit code 2"):
        planned(newest, tmp_path)


MODULE = 'output "quoted" {\n  value = "a\\", \\"arn:aws:s3:::b"\n}\n'
NAMES = r"""
variable "caller" { default = "a\", \"arn:aws:s3:::b" }
variable "flag" {
  type    = bool
  default = true
}
variable "number" {
  type    = number
  default = 5
}
locals {
  plain   = "data"
  again   = "x-${local.plain}"
  third   = local.again
  escape  = "$${aws:username}"
  unicode = "é日😀"
  quotes  = "a\", \"arn:aws:s3:::b"
  quotes2 = local.quotes
  quotes3 = "${local.quotes2}"
  back    = "a\\u0062"
  list    = ["a", "b"]
  amp     = "&{aws:username}"
}
module "m" { source = "./m" }
"""
# What stands in a heredoc's JSON, and whether it is known to be plain.
SPLICED = {
    "local.plain": True,
    "local.again": True,
    "local.third": True,
    "local.escape": True,
    "local.unicode": True,
    "local.list[1]": True,
    "upper(local.third)": True,
    'join("-", local.list)': True,
    'format("%s", local.third)': True,
    "var.number": True,
    "md5(var.caller)": True,
    'var.flag ? "$${aws:username}" : "b"': True,
    'var.flag ? "$$${aws:username}" : "b"': True,
    '"${"$${local.quotes}"}"': True,
    "data.aws_caller_identity.current.account_id": True,
    "aws_sqs_queue.q.arn": True,
    "local.quotes": False,
    "local.quotes2": False,
    "local.quotes3": False,
    "local.back": False,
    "var.caller": False,
    "module.m.quoted": False,
    'templatefile("t.tpl", { x = local.quotes })': False,
    'trimspace(file("t.tpl"))': False,
    'replace(local.plain, "a", "\\\\u0062")': False,
    "var.flag ? local.plain : local.quotes": False,
}
# The same as an argument of jsonencode, which escapes what has to be.
ENCODED = {
    "local.quotes3": True,
    "var.caller": True,
    "module.m.quoted": True,
    'var.flag ? "$${aws:username}" : "b"': True,
    '"x$$${aws:username}${local.quotes}"': True,
    'templatefile("t.tpl", { x = jsonencode(local.quotes) })': True,
    "local.amp": False,
}


def spliced_policies() -> tuple[str, set[str]]:
    """A policy for each splice, and the names of those that are to be left."""
    text, left = "", set()
    for number, (code, plain) in enumerate([*SPLICED.items(), *ENCODED.items()]):
        if number < len(SPLICED):
            body = (
                '<<-EOF\n    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",\n'
                f'      "Action": "s3:Get*", "Resource": ["arn:aws:s3:::${{{code}}}/\\u0041"]}}]}}'
                "\n  EOF"
            )
        else:
            body = (
                'jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", '
                f'Action = "s3:GetObject", Resource = "arn:aws:s3:::${{{code}}}" }}] }})'
            )
        text += f'resource "aws_iam_policy" "p{number}" {{\n  policy = {body}\n}}\n'
        left |= set() if plain else {f"aws_iam_policy.p{number}.policy"}
    return text, left


def test_what_is_spliced_keeps_its_meaning_or_is_left_and_named(
    newest: Engine, tmp_path: Path, aws_endpoint: str
) -> None:
    text, left = spliced_policies()
    others = 'resource "aws_sqs_queue" "q" {}\ndata "aws_caller_identity" "current" {}\n'
    (tmp_path / "main.tf").write_text(text)
    (tmp_path / "names.tf").write_text(NAMES + others + provider(aws_endpoint))
    (tmp_path / "t.tpl").write_text('a", "arn:aws:s3:::b')
    (tmp_path / "m").mkdir()
    (tmp_path / "m/main.tf").write_text(MODULE)
    applied(newest, tmp_path)
    done = run("convert", "--rewrite", "main.tf", "--format", "json", cwd=tmp_path)
    (file,) = json.loads(done.out)["files"]
    assert done.code == 3
    assert {item["address"] for item in file["left"]} == left
    assert all(item["path"].startswith("line ") and item["reason"] for item in file["left"])
    assert len(file["replaced"]) == len(SPLICED) + len(ENCODED) - len(left)
    planned(newest, tmp_path)
