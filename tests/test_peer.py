"""The comparison with another converter counts each fault that one can have."""

import sys
from pathlib import Path

import pytest

from conftest import ROOT
from vpc_cni_iam.engine.run import Engine

sys.path.insert(0, str(ROOT / "benchmarks"))

import peer

_CONVERTER = """
import os, sys
name = sys.argv[1]
if name == "refused":
    sys.exit(3)
print("#", os.getpid() if name == "shuffled" else "")
actions = "iam:*" if name == "widened" else "s3:GetObject"
resource = "${aws:username}" if name == "unescaped" else "*"
element = "resource" if name == "misspelled" else "resources"
print(f'data "aws_iam_policy_document" "{name}" {{')
print(f'  statement {{\\n    actions = ["{actions}"]\\n    {element} = ["{resource}"]\\n  }}\\n}}')
"""
_POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Sid": "", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["*"]}]}"""


@pytest.mark.engine
def test_each_fault_of_a_converter_is_counted(newest: Engine, tmp_path: Path) -> None:
    script = tmp_path / "converter.py"
    script.write_text(_CONVERTER)
    faults = ["refused", "shuffled", "unescaped", "misspelled", "widened"]
    row = peer.outcome(
        [sys.executable, str(script)], dict.fromkeys(["right", *faults], _POLICY), newest
    )
    documents, converted, repeated, valid, same, _ = map(int, row.split(" | "))
    assert (documents, converted, repeated, valid, same) == (6, 5, 4, 3, 2)
