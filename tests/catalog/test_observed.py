"""What the plugin's real agent was seen to do, against what the catalog says of the release."""

from collections.abc import Iterator
from typing import Any

import pytest

from vpc_cni_iam.catalog.facts import calls, releases
from vpc_cni_iam.catalog.facts.store import observed_data

# Called by other programs than the agent, which the probe does not run.
OTHER_PROGRAMS = {"metrics-helper", "network-policy-logs"}
# What no scenario leads to, with the reason.
NOT_REACHED = {
    ("ipv6", "ec2:DescribeInstanceTypes"): "the scenario of an unknown type is one of IPv4",
    ("ipv6", "ec2:DeleteNetworkInterface"): "an interface is deleted only where its set-up fails",
    ("ipv6", "ec2:DetachNetworkInterface"): "likewise",
    ("ipv6", "sagemaker:AttachClusterNodeNetworkInterface"): "the HyperPod node is one of IPv4",
    ("ipv6", "sts:GetCallerIdentity"): "likewise",
}
OBSERVED = pytest.mark.parametrize("observed", observed_data(), ids=lambda o: str(o["version"]))


def called(observed: dict[str, Any], family: str) -> set[str]:
    return {
        request["action"]
        for scenario in observed["scenarios"]
        if scenario["family"] == family
        for request in scenario["requests"]
    }


def known(observed: dict[str, Any], family: Any) -> Iterator[calls.CallRange]:
    release = releases.find(observed["version"])
    for feature in (None, *(f for f in calls.features() if f not in OTHER_PROGRAMS)):
        yield from calls.call_ranges((family,), release, feature)


@OBSERVED
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_agent_calls_what_the_catalog_says_and_nothing_else(
    observed: dict[str, Any], family: str
) -> None:
    actions = {call_range.action for call_range in known(observed, family)}
    missing = {action for of, action in NOT_REACHED if of == family}
    assert called(observed, family) == actions - missing
    assert missing <= actions


@OBSERVED
def test_what_a_denial_broke_is_no_worse_than_the_catalog_says(observed: dict[str, Any]) -> None:
    checked = 0
    for scenario in observed["scenarios"]:
        impacts: dict[str, set[str]] = {}
        for call_range in known(observed, scenario["family"]):
            impacts.setdefault(call_range.action, set()).add(call_range.impact)
        for action, outcome in scenario["denied"].items():
            checked += 1
            stops = outcome["impact"] in ("exits at start", "pods get no address")
            assert not stops or "fatal" in impacts[action], (scenario["name"], action)
            harmless = outcome["impact"] == "no effect"
            assert not harmless or "degraded" in impacts[action], (scenario["name"], action)
    assert checked > 15


@OBSERVED
def test_every_scenario_was_lived_through(observed: dict[str, Any]) -> None:
    for scenario in observed["scenarios"]:
        served, wanted = scenario["pods"]
        assert scenario["exit_code"] is None and served == wanted, scenario["name"]
