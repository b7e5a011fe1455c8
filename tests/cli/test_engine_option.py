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
POLICY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"},
}
VALUE = ("--var", "name=*")
COMMANDS = (
    ("coverage", "m", *VALUE),
    ("compare", "p.json", "m", *VALUE),
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
    coverage, compare = (run(*words, "--engine", option, cwd=folder, env=env) for words in COMMANDS)
    assert f"rendered by an engine: cni: {version}" in coverage.out
    assert compare.code == 0
    assert compare.out.startswith("p.json to m (cni): no new access (proven)\n")


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
    done = run("compare", "p.json", "p.json", "--engine", "terraform", cwd=folder)
    assert done.code == 2 and "--engine renders policies of HCL, and no input is HCL" in done.err
