"""A file of a module is read with the variables, locals and data sources beside it."""

import json
from pathlib import Path

from conftest import Run, run, write_tree
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.doubts import Reason
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.inputs.identify import open_account

CNI = """
data "aws_iam_policy_document" "cni" {
  count = var.create ? 1 : 0
  statement {
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:*:*:network-interface/*"]
  }
}
"""
MAIN = """
locals {
  partition = try(data.aws_partition.current[0].partition, "")
}

data "aws_partition" "current" {
  count = 1
}

data "aws_iam_policy_document" "kms" {
  statement {
    actions   = ["kms:*"]
    resources = ["*"]
  }
}

module "key" {
  source = "./key"
}
"""
VARIABLES = 'variable "create" {\n  type    = bool\n  default = true\n}\n'
MODULE = {"cni.tf": CNI, "main.tf": MAIN, "variables.tf": VARIABLES}


def opened(tmp_path: Path, files: dict[str, str], **texts: str) -> Account:
    write_tree(tmp_path, files)
    return open_account(str(tmp_path / "cni.tf"), str, {}, GivenVariables(texts))


def reasons(policies: Account) -> dict[str, Reason]:
    return {Path(s.name).name: s.reason for s in policies.not_known}


def test_names_beside_are_known_and_policies_beside_do_not_count(tmp_path: Path) -> None:
    policies = opened(tmp_path, MODULE)
    (policy,) = policies.policies
    assert policy.name == "cni"
    assert policy.policy.statements[0].resources == ("arn:aws:ec2:*:*:network-interface/*",)
    notes = {"data.aws_partition": Reason.assumed, tmp_path.name: Reason.read_with_it}
    assert reasons(policies) == notes
    absent = 'locals {\n  create = false\n}\ndata "aws_partition" "current" {}\n'
    own = CNI.replace("var.create", "local.create").replace("local.partition", "var.p")
    read = opened(tmp_path, {**MODULE, "main.tf": absent, "cni.tf": own + MAIN.split("\n\n")[2]})
    assert [p.name for p in read.policies] == ["kms"]
    assert reasons(read)["cni"] is Reason.not_in_force


def test_a_file_that_may_change_what_was_read_counts(tmp_path: Path) -> None:
    for name, text, reason in (
        ("x_override.tf", MAIN, Reason.overrides),
        ("variables.tofu", VARIABLES, Reason.overrides),
        ("broken.tf", "locals {", Reason.not_read),
        ("more.tf.json", json.dumps({"locals": {}}), None),
        ("cni.tofu", CNI, None),
    ):
        policies = opened(tmp_path / f"with-{name}", {**MODULE, name: text})
        unread = {n: r for n, r in reasons(policies).items() if r.counts}
        assert [p.name for p in policies.policies] == ["cni"]
        assert [*unread.values()] == ([reason] if reason else []), name


def test_a_file_that_is_named_beside_one_for_the_other_engine_says_so(tmp_path: Path) -> None:
    write_tree(tmp_path, {**MODULE, "cni.tofu": CNI})
    for name, note in (
        ("cni.tf", "assumed: cni.tf: is read by Terraform; OpenTofu reads cni.tofu in its place"),
        ("cni.tofu", "assumed: cni.tofu: is read by OpenTofu, in the place of cni.tf"),
    ):
        assert note in run("coverage", name, cwd=tmp_path).out


def command(tmp_path: Path, name: str, *arguments: str) -> Run:
    write_tree(tmp_path, MODULE)
    return run(name, "cni.tf", *arguments, cwd=tmp_path)


def test_every_report_names_what_was_assumed(tmp_path: Path) -> None:
    assumed = (
        'data.aws_partition: the partition is taken as "aws"; --set partition=PARTITION names '
        "another"
    )
    beside = "read with it: .: variables, locals and data sources of its other files"
    for arguments in ([], ["--all-versions"], ["--document", "cni"]):
        text = command(tmp_path, "coverage", *arguments).out
        assert f"assumed: {assumed}" in text
        assert beside in text
    picture = command(tmp_path, "coverage", "--all-versions", "--format", "svg").out
    assert "assumed: data.aws_partition" in picture.replace("\n", " ")
    assert assumed in command(tmp_path, "compare", "cni.tf").out
    skipped = json.loads(command(tmp_path, "coverage", "--format", "json").out)["skipped"]
    assert [part["reason"] for part in skipped] == ["assumed", "read with it"]
    china = command(tmp_path, "coverage", "--set", "partition=aws-cn").out
    assert "assumed: data.aws_partition" not in china


ROLE = """
locals {
  of_local = data.aws_iam_policy_document.cni[0].json
}
resource "aws_iam_role_policy" "cni" {
  policy = data.aws_iam_policy_document.cni[0].json
}
resource "aws_iam_role_policy" "by_local" {
  policy = local.of_local
}
"""


def test_a_policy_in_another_file_says_to_give_the_directory(tmp_path: Path) -> None:
    write_tree(tmp_path / "m", {**MODULE, "role.tf": ROLE})
    for command in (("coverage",), ("compare", "m/cni.tf")):
        done = run(*command, "m/role.tf", cwd=tmp_path)
        assert done.code == 3 and "give the directory" in done.err
        assert done.err.rstrip(")\n").rpartition("directory ")[2] == "m"
    # Beside another policy it counts, in every format.
    other = MAIN.split("\n\n")[2].replace("kms", "own")
    write_tree(tmp_path / "m", {"role.tf": ROLE + other})
    done = run("coverage", "m/role.tf", "--format", "json", cwd=tmp_path)
    skipped = json.loads(done.out)["skipped"]
    report = json.loads(done.out)
    # What is missing may be allowed by what was not read.
    assert report["verdict"] == "unknown" and report["repairs"] == []
    assert sum("give the directory m" in part["detail"] for part in skipped) == 2
    assert done.code == 1


def test_a_variable_that_no_file_declares_is_refused(tmp_path: Path) -> None:
    done = command(tmp_path, "coverage", "--var", "creat=false")
    assert (done.code, "did you mean 'create'?" in done.err) == (2, True)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "cni.tf").write_text(CNI)
    values = ("--var", "create=true", "--set", "partition=aws-cn")
    alone = run("coverage", "cni.tf", *values, cwd=tmp_path / "alone")
    assert "local.partition cannot be known" in alone.err
