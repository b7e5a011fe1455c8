"""``convert`` as its user meets it: what is printed where, what is written, and exit codes."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import Run, read_tree, run, write_tree

P = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}],
}
BAD = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [], "Resource": "*"}]}
HCL = """data "aws_iam_policy_document" "NAME" {
  statement {
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files: dict[str, Any] = {"a.json": P, "bad.json": BAD, "read-only.json": P}
    return write_tree(tmp_path, {name: json.dumps(value) for name, value in files.items()})


def test_one_file_goes_to_stdout(folder: Path) -> None:
    assert run("convert", "read-only.json", cwd=folder) == Run(
        0, HCL.replace("NAME", "read_only"), ""
    )
    named = run("convert", "a.json", "--name", "my-own", cwd=folder)
    assert named == Run(0, HCL.replace("NAME", "my-own"), "")


def test_a_file_that_is_named_in_two_ways_is_converted_once(folder: Path) -> None:
    words = ["convert", "--format", "json", "a.json"]
    once = run(*words, cwd=folder)
    assert (once.code, run(*words, "./a.json", cwd=folder)) == (0, once)


def test_standard_input() -> None:
    printed = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": quote(json.dumps(P))}
    assert run("convert", "-", stdin=json.dumps(printed)) == Run(0, HCL.replace("NAME", "r_p"), "")
    assert run("convert", "-", stdin=json.dumps(P)) == Run(0, HCL.replace("NAME", "policy"), "")
    empty = run("convert", "-", stdin="")
    assert (empty.code, empty.out) == (3, "")
    assert empty.err.startswith("vpc-cni-iam: error: standard input: is empty")


def test_many_files_go_to_a_directory(folder: Path) -> None:
    done = run("convert", "a.json", "read-only.json", "--output", "out", cwd=folder)
    assert done == Run(
        0, "create  out/a.tf\ncreate  out/read_only.tf\n", "vpc-cni-iam: 2 converted, 0 refused\n"
    )
    assert read_tree(folder / "out") == {
        "a.tf": HCL.replace("NAME", "a"),
        "read_only.tf": HCL.replace("NAME", "read_only"),
    }
    (folder / "out/a.tf").write_text("# mine\n")
    again = run("convert", "a.json", "--output", "out", cwd=folder)
    assert again.code == 3
    assert "files that differ: a.tf" in again.err
    assert run("convert", "a.json", "--output", "out", "--force", cwd=folder).code == 0
    assert (folder / "out/a.tf.orig").read_text() == "# mine\n"


def test_one_that_is_refused_keeps_no_other(folder: Path) -> None:
    arguments = ("convert", "bad.json", "a.json", "none.json", "--output", "out")
    done = run(*arguments, cwd=folder)
    assert (done.code, done.out) == (3, "create  out/a.tf\n")
    assert done.err.splitlines() == [
        "vpc-cni-iam: error: none.json: does not exist; check the path",
        "vpc-cni-iam: error: bad.json: $.Statement[0].Action: is an empty list; name at least "
        "one value",
        "vpc-cni-iam: 1 converted, 2 refused",
    ]


def test_refusals_are_said_even_if_nothing_can_be_saved(folder: Path) -> None:
    write_tree(folder, {"out/a.tf": "# mine\n"})
    done = run("convert", "a.json", "bad.json", "none.json", "--output", "out", cwd=folder)
    assert (done.code, done.out) == (3, "")
    for words in ("error: bad.json: $.Statement[0].Action", "error: none.json", "--force"):
        assert words in done.err


def test_a_large_batch_does_not_flood_the_terminal(folder: Path) -> None:
    old = {key: value for key, value in P.items() if key != "Version"}
    write_tree(folder, {"many.json": json.dumps([old] * 1000 + [BAD] * 1000)})
    done = run("convert", "many.json", cwd=folder)
    assert done.code == 3
    err = done.err.splitlines()
    assert len(err) == 103
    assert "950 more notes, 1,000 about 1,000 documents in all; --format json" in err[50]
    assert err[101].endswith("error: 950 more like these; --format json prints all")
    assert err[102].endswith("1000 converted, 1000 refused")
    report = json.loads(run("convert", "many.json", "--format", "json", cwd=folder).out)
    assert len(report["failures"]) == sum(len(d["notes"]) for d in report["documents"]) == 1000


def test_or_it_does_if_told_so(folder: Path) -> None:
    done = run("convert", "a.json", "bad.json", "--output", "out", "--no-keep-going", cwd=folder)
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1
    assert not (folder / "out").exists()


def test_one_alone_that_is_refused_is_one_line(folder: Path) -> None:
    done = run("convert", "bad.json", cwd=folder)
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)


def test_a_report_in_json(folder: Path) -> None:
    done = run("convert", "a.json", "bad.json", "--format", "json", cwd=folder)
    assert done.code == 3
    report = json.loads(done.out)
    assert [(d["source"], d["path"], d["name"]) for d in report["documents"]] == [
        ("a.json", "$", "a")
    ]
    assert report["documents"][0]["hcl"] == HCL.replace("NAME", "a")
    assert report["failures"][0]["path"] == "$.Statement[0].Action"
    assert report["shared"] == {}


def test_the_partition(folder: Path) -> None:
    done = run("convert", "a.json", "--partition-aware", cwd=folder)
    assert 'data "aws_partition" "current" {}' in done.out
    assert '["arn:${data.aws_partition.current.partition}:s3:::b/*"]' in done.out


def test_with_json_nothing_else_is_printed_though_files_are_written(folder: Path) -> None:
    done = run("convert", "a.json", "--output", "out", "--format", "json", cwd=folder)
    assert len(json.loads(done.out)["documents"]) == 1
    assert [path.name for path in (folder / "out").iterdir()] == ["a.tf"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument"),
        (("a.json", "bad.json"), "--output DIR"),
        (("-", "-", "--output", "out"), "given twice"),
        (("a.json", "--name", "1"), "cannot be the name"),
        (("a.json", "--name", ""), "cannot be the name"),
        (("a.json", "read-only.json", "--output", "out", "--name", "x"), "is for one document"),
        (("x.tf",), "x.tf is HCL; convert reads JSON; terraform show -json prints"),
        (("a.json", "--output", ""), "the directory is empty"),
    ],
)
def test_wrong_usage(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run("convert", *arguments, cwd=folder)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_each_encoding_of_json_is_converted(folder: Path, encoding: str) -> None:
    plain = run("convert", "a.json", cwd=folder)
    (folder / "a.json").write_text((folder / "a.json").read_text(), encoding=encoding)
    assert run("convert", "a.json", cwd=folder) == plain
