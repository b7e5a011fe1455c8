"""Reports as files and on standard output, with one run."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from conftest import COMMAND, ROOT, read_tree, run, write_tree
from hostile_text import EVIL
from synthetic import allow, document, plan, policy, resource
from vpc_cni_iam.review.report_formats import REPORTS

PLAN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"


def test_one_run_writes_every_report_and_prints_its_own(tmp_path: Path) -> None:
    options = [f"--report={name}=out/iam.{name}" for name in REPORTS]
    done = run("review", PLAN, *options, cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    assert done.out == run("review", PLAN).out
    written = read_tree(tmp_path)
    assert set(written) == {f"out/iam.{name}" for name in REPORTS}
    assert written["out/iam.markdown"] == run("review", PLAN, "--format", "markdown").out
    assert written["out/iam.html"].startswith("<!DOCTYPE html>")
    json.loads(written["out/iam.json"])
    json.loads(written["out/iam.sarif"])
    ET.fromstring(written["out/iam.junit"])


@pytest.mark.parametrize("wrong", ["html", "html=", "pdf=x", "=x", "txt=x"])
def test_a_report_that_is_none_is_refused_before_the_plan_is_read(wrong: str) -> None:
    done = run("review", "not-there.json", "--report", wrong)
    assert (done.code, done.out) == (2, "")
    assert "FORMAT=FILE" in done.err


@pytest.mark.parametrize(
    ("reports", "code", "problem"),
    [
        ("html=a sarif=./a", 2, "is the file of another --report"),
        ("html=a sarif=b/../a", 2, "is the file of another --report"),
        ("json=plan.json", 2, "is the plan"),
        ("json=-", 2, "--format json"),
        ("json=pipe", 3, "is a device or a pipe"),  # as /dev/null, which root could replace
        ("html=taken", 3, "taken"),
        ("html=link.html", 3, "is a symbolic link"),
        ("html=old.html/x", 3, "cannot be written"),
    ],
)
def test_a_report_that_cannot_be_written_changes_nothing(
    reports: str, code: int, problem: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "taken").mkdir()
    before = read_tree(write_tree(tmp_path, {"plan.json": PLAN.read_text(), "old.html": "old"}))
    (tmp_path / "link.html").symlink_to("old.html")
    names = sorted(tmp_path.iterdir())
    options = [f"--report={report}" for report in reports.split()]
    done = run("review", "plan.json", *options, cwd=tmp_path)
    assert (done.code, done.out) == (code, "") and problem in done.err
    assert sorted(tmp_path.iterdir()) == names and (tmp_path / "pipe").is_fifo()
    assert read_tree(tmp_path) == before | {"link.html": "old"}


def test_runs_beside_each_other_write_into_one_folder(tmp_path: Path) -> None:
    """As jobs of a matrix do, each with its own plan."""
    source = PLAN.parent.parent / "configurations/widen/after"
    command = [*COMMAND, "review", PLAN, "--source", source]
    runs = [
        subprocess.Popen(
            [*command, *(f"--report={kind}=out/{n}.{kind}" for kind in REPORTS)],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for process in runs:
        _, output = process.communicate()
        assert (process.returncode, output) == (1, "")
    written = read_tree(tmp_path)
    assert set(written) == {f"out/{n}.{kind}" for n in range(4) for kind in REPORTS}
    assert len(set(written.values())) == len(REPORTS)


def test_a_report_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    assert run("review", PLAN, "--report", "html=old.html", cwd=tmp_path).code == 1
    ((name, text),) = read_tree(tmp_path).items()
    assert name == "old.html" and text.startswith("<!DOCTYPE html>")


def test_a_report_keeps_the_permissions_of_the_file_that_it_replaces(tmp_path: Path) -> None:
    report = tmp_path / "private.html"
    report.touch(mode=0o600)
    run("review", PLAN, "--report", "html=private.html", cwd=tmp_path)
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.stat().st_size


def test_an_unreadable_plan_leaves_reports_alone(tmp_path: Path) -> None:
    (tmp_path / "iam.html").write_text("before")
    (tmp_path / "plan.json").write_text("{")
    done = run("review", "plan.json", "--report", "html=iam.html", cwd=tmp_path)
    assert done.code == 3
    assert (tmp_path / "iam.html").read_text() == "before"


def test_for_github_sarif_has_nothing_that_is_ignored(tmp_path: Path) -> None:
    ignored = '[[ignore]]\nrule = "new-access"\naddress = "*"\nreason = "wanted"\n'
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ignored)

    def rules(*options: str) -> list[str]:
        out = run("review", PLAN, "--format", "sarif", *options, cwd=tmp_path).out
        return [result["ruleId"] for result in json.loads(out)["runs"][0]["results"]]

    assert "new-access" in rules() and "new-access" in rules("--for", "gitlab")
    assert "new-access" not in rules("--for", "github")


READ = document(allow("ec2:DescribeInstances"))


def hostile_plan() -> bytes:
    address = f'aws_iam_policy.p["{EVIL}"]'
    values = {"name": EVIL, "role": EVIL, "policy": document(allow(f"ec2:{EVIL}", EVIL))}
    return plan(
        policy("p", None, document(allow(f"ec2:{EVIL}", EVIL)), address=address),
        policy("q", READ, f"not {EVIL}", previous_address=EVIL),
        resource(
            "aws_iam_role_policy", "i", None, values, address=f'aws_iam_role_policy.i["{EVIL}"]'
        ),
        resource(
            "awscc_iam_role", "x", None, {"role_name": EVIL}, address=f'awscc_iam_role.x["{EVIL}"]'
        ),
    )


def every_report(path: Path) -> dict[str, str]:
    """What a review prints, and every report that it writes, by format."""
    folder = path.parent / "reports"
    folder.mkdir()
    options = [f"--report={name}={folder / name}" for name in REPORTS]
    done = run("review", path, "--details", *options, env={"FORCE_COLOR": "", "NO_COLOR": "1"})
    assert done.err == ""
    reports = {name: (folder / name).read_text(encoding="utf-8") for name in REPORTS}
    return {"standard output": done.out, **reports}


def test_nothing_from_a_plan_moves_the_cursor_or_reverses_the_text(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(hostile_plan())
    for name, text in every_report(path).items():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text), (
            f"{name}: use sanitise()"
        )
        assert "\n# head" not in text
        assert "<img" not in text or name not in ("html", "junit")


@pytest.mark.parametrize(("after", "code"), [(READ, 0), ("not a policy", None)])
def test_the_exit_code_is_that_of_the_verdict(tmp_path: Path, after: str, code: int | None) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(plan(policy("p", READ, after)))
    done = run("review", path)
    failed = "; the review fails " in done.out
    assert done.code == int(failed)
    assert code is None or done.code == code
