"""The simulated node sends what the plugin's real agent was seen to send in the same setting."""

from collections.abc import Iterable
from typing import Any

import pytest
from tools.plugin_probe.evidence import observed

from coverage_policies import ADMIN
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.coverage.judge.judge import run_scenarios
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY, find
from vpc_cni_iam.coverage.simulate.send import Answers, SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.plugin.settings import known_variables, of_options

EVERYTHING = Answers([ADMIN])
OBSERVED = pytest.mark.parametrize("observed", observed(), ids=lambda o: str(o["version"]))
# The scenarios of the probe that are no fresh node of EC2, and those of coverage that they are.
OTHERS = {"leaked": ("leaked-interface",), "custom": ("custom-networking",)}
# An interface is made, attached and set up in this order.
GROWING = (
    "create",
    "describe-instances",
    "attach",
    "attach-by-sagemaker",
    "set-delete-on-termination",
    "check-subnet-of-new",
)


def setting_of(version: str, scenario: dict[str, Any]) -> RequestSetting:
    setting = RequestSetting(known_versions.find(version), scenario["family"])
    variables = known_variables(setting.version)
    values = {k: v for k, v in scenario["environment"].items() if k in variables}
    values["CLUSTER_NAME"] = scenario["cluster_name"]
    return setting.configured(of_options(values, setting.version, scenario["features"]))


def simulated(version: str, scenario: dict[str, Any]) -> list[SentCall]:
    kind = scenario["name"].split("-")[1] if "-" in scenario["name"] else ""
    node = "hyperpod-node" if "hyperpod" in scenario["features"] else ORDINARY
    names = OTHERS.get(kind, (node,))
    if "leaked-interface" in names:
        names = (ORDINARY, *names)
    runs = run_scenarios(EVERYTHING, setting_of(version, scenario), find(names))
    return [call for run in runs for call in run.calls]


def first_of_each(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in GROWING]


@OBSERVED
def test_every_request_of_the_agent_is_sent_in_the_same_setting(observed: dict[str, Any]) -> None:
    for scenario in observed["scenarios"]:
        sent = [call.template.name for call in simulated(observed["version"], scenario)]
        seen = [request["form"] for request in scenario["requests"]]
        assert set(seen) <= set(sent), scenario["name"]
        if "create" in seen:
            assert first_of_each(seen) == first_of_each(sent), scenario["name"]


@OBSERVED
def test_nothing_is_sent_that_the_agent_does_not_send(observed: dict[str, Any]) -> None:
    """What only some nodes send is taken from all scenarios of the family."""
    everywhere: dict[str, set[str]] = {}
    for scenario in observed["scenarios"]:
        seen = everywhere.setdefault(scenario["family"], set())
        seen.update(request["form"] for request in scenario["requests"])
    for scenario in observed["scenarios"]:
        if scenario["exit_code"] is not None:
            continue  # an agent that stopped by its own fault sent no more
        sent = {call.template.name for call in simulated(observed["version"], scenario)}
        seen = {request["form"] for request in scenario["requests"]}
        # An IPv6 node frees an interface only where its set-up fails.
        optional = {"describe-instance-types", "assign-ipv4", "unassign-ipv4", "detach", "delete"}
        if scenario["name"].endswith(("-addresses", "-prefixes", "-excluded-subnet")):
            optional |= set(GROWING) | {"describe-subnets"}
        assert sent - optional <= seen, scenario["name"]
        if scenario["family"] == "ipv4":
            assert sent <= everywhere["ipv4"], scenario["name"]


@OBSERVED
def test_tags_have_the_values_that_the_agent_sends(observed: dict[str, Any]) -> None:
    for scenario in observed["scenarios"]:
        sent: dict[str, dict[str, str]] = {}
        for call in simulated(observed["version"], scenario):
            for check in call.checks[:1] if call.template.name in ("create", "tag-managed") else ():
                tags = {
                    key.partition("/")[2]: str(value)
                    for key, value in check.request.context.items()
                    if key.startswith("aws:RequestTag/")
                }
                sent.setdefault(call.template.name, tags)
        for request in scenario["requests"]:
            if tags := sent.get(request["form"], {}):
                fields = request["parameters"]
                seen = {
                    value: fields[f"{name[:-4]}.Value"]
                    for name, value in fields.items()
                    if name.endswith(".Key")
                }
                dated = "node.k8s.amazonaws.com/createdAt"
                assert seen.keys() == tags.keys(), scenario["name"]
                assert seen | {dated: ""} == tags | {dated: ""}, scenario["name"]
                sent.pop(request["form"])
