"""``preflight`` says of a node by its tags what ``coverage`` says of the plugin's calls there."""

import json
from itertools import product

import pytest

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, INSTANCE, OWNER
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.coverage.simulate.node import TRUNK, SimulatedNode
from vpc_cni_iam.coverage.simulate.scenarios import PRIMARY
from vpc_cni_iam.coverage.simulate.send import NODE, Answers
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.inputs.aws.ec2 import Instance, Interface, Inventory
from vpc_cni_iam.preflight.findings import preflight

VPC = "vpc-0123456789abcdef0"
PRIMARIES: list[dict[str, str]] = [{}, {CLUSTER: "other"}, {CLUSTER: "prod", INSTANCE: NODE}]
ATTACHED: list[dict[str, str] | None] = [None, {INSTANCE: NODE, "made-by": "us"}]
TRUNKS: list[dict[str, str] | None] = [None, {}, {CLUSTER: "prod"}]


@pytest.mark.parametrize("provisions", [True, False])
@pytest.mark.parametrize(
    ("how", "additional"),
    [
        (None, {"team": "x"}),
        (Hardening(), {}),
        (Hardening(), {"team": "x"}),
        (Hardening(("team",)), {"team": "x"}),
        (Hardening((), ("made-by", "us")), {}),
    ],
)
@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
@pytest.mark.parametrize("version", ["v1.10.0", "v1.13.2", "v1.23.2"])
def test_what_breaks_is_what_fails(
    version: str, mode: Mode, how: Hardening | None, additional: dict[str, str], *, provisions: bool
) -> None:
    (composed,) = options((f"{mode}-scoped",), cni_version=version, hardening=how).composed()
    names = {"cluster_name": "prod", "vpc_id": VPC}
    policies = Answers([parameters.substitute(composed.policy, parameters.values(names))])
    for tagged, *tags in product((True, False), PRIMARIES, ATTACHED, TRUNKS):
        kinds = (PRIMARY, "attached interface", TRUNK)
        described = {name: t for name, t in zip(kinds, tags, strict=True) if t is not None}
        if TRUNK in described:
            described[TRUNK] = {OWNER: "eks-vpc-resource-controller", **described[TRUNK]}
        setting = RequestSetting(
            PluginVersion.of(version),
            mode,
            names=Names(cluster_name="prod", vpc_id=VPC),
            instance_tagged=tagged,
        ).with_environment(
            DISABLE_NETWORK_RESOURCE_PROVISIONING=str(not provisions).lower(),
            ADDITIONAL_ENI_TAGS=json.dumps(additional),
        )
        result = preflight(
            inventory(described, tagged=tagged), composed, "prod", plugin=setting.plugin
        )
        assert result.verdict.is_failure(if_degraded=False) is fails(
            SimulatedNode(setting, policies), described
        ), (setting, tags)


def inventory(described: dict[str, dict[str, str]], *, tagged: bool) -> Inventory:
    """One node with interfaces, as EC2 describes them."""
    owned = {"kubernetes.io/cluster/prod": "owned"} if tagged else {}
    interfaces = {
        name: Interface(
            name, VPC, "in-use", "trunk" if name == TRUNK else "interface", "", NODE, tags
        )
        for name, tags in described.items()
    }
    node = Instance(NODE, VPC, {"eks:cluster-name": "prod", **owned})
    return Inventory({NODE: node}, interfaces)


def fails(node: SimulatedNode, described: dict[str, dict[str, str]]) -> bool:
    """Whether the plugin fails that starts with interfaces, adds one and frees what it can."""
    interfaces = [node.interface(name, tags) for name, tags in described.items()]
    node.start(*interfaces)
    if grown := node.grow():
        node.free(grown)
    for interface in interfaces:
        if interface.name not in (PRIMARY, TRUNK):
            node.assign(interface)
            node.free(interface)
    return any(call.fails for call in node.calls)
