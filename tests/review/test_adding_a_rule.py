"""A rule is one file with its check: findings, the table, the ignore file and help follow it."""

import os
import shutil
from pathlib import Path

from conftest import ROOT, run
from synthetic import allow, document, plan, policy

CODE = '''"""A check from outside."""

from vpc_cni_iam.review.findings import rule
from vpc_cni_iam.review.make_finding import finding_of

rule("from-outside", "error", "any-change", "A policy changes.", "It is from outside.")


def check(context):
    for change in context.changes:
        yield finding_of(change, "from-outside", "It changes")
'''


def test_a_file_from_outside_is_a_rule(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    (package / "review" / "checks" / "from_outside.py").write_text(CODE)
    (tmp_path / "plan.json").write_bytes(plan(policy("p", None, document(allow("s3:A")))))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path}
    done = run("review", "plan.json", "--format", "sarif", cwd=tmp_path, env=env)
    assert done.code == 1
    assert '"ruleId": "from-outside"' in done.out and "It is from outside." in done.out
    ignored = '[[ignore]]\nrule = "from-outside"\naddress = "*"\nreason = "x"\n'
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ignored)
    done = run("review", "plan.json", cwd=tmp_path, env=env)
    assert "ignored: from-outside aws_iam_policy.p: x" in done.out
