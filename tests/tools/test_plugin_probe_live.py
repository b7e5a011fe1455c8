"""The short run of the newest version: what it reports, and that CI says aloud where it cannot."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tools.plugin_probe import live
from tools.plugin_probe.case import Case, End, Run
from tools.plugin_probe.evidence import observed
from tools.plugin_probe.servers import Recorded

from conftest import ROOT
from vpc_cni_iam.catalog.facts import known_versions

OBSERVED = observed()[-1]
RELEASE = known_versions.newest()
END = End(20, 2, 0, ("subnet-1",), 0, 0, 0, 0, 0)


def agent_as_observed(case: Case) -> Run:
    """What the agent did, from the evidence."""
    scenario = next(s for s in OBSERVED["scenarios"] if s["name"] == case.scenario)
    life = scenario["denied"][case.denials[0]] if case.denials else scenario
    requests = tuple(
        Recorded(0.0, r["action"], r["form"], r["parameters"], (), r.get("error", ""))
        for r in scenario["requests"]
    )
    served, expected = life["pods"]
    ready = 2.0 + (life.get("delay_seconds") or 0) if served else None
    return Run(life["exit_code"], ready, expected, served, life["interfaces"], END, requests)


def failures(run: Callable[[Case], Run]) -> list[str]:
    return list(live.failures(RELEASE, "agent", OBSERVED, run))


def test_an_agent_that_does_what_the_catalog_says() -> None:
    assert known_versions.find(OBSERVED["version"]) == RELEASE
    assert failures(agent_as_observed) == []


def changed(case: Case, run: Run) -> Run:
    """What an agent does that asks for more, and has no pods with a policy."""
    more = Recorded(9.0, "ec2:DescribeVpcs", "", {}, (), "")
    if case.policies:
        denied = replace(run.requests[0], denied=("ec2:DescribeVpcs on *",))
        return replace(run, requests=(*run.requests, denied), pods_served=0)
    return replace(run, requests=(*run.requests, more), pods_served=run.pods_wanted)


def test_what_an_agent_does_otherwise_is_reported() -> None:
    problems = failures(lambda case: changed(case, agent_as_observed(case)))
    assert "ipv4: other requests than the catalog's evidence has" in problems
    assert "ipv4-scoped hardened in ipv4: denied ec2:DescribeVpcs on *" in problems
    assert "ipv6-scoped hardened in ipv6: 0 of 5 pods got an address" in problems
    impact = "ec2:DescribeSubnets denied: no effect; the catalog has some pods get no address"
    assert f"ipv4: {impact}" in problems


def test_a_call_that_a_policy_leaves_out_on_purpose_is_no_difference() -> None:
    def run(case: Case) -> Run:
        seen = agent_as_observed(case)
        if not case.policies or case.scenario != "ipv6":
            return seen
        refused = replace(
            seen.requests[0], denied=("ec2:ModifyNetworkInterfaceAttribute on arn:aws:ec2:x",)
        )
        return replace(seen, requests=(*seen.requests, refused))

    assert [text for text in failures(run) if "ipv6-scoped" in text] == []


@pytest.mark.parametrize(
    ("code", "expected", "skipped"), [(0, 0, False), (1, 1, False), (3, 0, True), (124, 0, True)]
)
def test_ci_says_aloud_that_the_agent_was_not_run(
    tmp_path: Path, code: int, expected: int, skipped: bool
) -> None:
    function = re.search(r"^live_probe\(\) \{.*?^\}", (ROOT / ".ci/run").read_text(), re.M | re.S)
    assert function is not None
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", f"{function[0]}\nlive_probe"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected
    assert ("!! SKIPPED" in done.stdout) is skipped
