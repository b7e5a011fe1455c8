"""A rule is a row, its texts, a check and a sentence: everything else follows them."""

import os
import shutil
import tomllib
from pathlib import Path

from conftest import ROOT, run
from synthetic import allow, document, plan, policy
from vpc_cni_iam.review.rules import Rule
from vpc_cni_iam.review.run import CHECKS

REVIEW = ROOT / "generator" / "vpc_cni_iam" / "review"

CHECK = '''"""A check from outside."""

from msgspec import Struct

from vpc_cni_iam.review.diff.principals import principal_changes
from vpc_cni_iam.review.findings import finding
from vpc_cni_iam.review.rules import Rule


class FromOutside(Struct, frozen=True):
    """A policy changes."""

    name: str


def check(context):
    for change in principal_changes(context):
        for grant in change.grants:
            address = (grant.after or grant.before).address
            yield finding(Rule.OUTSIDE, FromOutside("it"), address)
'''
SENTENCE = '''"""Sentences from outside."""

from vpc_cni_iam.review.checks.from_outside import FromOutside
from vpc_cni_iam.review.report.saying import Saying


def _outside(finding, evidence):
    return Saying(f"Something changes {evidence.name}", fix="Look at it")


SENTENCES = {FromOutside: _outside}
'''
TEXTS = """
[from-outside]
summary = "A policy changes."
help = "It is from outside."
"""
# By file: what is added before a text in it.
ADDED = {
    "rules.py": [
        ("    # Plugin.\n", '    OUTSIDE = "from-outside", _E, _PLAN, _ANY\n'),
    ],
    "run.py": [
        ("# One for each file of", "from vpc_cni_iam.review.checks import from_outside\n\n"),
        ("    access.check,\n", "    from_outside.check,\n"),
    ],
    "report/sentences/__init__.py": [
        ("    access,\n", "    from_outside,\n"),
        ("    **access.SENTENCES", "    **from_outside.SENTENCES,\n"),
    ],
}


def test_every_rule_has_its_texts() -> None:
    texts = tomllib.loads((REVIEW / "report" / "rules.toml").read_text())
    assert texts.keys() == {*map(str, Rule)}, "review/report/rules.toml has a table for each rule"


def test_every_file_of_checks_is_run() -> None:
    files = {p.stem for p in (REVIEW / "checks").glob("*.py") if "def check(" in p.read_text()}
    run_files = {check.__module__.rpartition(".")[2] for check in CHECKS}
    assert files == run_files, "add the check of each file to CHECKS of review/run.py"


def test_a_rule_from_outside_is_reported_and_ignored(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    folder = package / "review"
    (folder / "checks" / "from_outside.py").write_text(CHECK)
    (folder / "report" / "sentences" / "from_outside.py").write_text(SENTENCE)
    with (folder / "report" / "rules.toml").open("a") as texts:
        texts.write(TEXTS)
    for name, additions in ADDED.items():
        text = (folder / name).read_text()
        for before, addition in additions:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, addition + before)
        (folder / name).write_text(text)
    (tmp_path / "plan.json").write_bytes(plan(policy("p", None, document(allow("s3:A")))))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path}
    done = run("review", "plan.json", "--format", "sarif", cwd=tmp_path, env=env)
    assert done.code == 1, done.err
    assert '"ruleId": "from-outside"' in done.out and "It is from outside." in done.out
    ignored = '[[ignore]]\nrule = "from-outside"\naddress = "*"\nreason = "x"\n'
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ignored)
    done = run("review", "plan.json", cwd=tmp_path, env=env)
    assert "ignored: from-outside aws_iam_policy.p: x" in done.out
