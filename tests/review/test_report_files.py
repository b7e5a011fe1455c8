"""What the command prints and writes, whatever is in the plan."""

import os
import re
import shutil
from pathlib import Path

import pytest

from conftest import ROOT, run
from hostile_text import EVIL
from synthetic import allow, document, plan, policy, resource
from vpc_cni_iam.review.report_formats import REPORTS

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


def test_a_report_is_not_written_over_the_plan_or_twice(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(plan(policy("p", READ, READ)))
    for report, problem in (
        (f"html={path}", "is the plan"),
        ("pdf=x", "write FORMAT=FILE"),
        ("html=", "write FORMAT=FILE"),
        ("html=-", "--format html"),
    ):
        done = run("review", path, f"--report={report}", cwd=tmp_path)
        assert done.code == 2 and problem in done.err
    done = run("review", path, "--report=html=x", "--report=json=x", cwd=tmp_path)
    assert done.code == 2 and "is written already" in done.err


@pytest.mark.parametrize(("after", "code"), [(READ, 0), ("not a policy", None)])
def test_the_exit_code_is_that_of_the_verdict(tmp_path: Path, after: str, code: int | None) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(plan(policy("p", READ, after)))
    done = run("review", path)
    failed = "; the review fails " in done.out
    assert done.code == int(failed)
    assert code is None or done.code == code


def test_a_file_from_outside_is_a_format(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    formats = package / "reviewing" / "report" / "formats"
    (formats / "csv.py").write_text("def write(review, setting):\n    return 'a,fake\\n'\n")
    (tmp_path / "plan.json").write_bytes(plan(policy("p", READ, READ)))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path, "COLUMNS": "80"}
    assert run("review", tmp_path / "plan.json", "--format", "csv", env=env).out == "a,fake\n"
    assert "|csv|" in run("review", "--help", env=env).out.replace("\n", "").replace(" ", "")


def test_the_staged_command_is_in_no_help() -> None:
    assert "review" not in run("--help").out
