"""A rule is two rows, a check and a sentence: every report and the ignore file follow it."""

import os
import shutil
from pathlib import Path

from conftest import ROOT, run
from synthetic import allow, document, plan, policy

CHECK = '''"""A check from outside."""

from msgspec import Struct

from vpc_cni_iam.review.findings import finding
from vpc_cni_iam.review.rules import Rule


class Outside(Struct, frozen=True):
    """A policy changes."""


def check(context):
    for resource in context.filler.resources:
        yield finding(Rule.FROM_OUTSIDE, Outside(), resource.address)
'''
TEXTS = """
[from-outside]
summary = "A policy changes."
help = "It is from outside."
"""
SENTENCE = """
from vpc_cni_iam.review.checks.from_outside import Outside

_SENTENCES[Outside] = lambda finding, _: Saying(f"{finding.address} changes", fix="Change it back")
"""
# In each file, what the rule is added in front of.
ADDED = {
    "rules.py": {
        "    # Plugin.\n": '    FROM_OUTSIDE = "from-outside"\n',
        "    Rule.COVERAGE_LOST: _row": "    Rule.FROM_OUTSIDE: _row(_E, _ACCESS, _ANY),\n",
    },
    "run.py": {
        "    access,\n": "    from_outside,\n",
        "    access.check,": "    from_outside.check,\n",
    },
}


def test_a_rule_from_outside_is_in_every_report(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam" / "review"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package.parent)
    (package / "checks" / "from_outside.py").write_text(CHECK)
    for name, places in ADDED.items():
        text = (package / name).read_text()
        for before, line in places.items():
            assert before in text
            text = text.replace(before, line + before)
        (package / name).write_text(text)
    for name, more in {"rules.toml": TEXTS, "sentences/__init__.py": SENTENCE}.items():
        with (package / "report" / name).open("a") as file:
            file.write(more)
    (tmp_path / "plan.json").write_bytes(plan(policy("p", None, document(allow("s3:A")))))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path}
    done = run("review", "plan.json", "--format", "sarif", cwd=tmp_path, env=env)
    assert done.code == 1
    assert '"ruleId": "from-outside"' in done.out and "It is from outside." in done.out
    ignored = '[[ignore]]\nrule = "from-outside"\naddress = "*"\nreason = "agreed"\n'
    (tmp_path / "vpc-cni-iam-ignore.toml").write_text(ignored)
    done = run("review", "plan.json", cwd=tmp_path, env=env)
    assert "ignored: from-outside aws_iam_policy.p: agreed" in done.out
