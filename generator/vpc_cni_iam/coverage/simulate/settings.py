"""The settings that the plugin's requests depend on: where it runs, and its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import UsageError

# Stands for what neither the user nor the policy names.
EXAMPLE = {
    "cluster_name": "example",
    "vpc_id": "vpc-0123456789abcdef0",
    "partition": "aws",
    "region": "eu-west-1",
    "account_id": "111122223333",
    "hyperpod_cluster_id": "example01234",
}
# Keys of ADDITIONAL_ENI_TAGS with it are dropped: v1.23.0:pkg/awsutils/awsutils.go:1833-1837.
_RESERVED = "k8s.amazonaws.com"


class Names(Struct, frozen=True):
    """The names in the ARNs and tags of the requests."""

    cluster_name: str = EXAMPLE["cluster_name"]  # the cluster, as CLUSTER_NAME has it
    vpc_id: str = EXAMPLE["vpc_id"]
    partition: str = EXAMPLE["partition"]
    region: str = EXAMPLE["region"]
    account_id: str = EXAMPLE["account_id"]  # the account of the nodes
    vpc_owner_id: str = EXAMPLE["account_id"]  # the account that owns the VPC and its subnets
    owner_known: bool = False  # whether the user or the policy names the VPC's owner
    # The SageMaker HyperPod cluster of the nodes that have one.
    hyperpod_cluster_id: str = EXAMPLE["hyperpod_cluster_id"]


class Plugin(Struct, frozen=True):
    """The plugin's environment variables that its requests depend on."""

    cluster_name: bool = True  # whether CLUSTER_NAME is set
    # ADDITIONAL_ENI_TAGS.
    additional_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    custom_networking: bool = False  # AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG
    subnet_discovery: bool = True  # ENABLE_SUBNET_DISCOVERY
    provisioning: bool = True  # not DISABLE_NETWORK_RESOURCE_PROVISIONING
    imds_only: bool = False  # ENABLE_IMDS_ONLY_MODE
    leak_cleanup: bool = True  # not DISABLE_LEAKED_ENI_CLEANUP


class PluginSetting(Struct, frozen=True):
    """Everything that a version's requests depend on."""

    version: PluginVersion
    mode: Mode = "ipv4"
    features: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)
    plugin: Plugin = field(default_factory=Plugin)
    session_tags: bool = True  # whether the role has the session tags of EKS Pod Identity
    # Whether the node's instance bears ``kubernetes.io/cluster/<name>=owned``.
    instance_tagged: bool = True
    # What the maker of the nodes puts on their primary interfaces.
    primary_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def with_plugin(self, **variables: Any) -> PluginSetting:
        """Return the same with other values of some of the plugin's variables."""
        return replace(self, plugin=replace(self.plugin, **variables))

    def at(self, version: PluginVersion) -> PluginSetting:
        """Return the same at another version, without the features that it does not have."""
        features = tuple(f for f in self.features if calls.feature_since(f) <= version)
        return replace(self, version=version, features=features)


# By variable: the first version that reads it in the way modelled here.
# Source: the tags of aws/amazon-vpc-cni-k8s. DISABLE_NETWORK_RESOURCE_PROVISIONING is read from
# v1.7.0 on, and keeps the start from tagging from v1.9.1 on (v1.9.1:pkg/ipamd/ipamd.go:451).
_VARIABLES = {
    "CLUSTER_NAME": (1, 1, 0),
    "ADDITIONAL_ENI_TAGS": (1, 6, 0),
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": (1, 2, 0),
    "ENABLE_PREFIX_DELEGATION": (1, 9, 0),
    "DISABLE_NETWORK_RESOURCE_PROVISIONING": (1, 9, 1),
    "DISABLE_LEAKED_ENI_CLEANUP": (1, 13, 0),
    "ENABLE_SUBNET_DISCOVERY": (1, 18, 0),
    "ENABLE_IMDS_ONLY_MODE": (1, 19, 6),
    "ENABLE_MULTI_NIC": (1, 20, 0),
}
VARIABLES = tuple(_VARIABLES)


def known_variables(version: PluginVersion) -> tuple[str, ...]:
    """Return the variables that a version reads."""
    return tuple(name for name, first in _VARIABLES.items() if PluginVersion(first) <= version)


def configure(
    setting: PluginSetting, environment: Mapping[str, str], features: Iterable[str] = ()
) -> PluginSetting:
    """Return a setting with the plugin's environment variables as the user gives them.

    Raises `UsageError` for an unknown variable or feature, a value that the plugin does not take,
    or a variable that the version does not have.
    """
    plugin, chosen = setting.plugin, list(features)
    for name, value in environment.items():
        if name not in _VARIABLES:
            known = ", ".join(VARIABLES)
            raise UsageError(f"--env {name}: no request depends on it; those that matter: {known}")
        first = PluginVersion(_VARIABLES[name])
        if setting.version < first:
            raise UsageError(f"--env {name} exists from plugin {first} on, not {setting.version}")
        if name == "CLUSTER_NAME":
            names = setting.names
            if value:
                parameters.CLUSTER_NAME.check(value)
                names = replace(names, cluster_name=value)
            setting = replace(setting, names=names)
            plugin = replace(plugin, cluster_name=bool(value))
        elif name == "ADDITIONAL_ENI_TAGS":
            plugin = replace(plugin, additional_tags=MappingProxyType(_tags(value)))
        elif name == "ENABLE_MULTI_NIC":
            chosen += ["multi-nic"] * _flag(name, value)
        else:
            plugin = _SWITCHES[name](plugin, _flag(name, value))
    features_in_use = calls.check_features(chosen, setting.version)
    return replace(setting, plugin=plugin, features=features_in_use)


# What each switch changes. Prefix delegation is known and changes nothing: it sends the same
# actions on the same resources, with other parameters, which IAM does not see.
_SWITCHES: dict[str, Callable[[Plugin, bool], Plugin]] = {
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": lambda p, on: replace(p, custom_networking=on),
    "ENABLE_PREFIX_DELEGATION": lambda p, on: p,
    "DISABLE_NETWORK_RESOURCE_PROVISIONING": lambda p, on: replace(
        p, provisioning=p.provisioning and not on
    ),
    "DISABLE_LEAKED_ENI_CLEANUP": lambda p, on: replace(p, leak_cleanup=not on),
    "ENABLE_SUBNET_DISCOVERY": lambda p, on: replace(p, subnet_discovery=on),
    "ENABLE_IMDS_ONLY_MODE": lambda p, on: replace(
        p, imds_only=on, provisioning=p.provisioning and not on
    ),
}


# As the plugin reads them, by Go's strconv.ParseBool, which takes no other spelling.
_ON, _OFF = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def is_on(value: str) -> bool:
    """Say whether the plugin takes the value of a variable for true."""
    return value in _ON


def _flag(name: str, value: str) -> bool:
    if value not in (*_ON, *_OFF):
        raise UsageError(f"--env {name}={value}: must be true or false")
    return is_on(value)


def _tags(value: str) -> dict[str, str]:
    try:
        tags = json.loads(value or "{}")
    except (ValueError, RecursionError):
        raise UsageError("--env ADDITIONAL_ENI_TAGS is not JSON") from None
    if not isinstance(tags, dict) or not all(isinstance(v, str) for v in tags.values()):
        raise UsageError("--env ADDITIONAL_ENI_TAGS must be a JSON object of texts by key")
    return {key: text for key, text in sorted(tags.items()) if _RESERVED not in key}
