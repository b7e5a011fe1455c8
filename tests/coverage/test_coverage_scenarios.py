"""Which scenarios are run, and all ways through each, by the answers to its requests."""

import json
from collections.abc import Hashable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from coverage_policies import NAMES, composed, covered, reported, setting
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.matrix import profile
from vpc_cni_iam.coverage.simulate.node import SimulatedNode
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario, find
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.evaluate import Decision, Outcome, Request

EVERY = find([scenario.name for scenario in SCENARIOS])
# Whether CreateTags and CreateNetworkInterface are allowed, and the cluster's tag may be read.
CHANGING = {"ec2:CreateTags", "ec2:CreateNetworkInterface", "ec2:DescribeTags"}
# The requests of a scenario in their order.
Steps = tuple[tuple[str, Hashable], ...]
PLUGIN = composed("ipv4", "latest")
SPECIAL = ["cluster-name-corrected", "additional-tags-changed"]


class Decided(Answers):
    """Allows every request but some, and has those that it was asked about."""

    def __init__(self, denied: frozenset[Hashable]) -> None:
        super().__init__([])
        self.denied = denied
        self.asked: list[tuple[str, Hashable]] = []

    def evaluate(self, request: Request) -> Decision:
        step = request.action, (request.resource, frozenset(request.context.items()))
        self.asked.append(step)
        return Decision(Outcome.IMPLICITLY_DENIED if step in self.denied else Outcome.ALLOWED, 0, 0)


def steps(scenario: Scenario, where: RequestSetting, denied: frozenset[Hashable]) -> Steps:
    answers = Decided(denied)
    scenario.run(SimulatedNode(scenario.prepare(where), answers))
    return tuple(answers.asked)


def paths(scenario: Scenario, where: RequestSetting) -> dict[Steps, frozenset[str]]:
    """Return all ways through a scenario, each with the actions whose denial leads to another."""
    known: dict[Steps, frozenset[str]] = {}
    left: list[frozenset[Hashable]] = [frozenset()]
    while left:
        denied = left.pop()
        path = steps(scenario, where, denied)
        if path not in known:
            others = [step for step in dict.fromkeys(path) if step not in denied]
            changing = [s for s in others if steps(scenario, where, denied | {s}) != path]
            known[path] = frozenset(action for action, _ in changing)
            left += [denied | {step} for step in changing]
    return known


@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_few_answers_change_what_follows_in_a_scenario(mode: Mode) -> None:
    features = tuple(calls.features())
    versions = [v for v in known_versions.known() if v >= PluginVersion.of("v1.0.0")]
    settings = [RequestSetting(v, mode, features, NAMES).at(v) for v in versions]
    most = 0
    for _, group in groupby(settings, key=lambda where: profile(where, EVERY)):
        alike = list(group)
        for scenario in (s for s in EVERY if s.arises(alike[0])):
            tree = paths(scenario, alike[0])
            assert 1 <= len(tree) <= 4, (scenario.name, alike[0].version)
            assert frozenset().union(*tree.values()) <= CHANGING, scenario.name
            most = max(most, len(tree))
            # Versions of one profile have one tree.
            assert tree == paths(scenario, alike[-1]), (scenario.name, alike[-1].version)
    assert most > 1


def names(report: Mapping[str, Any]) -> list[str]:
    return [scenario["name"] for scenario in report["scenarios"]]


def test_scenarios_of_a_changed_configuration_are_run_by_name() -> None:
    coverage = covered(PLUGIN, setting())
    assert not {*SPECIAL} & {r.scenario.name for r in coverage.scenario_runs}
    assert [s.name for s in coverage.not_expected] == [
        "trunk-interface",
        "custom-networking",
        "shared-subnet",
        *SPECIAL,
    ]
    coverage = covered(PLUGIN, setting(), *SPECIAL, "fresh-node")
    assert [r.scenario.name for r in coverage.scenario_runs] == ["fresh-node", *SPECIAL]
    assert coverage.not_expected == ()


def test_the_module_that_the_tool_recommends_passes_its_own_check(tmp_path: Path) -> None:
    words = ("generate", "m", "--variant", "ipv4-scoped", "--cni-version", "latest", "--harden")
    assert run(*words, cwd=tmp_path).code == 0
    values = "--var", "cluster_name=prod", "--var", "vpc_id=vpc-01234567"
    done = run("coverage", "m", *values, "--verbose", cwd=tmp_path)
    assert done.code == 0
    settings = [
        "trunk-interface (ENABLE_POD_ENI)",
        "custom-networking (AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG)",
    ]
    listed = ", ".join([*settings, "shared-subnet", *SPECIAL])
    assert f"\nnot run, unless --scenario names it: {listed}\n" in done.out
    every = run("coverage", "m", *values, "--all-versions", cwd=tmp_path)
    assert f"\nnot run, unless --scenario names it: {listed}\n" in every.out
    words = ("coverage", "m", *values, "--scenario", SPECIAL[0])
    special = run(*words, cwd=tmp_path)
    assert special.code == 1 and "not run" not in special.out
    heading = run(*words, "--all-versions", cwd=tmp_path).out.partition(":")[0]
    assert heading.endswith(f", in {SPECIAL[0]} only")


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        ((), False),
        (("--set", "account-id=444455556666"), False),
        (("--set", "vpc-owner-id=111122223333"), False),
        (("--set", "vpc-owner-id=444455556666"), True),
    ],
)
def test_a_shared_vpc_is_assumed_if_something_says_so(
    words: tuple[str, ...], shared: bool, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(run("policy", "ipv4", "--region", "eu-west-1").out)
    own = reported(tmp_path, "p.json", *words)
    assert ("shared-subnet" in names(own)) is shared and own["verdict"] not in ("unknown", "fails")
    assert ("shared-subnet" in own["scenarios_not_run"]) is not any(
        "vpc-owner-id" in word for word in words
    )


def test_policies_for_one_account_fail_in_a_shared_vpc_that_is_asked_for(tmp_path: Path) -> None:
    statements = json.loads(run("policy", "ipv4").out)["Statement"]
    for statement in statements:
        if any(not action.startswith("ec2:Describe") for action in statement["Action"]):
            statement["Resource"] = "arn:aws:ec2:eu-west-1:111122223333:*/*"
    describe = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    whole = {"Version": "2012-10-17", "Statement": [*statements, describe]}
    (tmp_path / "p.json").write_text(json.dumps(whole))
    assert reported(tmp_path, "p.json")["verdict"] == "works"
    for words in (("--scenario", "shared-subnet"), ("--set", "vpc-owner-id=444455556666")):
        assert reported(tmp_path, "p.json", *words)["verdict"] == "fails"
