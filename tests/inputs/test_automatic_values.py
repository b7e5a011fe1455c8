"""Files of values that an engine reads by itself in a root module are read for it, too."""

import json
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, run, write_tree
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.engine.documents import documents
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.policy.parse import loads

NAMES = ("default", "tfvars", "json", "first", "second", "hidden")
MAIN = (
    "".join(f'variable "{name}" {{\n  default = "a:{name}"\n}}\n' for name in NAMES)
    + 'data "aws_iam_policy_document" "cni" {\n  statement {\n    actions = ['
    + ", ".join(f"var.{name}" for name in NAMES)
    + ']\n    resources = ["*"]\n  }\n}\n'
)


def given(names: tuple[str, ...], value: str) -> str:
    return "".join(f'{name} = "b:{value}"\n' for name in names)


# Each later one overrides what the earlier ones have; the last three are read by nobody.
FILES = {
    "main.tf": MAIN,
    "terraform.tfvars": given(NAMES[1:], "tfvars") + 'undeclared = "x"\n',
    "terraform.tfvars.json": json.dumps(dict.fromkeys(NAMES[2:], "b:json")),
    ".auto.tfvars": given(NAMES[3:], "hidden"),
    "10.auto.tfvars": given(NAMES[3:5], "first"),
    "9.auto.tfvars.json": json.dumps({"second": "b:second"}),
    "prod.tfvars": given(NAMES, "prod"),
    "terraform.tfvars.orig": given(NAMES, "orig"),
    "auto.tfvars": given(NAMES, "auto"),
}
READ = [*FILES][1:6]


def opened(folder: Path, **texts: str) -> Account:
    return open_account(str(folder), str, {}, GivenVariables(texts))


@pytest.mark.engine
def test_an_engine_reads_the_same_files_in_the_same_order(engine: Engine, tmp_path: Path) -> None:
    plan = engine.plan(write_tree(tmp_path / "plan", {**FILES, "provider.tf": OFFLINE_PROVIDER}))
    text = documents(plan)["cni"][""]
    assert text is not None
    (read,) = opened(write_tree(tmp_path / "read", FILES)).policies
    assert equal(read.policy, loads(text, "plan"))


def test_the_files_are_named_and_options_come_first(tmp_path: Path) -> None:
    read = opened(write_tree(tmp_path, FILES))
    (policy,) = read.policies
    assert policy.policy.statements[0].actions == (
        "a:default", "b:tfvars", "b:json", "b:first", "b:second", "b:hidden",
    )  # fmt: skip
    note, other = read.not_known
    assert not note.counts and note.detail.startswith(", ".join(READ))
    # A file that only an option names is said to be left out.
    assert not other.counts and "no value of auto.tfvars, prod.tfvars;" in other.detail
    (policy,) = opened(tmp_path, second="c:own").policies
    assert len(opened(tmp_path, second="c:own").not_known) == 1
    assert "c:own" in policy.policy.statements[0].actions
    # A file of the module is read with them, and every format names them.
    for target in (".", "main.tf"):
        done = run("coverage", target, "--format", "json", cwd=tmp_path)
        assert "9.auto.tfvars.json" in json.dumps(json.loads(done.out)["skipped"])
        assert "9.auto.tfvars.json" in run("coverage", target, cwd=tmp_path).out


SCOPED = """
variable "cluster_name" {}
data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:CreateTags"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/cluster.k8s.amazonaws.com/name"
      values   = [var.cluster_name]
    }
  }
}
"""


def test_a_name_of_the_cluster_by_option_comes_before_a_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": SCOPED, "terraform.tfvars": 'cluster_name = "prod"\n'})
    other = SCOPED.replace("var.cluster_name", '"prod"')
    write_tree(tmp_path / "fixed", {"main.tf": other})
    assert run("compare", "fixed", ".", cwd=tmp_path).code == 0
    assert run("compare", "fixed", ".", "--set", "cluster-name=stage", cwd=tmp_path).code == 1
    assert "cluster name prod" in run("coverage", ".", cwd=tmp_path).err


def test_a_file_that_cannot_be_read_counts(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": MAIN, "terraform.tfvars": "tfvars = lower(var.x)\n"})
    (skipped,) = opened(tmp_path).not_known
    assert skipped.counts and "terraform.tfvars" in skipped.name
    assert run("coverage", ".", cwd=tmp_path).code == 1
