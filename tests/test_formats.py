"""A report format is one file: choices, help, errors and dispatch follow it, and the docs must."""

import os
import re
import shutil
from pathlib import Path

import pytest

from conftest import ROOT, run
from vpc_cni_iam import formats

FOLDERS = {"review": "review.report.formats", "coverage": "coverage.report"}
POLICY = ("coverage", "--variant", "ipv4-scoped", "--format", "csv")
PLAN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
REVIEW = ("review", str(PLAN), "--format", "csv")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (REVIEW, "def write(review, setting):\n    return 'a,fake\\n'\n"),
        (POLICY, "def matrix(subject, matrix, *, verbose):\n    return 'a,fake\\n'\n"),
    ],
    ids=["review", "coverage"],
)
def test_a_file_from_outside_is_a_format(
    command: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    folder = package.joinpath(*FOLDERS[command[0]].split("."))
    (folder / "csv.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path, "COLUMNS": "80"}
    assert run(*command, env=env).out == "a,fake\n"
    assert "|csv|" in run(command[0], "--help", env=env).out.replace("\n", "").replace(" ", "")
    assert "csv" in run(command[0], "x", "--format", "pdf", env=env).err


@pytest.mark.parametrize("command", ["review", "coverage"])
def test_the_docs_list_every_format(command: str) -> None:
    page = (ROOT / "docs" / f"{command}.md").read_text()
    table = page.partition("| `--format` | for |\n")[2].partition("\n\n")[0]
    known = {"text", *formats.names(f"vpc_cni_iam.{FOLDERS[command]}")}
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert listed == known, f"docs/{command}.md: the table of formats"
