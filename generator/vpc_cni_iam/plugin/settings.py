"""The plugin's settings in a cluster: its version, environment variables and features.

Source: config/master/aws-k8s-cni.yaml and the README of aws/amazon-vpc-cni-k8s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError, UsageError

NETWORK_POLICY_LOGS, _MULTI_NIC = "network-policy-logs", "multi-nic"
_CLUSTER_NAME, _VPC, _REGION, _IPV6 = "CLUSTER_NAME", "VPC_ID", "AWS_REGION", "ENABLE_IPv6"
_TAGS, _SEVERAL_CARDS = "ADDITIONAL_ENI_TAGS", "ENABLE_MULTI_NIC"
_CUSTOM, _DISCOVERY = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "ENABLE_SUBNET_DISCOVERY"
_NO_PROVISIONING, _IMDS = "DISABLE_NETWORK_RESOURCE_PROVISIONING", "ENABLE_IMDS_ONLY_MODE"
_NO_CLEANUP, _PREFIXES = "DISABLE_LEAKED_ENI_CLEANUP", "ENABLE_PREFIX_DELEGATION"
# By variable: the first version that reads it as modelled here. Source: the tags of
# aws/amazon-vpc-cni-k8s. From v1.9.1 on, DISABLE_NETWORK_RESOURCE_PROVISIONING (v1.7.0) also stops
# tagging at start (v1.9.1:pkg/ipamd/ipamd.go:451).
_SINCE = {
    _CLUSTER_NAME: PluginVersion("v1.1.0"),
    _TAGS: PluginVersion("v1.6.0"),
    _CUSTOM: PluginVersion("v1.2.0"),
    "ENABLE_POD_ENI": PluginVersion("v1.7.0"),
    _PREFIXES: PluginVersion("v1.9.0"),
    _NO_PROVISIONING: PluginVersion("v1.9.1"),
    _NO_CLEANUP: PluginVersion("v1.13.0"),
    _DISCOVERY: PluginVersion("v1.18.0"),
    _IMDS: PluginVersion("v1.19.6"),
    _SEVERAL_CARDS: PluginVersion("v1.20.0"),
}
# Variables that change the plugin's requests, and the one for the cluster's IP family.
VARIABLES = (*_SINCE, _IPV6)
# The spellings of Go's strconv.ParseBool, with which the plugin reads them.
_ON, _OFF = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
# The variables with names, which may be empty.
_PARAMETERS = {
    _CLUSTER_NAME: parameters.CLUSTER_NAME,
    _VPC: parameters.VPC_ID,
    _REGION: parameters.REGION,
}
# The plugin drops keys of ADDITIONAL_ENI_TAGS with it: v1.23.0:pkg/awsutils/awsutils.go:1833-1837.
_RESERVED = "k8s.amazonaws.com"


class SettingsSource(Enum):
    """The source of the plugin's settings."""

    addon = "add-on"
    chart = "chart"
    daemonset = "DaemonSet"
    options = "options"  # settings without an option have their defaults, and CLUSTER_NAME is set


class PluginSettings(Struct, frozen=True):
    """The plugin's settings."""

    source: SettingsSource = SettingsSource.options
    file: str = ""  # the file with the settings; empty for options
    version: str = ""  # the plugin's version, without EKS's build; empty if not known
    environment: Mapping[str, str] = MappingProxyType({})
    features: tuple[str, ...] = ()  # optional features that no variable turns on
    unread: tuple[str, ...] = ()  # `VARIABLES` whose values are in other objects
    has_more: bool = False  # whether another object has more variables

    @property
    def mode(self) -> Mode | None:
        """The IP family of the cluster; None if EKS or a missing option decides it."""
        is_open = self.source in (SettingsSource.addon, SettingsSource.options)
        if _IPV6 not in self.environment and (is_open or _IPV6 in self.unread):
            return None
        return "ipv6" if self.is_on(_IPV6) else "ipv4"

    @property
    def has_cluster_name(self) -> bool:
        """Whether CLUSTER_NAME is set."""
        # EKS sets it for its add-on.
        is_default = self.source in (SettingsSource.options, SettingsSource.addon)
        default = _CLUSTER_NAME if is_default else ""
        return bool(self.environment.get(_CLUSTER_NAME, default))

    @property
    def cluster_name(self) -> str:
        """The value of CLUSTER_NAME; empty if not known or not set."""
        return self.environment.get(_CLUSTER_NAME, "")

    @property
    def region(self) -> str:
        """The Region of the cluster, which EKS sets in pods; empty if not known."""
        return self.environment.get(_REGION, "")

    @property
    def role(self) -> str:
        """The ARN of the IRSA role that EKS sets in pods; empty without one."""
        return self.environment.get("AWS_ROLE_ARN", "")

    @property
    def additional_tags(self) -> Mapping[str, str]:
        """The tags that the plugin adds to each interface."""
        return _tags(self.environment.get(_TAGS, ""))

    @property
    def custom_networking(self) -> bool:
        """Whether pods have their own subnets, by ENIConfigs."""
        return self.is_on(_CUSTOM)

    @property
    def subnet_discovery(self) -> bool:
        """Whether the plugin looks for subnets with its tag."""
        return self.is_on(_DISCOVERY, default="true")

    @property
    def imds_only(self) -> bool:
        """Whether the plugin reads facts about its node only from the instance metadata."""
        return self.is_on(_IMDS)

    @property
    def provisioning(self) -> bool:
        """Whether the plugin creates and tags interfaces."""
        return not (self.is_on(_NO_PROVISIONING) or self.imds_only)

    @property
    def leak_cleanup(self) -> bool:
        """Whether the plugin deletes interfaces that a node left behind."""
        return not self.is_on(_NO_CLEANUP)

    @property
    def features_in_use(self) -> tuple[str, ...]:
        """All optional features that are in use."""
        return (*self.features, _MULTI_NIC) if self.is_on(_SEVERAL_CARDS) else self.features

    def is_on(self, variable: str, default: str = "") -> bool:
        """Return whether a variable turns something on."""
        return self.environment.get(variable, default) in _ON

    def names(self) -> dict[str, str]:
        """Return the known names of the cluster, its VPC and Region, by parameter.

        Raises `InputError` for an invalid name.
        """
        known = {}
        for variable, parameter in _PARAMETERS.items():
            if value := self.environment.get(variable):
                _check(variable, value, self.file)
                known[parameter.name] = value
        return known

    def acts_like(self, other: PluginSettings) -> bool:
        """Return whether the plugin sends the same requests with other settings."""
        return self._deciding() == other._deciding()

    def _deciding(self) -> tuple[object, ...]:
        return self.features, *map(self.environment.get, VARIABLES)

    def overridden(self, other: PluginSettings) -> PluginSettings:
        """Return the settings, overridden by the variables and features of others."""
        return replace(
            self,
            environment={**self.environment, **other.environment},
            features=(*self.features, *other.features),
            unread=tuple(name for name in self.unread if name not in other.environment),
        )

    def read_by(self, version: PluginVersion) -> PluginSettings:
        """Return the settings without variables that a version does not read.

        Raises `InputError` for a value that the plugin does not accept.
        """
        known = known_variables(version)
        environment = {k: v for k, v in self.environment.items() if k in known or k not in _SINCE}
        for name in known:
            if name in environment:
                _check(name, environment[name], self.file)
        return replace(self, environment=environment)


def known_variables(version: PluginVersion) -> tuple[str, ...]:
    """Return the variables that a version reads."""
    return tuple(name for name, first in _SINCE.items() if first <= version)


def of_options(
    environment: Mapping[str, str], version: PluginVersion, features: Iterable[str] = ()
) -> PluginSettings:
    """Return the settings of a user's options.

    Raises `UsageError` for an unknown variable, a value that the plugin does not accept, or a
    variable that the version does not have.
    """
    for name, value in environment.items():
        if name not in _SINCE:
            known = ", ".join(_SINCE)
            raise UsageError(f"--env {name}: it does not change any request; these do: {known}")
        first = _SINCE[name]
        if version < first:
            raise UsageError(f"--env {name} exists from plugin {first} on, not {version}")
        _check(name, value, "")
    return PluginSettings(environment=dict(environment), features=tuple(features))


def _check(name: str, value: str, file: str) -> None:
    """Refuse a value that the plugin does not accept, of a file or of an option."""
    if problem := _problem(name, value):
        problem = f"{value[:80]!r} {problem}"
        raise InputError(file, name, problem) if file else UsageError(f"--env {name}: {problem}")


def _problem(name: str, value: str) -> str:
    """Return why a variable cannot have a value; empty if it can."""
    if name in _PARAMETERS:
        rule = _PARAMETERS[name]
        return "" if not value or re.fullmatch(rule.pattern, value) else f"is not {rule.rule}"
    if name != _TAGS:
        return "" if value in (*_ON, *_OFF) else "must be true or false"
    try:
        _tags(value)
    except (ValueError, RecursionError):
        return "is not JSON"
    except TypeError:
        return "must be a JSON object of texts by key"
    return ""


@lru_cache(256)
def _tags(value: str) -> Mapping[str, str]:
    """Return tags as the plugin reads them; raises `TypeError` for another JSON value."""
    tags = json.loads(value or "{}")
    if not isinstance(tags, dict) or not all(isinstance(v, str) for v in tags.values()):
        raise TypeError(value)
    return MappingProxyType({k: v for k, v in sorted(tags.items()) if _RESERVED not in k})
