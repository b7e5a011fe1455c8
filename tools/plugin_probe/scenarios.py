"""Scenarios of a node in a run: its configuration, and starting and stopping pods."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tools.plugin_probe.cloud import (
    CLUSTER,
    SUBNET_OWNER,
    SUBNET_TAG,
    Cloud,
    InstanceType,
    Subnet,
)
from vpc_cni_iam.catalog.facts import requests
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

M5_LARGE = InstanceType("m5.large", (3,), 10)
# A type that no version has in its table of limits.
UNKNOWN_TYPE = InstanceType("m99.large", (3,), 10)
TWO_CARDS = InstanceType("p4d.24xlarge", (15, 15, 15, 15), 50)

PRIMARY, OTHER, FOREIGN, EXCLUDED = (f"subnet-{n:017x}" for n in range(1, 5))
_OWNER = "cni.networking.k8s.aws/cluster/"
OTHER_GROUP = "sg-0fedcba9876543210"
HYPERPOD = "hp0123456789"

Family = Literal["ipv4", "ipv6"]


@dataclass(frozen=True)
class Step:
    """Something that happens once the agent is ready.

    Args:
        pods: How many pods there are to be from now on.
        wait: The most seconds to wait for what the step is for.
        until: An action or a form of request that ends the step when the agent has sent it.
        stay: The fewest seconds that the step takes.
        groups: The security groups that the first interface has from now on; none for no change.
    """

    pods: int
    wait: float = 20.0
    until: str = ""
    stay: float = 0.0
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A configuration of a node, and its life.

    Args:
        name: Its name, in words with hyphens.
        summary: What it is for.
        family: The IP family of the cluster.
        since: The first plugin version that has it.
        last: The last one, None if the newest has it.
        features: The catalog's features that it needs; what is denied in it is about the last.
        environment: Variables of the agent besides those that every run has.
        instance_type: The type of the node.
        subnets: The subnets; the node is in the first.
        steps: What happens.
        cluster_name: CLUSTER_NAME.
        hyperpod: Whether the node is one of a SageMaker HyperPod cluster.
        configurations: ENIConfigs by name.
        leaked: How many interfaces of nodes that are gone lie about, one of them without a date.
        denials: Actions and request forms whose denial shows something here that it does not in
            an earlier scenario.
    """

    name: str
    summary: str
    family: Family
    steps: tuple[Step, ...]
    since: PluginVersion = field(default_factory=lambda: PluginVersion.of("v1.8.0"))
    last: PluginVersion | None = None
    features: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    instance_type: InstanceType = M5_LARGE
    subnets: tuple[Subnet, ...] = (Subnet(PRIMARY, 0),)
    cluster_name: str = CLUSTER
    hyperpod: bool = False
    configurations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    leaked: int = 0
    denials: tuple[str, ...] = ()

    def at(self, version: PluginVersion) -> bool:
        """Return whether a version has it."""
        return self.since <= version and (self.last is None or version <= self.last)

    def cloud(self) -> Cloud:
        """Return the account as the scenario begins."""
        tags = {f"kubernetes.io/cluster/{CLUSTER}": "owned"}
        cloud = Cloud(self.instance_type, copy.deepcopy(self.subnets), instance_tags=tags)
        for number in range(self.leaked):
            gone = f"i-{number + 1:017x}"
            left = {requests.INSTANCE: gone, requests.CLUSTER: CLUSTER}
            if number:
                left[requests.CREATED_AT] = "2020-01-01T00:00:00Z"
            cloud.create(self.subnets[0].id, [], left, description=f"aws-K8S-{gone}")
        return cloud

    @property
    def provider_id(self) -> str:
        """The node's provider id."""
        if self.hyperpod:
            return f"aws:///us-west-2a/sagemaker/cluster/hyperpod-{HYPERPOD}-i-0123456789abcdef0"
        return "aws:///us-west-2a/i-0123456789abcdef0"


_V6 = {"ENABLE_PREFIX_DELEGATION": "true"}
_LEAN = {"WARM_IP_TARGET": "1", "MINIMUM_IP_TARGET": "2", "IP_COOLDOWN_PERIOD": "1"}


def _version(name: str) -> PluginVersion:
    return PluginVersion.of(name)


SCENARIOS = (
    Scenario("ipv4", "Start, and pods until a second interface is needed.", "ipv4", (Step(12),)),
    Scenario(
        "ipv4-scale-down",
        "Pods that go: an interface is detached and deleted.",
        "ipv4",
        (Step(12, 60), Step(0, 200, "ec2:DeleteNetworkInterface")),
        environment={"WARM_ENI_TARGET": "0", "IP_COOLDOWN_PERIOD": "1"},
    ),
    Scenario(
        "ipv4-addresses",
        "A few warm addresses: they are assigned one by one and given back.",
        "ipv4",
        (Step(5, 60), Step(0, 90, "ec2:UnassignPrivateIpAddresses")),
        environment=_LEAN,
    ),
    Scenario(
        "ipv4-prefixes",
        "Prefix delegation: whole prefixes are assigned and given back.",
        "ipv4",
        (Step(20), Step(0, 90, "ec2:UnassignPrivateIpAddresses")),
        since=_version("v1.9.0"),
        environment={"ENABLE_PREFIX_DELEGATION": "true", **_LEAN},
    ),
    Scenario(
        "ipv4-leaked-interfaces",
        "Interfaces of a node that is gone are deleted, within five minutes of the start.",
        "ipv4",
        (Step(1, 320, "delete-leaked"),),
        leaked=2,
        denials=("tag-leaked", "delete-leaked"),
    ),
    Scenario(
        "ipv4-custom-networking",
        "Pods in the subnet of an ENIConfig.",
        "ipv4",
        (Step(5),),
        environment={
            "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
            "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
        },
        subnets=(Subnet(PRIMARY, 0), Subnet(OTHER, 1)),
        configurations={"us-west-2a": {"subnet": OTHER, "securityGroups": [OTHER_GROUP]}},
        denials=(
            "ec2:AttachNetworkInterface",
            "ec2:CreateNetworkInterface",
            "ec2:DescribeInstances",
        ),
    ),
    Scenario(
        "ipv4-subnet-discovery",
        "Interfaces in a tagged subnet with more free addresses; another cluster's is left alone.",
        "ipv4",
        (Step(12),),
        since=_version("v1.18.0"),
        subnets=(
            Subnet(PRIMARY, 0, free=60),
            Subnet(OTHER, 1, {SUBNET_TAG: "1"}),
            Subnet(FOREIGN, 2, {SUBNET_TAG: "1", f"{_OWNER}another": "shared"}),
        ),
        denials=("ec2:DescribeSubnets",),
    ),
    Scenario(
        "ipv4-excluded-subnet",
        "The node's own subnet is not for pods.",
        "ipv4",
        (Step(5),),
        since=_version("v1.22.0"),
        subnets=(Subnet(PRIMARY, 0, {SUBNET_TAG: "0"}), Subnet(OTHER, 1, {SUBNET_TAG: "1"})),
        denials=("ec2:DescribeSubnets", "check-subnets", "check-subnet-of-new"),
    ),
    Scenario(
        "ipv4-groups-changed",
        "The security groups of the node's first interface change.",
        "ipv4",
        (Step(12), Step(12, 60, stay=40, groups=(OTHER_GROUP,))),
        denials=("set-groups",),
    ),
    Scenario(
        "ipv4-shared-subnet",
        "A subnet that another account owns and shares.",
        "ipv4",
        (Step(12),),
        subnets=(Subnet(PRIMARY, 0, owner=SUBNET_OWNER),),
    ),
    Scenario(
        "ipv4-unknown-type",
        "An instance type that the plugin has no limits of.",
        "ipv4",
        (Step(12),),
        instance_type=UNKNOWN_TYPE,
    ),
    Scenario(
        "ipv4-no-cluster-name",
        "CLUSTER_NAME is not set.",
        "ipv4",
        (Step(12),),
        cluster_name="",
    ),
    Scenario(
        "ipv4-security-groups-for-pods",
        "ENABLE_POD_ENI: room for the trunk interface that the resource controller attaches.",
        "ipv4",
        (Step(5),),
        environment={"ENABLE_POD_ENI": "true"},
    ),
    Scenario(
        "ipv4-multi-nic",
        "ENABLE_MULTI_NIC: an interface on each network card.",
        "ipv4",
        (Step(2, 60),),
        since=_version("v1.20.0"),
        features=("multi-nic",),
        environment={"ENABLE_MULTI_NIC": "true"},
        instance_type=TWO_CARDS,
    ),
    Scenario(
        "ipv4-hyperpod",
        "A SageMaker HyperPod node: SageMaker attaches the interfaces.",
        "ipv4",
        (Step(12),),
        since=_version("v1.23.2"),
        features=("hyperpod",),
        hyperpod=True,
    ),
    Scenario(
        "ipv6",
        "Start of an IPv6 node, with its prefix.",
        "ipv6",
        (Step(5),),
        since=_version("v1.10.0"),
        environment=_V6,
    ),
    Scenario(
        "ipv6-leaked-interfaces",
        "To v1.12.6 the clean-up of leaked interfaces ran on IPv6 nodes, too.",
        "ipv6",
        (Step(1, 320, "delete-leaked"),),
        since=_version("v1.10.0"),
        last=_version("v1.12.6"),
        environment=_V6,
        leaked=2,
        denials=("tag-leaked", "delete-leaked"),
    ),
    Scenario(
        "ipv6-multi-nic",
        "ENABLE_MULTI_NIC on an IPv6 node.",
        "ipv6",
        (Step(2, 60),),
        since=_version("v1.20.0"),
        features=("multi-nic",),
        environment={**_V6, "ENABLE_MULTI_NIC": "true"},
        instance_type=TWO_CARDS,
    ),
    Scenario(
        "ipv6-excluded-subnet",
        "The IPv6 node's own subnet is not for pods.",
        "ipv6",
        (Step(2, 60),),
        since=_version("v1.22.0"),
        features=("excluded-primary-subnet",),
        environment=_V6,
        subnets=(Subnet(PRIMARY, 0, {SUBNET_TAG: "0"}), Subnet(OTHER, 1, {SUBNET_TAG: "1"})),
    ),
    Scenario(
        "ipv6-unknown-type",
        "An IPv6 node of an instance type that the plugin has no limits of.",
        "ipv6",
        (Step(5),),
        since=_version("v1.10.0"),
        environment=_V6,
        instance_type=UNKNOWN_TYPE,
    ),
    Scenario(
        "ipv6-hyperpod",
        "An IPv6 node of SageMaker HyperPod: it needs no further interface.",
        "ipv6",
        (Step(5),),
        since=_version("v1.23.2"),
        features=("hyperpod",),
        environment=_V6,
        hyperpod=True,
    ),
    Scenario(
        "ipv6-hyperpod-multi-nic",
        "ENABLE_MULTI_NIC on an IPv6 node of SageMaker HyperPod.",
        "ipv6",
        (Step(2, 60),),
        since=_version("v1.23.2"),
        features=("multi-nic", "hyperpod"),
        environment={**_V6, "ENABLE_MULTI_NIC": "true"},
        instance_type=TWO_CARDS,
        hyperpod=True,
    ),
)


def find(name: str) -> Scenario:
    """Return the scenario of this name."""
    return next(s for s in SCENARIOS if s.name == name)
