"""Messages about files: the name, what was tried, what to do, and never an error number."""

import errno
import json
import os
import shutil
from contextlib import chdir
from pathlib import Path

import pytest

from conftest import run, write_tree
from vpc_cni_iam.cli.main import run as run_command_line
from vpc_cni_iam.errors import reason

# Quotes in a comment, a template and a heredoc close before the string that does not.
HIDDEN = 'locals {\n  # "\n  a = "${f("}")}"\n  b = <<E\n"\nE\n  c = "\n  policy = "{}"\n}\n'
STATEMENT = "policy = jsonencode({ Statement = [] })"


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EISDIR, errno.EROFS])
def test_a_reason_has_advice_and_no_number(number: int) -> None:
    text = reason(OSError(number, os.strerror(number), "x"))
    assert text.startswith(os.strerror(number) + "; ") and "Errno" not in text


def test_a_current_directory_that_was_removed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with chdir(write_tree(tmp_path, {"a/x": ""}) / "a"):
        shutil.rmtree(tmp_path / "a")
        with pytest.raises(SystemExit, match="3"):
            run_command_line(lambda: Path().absolute())
    assert "the current directory was removed; change to another" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "sync", "upgrade"])
def test_without_a_configuration_the_searched_directories_are_named(
    command: str, tmp_path: Path
) -> None:
    write_tree(tmp_path, {".git/HEAD": "", "a/b/x": ""})
    done = run(command, cwd=tmp_path / "a" / "b")
    assert done.code == 3
    assert f"searched {tmp_path}/a/b and the directories above it, up to {tmp_path};" in done.err
    assert "vpc-cni-iam init" in done.err and "--config" in done.err
    assert f"searched {tmp_path}; " in run(command, cwd=tmp_path).err


@pytest.mark.parametrize("words", [(), ("--quiet",)])
@pytest.mark.parametrize("environ", ["", "true"])
def test_a_check_of_a_configuration_without_modules_fails(
    words: tuple[str, ...], environ: str, tmp_path: Path
) -> None:
    """A gate that checks nothing must not pass, wherever it runs."""
    env = {"CI": environ}
    (tmp_path / "vpc-cni-iam.toml").write_text("# all removed\n")
    done = run("check", *words, cwd=tmp_path, env=env)
    assert done.code == 1
    warning = "vpc-cni-iam.toml has no [[module]], so there is nothing to do"
    assert f"warning: {warning}" in done.err
    for command in ("sync", "upgrade"):
        other = run(command, cwd=tmp_path)
        assert (other.code, other.out) == (0, "")
        assert f"warning: {warning}" in other.err
    done = run("check", *words, "--format", "json", cwd=tmp_path, env=env)
    assert (done.code, json.loads(done.out)["warnings"]) == (1, [warning])


# With the line that `terraform validate` reports first.
@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'resource "aws_iam_policy" "x" {{\n  name = "abc\n  path = "/"\n  {STATEMENT}\n}}\n', 2),
        (f'locals {{\n  a = "x"\n  b = "y\n}}\nresource "a" "x" {{\n  {STATEMENT}\n}}\n', 3),
        ('resource "aws_iam_policy" "x" {\n  policy = "{\\"Statement\\":[]}\n}\n', 2),
        (f'resource "aws_iam_policy" "x {{\n  {STATEMENT}\n}}\n', 1),
        (f'resource "a" "x" {{\n  {STATEMENT}\n  name = "a', 3),
        (HIDDEN, 7),
    ],
)
def test_an_unclosed_string_is_reported_where_terraform_reports_it(
    text: str, line: int, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", "main.tf", cwd=tmp_path)
    assert done.code == 3
    assert f"main.tf: line {line}, column " in done.err and "no closing quote" in done.err


@pytest.mark.parametrize("value", ['"${\n  "a:b"}"', '"${"a:b"\n}"', '"${ # c\n  "a:b"}"'])
def test_a_line_break_in_a_template_is_read(tmp_path: Path, value: str) -> None:
    text = f'locals {{\n  a = {value}\n}}\ndata "aws_iam_policy_document" "x" {{\n'
    text += '  statement {\n    actions   = [local.a]\n    resources = ["*"]\n  }\n}\n'
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", "main.tf", "--verbose", cwd=tmp_path)
    assert done.code == 1 and "fails" in done.out and "not read" not in done.out


def test_verify_of_a_root_module_names_the_directory_of_the_module(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "m" {\n  source = "./modules/cni"\n}\n')
    done = run("verify", ".", "--engine", "none", cwd=tmp_path)
    assert done.code == 3
    assert "calls the module in modules/cni; verify that directory" in done.err


CUT = "is not JSON: it ends too early; was the file cut off?"
ODD = "bad.json: line 2, column 15: is not JSON: a colon is expected\n"


@pytest.mark.parametrize(
    "words",
    [
        "coverage bad.json",
        "coverage --variant ipv4 --daemonset bad.json",
        "compare bad.json bad.json",
        "convert bad.json",
        "review bad.json",
        "audit bad.json",
        "preflight bad.json --cluster-name prod",
        "explain bad.json",
    ],
)
def test_what_is_wrong_with_json_is_named_by_every_command(words: str, tmp_path: Path) -> None:
    for text, problem in (
        ('{"Version": "2012-10-17",\n  "Statement" "é"}', ODD),
        ('{"Version":', CUT),
        ('{"Version": "2012', CUT),
    ):
        (tmp_path / "bad.json").write_text(text)
        done = run(*words.split(), cwd=tmp_path)
        assert done.code == 3 and problem in done.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("audit", "list.json"),
            "read as the output of aws iam get-account-authorization-details: ",
        ),
        (
            ("coverage", "--variant", "ipv4", "--daemonset", "list.json"),
            "is neither the DaemonSet ",
        ),
    ],
)
def test_json_of_another_kind_is_refused_with_what_is_expected(
    words: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "list.json").write_text("[1, 2]")
    done = run(*words, cwd=tmp_path)
    assert done.code == 3 and problem in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("coverage", "p.json", "--boundary", "a.json", "--boundary", "b.json"),
        ("review", "plan.json", "--mode", "ipv4", "--mode=ipv6"),
        ("policy", "ipv4", "--format", "json", "--format", "json"),
    ],
)
def test_a_second_value_of_an_option_that_takes_one_is_refused(words: tuple[str, ...]) -> None:
    done = run(*words)
    name = words[2]
    assert (done.code, done.out) == (2, "")
    assert done.err.strip().splitlines()[0].endswith(f"{name} is given twice; it takes one value")


def test_a_switch_or_an_option_of_many_values_may_stand_twice() -> None:
    switch = ("review", "none.json", "--details", "--details")
    many = ("coverage", "none.json", "--scp", "a.json", "--scp", "b.json")
    assert all("is given twice" not in run(*words).err for words in (switch, many))
