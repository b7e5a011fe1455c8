"""The report on terminals of every width, in colour and without."""

import re

import pytest

from conftest import ROOT, run

PLANS = ROOT / "tests" / "review" / "plans"
WIDEN = PLANS / "widen.terraform-1.15.5.json"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_report_is_as_wide_as_the_terminal(width: int) -> None:
    done = run("review", WIDEN, env={"COLUMNS": str(width)})
    assert done.code == 1
    lines = done.out.splitlines()
    # The first line names the plan, whose path is not broken.
    assert max(len(line.rstrip()) for line in lines[1:]) <= width
    assert "ec2:TerminateInstances" in done.out


def test_colour_is_for_terminals_and_can_be_had_and_refused() -> None:
    assert "\x1b[" not in run("review", WIDEN).out
    forced = run("review", WIDEN, env={"FORCE_COLOR": "1", "TERM": "xterm"}).out
    assert "\x1b[" in forced
    refused = run("review", WIDEN, env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}).out
    assert not re.search(r"\x1b\[[\d;]*3[1-6]m", refused)


def test_what_is_alike_is_said_once() -> None:
    out = run("review", PLANS / "nested.tofu-1.12.6.json").out
    assert out.count("gained │ ec2:AssignPrivateIpAddresses") == 2
    assert 'also module.vpc_cni_irsa["green"]' in out


def test_usage_is_checked_before_the_plan_is_read() -> None:
    for arguments in (("--fail-on", "high"), ("--cni-version", "v0.1.0"), ("--mode", "ipv5")):
        assert run("review", "nowhere.json", *arguments).code == 2
    done = run("review", "nowhere.json")
    assert (done.code, "nowhere.json: is not there" in done.err) == (3, True)
