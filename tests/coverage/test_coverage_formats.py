"""The reports of coverage as people read them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Stored, run

TEAM = {"Condition": {"StringLike": {"aws:TagKeys": "team*"}}}


def document(*statements: dict[str, Any]) -> str:
    every = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": every})


FILES = {
    "ec2.json": document({"Action": "ec2:*"}),
    "idle.json": document({"Action": ["ec2:Describe*", "s3:GetObject"]}),
    # AWS leaves open what such a condition on a key of several values means.
    "undecided.json": document(
        {"NotAction": "ec2:CreateTags"}, {"Action": "ec2:CreateTags", "Sid": "Tags", **TEAM}
    ),
    "may-be-denied.json": document(
        {"Action": "ec2:*"}, {"Effect": "Deny", "Action": "ec2:CreateTags", **TEAM}
    ),
    "deny.json": document({"Action": "*"}, {"Effect": "Deny", "Action": "ec2:DetachNet*"}),
    "on-instances.json": document(
        {"NotAction": ["ec2:AttachNetworkInterface", "ec2:Delete*"]},
        {"Action": "ec2:AttachNetworkInterface", "Resource": "arn:aws:ec2:*:*:instance/*"},
        {"Action": "ec2:Delete*", "Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}},
    ),
}
CASES = (
    "--variant ipv6 --revision 2024-07-22 --cni-version v1.22.1",
    "--variant ipv4-scoped --cni-version v1.23.2",
    "--variant ipv4 --cni-version v1.21.2",
    "--variant ipv4 --cni-version v1.23.2 --feature network-policy-logs",
    "--variant ipv4 --cni-version v1.23.2 --scenario fresh-node",
    "--variant ipv4 --cni-version v1.23.2 --feature hyperpod",
    "ec2.json --cni-version v1.23.2",
    "ec2.json --boundary idle.json --cni-version v1.20.4",
    "idle.json deny.json --cni-version v1.7.5",
    "undecided.json --cni-version v1.23.2",
    "may-be-denied.json --cni-version v1.23.2 --scenario fresh-node",
    "on-instances.json --cni-version v1.14.0",
)
VERBOSE = [CASES[n] for n in (0, 3, 7, 9, 11)]
MATRICES = (
    "--variant ipv6 --revision 2024-07-22",
    "--variant ipv4-scoped",
    "--variant ipv4 --feature network-policy-logs",
    "ec2.json --boundary idle.json",
    "undecided.json",
    "--variant ipv4 --scenario trunk-interface --scenario custom-networking",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text)


def reported(words: str, *more: str) -> str:
    done = run("coverage", *words.split(), *more)
    assert done.code in (0, 1), done.err
    return done.out


def test_reports(stored: Stored) -> None:
    outputs = {words: reported(words) for words in CASES}
    outputs |= {f"{words} --verbose": reported(words, "--verbose") for words in VERBOSE}
    stored("coverage.txt", outputs)


def test_reports_of_all_versions(stored: Stored) -> None:
    outputs = {}
    for words in MATRICES:
        outputs[f"{words} --all-versions"] = reported(words, "--all-versions")
        titles = re.findall("<title>(.*?)</title>", reported(words, "--format", "svg"))
        outputs[f"{words} --format svg"] = "".join(f"{title}\n" for title in titles)
    words = "undecided.json --all-versions --verbose"
    stored("coverage-all-versions.txt", outputs | {words: reported(words)})


def test_errors_are_followed_by_their_fix_then_notes_then_risks() -> None:
    out = run("coverage", "--variant", "ipv6", "--revision", "2024-07-22").out
    begins = ("error ", "to do ", "note ", "risks, ")
    order = [begin for line in out.splitlines() for begin in begins if line.startswith(begin)]
    assert list(dict.fromkeys(order)) == list(begins) and sorted(order, key=begins.index) == order
