"""``--quiet``: the same meaning in every command that has it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from account_details import OLD, PODS, details, role
from conftest import ROOT, run, write_tree
from vpc_cni_iam.cli.main import COMMANDS

PLAN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
# How a command ends with exit code 0, and with 1.
JUDGING = {
    "verify": ("m --engine none", "m --engine none --cni-version v1.12.0"),
    "review": ("plan.json --fail-on coverage-lost", "plan.json --fail-on any-change"),
    "compare": ("all.json none.json", "none.json all.json"),
    "coverage": ("all.json", "none.json"),
    "audit": ("account.json --to v1.20.4", "account.json --to v1.23.2"),
    "preflight": (
        "ready.json --cluster-name prod --no-harden",
        "none-ready.json --cluster-name prod --no-harden",
    ),
}
WRITING = {"generate", "init", "sync", "check", "accept", "upgrade", "publish"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def instances(tags: dict[str, str]) -> str:
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    node = {"InstanceId": "i-0123456789abcdef0", "VpcId": "vpc-01234567", "Tags": tag_list}
    return json.dumps({"Reservations": [{"Instances": [node]}]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("quiet")
    node, owned = {"eks:cluster-name": "prod"}, {"kubernetes.io/cluster/prod": "owned"}
    write_tree(
        top,
        {
            "plan.json": PLAN.read_text(),
            "all.json": policy({"Effect": "Allow", "Action": "*", "Resource": "*"}),
            "none.json": policy(),
            "account.json": details(role("cni", PODS, inline={"cni": OLD})),
            "ready.json": instances(node | owned),
            "none-ready.json": instances(node),
        },
    )
    assert run("generate", "m", "--cni-version", "v1.23.2", cwd=top).code == 0
    return top


def test_the_documented_commands_have_it() -> None:
    page = (ROOT / "docs" / "reference.md").read_text().partition("## Quiet")[2]
    rows = [re.findall(r"`([a-z]+)`", line.split("|")[1]) for line in page.splitlines()[4:9]]
    writing, judging, without = map(set, rows[2:])
    assert (writing, judging) == (WRITING, set(JUDGING))
    assert writing | judging | without == {*COMMANDS}
    for name in COMMANDS:
        assert ("  -q, --quiet " in run(name, "--help").out) is (name not in without), name


@pytest.mark.parametrize("command", JUDGING)
def test_a_verdict_is_printed_whole_or_not_at_all(command: str, folder: Path) -> None:
    fine, bad = (words.split() for words in JUDGING[command])
    assert run(command, *fine, cwd=folder).out
    done = run(command, *fine, "--quiet", cwd=folder)
    assert (done.code, done.out) == (0, "")
    done = run(command, *bad, "-q", cwd=folder)
    assert done.code == 1 and done.out
    assert done == run(command, *bad, cwd=folder)
    # What a program reads is there in any case.
    printed = run(command, *fine, "-q", "--format", "json", cwd=folder).out
    assert printed == run(command, *fine, "--format", "json", cwd=folder).out != ""


def test_what_is_no_verdict_is_printed() -> None:
    assert run("coverage", "--help", "-q").out == run("coverage", "--help").out != ""
