"""``--engine`` of the commands that read modules: a real one, one that fails, and none."""

import json
from pathlib import Path

import pytest

from conftest import TERRAFORM_NEWEST, TOFU, engine_environment, run, write_tree

MODULE = """
variable "name" {}

data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:CreateTags"]
    resources = [regex("^[*]", var.name)]
  }
}
"""
WRITTEN = """
resource "aws_iam_policy" "counted" {
  count  = length(regexall("[0-9]", "a12"))
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = regex(".*", "a:b"), Resource = "x${count.index}" }
  })
}

resource "aws_iam_role" "trusted" {
  assume_role_policy = jsonencode({
    Statement = { Effect = "Allow", Action = "a:b", Principal = { Service = regex("e.*", "ec2") } }
  })
}

resource "aws_iam_policy" "file" {
  policy = file("policy.json")
}

resource "aws_iam_policy" "reference" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "s3:*", Resource = aws_s3_bucket.logs.arn }
  })
}
"""
POLICY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"},
}
VALUE = ("--var", "name=*")
COMMANDS = (
    ("coverage", "m", *VALUE),
    ("compare", "p.json", "m", *VALUE),
    ("convert", "--from-hcl", "m", *VALUE),
)


def written(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {"m/main.tf": MODULE, "p.json": json.dumps(POLICY)})


@pytest.mark.engine
@pytest.mark.parametrize("name", [TERRAFORM_NEWEST, TOFU])
def test_each_command_has_an_engine_render_what_it_alone_knows(
    name: str, tmp_path: Path, attached: dict[str, str]
) -> None:
    folder = written(tmp_path)
    option = name.partition("-")[0]
    env = engine_environment(name, tmp_path) | attached
    for words in COMMANDS:
        without = run(*words, cwd=folder, env=env)
        assert without.code in (1, 3) and "regex" in without.out + without.err
    version = name.replace("-", " ")
    coverage, compare, convert = (
        run(*words, "--engine", option, cwd=folder, env=env) for words in COMMANDS
    )
    assert f"rendered by an engine: cni: {version}" in coverage.out
    assert compare.code == 0
    assert compare.out.startswith("p.json to m (cni): no new access (proven)\n")
    assert (convert.code, json.loads(convert.out)["Statement"][0]["Resource"]) == (0, "*")
    assert f"data.aws_iam_policy_document.cni: rendered by {version}" in convert.err


@pytest.mark.engine
def test_convert_prints_what_resources_write_out_as_an_engine_renders_it(
    tmp_path: Path, attached: dict[str, str]
) -> None:
    write_tree(tmp_path, {"iam.tf": WRITTEN, "bucket.tf": 'resource "aws_s3_bucket" "logs" {}\n'})
    env = engine_environment(TERRAFORM_NEWEST, tmp_path) | attached
    words = ("convert", "--from-hcl", "iam.tf", "--engine", "auto", "--format", "json")
    done = run(*words, cwd=tmp_path, env=env)
    report = json.loads(done.out)
    read = {d["address"]: d for d in report["documents"]}
    start = "aws_iam_policy.counted"
    assert [
        read[f"{start}[{n}].policy"]["document"]["Statement"][0]["Resource"] for n in (0, 1)
    ] == ["x0", "x1"]
    assert {d["engine"] for d in read.values()} == {None, TERRAFORM_NEWEST.replace("-", " ")}
    # A trust policy is a policy here, and a reference stays one.
    principal = read["aws_iam_role.trusted.assume_role_policy"]["document"]["Statement"][0]
    assert principal["Principal"] == {"Service": "ec2"}
    assert read["aws_iam_policy.reference.policy"]["references"] == ["aws_s3_bucket.logs.arn"]
    (failure,) = report["failures"]
    assert failure["address"] == "aws_iam_policy.file.policy"
    assert "may read files of this machine" in failure["reason"]
    assert done.code == 1


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_an_engine_that_is_not_there_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    folder = written(tmp_path)
    env = {"PATH": str(tmp_path)}
    for engine, problem in (
        ("terraform", "terraform is not on the PATH; install it, or choose another --engine"),
        ("tofu", "tofu is not on the PATH"),
        ("auto", "neither terraform nor tofu is on the PATH"),
    ):
        done = run(*words, "--engine", engine, cwd=folder, env=env)
        assert (done.code, done.out, problem in done.err) == (3, "", True), done.err


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_an_engine_that_fails_leaves_policies_unread(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    folder = written(tmp_path)
    stand_in = tmp_path / "terraform"
    stand_in.write_text(
        '#!/bin/sh\ncase $1 in version) echo \'{"terraform_version": "1.0.0"}\';;\n'
        "*) echo no such provider >&2; exit 7;; esac\n"
    )
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = run(*words, "--engine", "terraform", cwd=folder, env=env)
    assert done.code == 3
    assert "terraform 1.0.0 refuses it" in done.err and "no such provider" in done.err


def test_an_engine_without_hcl_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    done = run("convert", "p.json", "--engine", "terraform", cwd=folder)
    assert (done.code, "--engine need --from-hcl" in done.err) == (2, True)
