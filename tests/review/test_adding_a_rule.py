"""A rule is one file: its texts, its evidence with a sentence, and its function."""

import os
import shutil
from pathlib import Path

from conftest import ROOT, run
from synthetic import allow, document, plan, policy
from vpc_cni_iam.review import rules

FILE = '''"""A rule from outside."""

from msgspec import Struct

from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.diff.principals import principal_changes
from vpc_cni_iam.review.findings import Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, Rule, Topic

OUTSIDE = Rule(
    "from-outside",
    (Level.ERROR, Topic.PLAN, CHANGES),
    summary="A policy changes.",
    help="It is from outside.",
    fix="Look at it.",
)


class FromOutside(Struct, frozen=True):
    """A policy changes."""

    name: str


def check(context):
    for change in principal_changes(context):
        for grant in change.grants:
            address = (grant.after or grant.before).address
            yield finding(OUTSIDE, FromOutside("it"), address)


@says(FromOutside)
def _outside(finding, evidence):
    return Saying(f"Something changes {evidence.name}", fix="Look at it")
'''


def test_rules_are_by_question_and_severity() -> None:
    topics = [*rules.Topic]
    every = [(topics.index(rule.question), -rule.level.rank) for rule in rules.every()]
    assert every == sorted(every) and len({*rules.every()}) == len(every)


def test_a_rule_is_one_file_and_is_reported_and_ignored(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    (package / "review" / "checks" / "from_outside.py").write_text(FILE)
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
